r"""Bank or private credit by price: what each would ask for a class of debt.

Both lenders expect the hazard of the marks (docs/model.md section 5) and the recovery
of the record; a bank also holds capital, by its own rating of the borrower and not
below a floor. `route` reports it from a run's record; with a table `[lending]` the
quarter reads it too (`engine/funds/lending.py`).
"""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import ndtri
from jaxtyping import Array, Float

from engine._types import ArrayLike, Values
from engine.economy import Economy
from engine.numerics import floats, normal_cdf, ratio_above, require

LEAST_PD = 5e-4
"""Probability below which no bank may rate a corporate (BCBS CRE32.4)."""


class Route(NamedTuple):
    """By quarter and class: secured by neocloud, loan and take-out by SPV."""

    bank: Float[Array, "quarter class ..."]
    """Rate that a bank asks [1/year]."""
    private: Float[Array, "quarter class ..."]
    """Rate that a private lender asks [1/year]."""
    weight: Float[Array, "quarter class ..."]
    """Risk weight of the bank's claim [1]."""
    by_price: Float[Array, "quarter class ..."]
    """Share of new lending that price alone would give to banks."""
    room: Float[Array, "quarter class ..."]
    """Share of it that the single-name limit leaves room for."""
    lent_by_banks: Float[Array, "quarter class ..."]
    """Share of it that banks did lend: a figure, or by `[lending]` a state."""
    held_by_banks: Float[Array, "quarter class ..."]
    """Share of the balance that banks hold at the end of the quarter."""

    @property
    def bank_share(self) -> Float[Array, "quarter class ..."]:
        """Share of new lending that goes to banks."""
        return jnp.minimum(self.by_price, self.room)


def irb_weight(pd: ArrayLike, lgd: ArrayLike, maturity: ArrayLike) -> Values:
    r"""Risk weight of a corporate claim by the internal-ratings formula.

    $$ K = \Big[L\,\Phi\Big(\frac{\Phi^{-1}(p) + \sqrt{R}\,\Phi^{-1}(0.999)}
       {\sqrt{1 - R}}\Big) - pL\Big]\frac{1 + (M - 2.5)b}{1 - 1.5b}, \quad
       w = 12.5 K $$

    $R = 0.12 s + 0.24(1 - s)$, $s = (1 - e^{-50p})/(1 - e^{-50})$,
    $b = (0.11852 - 0.05478 \ln p)^2$.

    **Arguments:** `pd` [1/year] in (0, 1), `lgd` [1], `maturity` [years], 1 to 5.

    **Returns:** the weight [1]. **Raises:** `ValueError` for a `pd` outside (0, 1).

    **References:** Basel Committee (2023), *Basel Framework*, CRE31.4 to 31.7.
    """
    pd, lgd, maturity = floats(pd, lgd, maturity)
    require("pd", pd, lambda x: (x > 0) & (x < 1), "between 0 and 1")
    share = (1.0 - jnp.exp(-50.0 * pd)) / (1.0 - math.exp(-50.0))
    r = 0.12 * share + 0.24 * (1.0 - share)
    worst = ndtri(jnp.asarray(0.999, pd.dtype))
    stressed = normal_cdf((ndtri(pd) + jnp.sqrt(r) * worst) / jnp.sqrt(1.0 - r))
    b = jnp.square(0.11852 - 0.05478 * jnp.log(pd))
    longer = (1.0 + (maturity - 2.5) * b) / (1.0 - 1.5 * b)
    return 12.5 * lgd * (stressed - pd) * longer


def bank_rate(
    funding: ArrayLike,
    expected_loss: ArrayLike,
    weight: ArrayLike,
    capital: ArrayLike,
    hurdle: ArrayLike,
) -> Values:
    """Funding + expected loss + weight × capital ratio × (hurdle − funding) [1/year].

    Capital replaces funding, so only what its owners ask beyond that is added.
    """
    funding, expected_loss, weight, capital, hurdle = floats(
        funding, expected_loss, weight, capital, hurdle
    )
    return funding + expected_loss + weight * capital * (hurdle - funding)


class Asked(NamedTuple):
    """What both lenders ask for a loan."""

    bank: Float[Array, "..."]
    """Rate that a bank asks [1/year]."""
    private: Float[Array, "..."]
    """Rate that a private lender asks [1/year]."""
    weight: Float[Array, "..."]
    """Risk weight of the bank's claim [1]."""


class Lenders(eqx.Module):
    """What moves the prices of both lenders: figures of `[route]`, and of the marks."""

    funding_spread: Float[Array, "..."]
    capital_ratio: Float[Array, "..."]
    hurdle: Float[Array, "..."]
    floor: Float[Array, "..."]
    building: Float[Array, "..."]
    least_lgd: Float[Array, "..."]
    maturity: Float[Array, "..."]
    private_margin: Float[Array, "..."]
    width: Float[Array, "..."]
    bank_advance: Float[Array, "..."]
    """What a bank advances per unit of what a private lender does."""
    owner_cost: Float[Array, "..."]
    """Cost of the owners' money that fills the difference [1/year]."""
    hazard_slope: Float[Array, "..."]
    hazard_reference: Float[Array, "..."]

    @staticmethod
    def build(economy: Economy) -> "Lenders":
        """Assembles both lenders; without `[lending]` they advance alike."""

        def figure(key: str) -> Float[Array, "..."]:
            return economy[f"route.{key}"]

        hurdle = figure("bank_hurdle")
        alike = {"bank_advance": jnp.ones_like(hurdle), "owner_cost": hurdle}
        terms = {k: economy.figures.get(f"lending.{k}", x) for k, x in alike.items()}
        return Lenders(
            funding_spread=figure("bank_funding_spread"),
            capital_ratio=figure("capital_ratio"),
            hurdle=hurdle,
            floor=figure("output_floor"),
            building=figure("weight_building"),
            least_lgd=figure("least_lgd"),
            maturity=figure("maturity"),
            private_margin=figure("private_margin"),
            width=figure("width"),
            hazard_slope=economy["marks.hazard_slope"],
            hazard_reference=economy["marks.hazard_reference"],
            **terms,
        )

    def ask(
        self,
        short: Float[Array, "..."],
        headroom: Float[Array, "..."],
        recovery: Float[Array, "..."],
        standard: Float[Array, "..."],
    ) -> Asked:
        """Prices of a loan to an issuer of this headroom, at this recovery.

        **Arguments:** `short` rate [1/year]; `headroom` and `recovery` [1]; `standard`
        risk weight [1].
        """
        hazard = self.hazard_slope * jnp.maximum(self.hazard_reference - headroom, 0.0)
        # Whoever rates a borrower keeps away from zero and one.
        pd = jnp.clip(1.0 - jnp.exp(-hazard), LEAST_PD, 0.5)
        lgd = jnp.maximum(1.0 - recovery, self.least_lgd)
        weight = jnp.maximum(irb_weight(pd, lgd, self.maturity), self.floor * standard)
        loss, funding = pd * lgd, short + self.funding_spread
        bank = bank_rate(funding, loss, weight, self.capital_ratio, self.hurdle)
        return Asked(bank, short + self.private_margin + loss, weight)

    def choose(self, asked: Asked) -> Float[Array, "..."]:
        r"""Share of new lending that goes to banks by what a dollar costs in all.

        Where a bank advances less, owners fill the rest: a dollar of private money
        competes with $\kappa$ of the bank's and $1 - \kappa$ of their own.
        """
        package = (
            self.bank_advance * asked.bank + (1.0 - self.bank_advance) * self.owner_cost
        )
        return jax.nn.sigmoid((asked.private - package) / self.width)


def route(record: Any, economy: Economy) -> Route:
    """Prices of both lenders for every class that banks could hold, by quarter.

    **Arguments:** `record` of a run (leading axis quarter); `economy`, whose `route`
    figures it reads.
    """
    clouds, spvs = record.clouds, record.spvs
    n = clouds.secured.shape[1]

    def classes(cloud: Array, loan: Array, takeout: Array) -> Array:
        return jnp.concatenate([cloud, loan, takeout], axis=1)

    lenders = Lenders.build(economy)
    alive = classes(clouds.alive, spvs.alive, spvs.alive)
    lent = alive * classes(clouds.lent_secured, spvs.lent_loan, spvs.lent_takeout)
    owed = alive * classes(clouds.secured, spvs.loan, spvs.takeout)
    building = jnp.where(spvs.spend > 0.0, lenders.building, 1.0)
    standard = classes(
        jnp.ones_like(clouds.secured),
        building * jnp.ones_like(spvs.loan),
        jnp.ones_like(spvs.loan),
    )
    asked = lenders.ask(
        record.drivers.short[:, None],
        classes(clouds.headroom, spvs.headroom, spvs.headroom),
        classes(clouds.recovery_secured, spvs.recovery, spvs.recovery),
        standard,
    )
    figures = jnp.concatenate(
        [
            economy.stack("neoclouds", "holders_secured.bank"),
            economy.stack("spvs", "holders_notes.bank"),
            economy.stack("spvs", "holders_takeout.bank"),
        ]
    ).reshape((1, -1) + (1,) * (owed.ndim - 2))
    by_banks, held = figures * lent, figures * owed
    if record.moved is not None:
        # What the state adds to the figures, of the classes that banks could hold.
        def secured(flow: Array) -> Array:
            return jnp.concatenate([flow[:, :n], flow[:, 2 * n :]], axis=1)

        mine = secured(record.private.lent), secured(record.private.balance)
        by_banks = figures * mine[0] + secured(record.moved.lent)
        held = figures * mine[1] + secured(record.moved.balance)
    limit = economy["route.single_name"] * economy["banks.cet1"]
    left = jnp.maximum(limit - (held - by_banks), 0.0)
    return Route(
        bank=asked.bank,
        private=asked.private,
        weight=asked.weight,
        by_price=lenders.choose(asked),
        room=jnp.minimum(ratio_above(left, lent, 1.0), 1.0),
        lent_by_banks=ratio_above(by_banks, lent, figures),
        held_by_banks=ratio_above(held, owed, figures),
    )
