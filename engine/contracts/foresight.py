r"""Rents that tenants foresee under `consistent` expectations: those that come out.

Every other rule looks at the exogenous path of demand over today's shells. This one is
handed the path of market rents, $v_t$ of shells and $\varphi_t w_t$ of chips, and reads
$\hat v_{t,j} = v_{\min(t+j, T-1)}$ from it; `engine.consistent` looks for the path that
comes out of what is expected of it. docs/model.md, section 3.
"""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.market import Prices

WINDOW = 16
"""Quarters that a tenant looks ahead."""


class Foresight(eqx.Module):
    """Rents ahead by model quarter (leading axis), or in one quarter."""

    shell: Float[Array, "..."]
    chips: Float[Array, "..."]
    """Price of new chips against the reference."""


def foresee(
    shell: Float[Array, " quarter"], chips: Float[Array, " quarter"]
) -> Foresight:
    """The windows of two paths; after the last quarter its values stay."""
    n = shell.shape[0]
    quarters = jnp.arange(n)[:, None] + jnp.arange(WINDOW)[None, :]
    ahead = jnp.minimum(quarters, n - 1)
    return Foresight(shell=shell[ahead], chips=chips[ahead])


def foreseen(prices: Prices, foresight: Foresight | None) -> Prices:
    """Prices with what tenants foresee of them, if they do."""
    if foresight is None:
        return prices
    return dataclasses.replace(
        prices, shell_ahead=foresight.shell, chips_ahead=foresight.chips
    )
