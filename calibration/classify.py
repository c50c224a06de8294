r"""What kind of point a break-even is: smooth, a kink, or a jump over zero.

Measured on the hard model itself. Between points $\delta$ and $100\,\delta$ apart, the
gap of a smooth limit state shrinks a hundredfold, that of a jump not at all; at a kink
the one-sided slopes differ, by as much at every distance. (Beyond its zero a limit
state may be a saw: the first failure moves to ever earlier quarters. Its slopes differ
too, but not steadily, and the zero itself moves smoothly.)
"""

import dataclasses

import numpy as np
from jaxtyping import Float, Int

from calibration.problem import Problem
from calibration.scan import Points, Scan

# In units of the scan's scale (years, for a midpoint).
_NEAR, _FAR = 1e-9, 1e-7
_SLOPE_STEPS = (1e-6, 2.5e-7, 4e-6)
_JUMP_FLOOR = 1e-8
_KINK_SHARE, _KINK_FLOOR = 1e-3, 1e-6
_STEADY = 0.2


@dataclasses.dataclass(frozen=True)
class Local:
    """Limit states around each point, base side first."""

    kind: tuple[str, ...]
    before: Points
    after: Points
    binding: Int[np.ndarray, " row"]
    limit: Points
    dates: Float[np.ndarray, "side row event"]


def classify(
    problem: Problem,
    scan: Scan,
    value: Points,
    criterion: Int[np.ndarray, " row"],
    shifts: Float[np.ndarray, "row key"],
) -> Local:
    """Smooth, kink or jump: measured on both sides of each value, eight points each."""
    n = value.shape[0]
    which = np.arange(n), slice(None), criterion
    outer = [k * h for h in _SLOPE_STEPS for k in (-2.0, -1.0, 1.0, 2.0)]
    offsets = np.array([*outer, -_FAR, -_NEAR, 0.0, _NEAR, _FAR])
    m = offsets.shape[0]
    x = value[:, None] + offsets * scan.scale * scan.outward
    measured = problem.measure(x.ravel(), np.repeat(shifts, m, axis=0))
    g = measured.value.reshape(n, m, len(problem.criteria))[which]
    dates = measured.dates.reshape(n, m, len(problem.dates))
    far, near, at, beyond, wide = range(m - 5, m)
    is_jump = np.abs(g[:, near] - g[:, beyond]) > np.maximum(
        _JUMP_FLOOR, 0.5 * np.abs(g[:, far] - g[:, wide])
    )

    def slopes(first: int) -> tuple[Points, Points]:
        a, b, c, d = range(first, first + 4)
        return (
            _one_sided(x[:, at], x[:, b], x[:, a], g[:, at], g[:, b], g[:, a]),
            _one_sided(x[:, at], x[:, c], x[:, d], g[:, at], g[:, c], g[:, d]),
        )

    sides = [slopes(4 * i) for i in range(len(_SLOPE_STEPS))]
    before, after = sides[0]
    difference = after - before
    size = np.maximum(np.abs(before), np.abs(after))
    is_kink = np.abs(difference) > np.maximum(
        _KINK_FLOOR / scan.scale, _KINK_SHARE * size
    )
    for b, a in sides[1:]:
        is_kink &= np.abs(a - b - difference) <= _STEADY * np.abs(difference)
    kind = np.where(is_jump, "at_jump", np.where(is_kink, "at_kink", "ok"))
    binding = measured.binding.reshape(n, m, len(problem.criteria))[
        np.arange(n), near, criterion
    ]
    return Local(
        tuple(str(k) for k in kind),
        before,
        after,
        binding,
        g[:, near],
        np.stack([dates[:, near], dates[:, beyond]]),
    )


def _one_sided(
    x0: Points, x1: Points, x2: Points, g0: Points, g1: Points, g2: Points
) -> Points:
    """Derivative at `x0` of the parabola through three points on one side of it."""
    first = (g1 - g0) / (x1 - x0)
    second = (g2 - g1) / (x2 - x1)
    return first - (second - first) * (x1 - x0) / (x2 - x0)
