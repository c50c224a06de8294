r"""Sensitivities of a break-even: implicit, and confirmed by solving again.

$$ \frac{\mathrm{d}t^*}{\mathrm{d}\theta}
   = -\frac{\partial g / \partial \theta}{\partial g / \partial x} $$

to every figure from one reverse pass per criterion (the implicit function theorem; it
holds where $g$ is smooth at $t^*$). At a kink the two sides differ and both are given;
at a jump $t^*$ is pinned on another event, whose derivative it has. Every shift is also
re-solved by a full scan on both sides at steps that shrink until the two sides agree.
"""

import dataclasses

import numpy as np

from calibration.breakeven import BreakEven, Solved
from calibration.problem import Problem
from calibration.resolve import NOISE, number, resolve
from calibration.scan import Points

STEPS: tuple[float, ...] = (2e-5, 4e-6, 8e-7, 1.6e-7)

_AGREEMENT = 1e-4
_SIDE = 1e-7


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
class Move:
    """Change of a break-even for a whole step; None where it is not found again."""

    size: float
    up: float | None
    down: float | None
    status_up: str
    status_down: str


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
    ladder: tuple[float, ...] = STEPS,
) -> dict[str, dict[str, Sensitivity]]:
    """Every layer with a value to every key, each re-solved on both sides.

    `sizes` scales the `ladder` of steps (two at least) of a key; 1 for rates and
    shares.
    """
    names = tuple(k for k, x in solved.layers.items() if x.value is not None)
    if not names or not keys:
        return {name: {} for name in names}
    value = np.array([solved.layers[k].value for k in names], float)
    sizes = {key: (sizes or {}).get(key, 1.0) for key in keys}
    rows = [
        problem.shifted(**{key: sign * step * sizes[key]})
        for key in keys
        for step in ladder
        for sign in (1.0, -1.0)
    ]
    moved = resolve(problem, solved, np.stack(rows), names).value - value
    moved = moved.reshape(len(keys), len(ladder), 2, len(names))
    result: dict[str, dict[str, Sensitivity]] = {name: {} for name in names}
    for j, key in enumerate(keys):
        steps = np.array(ladder) * sizes[key]
        up = moved[j, :, 0] / steps[:, None]
        down = -moved[j, :, 1] / steps[:, None]
        noise = NOISE * solved.scan.scale / steps
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
    elif not pairs and abs(up[-1] - down[-1]) > 0.5 * abs(up[-2] - down[-2]):
        status = "at_kink"  # curvature would shrink the gap with the step
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
        number(up[r]),
        number(down[r]),
        float(steps[r + 1]),
        number(up[r + 1]),
        number(down[r + 1]),
    )


def finite_moves(
    problem: Problem, solved: Solved, keys: tuple[str, ...], size: float = 0.01
) -> dict[str, dict[str, Move]]:
    """How far a break-even moves for a whole step of each key, up and down."""
    names = tuple(k for k, x in solved.layers.items() if x.value is not None)
    if not names or not keys:
        return {name: {} for name in names}
    value = np.array([solved.layers[k].value for k in names], float)
    rows = [problem.shifted(**{k: s * size}) for k in keys for s in (1.0, -1.0)]
    found = resolve(problem, solved, np.stack(rows), names)
    moved = found.value - value
    return {
        name: {
            key: Move(
                size,
                number(moved[2 * j, i]),
                number(moved[2 * j + 1, i]),
                found.status[2 * j][i],
                found.status[2 * j + 1][i],
            )
            for j, key in enumerate(keys)
        }
        for i, name in enumerate(names)
    }
