"""The queue for power: what is financed waits for a connection, where a config says so.

docs/model.md section 2, "Queue for power". Without a table `[market.queue]` none of it
is in the program.
"""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy
from engine.grid import DT


class Queue(eqx.Module):
    """What can be connected in a year; the rest of what is financed waits."""

    connections: Float[Array, "..."]
    growth: Float[Array, "..."]

    @staticmethod
    def build(economy: Economy) -> "Queue | None":
        """Assembles the queue; none without a table `[market.queue]`."""
        if "market.queue.connections" not in economy.figures:
            return None
        return Queue(
            connections=economy["market.queue.connections"],
            growth=economy["market.queue.growth"],
        )

    def yearly(self, years: Float[Array, "..."]) -> Float[Array, "..."]:
        """Gigawatts a year that can be connected, `years` after `as_of`."""
        return self.connections * (1.0 + self.growth) ** years


class Connected(NamedTuple):
    """What gets power this quarter, and what still waits for it."""

    additions: Float[Array, "..."]
    waiting: Float[Array, "..."] | None
    wait: Float[Array, "..."] | None


def connect(
    queue: Queue | None,
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
        return Connected(financed, None, None)
    replaced = retired * openness
    yearly = queue.yearly(years)
    asking = waiting + (financed - replaced)
    powered = jnp.minimum(asking, yearly * DT)
    left = asking - powered
    return Connected(replaced + powered, left, left / yearly)


def without_shortage(
    reference: Float[Array, "..."],
    in_service: Float[Array, "..."],
    *waiting: Float[Array, "..."] | None,
) -> Float[Array, "..."]:
    """Utilisation above which builders see a shortage: they count what waits.

    Each of `waiting` is for power or for chips [GW], None where nothing ever does.
    """
    coming = [gigawatts for gigawatts in waiting if gigawatts is not None]
    if not coming:
        return reference
    return reference * (1.0 + sum(coming) / jnp.maximum(in_service, 1e-6))
