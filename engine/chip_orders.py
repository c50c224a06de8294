"""Orders of chips by buyer: what each is promised, and what it then waits for.

docs/model.md section 2, "Supply of chips". Without a table `[market.chips]` every buyer
gets what it orders, and none of this is in the program.
"""

import dataclasses
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.bottlenecks.priority import Allotment, PerBuyer, Priority
from engine.credit.guarantee import Guarantee
from engine.credit.neocloud_orders import offered, resuming, unit_cost
from engine.credit.neocloud_terms import NeocloudDues, NeocloudState, NeocloudTerms
from engine.drivers import Drivers
from engine.economy import Economy
from engine.grid import DT
from engine.market import Prices
from engine.once import once
from engine.vehicles.hybrid import HybridPaths
from engine.vehicles.neocloud import NeocloudPaths


class ChipFlows(eqx.Module):
    """A quarter's orders of capex that waits for chips [USD bn]; shares [1].

    Of a neocloud those of the average living member, like all its flows.
    """

    ordered: PerBuyer
    """Firm and new this quarter; contracts that could be signed are no order."""
    share: PerBuyer
    waiting: PerBuyer
    """At the end of the quarter."""
    late: Float[Array, "..."]
    """The same of all buyers together, members alive at the start of the quarter."""


class ChipOrders(eqx.Module):
    """Who goes first, and what the hybrid cloud's revenue costs in capex."""

    priority: Priority
    capex_per_revenue: Float[Array, "..."]

    @staticmethod
    def build(economy: Economy) -> "ChipOrders | None":
        """Assembles them; none without a table `[market.chips]`."""
        priority = Priority.build(economy)
        if priority is None:
            return None
        return ChipOrders(priority, economy.only("hybrid", "overflow_capex"))

    @staticmethod
    def opening(economy: Economy) -> PerBuyer | None:
        """Nobody waits at `as_of` beyond what schedules and plans say."""
        if Priority.build(economy) is None:
            return None
        return PerBuyer(
            clouds=jnp.zeros_like(economy.stack("neoclouds", "cash")),
            hyperscalers=jnp.zeros_like(economy.stack("hyperscalers", "cash")),
            hybrid=jnp.zeros_like(economy.only("hybrid", "cash")),
        )


class Placed(NamedTuple):
    """What a quarter's orders lead to; all None where chips are never short."""

    clouds: Allotment | None = None
    hyperscalers: Allotment | None = None
    hybrid: Allotment | None = None
    flows: ChipFlows | None = None
    waiting: PerBuyer | None = None


def placed(
    orders: ChipOrders | None,
    prices: Prices,
    quarter: Drivers,
    capex: Float[Array, "hyperscaler ..."],
    hybrid: HybridPaths,
    dues: NeocloudDues,
    paths: NeocloudPaths,
    terms: NeocloudTerms,
    guarantee: Guarantee,
    contracts: Float[Array, "vintage neocloud ..."],
    clouds: NeocloudState,
    waiting: PerBuyer | None,
) -> Placed:
    """Divides what vendors deliver among the buyers.

    Each asks for what it planned and for what it waits for; a neocloud also for the
    contracts that it is offered, so that it signs what it has chips for. `capex` and
    `hybrid` as planned, before the builders' response; `waiting` at the start [USD bn].
    """
    if orders is None or waiting is None or prices.chips is None:
        return Placed()
    ordered = PerBuyer(
        clouds=dues.committed + resuming(terms, clouds.deferred_capex),
        hyperscalers=capex * quarter.response,
        hybrid=hybrid.capex * quarter.response,
    )
    contracted = unit_cost(prices, terms) * offered(
        quarter, terms, paths, guarantee, contracts
    )
    demand = PerBuyer(
        clouds=clouds.alive * (ordered.clouds + waiting.clouds + contracted),
        hyperscalers=ordered.hyperscalers + waiting.hyperscalers,
        hybrid=ordered.hybrid + waiting.hybrid,
    )
    share = once(orders.priority.shares(demand, prices.chips))
    left = once(
        PerBuyer(
            clouds=(1.0 - share.clouds) * (ordered.clouds + waiting.clouds),
            hyperscalers=(1.0 - share.hyperscalers) * demand.hyperscalers,
            hybrid=(1.0 - share.hybrid) * demand.hybrid,
        )
    )
    late = (
        jnp.sum(clouds.alive * left.clouds, axis=0)
        + jnp.sum(left.hyperscalers, axis=0)
        + left.hybrid
    )
    return Placed(
        clouds=Allotment(share.clouds, waiting.clouds, left.clouds),
        hyperscalers=Allotment(
            share.hyperscalers, waiting.hyperscalers, left.hyperscalers
        ),
        hybrid=Allotment(share.hybrid, waiting.hybrid, left.hybrid),
        flows=ChipFlows(ordered, share, left, late),
        waiting=left,
    )


def not_built(
    deferred_capex: Float[Array, "neocloud ..."], waiting: PerBuyer | None
) -> Float[Array, "neocloud ..."]:
    """Capex of neoclouds that brings no revenue yet, for want of money or of chips."""
    return deferred_capex if waiting is None else deferred_capex + waiting.clouds


def late_backlog(
    orders: ChipOrders | None, paths: HybridPaths, waiting: PerBuyer | None
) -> HybridPaths:
    """The hybrid cloud's backlog less what the capex that waits would earn."""
    if orders is None or waiting is None:
        return paths
    lost = waiting.hybrid / orders.capex_per_revenue * DT
    return dataclasses.replace(paths, backlog=jnp.maximum(paths.backlog - lost, 0.0))
