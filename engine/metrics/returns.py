r"""Returns: net present value and internal rate of return, with a status.

The rate is sought as $x = \log(1 + r)$ over the whole line: on the side $x \ge 0$ the
value is a polynomial in $w = e^{-x} \le 1$, on the other one in $w = e^{x} < 1$ with
the flows reversed, so nothing overflows near $r = -1$ or for long horizons.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from engine._types import ArrayLike, Flag, PerPeriod, Scalar, Status
from engine.numerics import (
    floats,
    implicit_root,
    require,
    require_shape,
    safe_divide,
)

IRR_STATUS: tuple[str, ...] = ("ok", "no_root", "multiple_roots")
"""Names of the integer statuses of `Irr`."""

# Fixed grid in x, symmetric, dense at zero (1.6 %) and reaching rates of 1e6 and
# −1 + 1e-6: a constant matrix, so that the scan of a batch is one matrix product. The
# point left of zero belongs to both sides, so that no interval straddles them.
_GRID = 0.2 * np.sinh(np.linspace(-4.95, 4.95, 128))
_GRID_UP, _GRID_DOWN = _GRID[63:], -_GRID[63::-1]
# Intervals examined for a pair of roots between two grid points.
_N_PAIRS = 3


class Irr(NamedTuple):
    """Internal rate of return [1/period] and its status (see `IRR_STATUS`)."""

    rate: Scalar
    status: Status


def npv(rate: ArrayLike, cash_flows: ArrayLike) -> Scalar:
    r"""Net present value, $\sum_{k=0}^{n-1} c_k (1 + r)^{-k}$.

    **Arguments:** `rate` [1/period], above −1; `cash_flows[period]` [USD bn], the
    first at time 0, one period apart.

    **Returns:** scalar [USD bn]. **Raises:** `ValueError` for a rate at or below −1.
    """
    rate, cash_flows = floats(rate, cash_flows)
    require_shape("rate", rate, ())
    require_shape("cash_flows", cash_flows, (-1,))
    require("cash_flows", cash_flows, np.isfinite, "finite")
    require("rate", rate, lambda x: x > -1, "above -1 per period")
    return jnp.sum(cash_flows * jnp.exp(-_index(cash_flows) * jnp.log1p(rate)))


def irr(cash_flows: ArrayLike) -> Irr:
    r"""Internal rate of return: the root of `npv(rate, cash_flows)` in $(-1, \infty)$.

    **Arguments:** `cash_flows[period]` [USD bn], at least two, one period apart.

    **Returns:** `Irr(rate, status)`, per period. `ok`: exactly one root; `no_root`:
    rate 0 with zero gradient; `multiple_roots`: the one smallest in absolute value.

    **Derivative:** $\partial r/\partial c_k = -(1+r)^{-k} / \mathrm{NPV}'(r)$, by the
    implicit function theorem; set to 0 at a double root, where it does not exist.

    **References:** Norstrøm (1972), "A sufficient condition for a unique nonnegative
    internal rate of return", JFQA 7(3); Descartes' rule bounds the number of roots.
    """
    (cash_flows,) = floats(cash_flows)
    require_shape("cash_flows", cash_flows, (-1,))
    if cash_flows.shape[0] < 2:
        raise ValueError(f"cash_flows must have at least 2 periods, got {cash_flows}")
    require("cash_flows", cash_flows, np.isfinite, "finite")
    root, status = _solve(lax.stop_gradient(cash_flows))
    rate = implicit_root(_scaled_npv, root, cash_flows)
    # `where` drops the derivative of a double root or of none, as `_has_slope` says.
    has_slope = _has_slope(root, lax.stop_gradient(cash_flows)) & (status != 1)
    return Irr(jnp.where(has_slope, rate, root), status)


@jax.jit
def _solve(flows: PerPeriod) -> tuple[Scalar, Status]:
    """The root nearest to zero on each side, the nearer of the two, and the status."""
    up = _nearest_root(_without_leading_zeros(flows), _GRID_UP)
    down = _nearest_root(_without_leading_zeros(flows[::-1]), _GRID_DOWN)
    n_roots = up[0] + down[0]
    rate_up, rate_down = jnp.expm1(up[1]), jnp.expm1(-down[1])
    is_up_nearer = jnp.abs(rate_up) <= jnp.abs(rate_down)
    is_up = (up[0] > 0) & (is_up_nearer | (down[0] == 0))
    rate = jnp.where(is_up, rate_up, rate_down)
    status = jnp.where(n_roots == 0, 1, jnp.where(n_roots == 1, 0, 2))
    return jnp.where(n_roots == 0, 0.0, rate), status.astype(int)


def _has_slope(rate: Scalar, flows: PerPeriod) -> Flag:
    """Whether the value crosses zero at the rate, beyond rounding."""
    last = jnp.where(rate < 0, flows.shape[0] - 1, 0).astype(flows.dtype)
    exponent = last - _index(flows)
    terms = flows * jnp.exp(exponent * jnp.log1p(rate)) * exponent
    noise = 10 * jnp.sqrt(jnp.finfo(flows.dtype).eps) * jnp.sum(jnp.abs(terms))
    return jnp.abs(jnp.sum(terms)) > noise


def _index(flows: PerPeriod) -> PerPeriod:
    return jnp.arange(flows.shape[0]).astype(flows.dtype)


def _scaled_npv(rate: Scalar, flows: PerPeriod) -> Scalar:
    """NPV, or the terminal value where the rate is negative: the same roots."""
    last = jnp.where(rate < 0, flows.shape[0] - 1, 0)
    exponent = last.astype(flows.dtype) - _index(flows)
    return jnp.sum(flows * jnp.exp(exponent * jnp.log1p(rate)))


def _without_leading_zeros(flows: PerPeriod) -> PerPeriod:
    """Rolls leading zeros to the end: a common power of w, which has no root."""
    return jnp.roll(flows, -jnp.argmax(flows != 0))


def _derivative(c: PerPeriod, z: Scalar, order: int) -> tuple[Scalar, Scalar]:
    """The derivative of Σ c_k e^{−kz} of this order, and the next."""
    k = _index(c)
    terms = c * (-k) ** order * jnp.exp(-k * z)
    return jnp.sum(terms), -jnp.sum(k * terms)


def _nearest_root(c: PerPeriod, grid: np.ndarray) -> tuple[Status, Scalar]:
    """Number of roots z ≥ grid[0] of Σ c_k e^{−kz}, and the one nearest to zero."""
    powers = np.exp(-np.outer(grid, np.arange(c.shape[0])))
    value = jnp.asarray(powers, c.dtype) @ c
    slope = -jnp.asarray(powers, c.dtype) @ (_index(c) * c)
    z = jnp.asarray(grid, c.dtype)
    # Beyond the grid the first flow rules; Cauchy's bound closes the last interval.
    bound = jnp.log1p(jnp.max(jnp.abs(c)) / jnp.where(c[0] == 0, 1.0, jnp.abs(c[0])))
    lower, upper = z, jnp.append(z[1:], jnp.maximum(z[-1], bound) + 1)
    is_positive = jnp.append(value, c[0]) >= 0
    is_bracket = is_positive[:-1] != is_positive[1:]

    # A value that falls towards zero and turns away again may hide a pair of roots.
    sign = jnp.where(is_positive[:-2], 1.0, -1.0).astype(c.dtype)
    may_hide = ~is_bracket[:-1] & (sign * slope[:-1] < 0) & (sign * slope[1:] > 0)
    relative = jnp.abs(value[:-1]) / (
        jnp.asarray(powers[:-1], c.dtype) @ jnp.abs(c) + 1
    )
    order = jnp.argsort(jnp.where(may_hide, relative, jnp.inf))[:_N_PAIRS]
    left, right = lower[order], upper[order]
    turn = jax.vmap(_zero, (None, 0, 0, 0, None))(c, left, right, sign[order] < 0, 1)
    at_turn = sign[order] * (jnp.exp(-jnp.outer(turn, _index(c))) @ c)
    scale = jnp.exp(-jnp.outer(turn, _index(c))) @ jnp.abs(c)
    is_double = may_hide[order] & (
        jnp.abs(at_turn) <= 8 * jnp.finfo(c.dtype).eps * scale
    )
    is_pair = may_hide[order] & ~is_double & (at_turn < 0)

    lowers = jnp.concatenate([lower, left, turn, turn])
    uppers = jnp.concatenate([upper, turn, right, turn])
    is_root = jnp.concatenate([is_bracket, is_pair, is_pair, is_double])
    distance = jnp.where(is_root, jnp.abs(lowers + uppers), jnp.inf)
    nearest = jnp.argmin(distance)
    lower, upper = lowers[nearest], uppers[nearest]
    root = _zero(c, lower, upper, _derivative(c, lower, 0)[0] >= 0, 0)
    return jnp.sum(is_root), root


def _zero(
    c: PerPeriod, lower: Scalar, upper: Scalar, is_positive: Flag, order: int
) -> Scalar:
    """Zero of a derivative whose sign at `lower` is known: bisection, then Newton."""

    def halve(_, bracket):
        middle = (bracket[0] + bracket[1]) / 2
        is_beyond = (_derivative(c, middle, order)[0] >= 0) != is_positive
        lower = jnp.where(is_beyond, bracket[0], middle)
        return lower, jnp.where(is_beyond, middle, bracket[1])

    lower, upper = lax.fori_loop(0, 8, halve, (lower, upper))

    def newton(_, z):
        step = safe_divide(*_derivative(c, z, order))
        return jnp.clip(z - step, lower, upper)

    return lax.fori_loop(0, 7, newton, (lower + upper) / 2)
