r"""What a midpoint means in other words: a 10–90 duration, and when hurdles are met."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from calibration.unknowns import MIDPOINT
from engine.drivers import adoption
from engine.economy import Economy
from engine.grid import TimeGrid
from engine.metrics.hurdle import INPUTS, hurdle

_YEARS_AHEAD, _STEP = 60.0, 0.01


@dataclasses.dataclass(frozen=True)
class Equivalents:
    """A midpoint as years from 10 % to 90 %, and the dates at which R meets hurdles.

    None: not on this curve (no hurdle met within 60 years; 10–90 not defined).
    """

    duration_10_90: float | None
    hurdle_date_article: float | None
    hurdle_date_life_adjusted: float | None


def with_midpoint(economy: Economy, grid: TimeGrid) -> Economy:
    """The same economy with its midpoint as a figure, however it was given."""
    middle = adoption.midpoint(economy, grid)
    chosen = economy.choosing(adoption_timing="midpoint")
    return Economy({**chosen.figures, MIDPOINT: middle}, chosen.blueprint)


def earliest_midpoint(economy: Economy, grid: TimeGrid) -> float:
    """No curve through the last observation has its midpoint before this date."""
    date, _ = adoption.anchor(economy, grid)
    return float(date - economy["adoption.j_curve_lag"])


def equivalents(
    economy: Economy, grid: TimeGrid, midpoints: tuple[float, ...]
) -> list[Equivalents]:
    r"""Each midpoint in other words, all else as in `economy`.

    The 10–90 duration of the logistic is $2 \ln 9 / k$; a hurdle date is the first at
    which the curve crosses the hurdle, the life-adjusted one of `engine.metrics`.
    """
    economy = with_midpoint(economy, grid)
    article, adjusted = hurdles(economy)
    start = float(grid.as_of)
    dates = np.arange(start, start + _YEARS_AHEAD, _STEP)
    at = jnp.asarray(dates, economy[MIDPOINT].dtype)

    @jax.jit
    def curve(middle: Array, figures: dict[str, Array]) -> Array:
        moved = Economy({**figures, MIDPOINT: middle}, economy.blueprint)
        return adoption.revenue_curve(moved, grid, at)

    found = []
    for midpoint in midpoints:
        middle = jnp.asarray(midpoint, at.dtype)
        revenue = np.asarray(curve(middle, economy.figures))
        found.append(
            Equivalents(
                _duration(economy, grid, midpoint),
                _first_crossing(dates, revenue, article),
                _first_crossing(dates, revenue, adjusted),
            )
        )
    return found


def hurdles(economy: Economy) -> tuple[float, float]:
    """Required revenue [USD bn/year]: the article's, and with capital returned."""
    required = hurdle({name: economy[name] for name in INPUTS})
    return float(required.article.revenue), float(required.life_adjusted.revenue)


def _duration(economy: Economy, grid: TimeGrid, midpoint: float) -> float | None:
    if economy.blueprint.choice("adoption.shape") != "logistic":
        return None
    date, share = (float(x) for x in adoption.anchor(economy, grid))
    if not 0 < share < 0.5:
        return None
    ahead = midpoint + float(economy["adoption.j_curve_lag"]) - date
    return ahead * adoption.LOGISTIC_WIDTH / math.log(1 / share - 1)


def _first_crossing(
    dates: np.ndarray, revenue: np.ndarray, level: float
) -> float | None:
    above = np.flatnonzero(revenue >= level)
    if not above.size:
        return None
    i = int(above[0])
    if i == 0:
        return float(dates[0])
    share = (level - revenue[i - 1]) / (revenue[i] - revenue[i - 1])
    return float(dates[i - 1] + share * (dates[i] - dates[i - 1]))
