"""Metrics of chips in short supply: what waits for them, who gets least, what is sold.

None of them exists where the config has no table `[market.chips]`.
"""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy
from engine.grid import TimeGrid
from engine.metrics.layers import within
from engine.metrics.registry import register, register_entity

register_entity(
    "system",
    "peak_chip_orders",
    "W",
    "GW",
    "most capacity that is ordered and waits for chips",
    lambda r, i, e, g: None if r.chips is None else jnp.max(r.prices.on_order, axis=0),
)
register_entity(
    "system",
    "least_chips",
    "F",
    "share",
    "lowest share of all chips on order that was delivered in a quarter",
    lambda r, i, e, g: None if r.chips is None else jnp.min(r.prices.chips, axis=0),
)
register_entity(
    "system",
    "late_capex",
    "w",
    "USD bn",
    "most capex that waited for chips",
    lambda r, i, e, g: None if r.chips is None else jnp.max(r.chips.late, axis=0),
)


@register("neoclouds", "late_capex", "w", "USD bn", "most capex that waited for chips")
def _neoclouds_late_capex(
    r: Any, i: int, e: Economy, g: TimeGrid
) -> Float[Array, "..."] | None:
    if r.chips is None:
        return None
    return jnp.max(r.chips.waiting.clouds[:, i], axis=0)


@register(
    "vendor", "order_book", "W", "USD bn", "most that is ordered and not delivered"
)
def _vendor_order_book(
    r: Any, i: int, e: Economy, g: TimeGrid
) -> Float[Array, "..."] | None:
    if r.chips is None:
        return None
    name = e.members("vendor")[i]
    return e[f"vendor.{name}.chip"] * jnp.max(r.chips.late, axis=0)


@register(
    "vendor", "sold", "S", "USD bn", "sales to the horizon where chips can be short"
)
def _vendor_sold(r: Any, i: int, e: Economy, g: TimeGrid) -> Float[Array, "..."] | None:
    if r.chips is None:
        return None
    inside = g.modelled(g.ends) <= e["criteria.horizon"] + 1e-6
    return jnp.sum(within(inside, r.vendor.sales[:, i], 0.0), axis=0)
