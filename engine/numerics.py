r"""Numerics that every layer needs: divisions, annuities, a C² ramp, implicit roots.

Values and gradients are finite at zero, at the joins of the pieces and beyond them:
the argument is made harmless *before* the operation, since `where` alone does not stop
a NaN cotangent.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer

from engine._types import ArrayLike, Scalar, Values
from engine.once import computed_once


def floats(*values: ArrayLike) -> tuple[Values, ...]:
    """Returns the values as arrays of one floating dtype: the widest present."""
    arrays = [jnp.asarray(value) for value in values]
    strong = [
        array.dtype
        for array in arrays
        if jnp.issubdtype(array.dtype, jnp.floating) and not array.weak_type
    ]
    default = jnp.result_type(float)
    dtype = functools.reduce(np.promote_types, strong) if strong else default
    return tuple(lax.convert_element_type(array, dtype) for array in arrays)


def require(
    name: str, value: Any, is_valid: Callable[[Any], Any], expected: str
) -> None:
    """Raises `ValueError` naming argument and value; skips values under tracing."""
    if isinstance(value, Tracer):
        return
    # A constant inside somebody's `jit` is a value too: check it now, not in the trace.
    with jax.ensure_compile_time_eval():
        is_good = np.all(is_valid(value))
    if not is_good:
        raise ValueError(f"{name} must be {expected}, got {value}")


def require_shape(name: str, value: Values, shape: tuple[int, ...]) -> None:
    """Raises `ValueError` unless `value` has the shape; `-1` matches any length."""
    is_same_rank = len(value.shape) == len(shape)
    if not is_same_rank or any(
        wanted not in (-1, length)
        for length, wanted in zip(value.shape, shape, strict=True)
    ):
        wanted = str(shape).replace("-1", "n")
        raise ValueError(f"{name} must have shape {wanted}, got shape {value.shape}")


def safe_divide(
    numerator: ArrayLike, denominator: ArrayLike, fallback: ArrayLike = 0.0
) -> Values:
    """Divides; `fallback`, with zero gradient, where the denominator is zero."""
    return ratio_above(numerator, denominator, fallback, 0.0)


def ratio_above(
    numerator: ArrayLike,
    denominator: ArrayLike,
    fallback: ArrayLike = 0.0,
    least: float = 1e-9,
) -> Values:
    """Divides; `fallback`, with zero gradient, where |denominator| is at most `least`.

    For balances: what rounding leaves of a repaid loan is not a denominator.
    """
    numerator, denominator, fallback = floats(numerator, denominator, fallback)
    is_zero = jnp.abs(denominator) <= least
    quotient = numerator / jnp.where(is_zero, 1.0, denominator)
    return jnp.where(is_zero, fallback, quotient)


def safe_log(x: ArrayLike, fallback: ArrayLike = 0.0) -> Values:
    """Natural logarithm; `fallback`, with zero gradient, where `x` is not positive."""
    x, fallback = floats(x, fallback)
    is_positive = x > 0
    return jnp.where(is_positive, jnp.log(jnp.where(is_positive, x, 1.0)), fallback)


def _smooth_ratio(x: Values, ratio: Callable, series: tuple[float, ...]) -> Values:
    """A ratio that is 0/0 at zero: its power series where |x| < 0.01."""
    is_small = jnp.abs(x) < 0.01
    small = jnp.where(is_small, x, 0.0)
    polynomial = jnp.zeros_like(x)
    for coefficient in reversed(series):
        polynomial = polynomial * small + coefficient
    return jnp.where(is_small, polynomial, ratio(jnp.where(is_small, 1.0, x)))


def _expm1_ratio(x: Values) -> Values:
    """(eˣ − 1)/x, 1 at zero."""
    series = (1.0, 1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040, 1 / 40320)
    return _smooth_ratio(x, lambda y: jnp.expm1(y) / y, series)


def _log1p_ratio(x: Values) -> Values:
    """log(1 + x)/x, 1 at zero."""
    series = tuple((-1.0) ** k / (k + 1) for k in range(10))
    return _smooth_ratio(x, lambda y: jnp.log1p(y) / y, series)


@computed_once
def annuity_factor(rate_per_period: ArrayLike, n_periods: ArrayLike) -> Values:
    r"""Present value of 1 at the end of each of $n$ periods, $n$ real.

    $$ A(r, n) = \frac{1 - (1 + r)^{-n}}{r}, \qquad A(0, n) = n, $$

    computed so that value and derivatives are exact through $r = 0$. `rate_per_period`
    above −1 [1/period], `n_periods` [periods]; shapes broadcast at equal rank.
    """
    rate, n_periods = floats(rate_per_period, n_periods)
    per_period = _log1p_ratio(rate)
    return n_periods * per_period * _expm1_ratio(-n_periods * rate * per_period)


def c2_ramp(x: ArrayLike) -> Values:
    r"""Quintic smoothstep: 0 below −1, 1 above 1, $C^2$ everywhere, ½ at zero.

    $$ s(x) = t^3 (10 - 15 t + 6 t^2), \qquad t = \mathrm{clip}((x + 1)/2, 0, 1) $$
    """
    (x,) = floats(x)
    t = jnp.clip((x + 1) / 2, 0.0, 1.0)
    return t * t * t * (10 - 15 * t + 6 * t * t)


@computed_once
def normal_cdf(x: ArrayLike) -> Values:
    r"""Standard normal distribution function, $\Phi(x)$."""
    (x,) = floats(x)
    return jax.scipy.special.ndtr(x)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def implicit_root(
    f: Callable[[Scalar, Any], Scalar], root: Scalar, args: Any
) -> Scalar:
    r"""Attaches to a known root of $f(x, \theta) = 0$ its derivative to $\theta$.

    **Derivative:** $\mathrm{d}x = -f_\theta\,\mathrm{d}\theta / f_x$ (implicit
    function theorem), of any order; 0 where $f_x = 0$. `f` must not close over traced
    values.
    """
    del f, args
    return root


@implicit_root.defjvp
def _implicit_root_jvp(f, primals, tangents):
    root, args = primals
    root = implicit_root(f, root, args)
    _, shift = jax.jvp(lambda theta: f(root, theta), (args,), (tangents[1],))
    _, slope = jax.jvp(lambda x: f(x, args), (root,), (jnp.ones_like(root),))
    return root, -safe_divide(shift, slope)
