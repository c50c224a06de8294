r"""The break-even study of an economy: what `buytime breakeven` prints."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from calibration.adoption import Equivalents, equivalents
from calibration.breakeven import BreakEven, Solved
from calibration.cross import crosses
from calibration.frontier import frontier
from calibration.located import LimitStates, Located, locate
from calibration.result import Json, LayerResult, strict
from calibration.sensitivities import finite_moves, gradients, sensitivities
from calibration.unknowns import CROSSES, MIDPOINT, SHIFTS, figure_of, size_of
from engine.drivers.sampling import Scenario
from engine.economy import Economy
from engine.grid import TimeGrid

RATES: tuple[float, ...] = (-0.02, -0.015, -0.01, -0.005, 0.0, 0.005, 0.01, 0.015, 0.02)
LEVERAGES: tuple[float, ...] = (
    -0.10,
    -0.075,
    -0.05,
    -0.025,
    0.0,
    0.025,
    0.05,
    0.075,
    0.1,
)


def study(
    economy: Economy,
    grid: TimeGrid,
    criterion: str | None = None,
    unknown: str = MIDPOINT,
    paths: Sequence[str] = (),
    *,
    bounds: tuple[float, float] | None = None,
    scenario: Scenario | None = None,
    limit_states: LimitStates | None = None,
    chunk: int = 32,
) -> Json:
    """Break-evens with sensitivities, as the JSON object of the verb.

    **Arguments:** `criterion`, a layer, `<layer>.return`, `all`, or None for the
    financed layer that fails first; `unknown`, the midpoint or any scalar figure
    (scanned within `bounds`); `paths`, figures to re-solve for beside the four shifts.

    **Returns:** one object, or with `all` `{"layers": {name: that object}}`.
    **Raises:** `ValueError` for an unknown criterion, unknown or path.
    """
    found = locate(
        economy,
        grid,
        unknown,
        paths,
        bounds=bounds,
        scenario=scenario,
        limit_states=limit_states,
        chunk=chunk,
    )
    return explain(found, criterion, paths)


def explain(
    found: Located, criterion: str | None = None, paths: Sequence[str] = ()
) -> Json:
    """Sensitivities of break-evens already located; see `study`."""
    if criterion is None:
        criterion = found.default_criterion()
    if criterion != "all":
        found.solution(criterion)
    plain = [k for k in found.problem.criteria if "@" not in k]
    names = plain if criterion == "all" else [criterion]
    keys = found.problem.keys
    shifts = [k for k, v in SHIFTS.items() if v in keys]
    shifts += [k for k in paths if k not in SHIFTS and k in keys]
    results: dict[str, Json] = {}
    for solved in found.solutions:
        results |= _explain(found, solved, names, shifts)
    if criterion != "all":
        return results[criterion]
    return {
        "unknown": found.unknown,
        "criterion": "all",
        "base": found.base,
        "earliest": found.default_criterion(),
        "layers": {k: results[k] for k in plain},
    }


def heat_map(
    found: Located,
    criterion: str | None = None,
    rates: tuple[float, ...] = RATES,
    leverages: tuple[float, ...] = LEVERAGES,
    kind: str = "future",
) -> Json:
    """Break-evens over rate × leverage, with a status in every cell.

    `kind` `future` or `all` chooses the pair of named shifts.
    """
    criterion = found.default_criterion() if criterion is None else criterion
    shifts = (f"rate.{kind}", f"leverage.{kind}")
    table = frontier(
        found.problem,
        found.solution(criterion),
        criterion,
        {SHIFTS[shifts[0]]: rates, SHIFTS[shifts[1]]: leverages},
    )
    result = {
        "unknown": found.unknown,
        "criterion": criterion,
        "axes": {shifts[0]: list(rates), shifts[1]: list(leverages)},
        "value": table.value,
        "status": table.status,
    }
    return strict(result)


def _explain(
    found: Located, solved: Solved, names: Sequence[str], shifts: Sequence[str]
) -> dict[str, Json]:
    """Everything about each of `names` that this search found."""
    p, economy = found.problem, found.economy
    figures = tuple(figure_of(k) for k in shifts)
    sizes = {k: size_of(k, float(economy[k])) for k in figures}
    pairs = {
        pair: (figure_of(pair[0]), figure_of(pair[1]))
        for pair in CROSSES
        if figure_of(pair[0]) in figures and figure_of(pair[1]) in figures
    }
    pins = {
        x.event.name
        for k, x in solved.layers.items()
        if k in names and x.event is not None and x.event.name in solved.layers
    }
    wanted = {k: x for k, x in solved.layers.items() if k in {*names, *pins}}
    asked = dataclasses.replace(solved, layers=wanted)
    slopes = gradients(p, asked)
    tested = sensitivities(p, asked, slopes, figures, sizes)
    signed = tuple(k for k in figures if k in SHIFTS.values())
    moved = finite_moves(p, asked, signed)
    crossed = crosses(p, asked, tuple(pairs.values()))
    words: dict[str, Equivalents] = {}
    if found.unknown == MIDPOINT:
        values = {k: x.value for k, x in wanted.items() if x.value is not None}
        in_words = equivalents(economy, found.grid, tuple(values.values()))
        words = dict(zip(values, in_words, strict=True))
    horizon = economy.figures.get("criteria.horizon")
    results: dict[str, Json] = {}
    for name, point in wanted.items():
        if name not in names:
            continue
        pin = _pin_of(solved, point)
        results[name] = LayerResult(
            unknown=found.unknown,
            found=point,
            horizon=None if horizon is None else float(horizon),
            dates=tuple(float(x) for x in found.grid.modelled(found.grid.ends)),
            equivalents=words.get(name),
            full_grid=found.layers.get(f"{name}@full"),
            gradient=slopes.get(name),
            sensitivities=_renamed(tested.get(name, {}), shifts),
            moves=_renamed(moved.get(name, {}), shifts),
            cross={x: crossed[name][y] for x, y in pairs.items() if name in crossed},
            pin=None if pin is None else _renamed(tested[pin], shifts),
        ).to_json()
    return results


def _pin_of(solved: Solved, point: BreakEven) -> str | None:
    """The criterion behind the switching event, if its own break-even is here."""
    cause = None if point.event is None else solved.layers.get(point.event.name)
    if cause is None or cause.value is None or point.value is None:
        return None
    is_here = abs(cause.value - point.value) < 1e-8 * solved.scan.scale
    return cause.criterion if is_here else None


def _renamed(by_figure: dict[str, Any], shifts: Sequence[str]) -> dict[str, Any]:
    return {k: by_figure[figure_of(k)] for k in shifts if figure_of(k) in by_figure}
