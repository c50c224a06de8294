r"""Cross derivatives of a break-even, by solving four corners again.

$$ \frac{\partial^2 t^*}{\partial a\,\partial b} \approx
   \frac{t^*_{++} - t^*_{+-} - t^*_{-+} + t^*_{--}}{4 h^2} $$
"""

import dataclasses

import numpy as np

from calibration.breakeven import Solved
from calibration.problem import Problem
from calibration.resolve import NOISE, number, resolve
from calibration.scan import Points

STEPS: tuple[float, ...] = (4e-4, 2e-4, 1e-4)

_AGREEMENT = 0.05


@dataclasses.dataclass(frozen=True)
class Cross:
    """Second cross derivative from four corners at `step`, and at half of it."""

    value: float | None
    status: str
    step: float
    second: float | None


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
        for step in STEPS
        for i, j in signs
    ]
    value = resolve(problem, solved, np.stack(rows), names).value
    value = value.reshape(len(pairs), len(STEPS), 4, len(names))
    weights = np.array([i * j for i, j in signs])
    steps = np.array(STEPS)
    second = np.einsum("psck,c->psk", value, weights) / (4 * steps[:, None] ** 2)
    result: dict[str, dict[tuple[str, str], Cross]] = {name: {} for name in names}
    for p, pair in enumerate(pairs):
        for k, name in enumerate(names):
            result[name][pair] = _steady(second[p, :, k], solved.scan.scale)
    return result


def _steady(second: Points, scale: float) -> Cross:
    for r in range(len(STEPS) - 1):
        a, b = second[r], second[r + 1]
        noise = NOISE * scale / STEPS[r + 1] ** 2
        if abs(a - b) <= _AGREEMENT * max(abs(a), abs(b)) + noise:
            return Cross(number(a), "ok", STEPS[r], number(b))
    is_found = bool(np.isfinite(second[-2:]).all())
    status = "at_kink" if is_found else "not_found"
    return Cross(None, status, STEPS[-2], number(second[-1]))
