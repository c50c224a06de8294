"""Distributions of a fund between investors (LP) and manager (GP), whole-fund."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax

from engine._types import ArrayLike, PerPeriod
from engine.numerics import floats, require, require_shape, safe_divide


class Distribution(NamedTuple):
    """Payments per period [USD bn]; `lp + gp` is what was distributed."""

    lp: PerPeriod
    gp: PerPeriod


def distribute(
    contributions: ArrayLike,
    distributions: ArrayLike,
    pref: ArrayLike,
    carry: ArrayLike,
    catch_up: ArrayLike,
) -> Distribution:
    r"""Whole-fund ("European") waterfall, period by period.

    1. *Capital and preferred return*: all to the LP until the hurdle account
       $H_t = H_{t-1}(1 + \text{pref}) + C_t - d_t$ is zero.
    2. *Catch-up*: share `catch_up` to the GP until it holds `carry` of all profit
    paid;
       with $P$ the LP's profit and $G$ the GP's so far this takes
       $\big(\text{carry}\,(P + G) - G\big) / (\text{catch\_up} - \text{carry})$.
    3. *Split*: `1 − carry` to the LP, `carry` to the GP.

    A contribution counts before the distribution of its period. What the GP has
    received is not clawed back. `catch_up` at or below `carry` means none (step 2 is
    skipped).

    **Arguments:** `contributions[period]`, `distributions[period]` [USD bn] ≥ 0;
    `pref` [1/period] > −1, compounding; `carry` in [0, 1); `catch_up` in [0, 1].

    **Returns:** `(lp[period], gp[period])` [USD bn]. **Raises:** `ValueError` for
    other shapes and values.

    **References:** Metrick and Yasuda (2010), "The economics of private equity funds",
    RFS 23(6), §1.3 (carry, hurdle, catch-up).
    """
    contributions, distributions, pref, carry, catch_up = floats(
        contributions, distributions, pref, carry, catch_up
    )
    require_shape("contributions", contributions, (-1,))
    require_shape("distributions", distributions, contributions.shape)
    for name, value in (("pref", pref), ("carry", carry), ("catch_up", catch_up)):
        require_shape(name, value, ())
    require("contributions", contributions, lambda x: x >= 0, "non-negative")
    require("distributions", distributions, lambda x: x >= 0, "non-negative")
    require("pref", pref, lambda x: x > -1, "above -1 per period")
    require("carry", carry, lambda x: (x >= 0) & (x < 1), "in [0, 1)")
    require("catch_up", catch_up, lambda x: (x >= 0) & (x <= 1), "in [0, 1]")

    def pay(account, flows):
        hurdle, profit, gp_total = account
        contribution, cash = flows
        hurdle = hurdle * (1 + pref) + contribution
        first = jnp.minimum(cash, hurdle)
        profit = profit + first - contribution
        owed = jnp.maximum(carry * (profit + gp_total) - gp_total, 0.0)
        room = safe_divide(owed, jnp.maximum(catch_up - carry, 0.0))
        second = jnp.minimum(cash - first, room)
        third = cash - first - second
        gp = catch_up * second + carry * third
        lp = cash - gp
        return (hurdle - first, profit + lp - first, gp_total + gp), (lp, gp)

    zero = jnp.zeros_like(pref)
    _, (lp, gp) = lax.scan(pay, (zero, zero, zero), (contributions, distributions))
    return Distribution(lp, gp)
