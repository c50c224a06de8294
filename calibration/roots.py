r"""Roots of one equation in one unknown, with a status and an implicit derivative."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from engine._types import ArrayLike, Scalar, Status
from engine.numerics import floats, implicit_root, require, require_shape, safe_divide

ROOT_STATUS: tuple[str, ...] = ("ok", "no_sign_change", "not_converged")
"""Names of the integer statuses of `Root`."""

_MAX_STEPS = 120


class Root(NamedTuple):
    """Where `f` vanishes, the status (see `ROOT_STATUS`) and `f` there."""

    value: Scalar
    status: Status
    residual: Scalar


class _Bracket(NamedTuple):
    """Chandrupatla's three points: `a` newest, `b` across the root, `c` before `a`."""

    a: Scalar
    fa: Scalar
    b: Scalar
    fb: Scalar
    c: Scalar
    fc: Scalar
    step: Scalar
    n_steps: Status


def find_root(
    f: Callable[[Scalar, Any], Scalar],
    lower: ArrayLike,
    upper: ArrayLike,
    args: Any = None,
) -> Root:
    r"""Solves $f(x, \theta) = 0$ for $x$ in `[lower, upper]`.

    Chandrupatla's method: inverse quadratic interpolation where it is safe, bisection
    elsewhere, so a bracket is never lost and a jump is located too (its residual then
    stays away from zero, with status `not_converged` only if `f` is not finite).

    **Arguments:** `f(x, args)`, scalar to scalar, under `jit`; `lower` < `upper`,
    scalar; `args`, any pytree. `f` may also close over traced values.

    **Returns:** `Root(value, status, residual)`. `ok`: the bracket is as narrow as the
    dtype allows; `no_sign_change`: the end with the smaller |f|; `not_converged`: `f`
    is not finite somewhere, or the steps ran out. **Raises:** `ValueError` for ends
    that are not scalar or out of order.

    **Derivative:** $\mathrm{d}x = -f_\theta\,\mathrm{d}\theta / f_x$ by the implicit
    function theorem, to `args` and to closed-over values; 0 where the status is not
    `ok`.

    **References:** Chandrupatla (1997), "A new hybrid quadratic/bisection algorithm",
    Advances in Engineering Software 28(3).
    """
    lower, upper = floats(lower, upper)
    require_shape("lower", lower, ())
    require_shape("upper", upper, ())
    require("upper - lower", upper - lower, lambda x: x > 0, "positive")
    pure, captured = jax.closure_convert(f, lower, args)

    def equation(x, parameters):
        return pure(x, parameters[0], *parameters[1])

    parameters = (args, captured)
    value, status = _search(equation, *_stop((lower, upper, parameters)))
    is_ok = status == 0
    value = jnp.where(is_ok, implicit_root(equation, value, parameters), value)
    return Root(value, status, equation(value, parameters))


def _stop(tree: Any) -> Any:
    return jax.tree.map(
        lambda leaf: lax.stop_gradient(leaf) if isinstance(leaf, jax.Array) else leaf,
        tree,
    )


def _search(equation, lower, upper, parameters) -> tuple[Scalar, Status]:
    f_lower, f_upper = equation(lower, parameters), equation(upper, parameters)
    is_sign_change = jnp.sign(f_lower) * jnp.sign(f_upper) <= 0
    tiny = jnp.finfo(lower.dtype).tiny
    eps = jnp.finfo(lower.dtype).eps

    def best(state):
        return jnp.where(jnp.abs(state.fa) < jnp.abs(state.fb), state.a, state.b)

    def relative_tolerance(state):
        tolerance = 2 * eps * jnp.abs(best(state)) + tiny
        return safe_divide(tolerance, jnp.abs(state.b - state.a), 1.0)

    def is_settled(state):
        is_zero = (state.fa == 0) | (state.fb == 0)
        return is_zero | (relative_tolerance(state) > 0.5)

    def is_searching(state):
        is_finite = jnp.isfinite(state.fa) & jnp.isfinite(state.fb)
        return (
            ~is_settled(state)
            & is_finite
            & is_sign_change
            & (state.n_steps < _MAX_STEPS)
        )

    def advance(state):
        x = state.a + state.step * (state.b - state.a)
        fx = equation(x, parameters)
        is_same = jnp.sign(fx) == jnp.sign(state.fa)
        c, fc = (
            jnp.where(is_same, state.a, state.b),
            jnp.where(is_same, state.fa, state.fb),
        )
        b, fb = (
            jnp.where(is_same, state.b, state.a),
            jnp.where(is_same, state.fb, state.fa),
        )
        new = _Bracket(x, fx, b, fb, c, fc, state.step, state.n_steps + 1)
        margin = jnp.minimum(relative_tolerance(new), 0.5)
        return new._replace(step=jnp.clip(_next_step(new), margin, 1 - margin))

    half = jnp.full_like(lower, 0.5)
    start = _Bracket(
        upper, f_upper, lower, f_lower, upper, f_upper, half, jnp.asarray(0)
    )
    end = lax.while_loop(is_searching, advance, start)
    is_finite = jnp.isfinite(end.fa) & jnp.isfinite(end.fb)
    status = jnp.where(is_settled(end) & is_finite, 0, 2)
    is_bracketed = is_sign_change | ~is_finite
    return best(end), jnp.where(is_bracketed, status, 1).astype(int)


def _next_step(state: _Bracket) -> Scalar:
    """Inverse quadratic interpolation where Chandrupatla's test allows it, else ½."""
    xi = safe_divide(state.a - state.b, state.c - state.b)
    phi = safe_divide(state.fa - state.fb, state.fc - state.fb)
    is_safe = (phi * phi < xi) & ((1 - phi) * (1 - phi) < 1 - xi)
    near = safe_divide(state.fa, state.fb - state.fa)
    near = near * safe_divide(state.fc, state.fb - state.fc)
    far = safe_divide(state.c - state.a, state.b - state.a)
    far = far * safe_divide(state.fa, state.fc - state.fa)
    far = far * safe_divide(state.fb, state.fc - state.fb)
    return jnp.where(is_safe, near + far, 0.5)
