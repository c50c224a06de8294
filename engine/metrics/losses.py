"""Losses by layer: what each layer's holders lose over the grid [USD bn]."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from engine.economy import Economy
from engine.metrics.layers import SPV_LAYERS, named, spvs_of


def _chosen(
    flow: Float[Array, "quarter entity ..."], members: tuple[bool, ...]
) -> Float[Array, "..."]:
    return jnp.sum(jnp.sum(flow[:, np.flatnonzero(members)], axis=1), axis=0)


def _by_layer(
    loans: Float[Array, "quarter spv ..."], economy: Economy
) -> dict[str, Float[Array, "..."]]:
    chosen = {layer: spvs_of(economy, layer) for layer in SPV_LAYERS}
    return {name: _chosen(loans, who) for name, who in chosen.items() if any(who)}


def layer_losses(
    record: Any, market_cap: Float[Array, "neocloud ..."], economy: Economy
) -> dict[str, Float[Array, "..."]]:
    """Loss of every layer; a claim the government pays counts where it arose.

    Equity: the `market_cap` at `as_of` that is gone at the end of the grid.
    """
    n, k = len(economy.members("neoclouds")), len(economy.members("spvs"))
    lost = record.classes.loss + record.classes.claimed
    single = named(economy, "neoclouds")
    loans = lost[:, 2 * n : 2 * n + k] + lost[:, 2 * n + k :]
    gone = market_cap * jnp.maximum(1.0 - record.clouds.price[-1], 0.0)
    investors, fund = record.investors, record.fund
    banks = investors.bank_direct + investors.bank_lines
    nothing = jnp.zeros_like(investors.bank_lines[0])
    through = fund.credit_loss - fund.line_loss
    return {
        "lab": jnp.sum(jnp.sum(record.labs.forgiven, axis=1), axis=0),
        "neocloud_equity": _chosen(gone[None], single),
        "neocloud_unsecured": _chosen(lost[:, n : 2 * n], single),
        "neocloud_secured": _chosen(lost[:, :n], single),
        "hybrid_cloud": nothing,
        **_by_layer(loans, economy),
        "hyperscaler": nothing,
        "fund": jnp.sum(jnp.sum(through, axis=1), axis=0),
        "fund_bank_line": jnp.sum(investors.bank_lines, axis=0),
        "lp": jnp.sum(jnp.sum(investors.losses, axis=1), axis=0),
        "bank": jnp.sum(banks, axis=0),
        "government": jnp.sum(investors.government, axis=0),
    }
