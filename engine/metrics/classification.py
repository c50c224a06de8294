"""Did the bet win, fail expensively, or spread to the system?"""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from engine.economy import Economy
from engine.metrics.layers import FINANCED, NEVER

CLASSIFICATIONS = ("bet_won", "expensive_failure", "systemic")

SHUT = 0.05
"""Openness below which the market for investment-grade debt counts as shut."""


def classify(
    record: Any, failures: dict[str, Float[Array, ""]], economy: Economy
) -> tuple[Int[Array, ""], dict[str, Float[Array, ""]]]:
    """Index into `CLASSIFICATIONS` and the distance to each systemic threshold.

    A distance is threshold minus reading, in the threshold's own unit: positive while
    the threshold is not reached.
    """
    bank_loss = jnp.sum(record.investors.bank_direct + record.investors.bank_lines)
    sales = jnp.sum(record.investors.forced_sales)
    access = jnp.clip(economy["access.level"], 0.0, 1.0)
    shut = jnp.sum((access * record.system.openness < SHUT).astype(sales.dtype))
    distances = {
        "bank_loss_cet1_share": economy["criteria.systemic_cet1"]
        - bank_loss / economy["banks.cet1"],
        "forced_sales_market_share": economy["criteria.systemic_sales"]
        - sales / economy["contagion.public_market"],
        "price_impact": economy["criteria.systemic_impact"]
        - jnp.max(jnp.cumsum(record.system.impact)),
        "quarters_shut": economy["criteria.systemic_shut"] - shut,
    }
    is_systemic = jnp.any(jnp.stack(list(distances.values())) <= 0.0)
    fails = jnp.any(jnp.stack([failures[name] for name in FINANCED]) < NEVER)
    return jnp.where(is_systemic, 2, jnp.where(fails, 1, 0)), distances
