r"""Scans outward from base: where a limit state changes sign, and the first failure.

A bracket at the ends would return the last of three crossings, and "never holds" where
only the end fails. So the unknown is scanned outward from base, and cells in which a
convex dip might touch zero unseen are scanned again.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from calibration.problem import Measured, Problem
from calibration.search import Refined, refine

Points = Float[np.ndarray, " point"]

_COARSE = 128
_DIP_POINTS = 8
_MAX_DIP_CELLS = 32


@dataclasses.dataclass(frozen=True)
class Scan:
    """From `base` outward to `end` (either side), and a little to `before`.

    What lies before base only tells `fails_at_base` from `never_holds`. `n` values
    outward, besides base itself.
    """

    base: float
    end: float
    before: float
    n: int = 64
    n_before: int = 15

    def __post_init__(self):
        """Refuses ends that are not on their own side of base."""
        if self.n < 1 or self.n_before < 0:
            raise ValueError("scan: n and n_before must not be negative")
        if (self.end - self.base) * (self.base - self.before) < 0:
            raise ValueError("scan: base must lie between before and end")
        if self.end == self.base:
            raise ValueError("scan: end must differ from base")

    @property
    def outward(self) -> float:
        """+1 if the scan goes to larger values, −1 if to smaller ones."""
        return 1.0 if self.end > self.base else -1.0

    @property
    def scale(self) -> float:
        """One "year" of the unknown: a midpoint's scan is about 18 of them."""
        return abs(self.end - self.base) / 18.0

    def points(self) -> Points:
        """All values, from `before` through `base` to `end`."""
        later = np.linspace(self.base, self.end, self.n + 1)
        if self.n_before == 0 or self.before == self.base:
            return later
        earlier = np.linspace(self.before, self.base, self.n_before + 1)[:-1]
        return np.concatenate([earlier, later])

    def coarse(self) -> "Scan":
        """The same scan with about 128 values, for solving again under many shifts."""
        k = max(1, self.n // _COARSE)
        return dataclasses.replace(self, n=self.n // k, n_before=self.n_before // k)

    def base_index(self, points: Points) -> int:
        """Where base stands among ordered points that contain it."""
        return int(np.argmin(np.abs(points - self.base)))


class Surveyed(NamedTuple):
    """Measurements at every (row of shifts, point)."""

    value: Float[np.ndarray, "shift point criterion"]
    binding: Int[np.ndarray, "shift point criterion"]


class Verdict(NamedTuple):
    """What the signs along one scan say; `cells` are those in which they change.

    `status` is `ok` where a first failure after base exists, in `cells[0]`; cells
    before base are listed only where base itself fails.
    """

    status: str
    cells: Int[np.ndarray, " cell"]


def survey(
    problem: Problem, points: Points, shifts: Float[np.ndarray, "shift key"]
) -> Surveyed:
    """Measures every point under every row of shifts."""
    n, p = shifts.shape[0], points.shape[0]
    rows = np.repeat(shifts, p, axis=0)
    measured = problem.measure(np.tile(points, n), rows)
    shape = (n, p, len(problem.criteria))
    return Surveyed(measured.value.reshape(shape), measured.binding.reshape(shape))


def verdict(value: Points, base: int) -> Verdict:
    """Reads one scan: zero and below fail; `base` is the index of the base value."""
    none = np.zeros(0, int)
    if not np.isfinite(value[base:]).all():
        return Verdict("not_converged", none)
    holds = value > 0
    cells = np.flatnonzero(holds[1:] != holds[:-1])
    if not holds[base]:
        finite = bool(np.isfinite(value).all())
        if not finite:
            return Verdict("fails_at_base", cells[cells >= base])
        return Verdict("fails_at_base" if holds.any() else "never_holds", cells)
    later = cells[cells >= base]
    if not later.size:
        return Verdict("always_holds", none)
    return Verdict("reswitches" if later.size > 1 else "ok", later)


def dips(points: Points, value: Points) -> Bool[np.ndarray, " cell"]:
    """Cells whose ends hold but inside which a convex function might fail.

    In a cell, a convex function lies above the secants of its two neighbours; where
    they meet below zero inside the cell, a dip may have been stepped over.
    """
    suspect = np.zeros(points.shape[0] - 1, bool)
    slope = np.diff(value) / np.diff(points)
    left, right = slope[:-2], slope[2:]
    x0, x1 = points[1:-2], points[2:-1]
    v0, v1 = value[1:-2], value[2:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        meet = (v1 - v0 + left * x0 - right * x1) / (left - right)
        lowest = v0 + left * (meet - x0)
        inside = (meet - x0) * (x1 - meet) > 0
    suspect[1:-1] = (v0 > 0) & (v1 > 0) & inside & (lowest <= 0)
    return suspect


def closer(
    problem: Problem, scan: Scan, points: Points, surveyed: Surveyed
) -> tuple[Float[np.ndarray, " merged"], Surveyed]:
    """Scans suspect cells (see `dips`) of the first row again, for every criterion."""
    values = surveyed.value[0]
    suspect = np.zeros(points.shape[0] - 1, bool)
    for c in range(values.shape[1]):
        if np.isfinite(values[:, c]).all():
            suspect |= dips(points, values[:, c])
    cells = np.flatnonzero(suspect)[:_MAX_DIP_CELLS]
    if not cells.size:
        return points, surveyed
    shares = np.arange(1, _DIP_POINTS + 1) / (_DIP_POINTS + 1)
    extra = (
        points[cells, None] + (points[cells + 1] - points[cells])[:, None] * shares
    ).ravel()
    measured = survey(problem, extra, problem.none())
    return merged(scan, points, surveyed, extra, measured)


def merged(
    scan: Scan,
    points: Points,
    surveyed: Surveyed,
    extra: Float[np.ndarray, " extra"],
    measured: Surveyed,
) -> tuple[Float[np.ndarray, " merged"], Surveyed]:
    """Two surveys of the same rows as one, outward."""
    every = np.concatenate([points, extra])
    order = np.argsort(every * scan.outward, kind="stable")
    both = zip(surveyed, measured, strict=True)
    joined = (np.concatenate([x, y], axis=1)[:, order] for x, y in both)
    return every[order], Surveyed(*joined)


def refine_cells(
    problem: Problem,
    points: Points,
    value: Float[np.ndarray, "shift point criterion"],
    shifts: Float[np.ndarray, "shift key"],
    where: Int[np.ndarray, "search 3"],
) -> Refined:
    """Refines the sign change in each (row of shifts, cell, criterion)."""
    row, cell, criterion = where[:, 0], where[:, 1], where[:, 2]

    def evaluate(x: Points, searches: Int[np.ndarray, " row"]) -> Points:
        measured: Measured = problem.measure(x, shifts[row[searches]])
        return measured.value[np.arange(x.shape[0]), criterion[searches]]

    return refine(
        evaluate,
        points[cell],
        points[cell + 1],
        value[row, cell, criterion],
        value[row, cell + 1, criterion],
    )
