r"""What kind of point a break-even is: smooth, a kink, or a jump over zero.

Measured on the hard model itself. Between points $\delta$ and $100\,\delta$ apart, the
gap of a smooth limit state shrinks a hundredfold, that of a jump not at all; at a kink
the one-sided slopes differ.
"""

import dataclasses

import numpy as np
from jaxtyping import Float, Int

from calibration.problem import Problem
from calibration.scan import Points, Scan

# In units of the scan's scale (years, for a midpoint).
_NEAR, _FAR = 1e-9, 1e-7
_SLOPE_STEP = 1e-6
_JUMP_FLOOR = 1e-8
_KINK_SHARE, _KINK_FLOOR = 1e-3, 1e-6


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
    h = _SLOPE_STEP
    offsets = np.array([-2 * h, -h, -_FAR, -_NEAR, 0.0, _NEAR, _FAR, h, 2 * h])
    n, m = value.shape[0], offsets.shape[0]
    x = value[:, None] + offsets * scan.scale * scan.outward
    measured = problem.measure(x.ravel(), np.repeat(shifts, m, axis=0))
    rows = np.arange(n)
    g = measured.value.reshape(n, m, len(problem.criteria))[rows, :, criterion]
    dates = measured.dates.reshape(n, m, len(problem.dates))
    near = np.abs(g[:, 3] - g[:, 5])
    is_jump = near > np.maximum(_JUMP_FLOOR, 0.5 * np.abs(g[:, 2] - g[:, 6]))
    before = _one_sided(x[:, 4], x[:, 1], x[:, 0], g[:, 4], g[:, 1], g[:, 0])
    after = _one_sided(x[:, 4], x[:, 7], x[:, 8], g[:, 4], g[:, 7], g[:, 8])
    size = np.maximum(np.abs(before), np.abs(after))
    is_kink = np.abs(before - after) > np.maximum(
        _KINK_FLOOR / scan.scale, _KINK_SHARE * size
    )
    kind = np.where(is_jump, "at_jump", np.where(is_kink, "at_kink", "ok"))
    binding = measured.binding.reshape(n, m, len(problem.criteria))[rows, 3, criterion]
    return Local(
        tuple(str(k) for k in kind),
        before,
        after,
        binding,
        g[:, 3],
        np.stack([dates[:, 3], dates[:, 5]]),
    )


def _one_sided(
    x0: Points, x1: Points, x2: Points, g0: Points, g1: Points, g2: Points
) -> Points:
    """Derivative at `x0` of the parabola through three points on one side of it."""
    first = (g1 - g0) / (x1 - x0)
    second = (g2 - g1) / (x2 - x1)
    return first - (second - first) * (x1 - x0) / (x2 - x0)
