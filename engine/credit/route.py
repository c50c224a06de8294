r"""Bank or private credit by price: what each would ask for a class of debt.

An output of a run's record: holders' shares are figures, nothing in the quarter reads
this. Both lenders expect the hazard of the marks (docs/model.md section 5) and the
recovery of the record; a bank also holds capital, by its own rating of the borrower
and not below a floor.
"""

from typing import Any, NamedTuple

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
    share = (1.0 - jnp.exp(-50.0 * pd)) / (1.0 - jnp.exp(-50.0))
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


def route(record: Any, economy: Economy) -> Route:
    """Prices of both lenders for every class that banks could hold, by quarter.

    **Arguments:** `record` of a run (leading axis quarter); `economy`, whose `route`
    figures it reads.
    """

    def figure(key: str) -> Float[Array, ""]:
        return economy[f"route.{key}"]

    clouds, spvs = record.clouds, record.spvs

    def classes(cloud: Array, loan: Array, takeout: Array) -> Array:
        return jnp.concatenate([cloud, loan, takeout], axis=1)

    headroom = classes(clouds.headroom, spvs.headroom, spvs.headroom)
    recovery = classes(clouds.recovery_secured, spvs.recovery, spvs.recovery)
    alive = classes(clouds.alive, spvs.alive, spvs.alive)
    lent = alive * classes(clouds.lent_secured, spvs.lent_loan, spvs.lent_takeout)
    owed = alive * classes(clouds.secured, spvs.loan, spvs.takeout)
    slope, reference = economy["marks.hazard_slope"], economy["marks.hazard_reference"]
    hazard = slope * jnp.maximum(reference - headroom, 0.0)
    # Whoever rates a borrower keeps away from zero and one.
    pd = jnp.clip(1.0 - jnp.exp(-hazard), LEAST_PD, 0.5)
    lgd = jnp.maximum(1.0 - recovery, figure("least_lgd"))
    ones = jnp.ones_like(clouds.secured)
    building = jnp.where(spvs.spend > 0.0, figure("weight_building"), 1.0)
    standard = classes(
        ones, building * jnp.ones_like(spvs.loan), jnp.ones_like(spvs.loan)
    )
    weight = jnp.maximum(
        irb_weight(pd, lgd, figure("maturity")),
        figure("output_floor") * standard,
    )
    short = record.drivers.short[:, None]
    loss = pd * lgd
    bank = bank_rate(
        short + figure("bank_funding_spread"),
        loss,
        weight,
        figure("capital_ratio"),
        figure("bank_hurdle"),
    )
    private = short + figure("private_margin") + loss
    holders = jnp.concatenate(
        [
            economy.stack("neoclouds", "holders_secured.bank"),
            economy.stack("spvs", "holders_notes.bank"),
            economy.stack("spvs", "holders_takeout.bank"),
        ]
    ).reshape((1, -1) + (1,) * (owed.ndim - 2))
    limit = figure("single_name") * economy["banks.cet1"]
    left = jnp.maximum(limit - holders * (owed - lent), 0.0)
    return Route(
        bank=bank,
        private=private,
        weight=weight,
        by_price=jax.nn.sigmoid((private - bank) / figure("width")),
        room=jnp.minimum(ratio_above(left, lent, 1.0), 1.0),
    )
