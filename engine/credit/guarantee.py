"""The government's guarantee (M13): four effects that can be switched one by one."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy

IMPLICIT, FABS = "guarantee.implicit", "guarantee.fabs"
"""Tables that a config need not have."""

CAPITAL_CAP = 0.98
"""No capital share exceeds it, whatever is shifted or guaranteed."""


class Guarantee(eqx.Module):
    """What the guarantee does to lending terms; all zero without coverage."""

    spread_cut: Float[Array, "..."]
    """Share of a margin that the guarantee removes."""
    advance: Float[Array, "..."]
    """Added to advance rates and loan-to-value limits."""
    rolling: Float[Array, "..."]
    """Share of principal that may roll at the guaranteed rate."""
    claims: Float[Array, "..."]
    """Share of a secured loss that the government pays."""
    spread: Float[Array, "..."]
    """Margin of rolled debt [1/year]."""
    volume: Float[Array, "..."]
    """Extra new contracts offered, per unit."""
    fabs: Float[Array, "..."] | None
    """Share of a chip's price that cheaper debt of fabs saves; None where none is."""

    @staticmethod
    def build(economy: Economy) -> "Guarantee":
        """Assembles the guarantee; the volume response is to the neoclouds' margin.

        Of an implicit one lenders lend on what they believe, and the government pays
        the expected part of claims.
        """
        coverage = economy["guarantee.coverage"]
        claims, fabs = coverage * economy["guarantee.claims"], None
        if f"{FABS}.debt" in economy.figures:
            cheaper = coverage * economy[f"{FABS}.cut"] * economy[f"{FABS}.debt"]
            fabs = cheaper * economy[f"{FABS}.pass_through"]
        if f"{IMPLICIT}.believed" in economy.figures:
            claims = claims * economy[f"{IMPLICIT}.honoured"]
            coverage = coverage * economy[f"{IMPLICIT}.believed"]
        cut = coverage * economy["guarantee.spread"] * economy["guarantee.pass_through"]
        margin = jnp.mean(economy.stack("neoclouds", "box_margin"))
        return Guarantee(
            spread_cut=cut,
            advance=coverage
            * economy["guarantee.ltv"]
            * economy["guarantee.ltv_delta"],
            rolling=coverage * economy["guarantee.extension"],
            claims=claims,
            spread=economy["guarantee.guaranteed_spread"],
            volume=economy["guarantee.volume_elasticity"] * 100.0 * cut * margin,
            fabs=fabs,
        )


def leverage_shift(economy: Economy) -> Float[Array, "..."]:
    """Points of capital added to debt drawn after `as_of`."""
    return economy["shifts.leverage_future"] + economy["shifts.leverage_all"]


def opening_debt_scale(economy: Economy) -> Float[Array, "..."]:
    """Factor on the vehicles' opening debt under `leverage.all`."""
    reference = economy["criteria.reference_leverage"]
    return 1.0 + economy["shifts.leverage_all"] / reference
