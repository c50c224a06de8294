r"""Covenant tests: ratios of a period, and the headroom of a tier.

The headroom of a tier is its smallest: ratio/threshold − 1 where the ratio must be at
least the threshold, threshold/ratio − 1 where it may be at most. A test without a
threshold, or before testing starts, has the highest headroom.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax

from engine._types import PerPeriod, Scalar
from engine.credit.structure.contract import FOREVER
from engine.credit.structure.terms import Tier
from engine.numerics import ratio_above
from engine.survival import HIGHEST


class Tests(NamedTuple):
    """Ratios of one period; a cover is `HIGHEST` where nothing is due."""

    dscr: Scalar
    icr: Scalar
    leverage: Scalar
    ltv: Scalar
    liquidity: Scalar


def cover(cash: Scalar, due: Scalar) -> Scalar:
    """cash/due, at most `HIGHEST`, which it is where nothing is due."""
    return jnp.minimum(ratio_above(cash, due, HIGHEST), HIGHEST)


def tier_headroom(tier: Tier, tests: Tests, tested: Scalar) -> Scalar:
    """The smallest headroom of a tier's tests, in [−1, HIGHEST]."""

    def at_least(ratio, threshold):
        has = threshold > 0
        gap = ratio / jnp.where(has, threshold, 1.0) - 1.0
        return jnp.where(has, gap, HIGHEST)

    def at_most(ratio, threshold):
        gap = ratio_above(threshold - ratio, ratio, HIGHEST)
        return jnp.where(threshold < FOREVER, gap, HIGHEST)

    all_of_them = jnp.stack(
        [
            at_least(tests.dscr, tier.dscr),
            at_least(tests.icr, tier.icr),
            at_most(tests.leverage, tier.leverage),
            at_most(tests.ltv, tier.ltv),
            at_least(tests.liquidity, tier.liquidity),
        ]
    )
    smallest = jnp.clip(jnp.min(all_of_them), -1.0, HIGHEST)
    return jnp.where(tested > 0, smallest, HIGHEST)


def debt_beyond(tier: Tier, debt: Scalar, yearly: Scalar, value: Scalar) -> Scalar:
    """What debt has over the most that a tier's leverage and LTV allow [USD bn].

    Nothing where a test has no threshold, or no CFADS or value to be held against.
    """

    def over(threshold, base):
        has = (threshold < FOREVER) & (base > 0.0)
        return jnp.where(has, debt - threshold * base, 0.0)

    by_cash, by_value = over(tier.leverage, yearly), over(tier.ltv, value)
    return jnp.maximum(jnp.maximum(by_cash, by_value), 0.0)


def time_to_breach(headrooms: PerPeriod, dt: float) -> PerPeriod:
    """Years from each period's end until a headroom is first below zero.

    0 where it is; linear between two tests; what is left of the path where it never
    is. `headrooms` as in `Flows.lock_up`, `trap`, `default`; `dt` [years].
    """
    following = jnp.concatenate([headrooms[1:], headrooms[-1:]])

    def back(left, pair):
        now, then = pair
        falls = then < 0.0
        fraction = now / jnp.where(falls & (now >= 0.0), now - then, 1.0)
        ahead = jnp.where(falls, fraction * dt, left + dt)
        years = jnp.where(now < 0.0, 0.0, ahead)
        return years, years

    last = jnp.zeros_like(headrooms[-1])
    start = jnp.where(headrooms[-1] < 0.0, last, last - dt)
    _, years = lax.scan(back, start, (headrooms, following), reverse=True)
    return years
