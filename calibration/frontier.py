r"""The frontier: break-even over a grid of two shifts, with a status in every cell."""

import dataclasses

import numpy as np
from jaxtyping import Float

from calibration.breakeven import Solved
from calibration.classify import classify
from calibration.problem import Problem
from calibration.resolve import resolve


@dataclasses.dataclass(frozen=True)
class Frontier:
    """`value[i][j]` at `axes` values i of the first and j of the second shift."""

    axes: dict[str, tuple[float, ...]]
    value: list[list[float | None]]
    status: list[list[str]]


def frontier(
    problem: Problem,
    solved: Solved,
    criterion: str,
    axes: dict[str, tuple[float, ...]],
) -> Frontier:
    """Solves `criterion` again in every cell of the grid, as in the base.

    `axes` names two of the problem's keys and the displacements of each. A cell's
    status is that of a break-even; its value is None unless a first failure exists.
    """
    (first, rows), (second, columns) = axes.items()
    shifts = np.stack(
        [
            problem.shifted(**{first: a}) + problem.shifted(**{second: b})
            for a in rows
            for b in columns
        ]
    )
    found = resolve(problem, solved, shifts, (criterion,))
    value = found.value[:, 0]
    status = [row[0] for row in found.status]
    at = np.flatnonzero(np.isfinite(value))
    which = np.full(at.shape, problem.criteria.index(criterion))
    local = classify(problem, solved.scan, value[at], which, shifts[at])
    for k, kind in zip(at, local.kind, strict=True):
        status[k] = kind if status[k] == "ok" else status[k]
    missing = [k for k, s in enumerate(status) if s in ("ok", "reswitches")]
    for k in missing:
        status[k] = status[k] if np.isfinite(value[k]) else "not_converged"
    return Frontier(axes, _table(value, len(columns)), _fold(status, len(columns)))


def _table(value: Float[np.ndarray, " cell"], width: int) -> list[list[float | None]]:
    plain = [float(x) if np.isfinite(x) else None for x in value]
    return [plain[i : i + width] for i in range(0, len(plain), width)]


def _fold(status: list[str], width: int) -> list[list[str]]:
    return [status[i : i + width] for i in range(0, len(status), width)]
