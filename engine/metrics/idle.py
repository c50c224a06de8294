"""Whose marginal capacity idles first, and why: in order of avoidable cash cost.

An output, not a rule: nothing in the step reads it. docs/model.md, section 9 (Idling).
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy
from engine.grid import DT, TimeGrid
from engine.metrics.layers import NEVER, first_date
from engine.metrics.registry import Metric, register_group

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


def _measures(record: Any, economy: Economy, grid: TimeGrid) -> dict[str, Any]:
    """Who idles first, when, and what that saves; all that idles, by owner."""
    found = idle(record, economy)
    begins = found.slack > economy["criteria.idle"]
    date = first_date(begins, grid)
    happens = date < NEVER
    seen = jnp.cumsum(begins.astype(found.slack.dtype), axis=0)
    is_first = begins & (seen == 1.0)

    def then(series: Float[Array, "quarter ..."]) -> Any:
        """The series in the first quarter in which capacity idles."""
        return jnp.sum(jnp.where(is_first, series, 0.0), axis=0), happens

    # The dearest of those who have capacity.
    dearest = jnp.where(found.capacity[0] > 0.0, found.cost[0], -1.0)
    code = jnp.ones_like(dearest)
    for i in range(1, len(OWNERS)):
        dearer = (found.cost[i] > dearest) & (found.capacity[i] > 0.0)
        dearest = jnp.where(dearer, found.cost[i], dearest)
        code = jnp.where(dearer, i + 1.0, code)
    totals = {
        f"idle_{owner}": jnp.sum(gigawatts, axis=0) * DT
        for owner, gigawatts in zip(OWNERS, found.gigawatts, strict=True)
    }
    return {
        "idle_first": then(code),
        "idle_first_date": (date, happens),
        "idle_first_cost": then(dearest),
        "idle_first_rent": then(found.rent),
        **totals,
    }


register_group(
    "system",
    {
        "idle_first": Metric(
            "o",
            "owner",
            "who idles first: 1 SPVs, 2 neoclouds, 3 hybrid cloud, 4 hyperscalers",
        ),
        "idle_first_date": Metric(
            "T",
            "decimal year",
            "first quarter in which capacity idles (criteria.idle of the fleet)",
        ),
        "idle_first_cost": Metric(
            "c", "USD bn/GW-year", "cash that the first to idle saves, then"
        ),
        "idle_first_rent": Metric(
            "c",
            "USD bn/GW-year",
            "rent that SPVs' tenants could save then (at renewals only)",
        ),
        **{
            f"idle_{owner}": Metric(
                "I",
                "GW-years",
                "capacity idled in order of avoidable cost, over the grid",
            )
            for owner in OWNERS
        },
    },
    _measures,
)
