r"""The break-even study of an economy: what `buytime breakeven` prints."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import engine
from calibration.adoption import (
    Equivalents,
    earliest_midpoint,
    equivalents,
    with_midpoint,
)
from calibration.breakeven import BreakEven, Solved, break_evens
from calibration.cross import crosses
from calibration.problem import Figures, Outcome, Problem, problem
from calibration.result import Json, LayerResult
from calibration.scan import Scan
from calibration.sensitivities import finite_moves, gradients, sensitivities
from calibration.unknowns import (
    CROSSES,
    MIDPOINT,
    SHIFTS,
    figure_of,
    midpoint_scan,
    scans,
    size_of,
)
from engine._types import Scalar
from engine.drivers.sampling import Scenario, reference_scenario
from engine.economy import Economy
from engine.grid import TimeGrid

FINANCED: tuple[str, ...] = (
    "neocloud_equity",
    "neocloud_unsecured",
    "neocloud_secured",
    "bank_spv",
    "chip_spv",
    "tenant_spv",
)
"""Layers among which the default criterion is the one with the earliest break-even."""

LimitStates = Callable[..., Any]


def economy_problem(
    economy: Economy,
    grid: TimeGrid,
    unknown: str = MIDPOINT,
    paths: Sequence[str] = (),
    *,
    scenario: Scenario | None = None,
    limit_states: LimitStates | None = None,
    chunk: int = 256,
) -> tuple[Problem, Economy]:
    """An economy's limit states as a `Problem` in one of its figures.

    `paths` are further figures to re-solve for, beside the named shifts; under a
    `scenario`, its draws become figures and its shocks stay. The economy returned has
    its midpoint as a figure, however it was given.
    """
    economy = with_midpoint(economy, grid)
    if unknown not in economy.figures:
        raise ValueError(f"unknown: no figure is called {unknown!r}")
    if scenario is not None:
        economy = economy.replace(scenario.draws)
    states = engine.limit_states if limit_states is None else limit_states

    def system(x: Scalar, figures: Figures) -> Outcome:
        moved = Economy({**figures, unknown: x}, economy.blueprint)
        # Built anew: a scenario's own copies would undo what is moved here.
        drawn = reference_scenario(moved, grid)
        if scenario is not None:
            drawn = dataclasses.replace(drawn, shocks=scenario.shocks)
        found = states(moved, grid, drawn)
        return Outcome(
            {**found.values, **found.alternatives},
            dict(found.binding),
            dict(found.first),
            dict(found.events),
        )

    keys = [x for x in SHIFTS.values() if x in economy.figures]
    keys += [figure_of(x) for x in paths]
    unique = tuple(k for k in dict.fromkeys(keys) if k != unknown)
    return problem(system, economy.figures, unique, chunk=chunk), economy


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
    chunk: int = 256,
) -> Json:
    """Break-evens with sensitivities, as the JSON object of the verb.

    **Arguments:** `criterion`, a layer, `<layer>.return`, `all`, or None for the
    financed layer that fails first; `unknown`, the midpoint or any scalar figure
    (scanned within `bounds`); `paths`, figures to re-solve for beside the four shifts.

    **Returns:** one object, or with `all` `{"layers": {name: that object}}`.
    **Raises:** `ValueError` for an unknown criterion, unknown or path.
    """
    p, economy = economy_problem(
        economy,
        grid,
        unknown,
        paths,
        scenario=scenario,
        limit_states=limit_states,
        chunk=chunk,
    )
    _check_criterion(p, criterion)
    base = float(economy[unknown])
    if unknown == MIDPOINT:
        ways = (midpoint_scan(base, earliest_midpoint(economy, grid)),)
    else:
        ranges = {r.name: (r.low, r.high) for r in economy.blueprint.ranges}
        ways = scans(unknown, base, ranges, bounds)
    solutions = nearest_failures(p, ways)
    found = {k: x for s in solutions for k, x in s.layers.items()}
    plain = [k for k in p.criteria if "@" not in k]
    if criterion is None:
        criterion = default_criterion(found, base)
    names = plain if criterion == "all" else [criterion]
    shifts = [k for k, v in SHIFTS.items() if v in p.keys] + [
        k for k in paths if k not in SHIFTS and k != unknown
    ]
    results = _explain(p, economy, grid, unknown, solutions, names, shifts)
    if criterion != "all":
        return results[criterion]
    return {
        "unknown": unknown,
        "criterion": "all",
        "base": base,
        "layers": {k: results[k] for k in plain},
    }


def nearest_failures(p: Problem, ways: Sequence[Scan]) -> list[Solved]:
    """One search per direction; each criterion stays in that of its nearest failure."""
    solutions = [break_evens(p, scan) for scan in ways]
    best = {
        name: min(range(len(ways)), key=lambda i: _rank(solutions[i].layers[name]))
        for name in p.criteria
    }
    return [
        dataclasses.replace(s, layers={k: s.layers[k] for k in best if best[k] == i})
        for i, s in enumerate(solutions)
    ]


def default_criterion(found: dict[str, BreakEven], base: float) -> str:
    """The financed layer with the earliest break-even (the first to fail at base)."""
    financed = [k for k in found if k in FINANCED] or list(found)
    order = {"fails_at_base": -2.0, "never_holds": -1.0}

    def rank(name: str) -> float:
        x = found[name]
        if x.value is None:
            return order.get(x.status, float("inf"))
        return abs(x.value - base)

    return min(financed, key=rank)


def _rank(found: BreakEven) -> float:
    if found.value is not None:
        return abs(found.value - found.base)
    # Where base fails, the direction in which it holds somewhere says more.
    return {"fails_at_base": 0.0, "never_holds": 1.0}.get(found.status, float("inf"))


def _check_criterion(p: Problem, criterion: str | None) -> None:
    if criterion is None or criterion == "all" or criterion in p.criteria:
        return
    known = ", ".join(k for k in p.criteria if "@" not in k)
    raise ValueError(f"criterion: {criterion!r} is none of {known}, all")


def _explain(
    p: Problem,
    economy: Economy,
    grid: TimeGrid,
    unknown: str,
    solutions: Sequence[Solved],
    names: Sequence[str],
    shifts: Sequence[str],
) -> dict[str, Json]:
    """Sensitivities, equivalents and the full grid's answer for each of `names`."""
    figures = tuple(figure_of(k) for k in shifts)
    sizes = {k: size_of(k, float(economy[k])) for k in figures}
    named = tuple((figure_of(a), figure_of(b)) for a, b in CROSSES)
    pairs = [
        (x, y)
        for x, y in zip(CROSSES, named, strict=True)
        if y[0] in p.keys and y[1] in p.keys
    ]
    signed = tuple(k for k in figures if k in SHIFTS.values())
    dates = tuple(float(x) for x in grid.modelled(grid.ends))
    horizon = economy.figures.get("criteria.horizon")
    results: dict[str, Json] = {}
    for solved in solutions:
        pins = {
            x.event.name
            for k, x in solved.layers.items()
            if k in names and x.event is not None and x.event.name in solved.layers
        }
        wanted = {k: x for k, x in solved.layers.items() if k in {*names, *pins}}
        asked = dataclasses.replace(solved, layers=wanted)
        slopes = gradients(p, asked)
        tested = sensitivities(p, asked, slopes, figures, sizes)
        moved = finite_moves(p, asked, signed)
        crossed = crosses(p, asked, tuple(y for _, y in pairs))
        words: dict[str, Equivalents] = {}
        if unknown == MIDPOINT:
            values = {k: x.value for k, x in wanted.items() if x.value is not None}
            in_words = equivalents(economy, grid, tuple(values.values()))
            words = dict(zip(values, in_words, strict=True))
        for name, found in wanted.items():
            by_shift = _renamed(tested.get(name, {}), shifts)
            event = found.event
            pin = None if event is None else tested.get(event.name)
            results[name] = LayerResult(
                unknown=unknown,
                found=found,
                horizon=None if horizon is None else float(horizon),
                dates=dates,
                equivalents=words.get(name),
                full_grid=solved.layers.get(f"{name}@full"),
                gradient=slopes.get(name),
                sensitivities=by_shift,
                moves=_renamed(moved.get(name, {}), shifts),
                cross={x: crossed[name][y] for x, y in pairs if name in crossed},
                pin=None if pin is None else _renamed(pin, shifts),
            ).to_json()
    return results


def _renamed(by_figure: dict[str, Any], shifts: Sequence[str]) -> dict[str, Any]:
    return {k: by_figure[figure_of(k)] for k in shifts if figure_of(k) in by_figure}
