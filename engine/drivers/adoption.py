r"""Adoption: what end users pay for AI, on a curve anchored at the last observation.

History never moves: up to `as_of` revenue is data, and every curve passes through the
last observation $(t_a, s_a)$, so a later midpoint is a flatter path, not another past.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy
from engine.grid import TimeGrid
from engine.numerics import safe_divide

LOGISTIC_WIDTH = 2.0 * 2.1972245773362196
"""10–90 duration of a logistic times its slope: 2 ln 9."""


def gdp(economy: Economy, dates: Float[Array, " point"]) -> Float[Array, " point"]:
    """GDP on its path [USD bn/year]."""
    growth = 1.0 + economy["macro.gdp_growth"]
    return economy["macro.gdp"] * growth ** (dates - economy["macro.gdp_reference"])


def ceiling(economy: Economy, dates: Float[Array, " point"]) -> Float[Array, " point"]:
    """Largest revenue the economy would pay for AI [USD bn/year]: a share of GDP."""
    return economy["adoption.ceiling"] * gdp(economy, dates)


def anchor(
    economy: Economy, grid: TimeGrid
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Date and share of the ceiling of the last observation."""
    date = grid.middles[grid.n_history - 1]
    observed = economy["adoption.history"][-1]
    return date, observed / ceiling(economy, date[None])[0]


def midpoint(economy: Economy, grid: TimeGrid) -> Float[Array, ""]:
    """The midpoint in force: given, or derived from a 10–90 duration (logistic)."""
    if economy.blueprint.choice("adoption.timing") == "midpoint":
        return economy["adoption.midpoint"]
    date, share = anchor(economy, grid)
    years = economy["adoption.duration_10_90"] / LOGISTIC_WIDTH
    return date + jnp.log(1.0 / share - 1.0) * years - economy["adoption.j_curve_lag"]


def _share(
    economy: Economy,
    grid: TimeGrid,
    dates: Float[Array, " point"],
    middle: Float[Array, ""],
) -> Float[Array, " point"]:
    """Share of the ceiling at `dates`: through the anchor, one half at `middle`."""
    start, share = anchor(economy, grid)
    ahead = jnp.maximum(middle - start, 0.05)
    shape = economy.blueprint.choice("adoption.shape")
    if shape == "logistic":
        k = jnp.log(1.0 / share - 1.0) / ahead
        return 1.0 / (1.0 + jnp.exp(-k * (dates - middle)))
    if shape == "gompertz":
        k = jnp.log(-jnp.log(share) / jnp.log(2.0)) / ahead
        return jnp.exp(-jnp.log(2.0) * jnp.exp(-k * (dates - middle)))
    if shape == "bass":
        ratio = economy["adoption.bass_ratio"]
        half = jnp.log((1.0 + ratio * 0.5) / 0.5)
        k = (half - jnp.log((1.0 + ratio * share) / (1.0 - share))) / ahead
        grown = jnp.exp(half + k * (dates - middle))
        return (grown - 1.0) / (grown + ratio)
    progress = (dates - start) / ahead
    if shape == "linear":
        return jnp.clip(share + (0.5 - share) * progress, 0.0, 1.0)
    if shape == "exponential_cap":
        return jnp.minimum(share * jnp.exp(jnp.log(0.5 / share) * progress), 1.0)
    raise ValueError(f"adoption.shape: unknown curve {shape!r}")


def revenue_curve(
    economy: Economy, grid: TimeGrid, dates: Float[Array, " point"]
) -> Float[Array, " point"]:
    """Revenue on the curve at `dates` after `as_of` [USD bn/year], stall included."""
    middle = midpoint(economy, grid) + economy["adoption.j_curve_lag"]
    stall = economy["adoption.stall"]
    share = _share(economy, grid, jnp.minimum(dates, stall), middle)
    fallen = jnp.clip((dates - stall) / economy["adoption.stall_decline"], 0.0, 1.0)
    kept = 1.0 - (1.0 - economy["adoption.stall_level"]) * fallen
    return ceiling(economy, dates) * share * kept


def _with_history(
    economy: Economy, grid: TimeGrid, curve: Float[Array, " quarter"]
) -> Float[Array, " quarter"]:
    return jnp.concatenate([economy["adoption.history"], curve[grid.n_history :]])


def revenue(economy: Economy, grid: TimeGrid) -> Float[Array, " quarter"]:
    """R by quarter [USD bn/year]: data up to `as_of`, the curve after."""
    return _with_history(economy, grid, revenue_curve(economy, grid, grid.middles))


def plan(economy: Economy, grid: TimeGrid) -> Float[Array, " quarter"]:
    """What was promised at `as_of`: the base midpoint, without a stall."""
    middle = economy["adoption.plan_midpoint"] + economy["adoption.j_curve_lag"]
    share = _share(economy, grid, grid.middles, middle)
    return _with_history(economy, grid, ceiling(economy, grid.middles) * share)


def lagged(series: Float[Array, " quarter"], n: int) -> Float[Array, " quarter"]:
    """The series `n` quarters ago; before the grid, its first value."""
    return jnp.concatenate([jnp.full_like(series[:n], series[0]), series[:-n]])


def ratio_to_plan(
    actual: Float[Array, " quarter"], promised: Float[Array, " quarter"]
) -> Float[Array, " quarter"]:
    """Actual over promised revenue."""
    return safe_divide(actual, promised, 1.0)
