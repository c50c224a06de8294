"""Limit states: solvency of every layer, and return; g > 0 holds."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from engine.drivers import rate_shift
from engine.economy import Economy
from engine.grid import DT, TimeGrid
from engine.metrics.layers import (
    SPV_LAYERS,
    first_date,
    first_failure,
    spvs_of,
    up_to_failure,
)
from engine.numerics import ratio_above
from engine.survival import HIGHEST


class LimitStates(eqx.Module):
    """Every criterion's limit state; `@full` names are over the whole grid.

    `first` are dates of the layers' failures, `events` these and those of entities.
    """

    values: dict[str, Float[Array, ""]]
    binding: dict[str, Int[Array, ""]]
    first: dict[str, Float[Array, ""]]
    alternatives: dict[str, Float[Array, ""]]
    events: dict[str, Float[Array, ""]]


def _present_value(
    flows: Float[Array, " quarter"], rate: Float[Array, ""]
) -> Float[Array, ""]:
    """Value at `as_of` of flows at the ends of model quarters, `rate` per year."""
    steps = jnp.arange(1, flows.shape[0] + 1, dtype=flows.dtype)
    return jnp.sum(flows * (1.0 + rate) ** (-DT * steps))


def lender_return(
    record: Any,
    opening: Float[Array, ""],
    classes: Float[Array, " class"],
    rate: Float[Array, ""],
    inside: Float[Array, " quarter"],
) -> Float[Array, ""]:
    """Net present value at the required rate, per unit of money put in.

    `classes` weights the classes of debt held; `inside` is 1 up to the horizon, at
    which the balance still owed counts at par.
    """
    flows = record.classes
    received = flows.interest + flows.repaid + flows.recovered + flows.claimed
    last = inside - jnp.concatenate([inside[1:], jnp.zeros_like(inside[:1])])
    held = jnp.sum(classes[None] * (flows.balance + flows.receivable), axis=1)
    inflow = jnp.sum(classes[None] * received, axis=1) * inside + held * last
    lent = jnp.sum(classes[None] * flows.lent, axis=1) * inside
    put_in = opening + _present_value(lent, rate)
    return ratio_above(_present_value(inflow, rate) - put_in, put_in)


def system_return(
    record: Any, economy: Economy, inside: Float[Array, " quarter"]
) -> Float[Array, ""]:
    """What AI earns against the build, at the system's cost of capital.

    Chips are replaced at the end of their life; the build's revenue is a captured
    share of end users' spending. Positive: the build pays.
    """
    shift = economy["shifts.leverage_future"] + economy["shifts.leverage_all"]
    debt = jnp.minimum(economy["hurdle.debt"] + shift, 0.98)
    cost_of_debt = economy["criteria.system_debt_cost"] + rate_shift(economy)
    wacc = debt * cost_of_debt + (1.0 - debt) * economy["criteria.system_equity_cost"]
    earned = (
        economy["criteria.system_margin"]
        * economy["criteria.system_capture"]
        * record.drivers.revenue
        * DT
        * inside
    )
    years = jnp.sum(inside) * DT
    turns = jnp.arange(1, 6, dtype=wacc.dtype) * economy["hurdle.hardware_life"]
    used = jnp.clip((years - turns) / economy["hurdle.hardware_life"], 0.0, 1.0)
    replaced = jnp.sum(used * (1.0 + wacc) ** -turns)
    outlay = economy["hurdle.investment"] + economy["hurdle.hardware"] * replaced
    return _present_value(earned, wacc) / outlay - 1.0


def _accelerated(flows: Any) -> Bool[Array, "quarter vehicle"]:
    """Quarters in which a vehicle dies and the covenant's headroom is the smaller."""
    alive = flows.alive >= 0.5
    before = jnp.concatenate([jnp.ones_like(alive[:1]), alive[:-1]])
    is_lower = (flows.covenant <= flows.headroom) & (flows.covenant < HIGHEST)
    return before & ~alive & is_lower


def entity_events(
    record: Any, economy: Economy, grid: TimeGrid
) -> dict[str, Float[Array, ""]]:
    """First dates of what befalls a named vehicle, as `<entity>.<event>`.

    A layer fails once; a default after its tenant's leaving still moves cash flows.
    `covenant` is a default for which lenders' acceleration is the cause.
    """
    dates: dict[str, Float[Array, ""]] = {}
    series = {
        ("neoclouds", "covenant"): _accelerated(record.clouds),
        ("spvs", "covenant"): _accelerated(record.spvs),
        ("neoclouds", "default"): record.clouds.alive < 0.5,
        ("spvs", "default"): record.spvs.alive < 0.5,
        ("spvs", "non_renewal"): record.tenancies.renewal_due < 0.0,
        ("spvs", "repudiation"): record.tenancies.repudiation < 0.0,
    }
    for (family, event), happens in series.items():
        # Those of the config: hundreds of deals of a tape are no events one by one.
        for i, member in enumerate(economy.listed(family)):
            if economy.blueprint.choice(f"{family}.{member}.kind") == "named":
                dates[f"{member}.{event}"] = first_date(happens[:, i], grid)
    return dates


def limit_states_of(
    record: Any,
    headrooms: dict[str, Float[Array, " quarter"]],
    opening: Float[Array, " class"],
    economy: Economy,
    grid: TimeGrid,
) -> LimitStates:
    """Limit states of a run; `opening` are the class balances at `as_of`."""
    horizon = economy["criteria.horizon"]
    values, binding, first, full = {}, {}, {}, {}
    for name, series in headrooms.items():
        values[name], binding[name] = up_to_failure(series, grid, horizon)
        first[name] = first_failure(series, grid)
        full[f"{name}@full"], _ = up_to_failure(series, grid, grid.ends[-1])

    ends = grid.modelled(grid.ends)
    inside = (ends <= economy["criteria.return_horizon"] + 1e-6).astype(ends.dtype)
    last = jnp.argmax(jnp.where(inside > 0.0, ends, 0.0))
    benchmark = economy["rates.ten_year"] + rate_shift(economy)
    n, k = len(economy.members("neoclouds")), len(economy.members("spvs"))

    def pick(*wanted: int) -> Float[Array, " class"]:
        return jnp.asarray(np.isin(np.arange(2 * n + 2 * k), wanted), ends.dtype)

    premia: dict[str, tuple[str, tuple[int, ...]]] = {
        "neocloud_secured": ("criteria.required_secured_premium", (0,)),
        "neocloud_unsecured": ("criteria.required_unsecured_premium", (n,)),
    }
    for layer in SPV_LAYERS:
        members = [i for i, is_in in enumerate(spvs_of(economy, layer)) if is_in]
        if members:
            held = tuple(2 * n + i + later for i in members for later in (0, k))
            premia[layer] = ("criteria.required_spv_premium", held)
    for layer, (premium, held) in premia.items():
        classes = pick(*held)
        key = f"{layer}.return"
        values[key] = lender_return(
            record,
            jnp.sum(classes * opening),
            classes,
            benchmark + economy[premium],
            inside,
        )
        binding[key] = last
    price = jnp.maximum(record.clouds.price[last, 0], 1e-6)
    years = ends[last] - grid.as_of
    growth = price ** (1.0 / years) - 1.0
    values["neocloud_equity.return"] = growth - economy["criteria.required_equity"]
    lived = (ends <= economy["criteria.system_horizon"] + 1e-6).astype(ends.dtype)
    values["system.return"] = system_return(record, economy, lived)
    binding["neocloud_equity.return"] = last
    binding["system.return"] = jnp.argmax(jnp.where(lived > 0.0, ends, 0.0))
    values = {name: jnp.clip(g, -1.0, HIGHEST) for name, g in values.items()}
    return LimitStates(
        values=values,
        binding=binding,
        first=first,
        alternatives=full,
        events=first | entity_events(record, economy, grid),
    )
