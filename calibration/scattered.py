r"""Break-evens scenario by scenario: a scan outward from base, then the first crossing.

$$ t^*_i = \min \{ x \ge x_0 : g(x, \theta_i) \le 0 \} $$

for scenario $i$'s figures and shocks $\theta_i$. The signs along the scan are read as
those of a single search, but the scan is coarser, only the first crossing is refined,
to `TOLERANCE`, and a kink is not told from a smooth point: that would take slopes.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from calibration.breakeven import STATUSES
from calibration.scan import Scan, verdict
from calibration.search import refine

TOLERANCE = 1e-6
"""What is left of a bracket, in units of the scan's scale (half a minute of a year)."""

_JUMP_SHARE = 0.01

Measure = Callable[
    [Float[np.ndarray, " row"], Int[np.ndarray, " row"]],
    Float[np.ndarray, "row criterion"],
]
"""Limit states at `unknown[n]` of scenario `which[n]`."""


class Scattered(NamedTuple):
    """Break-evens by scenario: NaN where there is none; `status` numbers `STATUSES`.

    `value` is an end of a bracket, `width` how wide it is.
    """

    value: Float[np.ndarray, "scenario criterion"]
    status: Int[np.ndarray, "scenario criterion"]
    width: Float[np.ndarray, "scenario criterion"]


def scattered(
    measure: Measure,
    n: int,
    n_criteria: int,
    ways: Sequence[Scan],
    at_once: int = 256,
) -> Scattered:
    """The break-evens of `n` scenarios, `at_once` at a time.

    **Arguments:** `ways`, one scan per direction, all from the same base; of several
    directions each criterion keeps that of its nearest failure.

    **Returns:** `Scattered`. `at_jump`: of the change over the scan's cell at least a
    hundredth is left in the last bracket.
    """
    parts = []
    for start in range(0, n, at_once):
        which = np.arange(start, min(start + at_once, n))
        found = [_one_way(measure, which, n_criteria, scan) for scan in ways]
        parts.append(_nearest(found, ways))
    return Scattered(*(np.concatenate(x) for x in zip(*parts, strict=True)))


def _one_way(measure: Measure, which: np.ndarray, k: int, scan: Scan) -> Scattered:
    points = scan.points()
    base, m = scan.base_index(points), points.shape[0]
    rows = measure(np.tile(points, which.size), np.repeat(which, m))
    values = rows.reshape(which.size, m, k)
    shape = (which.size, k)
    status = np.zeros(shape, int)
    cells = np.full(shape, -1)
    for i, c in np.ndindex(shape):
        read = verdict(values[i, :, c], base)
        status[i, c] = STATUSES.index(read.status)
        if read.status in ("ok", "reswitches"):
            cells[i, c] = read.cells[0]
    value, width = np.full(shape, np.nan), np.full(shape, np.nan)
    row, criterion = np.nonzero(cells >= 0)
    cell = cells[row, criterion]
    near, far = values[row, cell, criterion], values[row, cell + 1, criterion]

    def evaluate(x: np.ndarray, some: np.ndarray) -> np.ndarray:
        return measure(x, which[row[some]])[np.arange(x.size), criterion[some]]

    done = refine(
        evaluate,
        points[cell],
        points[cell + 1],
        near,
        far,
        tolerance=TOLERANCE * scan.scale,
    )
    is_jump = done.gap > _JUMP_SHARE * np.abs(near - far)
    is_plain = status[row, criterion] == STATUSES.index("ok")
    word = np.where(
        is_jump & is_plain, STATUSES.index("at_jump"), status[row, criterion]
    )
    status[row, criterion] = np.where(
        done.is_converged, word, STATUSES.index("not_converged")
    )
    value[row, criterion] = np.where(done.is_converged, done.value, np.nan)
    width[row, criterion] = np.where(done.is_converged, done.width, np.nan)
    return Scattered(value, status, width)


def _nearest(found: Sequence[Scattered], ways: Sequence[Scan]) -> Scattered:
    distance = np.stack(
        [np.abs(x.value - scan.base) for x, scan in zip(found, ways, strict=True)]
    )
    status = np.stack([x.status for x in found])
    # Where nothing was found: what fails at base says more than what always holds.
    rest = np.full(len(STATUSES), 4e9)
    for i, word in enumerate(("not_converged", "fails_at_base", "never_holds")):
        rest[STATUSES.index(word)] = (i + 1) * 1e9
    best = np.where(np.isnan(distance), rest[status], distance).argmin(axis=0)[None]

    def of(name: str) -> np.ndarray:
        every = np.stack([getattr(x, name) for x in found])
        return np.take_along_axis(every, best, axis=0)[0]

    return Scattered(of("value"), of("status"), of("width"))
