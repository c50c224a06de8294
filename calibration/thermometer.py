r"""The thermometer: what dated observations say about the time that is left.

For an indicator that speaks of a figure, t* is solved again with the figure at the
observed value; thresholds are where the map t*(figure) has fallen by `amber` and by
`red` years, or to the midpoint of the config itself (the layer fails). The growth of
revenue moves the midpoint, not t*: it is compared with t* directly.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from calibration.indicators import INDICATORS, ITEMS, Indicator, Reading
from calibration.located import LimitStates, Located, locate
from calibration.resolve import resolve
from calibration.unknowns import size_of
from engine.drivers import adoption
from engine.economy import Economy
from engine.grid import TimeGrid

MAP_POINTS = 9
"""Values of a figure at which t* is solved for the thresholds."""

_SMALL = 1e-5


@dataclasses.dataclass(frozen=True)
class Observation:
    """One dated observation; `date` in decimal years, `age_days` before the stated."""

    name: str
    date: float
    day: str
    value: float
    age_days: int
    source: str


def thermometer(
    economy: Economy,
    grid: TimeGrid,
    observations: Sequence[Observation],
    bounds: Mapping[str, tuple[float, float]],
    criterion: str | None = None,
    amber: float = 0.25,
    red: float = 1.0,
    limit_states: LimitStates | None = None,
) -> dict[str, Any]:
    """Every indicator with reading, age, colour and the shift of t* it implies.

    **Arguments:** `bounds`, in engine units, within which each figure may stand;
    `amber`, `red` [years] by which t* must fall for a colour.

    **Returns:** a JSON-like dict. **Raises:** `ValueError` for an unknown criterion.
    """
    series: dict[str, list[Observation]] = {}
    for one in sorted(observations, key=lambda x: x.date):
        series.setdefault(one.name, []).append(one)
    figures = tuple(dict.fromkeys(x.figure for x in INDICATORS if x.figure is not None))
    found = locate(economy, grid, paths=figures, limit_states=limit_states)
    chosen = found.default_criterion() if criterion is None else criterion
    found.solution(chosen)
    maps = _Maps(found, chosen, bounds, series, float(economy["rates.ten_year"]))
    listed = []
    for indicator in INDICATORS:
        seen = series.get(indicator.name, [])
        row = {
            "name": indicator.name,
            "item": indicator.item,
            "item_text": ITEMS[indicator.item],
            "what": indicator.what,
            "reading": seen[-1].value if seen else None,
            "unit": indicator.unit,
            "date": seen[-1].day if seen else None,
            "source": seen[-1].source if seen else None,
            "observations": len(seen),
            "age_days": seen[-1].age_days if seen else None,
            "is_stale": seen[-1].age_days > indicator.max_age_days if seen else None,
        }
        row |= maps.judge(indicator, seen, amber, red)
        if indicator.name == "ai_revenue" and seen:
            row |= _growth(economy, grid, seen, maps.t_star, red)
        elif indicator.unit == "usd_bn_per_year" and len(seen) > 2:
            row |= shape(seen)
        listed.append(row)
    return {
        "criterion": chosen,
        "break_even": maps.t_star,
        "base": found.base,
        "amber_years": amber,
        "red_years": red,
        "indicators": listed,
    }


class _Maps:
    """t* under displaced figures: all readings and all map points in one search."""

    def __init__(
        self,
        found: Located,
        chosen: str,
        bounds: Mapping[str, tuple[float, float]],
        series: Mapping[str, list[Observation]],
        ten_year: float,
    ):
        self.found, self.chosen = found, chosen
        self.points: dict[str, Float[np.ndarray, " point"]] = {}
        self.at: dict[str, float] = {}
        shifts, where = [], []
        p = found.problem
        for indicator in INDICATORS:
            if indicator.figure is None or indicator.to_figure is None:
                continue
            here = float(found.economy[indicator.figure])
            if indicator.figure not in self.points:
                low, high = bounds[indicator.figure]
                self.points[indicator.figure] = _around(
                    found, here, low, high, indicator
                )
            seen = series.get(indicator.name, [])
            if not seen or (indicator.needs_two and len(seen) < 2):
                continue
            last = seen[-1]
            value = indicator.to_figure(
                Reading(last.value, seen[0].value, ten_year, last.date)
            )
            self.at[indicator.name] = value
            low, high = bounds[indicator.figure]
            if low <= value <= high:
                where.append(indicator.name)
                shifts.append(p.shifted(**{indicator.figure: value - here}))
        for figure, points in self.points.items():
            here = float(found.economy[figure])
            for i, x in enumerate(points):
                where.append(f"{figure}#{i}")
                shifts.append(p.shifted(**{figure: x - here}))
            for sign, way in (("+", 1.0), ("-", -1.0)):
                where.append(f"{figure}{sign}")
                small = way * _SMALL * _scale(found, figure)
                shifts.append(p.shifted(**{figure: small}))
        self.solved = self._solve(np.stack(shifts), where)
        self.bounds = bounds

    def _solve(
        self, shifts: Float[np.ndarray, "shift key"], names: list[str]
    ) -> dict[str, dict[str, tuple[float | None, str]]]:
        """t* and status by criterion and by row."""
        wanted = {self.chosen}
        wanted |= {x.criterion for x in INDICATORS if x.criterion is not None}
        table: dict[str, dict[str, tuple[float | None, str]]] = {}
        for criterion in sorted(wanted & set(self.found.problem.criteria)):
            solution = self.found.solution(criterion)
            again = resolve(self.found.problem, solution, shifts, (criterion,))
            table[criterion] = {
                name: (float(v[0]) if np.isfinite(v[0]) else None, s[0])
                for name, v, s in zip(names, again.value, again.status, strict=True)
            }
        return table

    @property
    def t_star(self) -> float | None:
        """The criterion's break-even in the config itself."""
        return self.found.layers[self.chosen].value

    def judge(
        self, indicator: Indicator, seen: list[Observation], amber: float, red: float
    ) -> dict[str, Any]:
        """Colour, shift and thresholds of one indicator."""
        nothing = {
            "figure": indicator.figure,
            "criterion": indicator.criterion or self.chosen,
            "figure_value": None,
            "shift_of_break_even_years": None,
            "linear_shift_years": None,
            "colour": None,
            "thresholds": None,
        }
        if indicator.figure is None:
            status = "no_driver" if seen else "no_observation"
            return nothing | {"status": status, "why": indicator.why_none}
        criterion = indicator.criterion or self.chosen
        base = self.found.layers.get(criterion)
        if base is None or base.value is None:
            status = "no_break_even" if base is None else base.status
            why = f"{criterion} has no break-even in this config: {status}"
            return nothing | {"status": status, "why": why}
        row = nothing | {
            "thresholds": self._thresholds(indicator, criterion, amber, red)
        }
        if not seen:
            return row | {"status": "no_observation", "why": "no row in the file"}
        if indicator.needs_two and len(seen) < 2:
            why = "a change needs two observations"
            return row | {"status": "needs_two_observations", "why": why}
        value = self.at[indicator.name]
        row |= {"figure_value": value}
        if indicator.name not in self.solved[criterion]:
            low, high = self.bounds[indicator.figure]
            why = f"it would put the figure at {value:.4g}, outside {low:g} to {high:g}"
            return row | {"status": "out_of_bounds", "why": why}
        moved, status = self.solved[criterion][indicator.name]
        here = float(self.found.economy[indicator.figure])
        row["linear_shift_years"] = self._linear(
            criterion, indicator.figure, value - here
        )
        if moved is None:
            colour = {"always_holds": "green"}.get(status, "red")
            why = f"t* at this reading: {status}"
            return row | {"status": status, "why": why, "colour": colour}
        shift = moved - base.value
        return row | {
            "status": "ok",
            "why": "",
            "shift_of_break_even_years": shift,
            "colour": self._colour(shift, moved, amber, red),
        }

    def _colour(self, shift: float, t: float, amber: float, red: float) -> str:
        if shift <= -red or t <= self.found.base:
            return "red"
        return "amber" if shift <= -amber else "green"

    def _linear(self, criterion: str, figure: str, step: float) -> float | None:
        """Derivative of t*, solved again at a small step, times the displacement."""
        up, down = (self.solved[criterion][f"{figure}{sign}"][0] for sign in "+-")
        if up is None or down is None:
            return None
        size = _SMALL * _scale(self.found, figure)
        return (up - down) / (2.0 * size) * step

    def _thresholds(
        self, indicator: Indicator, criterion: str, amber: float, red: float
    ) -> dict[str, Any]:
        """Values of the figure nearest to its own where t* has fallen by so much."""
        assert indicator.figure is not None
        figure = indicator.figure
        x = self.points[figure]
        base = self.found.layers[criterion].value
        assert base is not None
        t = [self.solved[criterion][f"{figure}#{i}"] for i in range(len(x))]
        worst = self.found.base
        y = np.array(
            [
                v if v is not None else (np.inf if s == "always_holds" else worst)
                for v, s in t
            ]
        )
        here = float(self.found.economy[figure])
        levels = {"amber": base - amber, "red": max(base - red, worst)}
        return {name: _crossing(x, y, here, level) for name, level in levels.items()}


def _scale(found: Located, figure: str) -> float:
    """What a relative step of one means for a figure."""
    return size_of(figure, float(found.economy[figure]))


def _around(
    found: Located, here: float, low: float, high: float, indicator: Indicator
) -> Float[np.ndarray, " point"]:
    """Points over the contested range widened by its own width, within the bounds."""
    ranges = {r.name: (r.low, r.high) for r in found.economy.blueprint.ranges}
    if indicator.figure in ranges:
        a, b = ranges[indicator.figure]
        a, b = a - (b - a), b + (b - a)
    else:
        reach = abs(here) if here != 0.0 else 0.1 * (high - low)
        a, b = here - 0.75 * reach, here + 2.0 * reach
    inside = np.linspace(max(a, low), min(b, high), MAP_POINTS - 1)
    return np.unique(np.append(inside, here))


def _crossing(
    x: Float[np.ndarray, " point"],
    y: Float[np.ndarray, " point"],
    here: float,
    level: float,
) -> dict[str, float | None]:
    """Nearest value on each side where the map falls to the level, interpolated."""
    found: dict[str, float | None] = {"below": None, "above": None}
    start = int(np.argmin(np.abs(x - here)))
    for side, way in (("below", -1), ("above", 1)):
        i = start
        while 0 <= i + way < len(x):
            a, b = y[i], y[i + way]
            if a > level >= b:
                share = (a - level) / (a - b) if np.isfinite(a) else 1.0
                found[side] = float(x[i] + share * (x[i + way] - x[i]))
                break
            i += way
    return found


def shape(seen: Sequence[Observation]) -> dict[str, Any]:
    """Growth of the last two intervals: exponential keeps its rate, linear its step."""
    a, b, c = seen[-3:]
    steps = [(y.value - x.value) / (y.date - x.date) for x, y in ((a, b), (b, c))]
    rates = [
        float(np.log(y.value / x.value)) / (y.date - x.date)
        for x, y in ((a, b), (b, c))
    ]
    between = (c.date - a.date) / 2.0
    word = "slower than linear"
    if steps[1] >= steps[0]:
        word = "between linear and exponential"
    if rates[1] >= rates[0]:
        word = "exponential or faster"
    return {
        "growth_per_year": float(np.expm1(rates[1])),
        "second_difference": (steps[1] - steps[0]) / between,
        "second_difference_of_log": (rates[1] - rates[0]) / between,
        "shape": word,
    }


def _growth(
    economy: Economy,
    grid: TimeGrid,
    seen: Sequence[Observation],
    t_star: float | None,
    red: float,
) -> dict[str, Any]:
    """The midpoint of the logistic through the last two observations, against t*."""
    found: dict[str, Any] = shape(seen) if len(seen) > 2 else {}
    if len(seen) < 2:
        why = "growth needs two observations"
        return found | {"status": "needs_two_observations", "why": why}
    a, b = seen[-2:]
    dates = jnp.asarray([a.date, b.date], economy["macro.gdp"].dtype)
    ceilings = np.asarray(adoption.ceiling(economy, dates))
    s = [x.value / c for x, c in zip((a, b), ceilings, strict=True)]
    logit = [float(np.log(x / (1.0 - x))) if 0.0 < x < 1.0 else np.inf for x in s]
    slope = (logit[1] - logit[0]) / (b.date - a.date)
    if not np.isfinite(slope) or slope <= 0.0:
        why = "share of the ceiling does not grow: no midpoint"
        red_flag = {"implied_midpoint": None, "margin_years": None, "colour": "red"}
        return found | red_flag | {"status": "no_growth", "why": why}
    middle = b.date - logit[1] / slope
    margin = None if t_star is None else t_star - middle
    colour = None
    if margin is not None:
        colour = "red" if margin <= 0.0 else "amber" if margin <= red else "green"
    return found | {
        "implied_midpoint": float(middle),
        "margin_years": margin,
        "colour": colour,
        "status": "moves_midpoint",
    }
