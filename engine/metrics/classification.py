"""Did the bet win, fail expensively, or spread to the system?"""

import functools
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from engine.economy import Economy
from engine.metrics.layers import FINANCED, NEVER

CLASSIFICATIONS = ("bet_won", "expensive_failure", "systemic")

SHUT = 0.05
"""Openness below which the market for investment-grade debt counts as shut."""


THRESHOLDS = {
    "bank_loss_cet1_share": "criteria.systemic_cet1",
    "forced_sales_market_share": "criteria.systemic_sales",
    "price_impact": "criteria.systemic_impact",
    "quarters_shut": "criteria.systemic_shut",
}
"""Distance to each systemic threshold, and the figure behind it."""


def margins(
    headrooms: dict[str, Float[Array, "quarter ..."]],
    distances: dict[str, Float[Array, "..."]],
    economy: Economy,
) -> dict[str, Float[Array, "..."]]:
    """The two continuous distances behind the classification.

    `won`: lowest headroom of a financed layer on the grid, negative where one fails;
    `systemic`: lowest distance to a threshold per unit of it, not positive where one is
    reached.
    """
    financed = [layer for layer in FINANCED if layer in headrooms]
    lowest = [jnp.min(headrooms[layer], axis=0) for layer in financed]
    relative = [
        gap / jnp.maximum(economy[THRESHOLDS[name]], 1e-9)
        for name, gap in distances.items()
    ]
    return {
        "won": functools.reduce(jnp.minimum, lowest),
        "systemic": functools.reduce(jnp.minimum, relative),
    }


def classify(
    record: Any, failures: dict[str, Float[Array, "..."]], economy: Economy
) -> tuple[Int[Array, "..."], dict[str, Float[Array, "..."]]]:
    """Index into `CLASSIFICATIONS` and the distance to each systemic threshold.

    A distance is threshold minus reading, in the threshold's own unit: positive while
    the threshold is not reached. With public markets, forced sales and impact are those
    of the market that is hit hardest, and impact is its lowest price.
    """
    investors = record.investors
    bank_loss = jnp.sum(investors.bank_direct + investors.bank_lines, axis=0)
    sales = jnp.sum(jnp.sum(investors.forced_sales, axis=1), axis=0)
    access = jnp.clip(economy["access.level"], 0.0, 1.0)
    open_share = access * record.system.openness
    if record.public is None:
        sold = sales / economy["contagion.public_market"]
        # Sales move prices one way only: the last is the largest cumulated impact.
        fallen = jnp.sum(record.system.impact, axis=0)
    else:
        markets, sold = economy.members("public_markets"), record.public.sold
        # One by one: in a batch a drawn size has a scenario axis and others have none.
        sizes = [economy[f"public_markets.{name}.size"] for name in markets]
        shares = [jnp.sum(sold[:, i], axis=0) / size for i, size in enumerate(sizes)]
        sold = jnp.max(jnp.stack(shares), axis=0)
        fallen = jnp.max(jnp.max(1.0 - record.public.price, axis=0), axis=0)
    distances = {
        "bank_loss_cet1_share": economy["criteria.systemic_cet1"]
        - bank_loss / economy["banks.cet1"],
        "forced_sales_market_share": economy["criteria.systemic_sales"] - sold,
        "price_impact": economy["criteria.systemic_impact"] - fallen,
        "quarters_shut": economy["criteria.systemic_shut"]
        - jnp.sum((open_share < SHUT).astype(sales.dtype), axis=0),
    }
    is_systemic = jnp.any(jnp.stack(list(distances.values())) <= 0.0, axis=0)
    failed = jnp.stack([failures[x] for x in FINANCED if x in failures]) < NEVER
    fails = jnp.any(failed, axis=0)
    return jnp.where(is_systemic, 2, jnp.where(fails, 1, 0)), distances
