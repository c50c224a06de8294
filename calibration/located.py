r"""Break-evens of an economy, located once: studies, maps and reports start here."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import engine
from calibration.adoption import earliest_midpoint, with_midpoint
from calibration.breakeven import BreakEven, Solved, break_evens
from calibration.problem import Figures, Outcome, Problem, problem
from calibration.scan import Scan
from calibration.unknowns import MIDPOINT, SHIFTS, figure_of, midpoint_scan, scans
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


@dataclasses.dataclass(frozen=True)
class Located:
    """Break-evens of every criterion of an economy in one unknown.

    `solutions`: one per direction of the search; each criterion is in that of its
    nearest failure. `economy` has its midpoint as a figure.
    """

    problem: Problem
    economy: Economy
    grid: TimeGrid
    unknown: str
    solutions: tuple[Solved, ...]

    @property
    def layers(self) -> dict[str, BreakEven]:
        """Every criterion's break-even, `@full` ones included."""
        found = {k: x for s in self.solutions for k, x in s.layers.items()}
        return {k: found[k] for k in self.problem.criteria}

    @property
    def base(self) -> float:
        """The unknown's value in the economy itself."""
        return float(self.economy[self.unknown])

    def default_criterion(self) -> str:
        """The financed layer with the earliest break-even (the first to fail at base).

        Ties (one default, several layers) go to the smooth one: it is the cause.
        """
        found = self.layers
        financed = [k for k in found if k in FINANCED] or list(found)

        def rank(name: str) -> tuple[float, bool]:
            x = found[name]
            failing = {"never_holds": -2.0, "fails_at_base": -1.0}
            if x.value is None:
                return failing.get(x.status, float("inf")), False
            return round(abs(x.value - x.base), 8), x.local != "ok"

        return min(financed, key=rank)

    def solution(self, criterion: str) -> Solved:
        """The search that found `criterion`; `ValueError` if there is none."""
        for solved in self.solutions:
            if criterion in solved.layers:
                return solved
        known = ", ".join(k for k in self.problem.criteria if "@" not in k)
        raise ValueError(f"criterion: {criterion!r} is none of {known}, all")

    def again(self, economy: Economy) -> "Located":
        """The same search in another economy of the same structure: no compilation."""
        moved = with_midpoint(economy, self.grid)
        figures = {k: moved.figures[k] for k in self.economy.figures}
        at = self.problem.at(figures)
        base = float(moved[self.unknown])
        if self.unknown == MIDPOINT:
            ways = (midpoint_scan(base, earliest_midpoint(moved, self.grid)),)
        else:
            ways = tuple(_around(s.scan, base) for s in self.solutions)
        return dataclasses.replace(
            self, problem=at, economy=moved, solutions=_nearest(at, ways)
        )


def locate(
    economy: Economy,
    grid: TimeGrid,
    unknown: str = MIDPOINT,
    paths: Sequence[str] = (),
    *,
    bounds: tuple[float, float] | None = None,
    scenario: Scenario | None = None,
    limit_states: LimitStates | None = None,
    chunk: int = 32,
) -> Located:
    """Finds every criterion's break-even in `unknown`.

    **Arguments:** `unknown`, the midpoint or any scalar figure, the latter scanned both
    ways (within `bounds`, else its range); `paths`, figures to re-solve for, beside the
    named shifts; under a `scenario`, its draws become figures and its shocks stay.

    **Raises:** `ValueError` for a name that is no scalar figure.
    """
    economy = with_midpoint(economy, grid)
    if scenario is not None:
        economy = economy.replace(scenario.draws)
    if unknown not in economy.figures:
        raise ValueError(f"unknown: no figure is called {unknown!r}")
    if economy[unknown].ndim:
        raise ValueError(f"unknown: {unknown!r} is not a scalar figure")
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
    p = problem(system, economy.figures, unique, chunk=chunk)
    base = float(economy[unknown])
    if unknown == MIDPOINT:
        ways = (midpoint_scan(base, earliest_midpoint(economy, grid)),)
    else:
        ranges = {r.name: (r.low, r.high) for r in economy.blueprint.ranges}
        ways = scans(unknown, base, ranges, bounds)
    return Located(p, economy, grid, unknown, _nearest(p, ways))


def _around(scan: Scan, base: float) -> Scan:
    """A scan with the same ends around another base, or as long beyond it."""
    low, high = sorted((scan.before, scan.end))
    if (low <= base < high and scan.outward > 0) or low < base <= high:
        return dataclasses.replace(scan, base=base)
    shift = base - scan.base
    return dataclasses.replace(
        scan, base=base, end=scan.end + shift, before=scan.before + shift
    )


def _nearest(p: Problem, ways: Sequence[Scan]) -> tuple[Solved, ...]:
    """One search per direction; each criterion stays in that of its nearest failure."""
    solutions = [break_evens(p, scan) for scan in ways]
    best = {
        name: min(range(len(ways)), key=lambda i: _rank(solutions[i].layers[name]))
        for name in p.criteria
    }
    return tuple(
        dataclasses.replace(s, layers={k: s.layers[k] for k in best if best[k] == i})
        for i, s in enumerate(solutions)
    )


def _rank(found: BreakEven) -> float:
    if found.value is not None:
        return abs(found.value - found.base)
    # Where base fails, the direction in which it holds somewhere says more.
    return {"fails_at_base": 0.0, "never_holds": 1.0}.get(found.status, float("inf"))
