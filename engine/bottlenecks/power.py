"""The queue for power: what is financed waits for a connection, where a config says so.

docs/model.md section 2, "Queue for power", and 4, "Neocloud". Without a table
`[market.queue]` none of it is in the program.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.bottlenecks.capacity import Capacity
from engine.economy import Economy
from engine.grid import DT

TABLE, CONNECTIONS = "market.queue", "connections"


def has_queue(economy: Economy) -> bool:
    """Whether the config has a table `[market.queue]`."""
    return f"{TABLE}.{CONNECTIONS}" in economy.figures


class Connected(NamedTuple):
    """What gets power this quarter, and what still waits for it."""

    additions: Float[Array, "..."]
    waiting: Float[Array, "..."] | None
    wait: Float[Array, "..."] | None
    share: Float[Array, "..."] | None
    """Of all that asks for a connection, what gets one."""


def connect(
    queue: Capacity | None,
    years: Float[Array, "..."],
    financed: Float[Array, "..."],
    retired: Float[Array, "..."],
    openness: Float[Array, "..."],
    waiting: Float[Array, "..."] | None,
) -> Connected:
    r"""Energises what waits and what is financed, as far as connections go.

    $I = r + \min(Q' + N - r, c\Delta)$, $Q = Q' + N - I$: chips that replace retired
    ones have their connection. Without a table all that is financed has power at once.

    **Arguments:**

    - `queue`: what can be connected; None without a table.
    - `years`: years since `as_of`.
    - `financed`: $N$, financed this quarter [GW].
    - `retired`: retired chips that are worth replacing [GW].
    - `openness`: the part of them whose replacement is financed, so $r$ their product.
    - `waiting`: $Q'$, what waited at the start of the quarter [GW].

    **Returns:**

    Additions and queue [GW], and the queue over connections [years].

    **Derivative:** by connections $\Delta$ where they bind, 0 where they do not.
    """
    if queue is None or waiting is None:
        return Connected(financed, None, None, None)
    replaced = retired * openness
    yearly = queue.yearly(years)
    asking = waiting + (financed - replaced)
    powered = jnp.minimum(asking, yearly * DT)
    left = asking - powered
    share = jnp.minimum(yearly * DT / jnp.maximum(asking, 1e-9), 1.0)
    return Connected(replaced + powered, left, left / yearly, share)


def unpowered(
    share: Float[Array, "..."] | None,
    before: Float[Array, "neocloud ..."] | None,
    starting: Float[Array, "neocloud ..."],
    contracted: Float[Array, "neocloud ..."],
) -> Float[Array, "neocloud ..."] | None:
    r"""Contracted revenue that brings nothing, since its capacity has no power.

    $U = \min((U' + S)(1 - s), N)$: everybody has the same place in the queue.

    **Arguments:** `share` $s$ of what asks that gets power; `before` $U'$; `starting`
    $S$, what should begin this quarter; `contracted` $N$, all that should run
    [USD bn/year]. None without a table.
    """
    if share is None or before is None:
        return None
    return jnp.minimum((before + starting) * (1.0 - share[None]), contracted)
