"""Supply of chips: what vendors can deliver of what the market orders.

docs/model.md section 2, "Supply of chips". Without a table `[market.chips]` none of it
is in the program.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.bottlenecks.capacity import Capacity
from engine.economy import Economy
from engine.grid import DT
from engine.numerics import ratio_above


def is_limited(economy: Economy) -> bool:
    """Whether the config says what chips can be delivered."""
    return "market.chips.supply" in economy.figures


class Shipped(NamedTuple):
    """What vendors deliver this quarter, and what still waits for them."""

    delivered: Float[Array, "..."]
    share: Float[Array, "..."] | None
    """Of all that is on order; None where everything is delivered."""
    on_order: Float[Array, "..."] | None


def ship(
    supply: Capacity | None,
    years: Float[Array, "..."],
    ordered: Float[Array, "..."],
    on_order: Float[Array, "..."] | None,
) -> Shipped:
    r"""Delivers what waits and what is ordered, as far as supply goes.

    $I = F\,(W' + N)$, $F = \min(1, S/(W' + N))$, $W = W' + N - I$. Without a table all
    that is ordered is delivered at once.

    **Arguments:** `years` since `as_of`; `ordered`, $N$, this quarter [GW]; `on_order`,
    $W'$, what waited at its start [GW].

    **Returns:** delivered [GW], the share $F$ [1], on order at the end [GW].

    **Derivative:** of $I$ by supply $\Delta$ where supply binds, 0 where it does not.
    """
    if supply is None or on_order is None:
        return Shipped(ordered, None, None)
    quarterly = supply.yearly(years) * DT
    asked = on_order + ordered
    share = jnp.minimum(ratio_above(quarterly, asked, 1.0), 1.0)
    delivered = share * asked
    return Shipped(delivered, share, asked - delivered)


def delivered_part(
    share: Float[Array, "..."] | None, ordered: Float[Array, "..."]
) -> Float[Array, "..."]:
    """What of a part of the orders is delivered, where all parts are served alike."""
    return ordered if share is None else share * ordered
