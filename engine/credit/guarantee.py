"""The government's guarantee (M13): four effects that can be switched one by one."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy

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

    @staticmethod
    def build(economy: Economy) -> "Guarantee":
        """Assembles the guarantee; the volume response is to the neoclouds' margin."""
        coverage = economy["guarantee.coverage"]
        cut = coverage * economy["guarantee.spread"] * economy["guarantee.pass_through"]
        margin = jnp.mean(economy.stack("neoclouds", "box_margin"))
        return Guarantee(
            spread_cut=cut,
            advance=coverage
            * economy["guarantee.ltv"]
            * economy["guarantee.ltv_delta"],
            rolling=coverage * economy["guarantee.extension"],
            claims=coverage * economy["guarantee.claims"],
            spread=economy["guarantee.guaranteed_spread"],
            volume=economy["guarantee.volume_elasticity"] * 100.0 * cut * margin,
        )


def leverage_shift(economy: Economy) -> Float[Array, "..."]:
    """Points of capital added to debt drawn after `as_of`."""
    return economy["shifts.leverage_future"] + economy["shifts.leverage_all"]


def opening_debt_scale(economy: Economy) -> Float[Array, "..."]:
    """Factor on the vehicles' opening debt under `leverage.all`."""
    reference = economy["criteria.reference_leverage"]
    return 1.0 + economy["shifts.leverage_all"] / reference
