r"""Solving again: first failures under displaced figures, by the same scan."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from calibration.breakeven import Solved
from calibration.problem import Problem
from calibration.scan import refine_cells, survey, verdict

NOISE = 1e-11
"""A re-solve is known to about this much, in units of the scan's scale."""


class Resolved(NamedTuple):
    """First failures under rows of shifts; NaN where there is none, and the status."""

    value: Float[np.ndarray, "shift layer"]
    status: list[list[str]]


def resolve(
    problem: Problem,
    solved: Solved,
    shifts: Float[np.ndarray, "shift key"],
    names: tuple[str, ...],
) -> Resolved:
    """First failures again, by the same scan, under every row of shifts."""
    surveyed = survey(problem, solved.points, shifts)
    base = solved.scan.base_index(solved.points)
    columns = [problem.criteria.index(name) for name in names]
    status, where = [], []
    for v in range(shifts.shape[0]):
        reads = [verdict(surveyed.value[v, :, c], base) for c in columns]
        status.append([read.status for read in reads])
        for i, read in enumerate(reads):
            if read.status in ("ok", "reswitches"):
                where.append((v, int(read.cells[0]), columns[i], i))
    table = np.array(where, int).reshape(-1, 4)
    found = refine_cells(problem, solved.points, surveyed.value, shifts, table[:, :3])
    value = np.full((shifts.shape[0], len(names)), np.nan)
    is_found = found.is_converged
    value[table[is_found, 0], table[is_found, 3]] = found.value[is_found]
    return Resolved(value, status)


def number(x: float | np.floating) -> float | None:
    """A plain number, or None where there is none."""
    return float(x) if np.isfinite(x) else None
