r"""Many roots at once: Chandrupatla's method over rows that share one evaluation."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

Rows = Float[np.ndarray, " row"]
Evaluate = Callable[[Rows, Int[np.ndarray, " row"]], Rows]


class Refined(NamedTuple):
    """The end with the smaller |f|, f there, and what is left of the bracket.

    `gap` is the difference of `f` between the bracket's ends.
    """

    value: Rows
    residual: Rows
    width: Rows
    gap: Rows
    is_converged: Bool[np.ndarray, " row"]


def refine(
    evaluate: Evaluate,
    near: Rows,
    far: Rows,
    f_near: Rows,
    f_far: Rows,
    *,
    max_steps: int = 100,
    tolerance: float = 0.0,
) -> Refined:
    """Narrows brackets `[near, far]` of a sign change to a few units in the last place.

    A `tolerance` above these ends the search earlier, at brackets of that width.

    `evaluate(x, rows)` is `f` of bracket `rows[i]` at `x[i]`; settled rows are not
    evaluated again. Zero counts as failing, like every value ≤ 0, so where `f` stays
    zero the edge is found. A jump is located too: its residual then stays away from
    zero. Not converged: a value is not finite, or the steps ran out.

    **References:** Chandrupatla (1997), Advances in Engineering Software 28(3).
    """
    a, fa, b, fb = far.copy(), f_far.copy(), near.copy(), f_near.copy()
    c, fc = a.copy(), fa.copy()
    step = np.full_like(a, 0.5)
    settled = np.zeros(a.shape, bool)
    for _ in range(max_steps):
        last = np.maximum(2 * _tolerance(a, fa, b, fb), tolerance)
        settled = np.abs(b - a) <= last
        is_finite = np.isfinite(fa) & np.isfinite(fb)
        rows = np.flatnonzero(~settled & is_finite)
        if not rows.size:
            break
        x = a[rows] + step[rows] * (b[rows] - a[rows])
        fx = evaluate(x, rows)
        is_same = (fx > 0) == (fa[rows] > 0)
        c[rows] = np.where(is_same, a[rows], b[rows])
        fc[rows] = np.where(is_same, fa[rows], fb[rows])
        b[rows] = np.where(is_same, b[rows], a[rows])
        fb[rows] = np.where(is_same, fb[rows], fa[rows])
        a[rows], fa[rows] = x, fx
        # A step of less than that would leave the bracket wider than it need be.
        margin = np.maximum(_tolerance(a, fa, b, fb)[rows], tolerance / 2)
        span = np.maximum(np.abs(b[rows] - a[rows]), np.finfo(float).tiny)
        margin = np.minimum(margin / span, 0.5)
        step[rows] = np.clip(
            _next_step(*(y[rows] for y in (a, fa, b, fb, c, fc))), margin, 1 - margin
        )
    is_a = np.abs(fa) < np.abs(fb)
    is_finite = np.isfinite(fa) & np.isfinite(fb)
    return Refined(
        np.where(is_a, a, b),
        np.where(is_a, fa, fb),
        np.abs(b - a),
        np.abs(fb - fa),
        settled & is_finite,
    )


def _tolerance(a: Rows, fa: Rows, b: Rows, fb: Rows) -> Rows:
    best = np.where(np.abs(fa) < np.abs(fb), a, b)
    return 2 * np.finfo(float).eps * np.maximum(np.abs(best), 1e-3)


def _next_step(a: Rows, fa: Rows, b: Rows, fb: Rows, c: Rows, fc: Rows) -> Rows:
    """Inverse quadratic interpolation where Chandrupatla's test allows it, else ½."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        xi = (a - b) / (c - b)
        phi = (fa - fb) / (fc - fb)
        is_safe = (phi * phi < xi) & ((1 - phi) * (1 - phi) < 1 - xi)
        near = fa / (fb - fa) * fc / (fb - fc)
        far = (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
        guess = near + far
    return np.where(is_safe & np.isfinite(guess), guess, 0.5)
