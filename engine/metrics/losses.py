"""Losses by layer: what each layer's holders lose over the grid [USD bn]."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy
from engine.metrics.layers import is_bank_financed, is_tenant_financed, named


def _chosen(flow: Float[Array, "quarter entity"], members: tuple[bool, ...]):
    return jnp.sum(jnp.where(jnp.asarray(members), flow, 0.0))


def layer_losses(record: Any, economy: Economy) -> dict[str, Float[Array, ""]]:
    """Loss of every layer; a claim the government pays counts where it arose.

    Equity: the market value at `as_of` that is gone at the end of the grid.
    """
    n, k = len(economy.members("neoclouds")), len(economy.members("spvs"))
    lost = record.classes.loss + record.classes.claimed
    single = named(economy, "neoclouds")
    loans = lost[:, 2 * n : 2 * n + k] + lost[:, 2 * n + k :]
    cap = economy.stack("neoclouds", "market_cap")
    gone = cap * jnp.maximum(1.0 - record.clouds.price[-1], 0.0)
    nothing = jnp.zeros_like(record.fund.line_loss[0])
    return {
        "lab": jnp.sum(record.labs.forgiven),
        "neocloud_equity": jnp.sum(jnp.where(jnp.asarray(single), gone, 0.0)),
        "neocloud_unsecured": _chosen(lost[:, n : 2 * n], single),
        "neocloud_secured": _chosen(lost[:, :n], single),
        "hybrid_cloud": nothing,
        "bank_spv": _chosen(loans, is_bank_financed(economy)),
        "tenant_spv": _chosen(loans, is_tenant_financed(economy)),
        "hyperscaler": nothing,
        "fund": jnp.sum(record.fund.credit_loss - record.fund.line_loss),
        "fund_bank_line": jnp.sum(record.investors.bank_lines),
        "lp": jnp.sum(record.investors.losses),
        "bank": jnp.sum(record.investors.bank_direct + record.investors.bank_lines),
        "government": jnp.sum(record.investors.government),
    }
