"""Redemptions behind a gate: a queue that is served pro rata and carried."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from engine._types import ArrayLike, PerPeriod
from engine.numerics import floats, ratio_above, require, require_shape


class Redemptions(NamedTuple):
    """Who is paid what, and who waits [USD bn]."""

    paid: Float[Array, "investor period"]
    queue: Float[Array, "investor period"]
    """Requests not yet met, at the end of the period."""
    holdings: Float[Array, "investor period"]
    """Value of each investor's units, at the end of the period."""
    served: PerPeriod
    """Share of requests that was met; 1 where there were none."""


def redeem(
    holdings: ArrayLike,
    returns: ArrayLike,
    requests: ArrayLike,
    gate: ArrayLike,
    carry_over: ArrayLike = 1.0,
) -> Redemptions:
    r"""Pays at most `gate` of NAV a period, all who wait in the same proportion.

    With $N_t$ the NAV after the period's return and $Q_t$ all that waits (each at most
    what it holds),

    $$ \text{paid}_{it} = q_{it}\,\min\big(1,\ \text{gate}\,N_t / Q_t\big). $$

    Units are asked back, so what waits moves with their value. Of what is not met the
    share `carry_over` stays in the queue; 0 means that every request is made anew, as
    in a tender. If all want out at once,
    $\text{paid}_t = \text{gate}\,(1-\text{gate})^{t}\,N_0 \prod_s (1 + r_s)$.

    **Arguments:** `holdings[investor]` [USD bn] ≥ 0 at the start; `returns[period]` ≥
    −1; `requests[investor, period]` [USD bn] ≥ 0; `gate` [1/period] in [0, 1] (5 % a
    quarter is usual); `carry_over` in [0, 1].

    **Returns:** `Redemptions`. **Raises:** `ValueError` for other shapes and values.

    **References:** Blackstone Private Credit Fund, prospectus, "Share repurchase
    program" (5 % of shares a quarter, pro rata when exceeded).
    """
    holdings, returns, requests, gate, carry_over = floats(
        holdings, returns, requests, gate, carry_over
    )
    require_shape("holdings", holdings, (-1,))
    require_shape("returns", returns, (-1,))
    require_shape("requests", requests, (holdings.shape[0], returns.shape[0]))
    for name, value in (("holdings", holdings), ("requests", requests)):
        require(name, value, lambda x: x >= 0, "non-negative")
    require("returns", returns, lambda x: x >= -1, "at least -1")
    require("gate", gate, lambda x: (x >= 0) & (x <= 1), "in [0, 1]")
    require("carry_over", carry_over, lambda x: (x >= 0) & (x <= 1), "in [0, 1]")

    def serve(book, flows):
        held, waiting = book
        growth, asked = flows
        held = held * (1 + growth)
        wanted = jnp.minimum(waiting * (1 + growth) + asked, held)
        total = jnp.sum(wanted)
        served = jnp.minimum(ratio_above(gate * jnp.sum(held), total, 1.0), 1.0)
        paid = wanted * served
        waiting = carry_over * (wanted - paid)
        held = held - paid
        return (held, waiting), (paid, waiting, held, served)

    start = holdings, jnp.zeros_like(holdings)
    _, (paid, queue, held, served) = lax.scan(serve, start, (returns, requests.T))
    return Redemptions(paid.T, queue.T, held.T, served)
