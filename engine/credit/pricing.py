r"""Bond mathematics: price, yield, durations and convexity of dated cash flows.

With $m$ compounding periods a year the discount factor is
$v(t) = (1 + y/m)^{-m t}$, and $e^{-y t}$ when continuous; flow $c_k$ at $t_k$ years.
"""

import functools

import jax.numpy as jnp
from jax import lax

from engine._types import ArrayLike, Scalar, Values
from engine.numerics import (
    floats,
    implicit_root,
    require,
    require_shape,
    safe_divide,
    safe_log,
)

COMPOUNDING: dict[str, int] = {
    "annual": 1,
    "semiannual": 2,
    "quarterly": 4,
    "continuous": 0,
}
"""Name of a convention to compounding periods a year (0: continuous)."""


def price(
    cash_flows: ArrayLike, times: ArrayLike, yield_: ArrayLike, compounding: str
) -> Scalar:
    r"""Present value of the flows, $P(y) = \sum_k c_k\, v(t_k)$.

    **Arguments:** `cash_flows[flow]` [USD bn]; `times[flow]` [years] ≥ 0; `yield_`
    [1/year], scalar, above minus the compounding frequency; `compounding`, static, in
    `COMPOUNDING`.

    **Returns:** scalar [USD bn]. **Raises:** `ValueError` for other shapes, values and
    conventions.

    **References:** Fabozzi (2012), *The Handbook of Fixed Income Securities*, ch. 6.
    """
    cash_flows, times, yield_, frequency = _check(
        cash_flows, times, yield_, compounding
    )
    return jnp.sum(cash_flows * _discount(yield_, times, frequency))


def yield_to_maturity(
    cash_flows: ArrayLike, times: ArrayLike, price: ArrayLike, compounding: str
) -> Scalar:
    r"""The yield at which the flows are worth `price`.

    Newton's method on $\log P(x) - \log P$, $x$ the continuous yield: convex,
    decreasing and nearly linear, hence convergent from everywhere.

    **Arguments:** as in `price`, flows non-negative and some of them later than 0;
    `price` [USD bn] > 0, scalar.

    **Returns:** scalar [1/year]. **Raises:** `ValueError` for other shapes and values.

    **Derivative:** $\mathrm{d}y = (\mathrm{d}P - P_\theta\,\mathrm{d}\theta)/P_y$
    (implicit function theorem).
    """
    frequency = _frequency(compounding)
    cash_flows, times, target = floats(cash_flows, times, price)
    _require_flows(cash_flows, times)
    require_shape("price", target, ())
    require("price", target, lambda x: x > 0, "positive")
    require("cash_flows", cash_flows, lambda x: x >= 0, "non-negative")
    require("times", times, lambda x: jnp.any(x > 0), "later than 0 somewhere")
    flows, years, goal = lax.stop_gradient((cash_flows, times, target))

    def newton(_, x):
        # Weights relative to the largest: no overflow at any yield met on the way.
        exponent = safe_log(flows, -jnp.inf) - x * years
        top = jnp.max(exponent)
        weights = jnp.exp(exponent - top)
        gap = jnp.log(jnp.sum(weights)) + top - jnp.log(goal)
        return x + gap * safe_divide(jnp.sum(weights), jnp.sum(weights * years))

    x = lax.fori_loop(0, 40, newton, jnp.zeros_like(goal))
    root = frequency * jnp.expm1(x / frequency) if frequency else x
    return implicit_root(
        functools.partial(_pricing_gap, frequency), root, (cash_flows, times, target)
    )


def macaulay_duration(
    cash_flows: ArrayLike, times: ArrayLike, yield_: ArrayLike, compounding: str
) -> Scalar:
    r"""Mean time of the discounted flows, $D = \sum_k t_k c_k v(t_k) / P$ [years].

    Arguments and errors as in `price`; 0 where the price is 0.

    **References:** Macaulay (1938); Fabozzi (2012), ch. 7.
    """
    cash_flows, times, yield_, frequency = _check(
        cash_flows, times, yield_, compounding
    )
    values = cash_flows * _discount(yield_, times, frequency)
    return safe_divide(jnp.sum(times * values), jnp.sum(values))


def modified_duration(
    cash_flows: ArrayLike, times: ArrayLike, yield_: ArrayLike, compounding: str
) -> Scalar:
    r"""Relative price sensitivity, $-P'(y)/P = D/(1 + y/m)$ [years].

    Arguments and errors as in `price`. **References:** Fabozzi (2012), ch. 7.
    """
    duration = macaulay_duration(cash_flows, times, yield_, compounding)
    (rate,) = floats(yield_)
    return duration / _growth(rate, _frequency(compounding))


def convexity(
    cash_flows: ArrayLike, times: ArrayLike, yield_: ArrayLike, compounding: str
) -> Scalar:
    r"""Second-order sensitivity $P''(y)/P$ [years²].

    $$ \sum_k t_k (t_k + 1/m)\, c_k\, v(t_k) \big/ \big(P (1 + y/m)^2\big) $$

    Arguments and errors as in `price`. **References:** Fabozzi (2012), ch. 7.
    """
    cash_flows, times, yield_, frequency = _check(
        cash_flows, times, yield_, compounding
    )
    values = cash_flows * _discount(yield_, times, frequency)
    step = 1 / frequency if frequency else 0.0
    second = jnp.sum(times * (times + step) * values)
    return safe_divide(second, jnp.sum(values)) / _growth(yield_, frequency) ** 2


def _frequency(compounding: str) -> int:
    if compounding not in COMPOUNDING:
        names = ", ".join(COMPOUNDING)
        raise ValueError(f"compounding must be one of {names}, got {compounding!r}")
    return COMPOUNDING[compounding]


def _growth(yield_: Scalar, frequency: int) -> Scalar:
    return 1 + yield_ / frequency if frequency else jnp.ones_like(yield_)


def _discount(yield_: Scalar, times: Values, frequency: int) -> Values:
    if frequency:
        return jnp.exp(-frequency * times * jnp.log1p(yield_ / frequency))
    return jnp.exp(-yield_ * times)


def _pricing_gap(frequency: int, yield_: Scalar, bond: tuple) -> Scalar:
    cash_flows, times, target = bond
    return jnp.sum(cash_flows * _discount(yield_, times, frequency)) - target


def _require_flows(cash_flows: Values, times: Values) -> None:
    require_shape("cash_flows", cash_flows, (-1,))
    require_shape("times", times, cash_flows.shape)
    require("times", times, lambda x: x >= 0, "non-negative")


def _check(cash_flows, times, yield_, compounding):
    frequency = _frequency(compounding)
    cash_flows, times, yield_ = floats(cash_flows, times, yield_)
    _require_flows(cash_flows, times)
    require_shape("yield_", yield_, ())
    if frequency:
        require("yield_", yield_, lambda y: y > -frequency, f"above {-frequency}")
    return cash_flows, times, yield_, frequency
