"""Everything exogenous, by quarter: what the scan reads and never writes."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.drivers import adoption
from engine.drivers.factors import factors
from engine.economy import Economy
from engine.grid import TimeGrid

RATE_FLOOR = 0.001


class Drivers(eqx.Module):
    """Exogenous paths over the model quarters (leading axis), or one quarter of them.

    Rates are per year as fractions, money in USD bn per year, demand in GW.
    """

    begins: Float[Array, "..."]
    middles: Float[Array, "..."]
    years: Float[Array, "..."]
    revenue: Float[Array, "..."]
    plan: Float[Array, "..."]
    ratio: Float[Array, "..."]
    ratio_last: Float[Array, "..."]
    ratio_year_ago: Float[Array, "..."]
    response: Float[Array, "..."]
    short: Float[Array, "..."]
    ten_year: Float[Array, "..."]
    spread_factor: Float[Array, "..."]
    gpu_factor: Float[Array, "..."]
    money: Float[Array, "..."]
    money_year_ago: Float[Array, "..."]
    money_growth: Float[Array, "..."]
    training: Float[Array, "..."]
    """Training budgets at revenue as planned."""
    per_money: Float[Array, "..."]
    """Gigawatts per unit of money for compute."""
    demand: Float[Array, "..."]
    demand_ahead: Float[Array, "..."]
    planned_additions: Float[Array, "..."]
    pipeline: Float[Array, "..."]
    after_pipeline: Float[Array, "..."]
    gdp: Float[Array, "..."]
    power: Float[Array, "..."] | None = None
    """Price of power over `power.price`; None where it stands still [1]."""


def rate_shift(economy: Economy) -> Float[Array, ""]:
    """Parallel shift of rates from `as_of`: both rate shifts move the future."""
    return economy["shifts.rate_future"] + economy["shifts.rate_all"]


def training(
    economy: Economy, years: Float[Array, " quarter"]
) -> Float[Array, " quarter"]:
    """Training budgets as planned [USD bn/year]; they scale with revenue to plan."""
    growth = (1.0 + economy["market.training_growth"]) ** years
    return economy["market.training"] * economy["market.coordinator"] * growth


def training_scale(
    economy: Economy, ratio: Float[Array, " quarter"]
) -> Float[Array, " quarter"]:
    """Share of the planned training budgets that labs spend, by revenue to plan."""
    return jnp.clip(
        ratio, economy["market.training_floor"], economy["market.training_cap"]
    )


def demand_ahead(
    economy: Economy, grid: TimeGrid, gigawatts: Float[Array, " quarter"]
) -> Float[Array, "quarter window"]:
    """Demand a tenant expects in the next sixteen quarters, by its rule [GW]."""
    rule = economy.blueprint.choice("expectations.rule")
    window = jnp.arange(16)
    last = adoption.lagged(gigawatts, 1)
    # Consistent tenants are told what comes out: `engine.contracts.foresight`.
    if rule in ("static", "consistent"):
        return jnp.broadcast_to(last[:, None], (grid.n_quarters, 16))
    if rule == "adaptive":
        growth = jnp.log(last / adoption.lagged(gigawatts, 5)) / 4.0
        growth = jnp.clip(growth, -0.1, 0.1)
        steps = window.astype(gigawatts.dtype) / economy["expectations.half_life"]
        fading = jnp.cumsum(2.0**-steps)
        return last[:, None] * jnp.exp(growth[:, None] * fading[None, :])
    if rule == "driver":
        quarters = jnp.arange(grid.n_quarters)[:, None] + window[None, :]
        return gigawatts[jnp.minimum(quarters, grid.n_quarters - 1)]
    raise ValueError(f"expectations.rule: unknown rule {rule!r}")


def _power(economy: Economy, grid: TimeGrid) -> Float[Array, " quarter"] | None:
    """Price of power over `power.price`, where a config says how it moves."""
    if "power.path.values" not in economy.figures:
        return None
    return grid.modelled(
        grid.path(economy["power.path.dates"], economy["power.path.values"])
    )


def drive(
    economy: Economy, grid: TimeGrid, shocks: Float[Array, "quarter factor"]
) -> Drivers:
    """Computes every exogenous path of one scenario over the model quarters."""
    revenue = adoption.revenue(economy, grid)
    plan = adoption.plan(economy, grid)
    ratio = adoption.ratio_to_plan(revenue, plan)
    anchor_date, _ = adoption.anchor(economy, grid)
    years = grid.middles - anchor_date
    planned = training(economy, years)
    money = economy["market.compute"] * revenue
    money = money + planned * training_scale(economy, ratio)
    promised = economy["market.compute"] * plan
    promised = promised + planned * training_scale(economy, jnp.ones_like(ratio))
    saved = (1.0 - economy["market.efficiency"]) ** years
    per_money = saved / economy["market.reference_price"]
    core = economy["market.core"]
    gigawatts = money * per_money + core
    fleet_plan = (promised * per_money + core) / economy["market.reference_utilisation"]
    additions = jnp.maximum(fleet_plan - adoption.lagged(fleet_plan, 1), 0.0)
    ratio_last = adoption.lagged(ratio, 1)
    response = (
        jnp.clip(ratio_last, economy["market.response_floor"], 1.0)
        ** economy["market.response_elasticity"]
    )
    year_ago = adoption.lagged(money, 4)
    pipeline_end = economy["market.pipeline_end"] + economy["physics.delay"]
    in_pipeline = grid.overlap(grid.start, pipeline_end)
    x = factors(economy, shocks)
    shift = rate_shift(economy)
    beta = economy["rates.ten_year_beta"]

    def modelled(series):
        return grid.modelled(series)

    return Drivers(
        begins=modelled(grid.begins),
        middles=modelled(grid.middles),
        years=modelled(years),
        revenue=modelled(revenue),
        plan=modelled(plan),
        ratio=modelled(ratio),
        ratio_last=modelled(ratio_last),
        ratio_year_ago=modelled(adoption.lagged(ratio, 4)),
        response=modelled(response),
        short=jnp.maximum(economy["rates.short"] + x[:, 0] + shift, RATE_FLOOR),
        ten_year=jnp.maximum(
            economy["rates.ten_year"] + beta * x[:, 0] + shift, RATE_FLOOR
        ),
        spread_factor=jnp.exp(x[:, 1]),
        gpu_factor=jnp.exp(x[:, 2]),
        money=modelled(money),
        money_year_ago=modelled(year_ago),
        money_growth=modelled(jnp.maximum(money - year_ago, 0.0)),
        training=modelled(planned),
        per_money=modelled(per_money),
        demand=modelled(gigawatts),
        demand_ahead=modelled(demand_ahead(economy, grid, gigawatts)),
        planned_additions=modelled(additions),
        pipeline=modelled(in_pipeline),
        after_pipeline=modelled(1.0 - in_pipeline),
        gdp=modelled(adoption.gdp(economy, grid.middles)),
        power=_power(economy, grid),
    )
