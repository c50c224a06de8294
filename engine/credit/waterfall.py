"""The waterfall: cash divided among ranked claims, all ranks at once."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from engine._types import ArrayLike, PerRank, Values
from engine.numerics import floats, require, require_shape


class Waterfall(NamedTuple):
    """Payment by rank and what is left after the last [USD bn]."""

    paid: PerRank
    remainder: Values


def waterfall(cash: ArrayLike, claims: ArrayLike) -> Waterfall:
    r"""Pays ranked claims in order from the cash available.

    $$ p_k = \min\Big(c_k,\ \max\big(0,\ x - \textstyle\sum_{j<k} c_j\big)\Big) $$

    Cumulative dues and a clip, no loop over ranks. The kinks are exact: no junior rank
    is paid while a senior one is short, and paid plus remainder is cash to rounding.
    Negative cash pays nothing and is passed on as a negative remainder.

    **Arguments:** `cash[...]` [USD bn]; `claims[rank, ...]` [USD bn] ≥ 0, senior
    first; a scalar `cash` serves every column.

    **Returns:** `(paid[rank, ...], remainder[...])`. **Raises:** `ValueError` for
    shapes that do not match and for negative claims.
    """
    return _pay("cash", cash, claims)


def _pay(name: str, cash: ArrayLike, claims: ArrayLike) -> Waterfall:
    cash, claims = floats(cash, claims)
    if claims.ndim == 0:
        raise ValueError(f"claims must have a leading rank axis, got {claims}")
    if cash.ndim:
        require_shape(name, cash, claims.shape[1:])
    require(name, cash, lambda x: ~np.isnan(x), "a number")
    require("claims", claims, lambda x: x >= 0, "non-negative")
    cash = jnp.broadcast_to(cash, claims.shape[1:])
    due = jnp.cumsum(claims, axis=0)
    # Shifted, not `due - claims`: rounding must not let a senior rank look unpaid.
    ahead = jnp.concatenate([jnp.zeros_like(claims[:1]), due[:-1]])
    paid = jnp.clip(cash[None] - ahead, 0.0, claims)
    return Waterfall(paid, cash - jnp.sum(paid, axis=0))
