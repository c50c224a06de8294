"""The government's guarantee (M13): four effects that can be switched one by one.

What is guaranteed may pay a premium: borrowers pay it within the coupon, lenders
collect it and hand it on (docs/model.md section 5).
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.credit.off_takers import box_margins
from engine.economy import Economy
from engine.grid import DT

IMPLICIT, FABS = "guarantee.implicit", "guarantee.fabs"
CLASSES, PREMIUM = "guarantee.classes", "guarantee.premium"
"""What a config need not have."""

CAPITAL_CAP = 0.98
"""No capital share exceeds it, whatever is shifted or guaranteed."""


class Covered(eqx.Module):
    """Part of each class of debt that the guarantee covers; None: the whole of it."""

    secured: Float[Array, "..."] | None
    notes: Float[Array, "..."] | None
    takeout: Float[Array, "..."] | None
    fabs: Float[Array, "..."] | None

    @staticmethod
    def build(economy: Economy) -> "Covered":
        """Assembles the shares that the config has."""
        names = ("secured", "notes", "takeout", "fabs")
        given = {name: economy.figures.get(f"{CLASSES}.{name}") for name in names}
        return Covered(**given)

    def of(self, kind: str, x: Float[Array, "..."]) -> Float[Array, "..."]:
        """The covered part of `x`."""
        share = getattr(self, kind)
        return x if share is None else share * x


class Guarantee(eqx.Module):
    """What the guarantee does to a class that it covers whole; 0 without coverage."""

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
    covered: Covered
    premium: Float[Array, "..."] | None
    """Charge on a dollar of debt [1/year]; None where nothing is charged."""

    @staticmethod
    def build(economy: Economy) -> "Guarantee":
        """Assembles the guarantee; the volume response is to the neoclouds' margin.

        Of an implicit one lenders lend on what they believe, and the government pays
        the expected part of claims.
        """
        coverage, covered = economy["guarantee.coverage"], Covered.build(economy)
        claims, fabs = coverage * economy["guarantee.claims"], None
        charged = economy.figures.get(PREMIUM)
        premium = None if charged is None else charged * claims
        if f"{FABS}.debt" in economy.figures:
            cheaper = coverage * economy[f"{FABS}.cut"] * economy[f"{FABS}.debt"]
            fabs = covered.of("fabs", cheaper * economy[f"{FABS}.pass_through"])
        if f"{IMPLICIT}.believed" in economy.figures:
            claims = claims * economy[f"{IMPLICIT}.honoured"]
            coverage = coverage * economy[f"{IMPLICIT}.believed"]
        cut = coverage * economy["guarantee.spread"] * economy["guarantee.pass_through"]
        margin = jnp.mean(box_margins(economy))
        return Guarantee(
            spread_cut=cut,
            advance=coverage
            * economy["guarantee.ltv"]
            * economy["guarantee.ltv_delta"],
            rolling=coverage * economy["guarantee.extension"],
            claims=claims,
            spread=economy["guarantee.guaranteed_spread"],
            volume=economy["guarantee.volume_elasticity"]
            * 100.0
            * covered.of("secured", cut)
            * margin,
            fabs=fabs,
            covered=covered,
            premium=premium,
        )

    def rate(self, kind: str) -> Float[Array, "..."] | None:
        """Premium on a class's balance [1/year]; None where nothing is charged."""
        return None if self.premium is None else self.covered.of(kind, self.premium)

    def due(
        self, kind: str, balance: Float[Array, "..."]
    ) -> Float[Array, "..."] | None:
        """A quarter's premium on a class's balance [USD bn], or None."""
        rate = self.rate(kind)
        return None if rate is None else rate * balance * DT


def with_premium(
    x: Float[Array, "..."], premium: Float[Array, "..."] | None
) -> Float[Array, "..."]:
    """Interest, or a rate, with the premium that is paid beside it."""
    return x if premium is None else x + premium


def leverage_shift(economy: Economy) -> Float[Array, "..."]:
    """Points of capital added to debt drawn after `as_of`."""
    return economy["shifts.leverage_future"] + economy["shifts.leverage_all"]


def opening_debt_scale(economy: Economy) -> Float[Array, "..."]:
    """Factor on the vehicles' opening debt under `leverage.all`."""
    reference = economy["criteria.reference_leverage"]
    return 1.0 + economy["shifts.leverage_all"] / reference
