"""Incentive fees of business development companies: on income and on gains."""

import jax.numpy as jnp

from engine._types import ArrayLike, PerPeriod, Values
from engine.numerics import floats, require, require_shape, safe_divide


def income_fee(
    income: ArrayLike,
    nav: ArrayLike,
    hurdle: ArrayLike,
    carry: ArrayLike,
    catch_up: ArrayLike = 1.0,
) -> PerPeriod:
    r"""Fee on income before the fee, period by period, with hurdle and catch-up.

    With $h = \text{hurdle} \cdot \text{NAV}$, $x$ the income and
    $r = \text{carry}\,h/(\text{catch\_up} - \text{carry})$ the length of the catch-up,

    $$ \text{fee} = \text{catch\_up}\cdot\mathrm{clip}(x - h, 0, r)
       + \text{carry}\cdot\max(x - h - r, 0), $$

    so beyond the catch-up the fee is `carry` of all income. `catch_up` at or below
    `carry` means none. No period looks back at another.

    **Arguments:** `income[period]` [USD bn]; `nav[period]` ≥ 0 at its start; `hurdle`
    [1/period] ≥ 0 (1.75 % a quarter is usual); `carry` in [0, 1); `catch_up` in [0, 1].

    **Returns:** `fee[period]` [USD bn]. **Raises:** `ValueError` for other shapes and
    values.

    **References:** Ares Capital Corporation, Form 10-K, "Investment advisory and
    management agreement" (quarterly hurdle of 1.75 %, full catch-up to 2.1875 %, 20 %).
    """
    income, nav, hurdle, carry, catch_up = floats(income, nav, hurdle, carry, catch_up)
    require_shape("income", income, (-1,))
    require_shape("nav", nav, income.shape)
    require("nav", nav, lambda x: x >= 0, "non-negative")
    require("hurdle", hurdle, lambda x: x >= 0, "non-negative")
    require("carry", carry, lambda x: (x >= 0) & (x < 1), "in [0, 1)")
    require("catch_up", catch_up, lambda x: (x >= 0) & (x <= 1), "in [0, 1]")
    return fee_above(income, hurdle * nav, carry, catch_up)


def fee_above(
    shared: Values, hurdle: Values, carry: Values, catch_up: Values
) -> Values:
    """The manager's part of what is `shared` above a `hurdle` [USD bn], unchecked."""
    above = jnp.maximum(shared - hurdle, 0.0)
    room = safe_divide(carry * hurdle, jnp.maximum(catch_up - carry, 0.0))
    caught = jnp.minimum(above, room)
    return catch_up * caught + carry * (above - caught)


def gains_fee(
    realised: ArrayLike, depreciation: ArrayLike, carry: ArrayLike
) -> PerPeriod:
    r"""Fee on capital gains since inception, less what was paid already.

    $$ X_t = \textstyle\sum_{s \le t} \text{realised}_s - \text{depreciation}_t, \qquad
       \sum_{s \le t} \text{fee}_s = \text{carry} \cdot \max\big(0, \max_{s \le t} X_s
       \big): $$

    a high-water mark. Unrealised losses count, unrealised gains do not, and nothing is
    paid back.

    **Arguments:** `realised[period]`, gains less losses of the period [USD bn];
    `depreciation[period]` ≥ 0, unrealised at its end [USD bn]; `carry` in [0, 1).

    **Returns:** `fee[period]` [USD bn]. **Raises:** `ValueError` for other shapes and
    values.

    **References:** Investment Advisers Act of 1940, §205(b)(3): at most 20 % of gains
    net of realised losses and unrealised depreciation.
    """
    realised, depreciation, carry = floats(realised, depreciation, carry)
    require_shape("realised", realised, (-1,))
    require_shape("depreciation", depreciation, realised.shape)
    require("depreciation", depreciation, lambda x: x >= 0, "non-negative")
    require("carry", carry, lambda x: (x >= 0) & (x < 1), "in [0, 1)")
    net = jnp.cumsum(realised) - depreciation
    highest = jnp.maximum.accumulate(jnp.maximum(net, 0.0))
    before = jnp.concatenate([jnp.zeros_like(highest[:1]), highest[:-1]])
    return carry * (highest - before)
