"""Whose marginal capacity idles first, and why: in order of avoidable cash cost.

An output, not a rule: nothing in the step reads it. docs/model.md, section 9 (Idling).
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from engine.economy import Economy
from engine.grid import DT, TimeGrid
from engine.metrics.layers import NEVER, first_date
from engine.metrics.registry import register_entity

OWNERS = ("spvs", "neoclouds", "hybrid", "hyperscalers")
"""In this order where two cost the same; their codes in `system.idle_first` are 1 to 4.

Hyperscalers stand for everyone who owns what he runs.
"""


class Idle(NamedTuple):
    """Capacity by owner, what its idling saves, and what idles, quarter by quarter."""

    capacity: list[Float[Array, "quarter ..."]]
    """Gigawatts in use."""
    cost: list[Float[Array, "quarter ..."]]
    """Cash that idling would save [USD bn per GW-year]."""
    gigawatts: list[Float[Array, "quarter ..."]]
    slack: Float[Array, "quarter ..."]
    """Share of the fleet that demand does not need."""
    rent: Float[Array, "quarter ..."]
    """Avoidable rent within the cost of SPVs [USD bn per GW-year]."""


def idle(record: Any, economy: Economy) -> Idle:
    """Ranks the owners by avoidable cost and drops what demand does not need."""
    runs, prices = record.idling, record.prices
    fleet = record.drivers.demand / prices.utilisation
    used = [runs.spvs, runs.neoclouds, runs.hybrid]
    capacity = [*used, jnp.maximum(fleet - used[0] - used[1] - used[2], 0.0)]
    cost = [
        runs.running + runs.rent,
        runs.neocloud_cost,
        runs.hybrid_cost,
        runs.running,
    ]
    slack = jnp.maximum(
        1.0 - prices.utilisation / economy["market.reference_utilisation"], 0.0
    )
    left, dropped = slack * fleet, []
    for i, mine in enumerate(cost):
        dearer = [
            jnp.where(other >= mine if j < i else other > mine, capacity[j], 0.0)
            for j, other in enumerate(cost)
            if j != i
        ]
        before = dearer[0] + dearer[1] + dearer[2]
        dropped.append(jnp.clip(left - before, 0.0, capacity[i]))
    return Idle(capacity, cost, dropped, slack, runs.rent)


def _begins(found: Idle, economy: Economy) -> Bool[Array, "quarter ..."]:
    return found.slack > economy["criteria.idle"]


def _first(
    series: Float[Array, "quarter ..."], begins: Bool[Array, "quarter ..."]
) -> tuple[Float[Array, "..."], Bool[Array, "..."]]:
    """The series in the first quarter in which capacity idles."""
    idling = begins.astype(series.dtype)
    seen = jnp.cumsum(idling, axis=0)
    is_first = jnp.where(begins & (seen == 1.0), series, 0.0)
    return jnp.sum(is_first, axis=0), jnp.any(begins, axis=0)


def _date(record: Any, economy: Economy, grid: TimeGrid) -> Any:
    date = first_date(_begins(idle(record, economy), economy), grid)
    return date, date < NEVER


def _owner(record: Any, economy: Economy) -> Any:
    """Code of the owner whose idling saves most, of those who have capacity."""
    found = idle(record, economy)
    dearest, code = found.cost[0], jnp.ones_like(found.cost[0])
    dearest = jnp.where(found.capacity[0] > 0.0, dearest, -1.0)
    for i in range(1, len(OWNERS)):
        dearer = (found.cost[i] > dearest) & (found.capacity[i] > 0.0)
        dearest = jnp.where(dearer, found.cost[i], dearest)
        code = jnp.where(dearer, i + 1.0, code)
    return _first(code, _begins(found, economy))


def _dearest(record: Any, economy: Economy) -> Any:
    found = idle(record, economy)
    costs = [
        jnp.where(gw > 0.0, cost, 0.0)
        for gw, cost in zip(found.capacity, found.cost, strict=True)
    ]
    dearest = jnp.max(jnp.stack(costs), axis=0)
    return _first(dearest, _begins(found, economy))


def _rent(record: Any, economy: Economy) -> Any:
    found = idle(record, economy)
    return _first(found.rent, _begins(found, economy))


def _total(record: Any, economy: Economy, owner: int) -> Float[Array, "..."]:
    return jnp.sum(idle(record, economy).gigawatts[owner], axis=0) * DT


register_entity(
    "system",
    "idle_first",
    "o",
    "owner",
    "who idles first: 1 SPVs, 2 neoclouds, 3 hybrid cloud, 4 hyperscalers",
    lambda r, i, e, g: _owner(r, e),
)
register_entity(
    "system",
    "idle_first_date",
    "T",
    "decimal year",
    "first quarter in which capacity idles (criteria.idle of the fleet)",
    lambda r, i, e, g: _date(r, e, g),
)
register_entity(
    "system",
    "idle_first_cost",
    "c",
    "USD bn/GW-year",
    "cash that the first to idle saves, then",
    lambda r, i, e, g: _dearest(r, e),
)
register_entity(
    "system",
    "idle_first_rent",
    "c",
    "USD bn/GW-year",
    "rent that SPVs' tenants could save then (at renewals only)",
    lambda r, i, e, g: _rent(r, e),
)
for _index, _name in enumerate(OWNERS):
    register_entity(
        "system",
        f"idle_{_name}",
        "I",
        "GW-years",
        "capacity idled in order of avoidable cost, over the grid",
        lambda r, i, e, g, _index=_index: _total(r, e, _index),
    )
