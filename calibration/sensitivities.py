r"""Sensitivities of a break-even: implicit, and confirmed by solving again.

$$ \frac{\mathrm{d}t^*}{\mathrm{d}\theta}
   = -\frac{\partial g / \partial \theta}{\partial g / \partial x} $$

to every figure from one reverse pass per criterion (the implicit function theorem; it
holds where $g$ is smooth at $t^*$). At a kink the two sides differ and both are given;
at a jump $t^*$ is pinned on another event, whose derivative it has. Every shift is also
re-solved by a full scan on both sides at steps that shrink until the two sides agree.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from calibration.breakeven import BreakEven, Solved
from calibration.problem import Problem
from calibration.scan import Points, refine_cells, survey, verdict

STEPS: tuple[float, ...] = (2e-5, 5e-6, 1.25e-6)
CROSS_STEPS: tuple[float, ...] = (4e-4, 2e-4, 1e-4)

_AGREEMENT = 1e-4
# A re-solve is known to about this much, in units of the scan's scale.
_NOISE = 1e-11
_SIDE = 1e-7
_CROSS_AGREEMENT = 0.05


class Resolved(NamedTuple):
    """First failures under rows of shifts; NaN where there is none, and the status."""

    value: Float[np.ndarray, "shift layer"]
    status: list[list[str]]


@dataclasses.dataclass(frozen=True)
class Gradient:
    """Implicit derivatives of one break-even to every figure (and on each side)."""

    value: dict[str, np.ndarray] | None
    before: dict[str, np.ndarray] | None = None
    after: dict[str, np.ndarray] | None = None


@dataclasses.dataclass(frozen=True)
class Sensitivity:
    """Implicit derivative, and what solving again says at `step` and at a smaller one.

    `check_up` = (t*(x + step) − t*)/step, `check_down` the same with −step. `status`:
    `ok` (both sides agree and the implicit value with them), `at_kink` (the sides
    differ at every step), `at_jump`, `unconfirmed` (they agree with each other only),
    `not_found` (a re-solve has no first failure).
    """

    value: float | None
    status: str
    step: float
    check_up: float | None
    check_down: float | None
    second_step: float
    second_up: float | None
    second_down: float | None


@dataclasses.dataclass(frozen=True)
class Cross:
    """Second cross derivative from four corners at `step`, and at half of it."""

    value: float | None
    status: str
    step: float
    second: float | None


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


def gradients(problem: Problem, solved: Solved) -> dict[str, Gradient]:
    """Implicit derivatives of every break-even with a value, in one batch of passes."""
    rows: list[tuple[str, str, float, int]] = []
    for name, result in solved.layers.items():
        criterion = _smooth_criterion(problem, solved, result)
        if result.value is None or criterion is None:
            continue
        side = _SIDE * solved.scan.scale * solved.scan.outward
        offsets = {"value": 0.0}
        if result.local == "at_kink":
            offsets = {"before": -side, "after": side}
        rows += [
            (name, at, result.value + offset, problem.criteria.index(criterion))
            for at, offset in offsets.items()
        ]
    found: dict[str, dict[str, dict[str, np.ndarray] | None]] = {}
    if rows:
        x = np.array([row[2] for row in rows])
        criteria = np.array([row[3] for row in rows])
        slopes = problem.gradient(x, problem.none(len(rows)), criteria)
        for i, (name, at, _, _) in enumerate(rows):
            by_unknown = float(slopes.unknown[i])
            found.setdefault(name, {})[at] = _implicit(
                by_unknown, {k: np.asarray(v[i]) for k, v in slopes.figures.items()}
            )
    return {
        name: Gradient(x.get("value"), x.get("before"), x.get("after"))
        for name, x in found.items()
    }


def _implicit(
    by_unknown: float, by_figure: dict[str, np.ndarray]
) -> dict[str, np.ndarray] | None:
    if by_unknown == 0 or not np.isfinite(by_unknown):
        return None
    return {k: np.asarray(-v / by_unknown) for k, v in by_figure.items()}


def _smooth_criterion(
    problem: Problem, solved: Solved, result: BreakEven
) -> str | None:
    """Whose limit state gives the derivative: its own, or that of the pinning event."""
    if result.local != "at_jump":
        return result.criterion
    name = None if result.event is None else result.event.name
    pin = solved.layers.get(name) if name in problem.criteria else None
    if pin is None or pin.local != "ok" or pin.value is None or result.value is None:
        return None
    is_same = abs(pin.value - result.value) < 1e-8 * solved.scan.scale
    return pin.criterion if is_same else None


def sensitivities(
    problem: Problem,
    solved: Solved,
    gradient: dict[str, Gradient],
    keys: tuple[str, ...],
    sizes: dict[str, float] | None = None,
) -> dict[str, dict[str, Sensitivity]]:
    """Every layer with a value to every key, each re-solved on both sides.

    `sizes` scales the ladder of steps (`STEPS`) of a key; 1 for rates and shares.
    """
    names = tuple(k for k, x in solved.layers.items() if x.value is not None)
    if not names or not keys:
        return {name: {} for name in names}
    value = np.array([solved.layers[k].value for k in names], float)
    sizes = {key: (sizes or {}).get(key, 1.0) for key in keys}
    rows = [
        problem.shifted(**{key: sign * step * sizes[key]})
        for key in keys
        for step in STEPS
        for sign in (1.0, -1.0)
    ]
    moved = resolve(problem, solved, np.stack(rows), names).value - value
    moved = moved.reshape(len(keys), len(STEPS), 2, len(names))
    result: dict[str, dict[str, Sensitivity]] = {name: {} for name in names}
    for j, key in enumerate(keys):
        steps = np.array(STEPS) * sizes[key]
        up = moved[j, :, 0] / steps[:, None]
        down = -moved[j, :, 1] / steps[:, None]
        noise = _NOISE * solved.scan.scale / steps
        for i, name in enumerate(names):
            implicit = gradient.get(name, Gradient(None)).value
            exact = None if implicit is None else float(implicit[key])
            local = solved.layers[name].local or "ok"
            result[name][key] = _confirmed(
                exact, local, steps, up[:, i], down[:, i], noise
            )
    return result


def _confirmed(
    exact: float | None,
    local: str,
    steps: Points,
    up: Points,
    down: Points,
    noise: Points,
) -> Sensitivity:
    """Picks the largest step at which, and below which, both sides agree."""
    middle = (up + down) / 2
    allowed = _AGREEMENT * np.abs(middle) + noise
    agree = np.abs(up - down) <= allowed
    pairs = [r for r in range(len(steps) - 1) if agree[r] and agree[r + 1]]
    r = pairs[0] if pairs else len(steps) - 2
    both = middle[r : r + 2]
    if not np.isfinite(both).all():
        status = "not_found"
    elif not pairs:
        gaps = np.abs(up - down)
        is_shrinking = gaps[-1] < 0.5 * gaps[-2]
        status = "unconfirmed" if is_shrinking else "at_kink"
    elif exact is None:
        status = "unconfirmed"
    else:
        is_near = np.abs(both - exact) <= allowed[r : r + 2]
        status = "ok" if is_near.all() else "unconfirmed"
    if local != "ok" and status != "not_found":
        status = local
    return Sensitivity(
        exact,
        status,
        float(steps[r]),
        _number(up[r]),
        _number(down[r]),
        float(steps[r + 1]),
        _number(up[r + 1]),
        _number(down[r + 1]),
    )


def crosses(
    problem: Problem, solved: Solved, pairs: tuple[tuple[str, str], ...]
) -> dict[str, dict[tuple[str, str], Cross]]:
    """Second cross derivatives, by re-solving four corners at three sizes of step.

    The largest step that agrees with the next smaller one is reported; where none
    does, a kink lies too near and the status says so.
    """
    names = tuple(k for k, x in solved.layers.items() if x.value is not None)
    if not names or not pairs:
        return {name: {} for name in names}
    signs = ((1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0))
    rows = [
        problem.shifted(**{a: i * step}) + problem.shifted(**{b: j * step})
        for a, b in pairs
        for step in CROSS_STEPS
        for i, j in signs
    ]
    value = resolve(problem, solved, np.stack(rows), names).value
    value = value.reshape(len(pairs), len(CROSS_STEPS), 4, len(names))
    weights = np.array([i * j for i, j in signs])
    steps = np.array(CROSS_STEPS)
    second = np.einsum("psck,c->psk", value, weights) / (4 * steps[:, None] ** 2)
    result: dict[str, dict[tuple[str, str], Cross]] = {name: {} for name in names}
    for p, pair in enumerate(pairs):
        for k, name in enumerate(names):
            result[name][pair] = _steady(second[p, :, k], solved.scan.scale)
    return result


def _steady(second: Points, scale: float) -> Cross:
    for r in range(len(CROSS_STEPS) - 1):
        a, b = second[r], second[r + 1]
        noise = _NOISE * scale / CROSS_STEPS[r + 1] ** 2
        if abs(a - b) <= _CROSS_AGREEMENT * max(abs(a), abs(b)) + noise:
            return Cross(_number(a), "ok", CROSS_STEPS[r], _number(b))
    is_found = bool(np.isfinite(second[-2:]).all())
    status = "at_kink" if is_found else "not_found"
    return Cross(None, status, CROSS_STEPS[-2], _number(second[-1]))


def _number(x: float | np.floating) -> float | None:
    return float(x) if np.isfinite(x) else None
