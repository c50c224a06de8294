"""Metrics of public markets: lowest prices, forced sales, marks, second rounds.

They exist where the config has public markets.
"""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy
from engine.funds.holders import INSTITUTIONS
from engine.metrics.registry import register

register(
    "public_markets",
    "lowest_price",
    "P",
    "x",
    "lowest price of a class of public assets, of the undisturbed one",
)(lambda r, i, e, g: jnp.min(r.public.price[:, i], axis=0))
register(
    "public_markets",
    "forced_sales",
    "S",
    "USD bn",
    "sold because a buffer or a line was used up",
)(lambda r, i, e, g: jnp.sum(r.public.sold[:, i], axis=0))


def _marks(r: Any, i: int) -> Float[Array, "quarter ..."]:
    """Marks of pensions, insurers, banks and funds."""
    n = len(INSTITUTIONS)
    if i < n:
        return r.public.mark_loss[:, i]
    return (r.public.bank_mark, r.public.fund_mark)[i - n]


register(
    "marked",
    "mark_loss",
    "M",
    "USD bn",
    "largest fall of public assets held below their undisturbed value",
)(lambda r, i, e, g: jnp.max(_marks(r, i), axis=0))
register(
    "sellers",
    "sale_loss",
    "L",
    "USD bn",
    "realised by selling public assets below their undisturbed value",
)(lambda r, i, e, g: jnp.sum(r.public.discount[:, i], axis=0))
register(
    "selling_banks",
    "sale_loss",
    "L",
    "USD bn",
    "realised by selling public assets below their undisturbed value",
)(lambda r, i, e, g: jnp.sum(r.public.discount[:, -1], axis=0))
register(
    "selling_banks",
    "forced_sales",
    "S",
    "USD bn",
    "sold because the buffer was used up, to return to the target leverage",
)(lambda r, i, e, g: jnp.sum(r.public.forced_sales[:, -1], axis=0))


def _second_rounds(r: Any, i: int, e: Economy, g: Any) -> Any:
    """Sales after the first round of each quarter, of all."""
    every = jnp.sum(jnp.sum(r.public.sold, axis=1), axis=0)
    first = jnp.sum(r.public.first, axis=0)
    is_sold = every > 1e-6
    return 1.0 - first / jnp.where(is_sold, every, 1.0), is_sold


register(
    "fire_sale",
    "second_round_share",
    "σ",
    "share",
    "of all forced sales, what falling prices forced",
)(_second_rounds)
register(
    "fire_sale",
    "fire_sale_remainder",
    "ε",
    "share",
    "largest change of a quarter's sales that one more round would make",
)(lambda r, i, e, g: jnp.max(r.public.remainder, axis=0))
