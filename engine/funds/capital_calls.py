"""Capital calls when an investor does not pay."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from engine._types import ArrayLike, PerPeriod
from engine.numerics import floats, ratio_above, require, require_shape


class CapitalCalls(NamedTuple):
    """Who pays, and what the fund lacks [USD bn]."""

    paid: Float[Array, "investor period"]
    shortfall: PerPeriod
    """Called and paid by nobody."""
    accounts: Float[Array, "investor period"]
    """Paid-in capital after what defaulters forfeit; sums to all that was paid."""
    uncalled: Float[Array, "investor period"]


def call_capital(
    calls: ArrayLike,
    commitments: ArrayLike,
    paying: ArrayLike,
    overcall: ArrayLike = 0.25,
    forfeit: ArrayLike = 0.5,
) -> CapitalCalls:
    r"""Calls commitments pro rata; others make up for defaulters within a limit.

    Investor $i$ owes $o_i = \min(\text{call}\cdot c_i/\sum c,\ u_i)$ of its uncalled
    $u_i$ and pays the share $\pi_i$ of it. What is missing, $S$, is called again from
    those who pay, in proportion to what they paid, each at most `overcall` of $o_i$ and
    of what is left of its commitment. A defaulter forfeits
    $\text{forfeit}\,(1 - \pi_i)$ of its account to those who pay.

    **Arguments:** `calls[period]`, `commitments[investor]` [USD bn] ≥ 0;
    `paying[investor, period]` in [0, 1]; `overcall` ≥ 0; `forfeit` in [0, 1].

    **Returns:** `CapitalCalls`. **Raises:** `ValueError` for other shapes and values.

    **References:** Litvak (2004), "Governing by exit: default penalties and walkaway
    options in venture capital partnership agreements" (forfeiture of half is common).
    """
    calls, commitments, paying, overcall, forfeit = floats(
        calls, commitments, paying, overcall, forfeit
    )
    require_shape("calls", calls, (-1,))
    require_shape("commitments", commitments, (-1,))
    require_shape("paying", paying, (commitments.shape[0], calls.shape[0]))
    for name, value in (("calls", calls), ("commitments", commitments)):
        require(name, value, lambda x: x >= 0, "non-negative")
    require("paying", paying, lambda x: (x >= 0) & (x <= 1), "in [0, 1]")
    require("overcall", overcall, lambda x: x >= 0, "non-negative")
    require("forfeit", forfeit, lambda x: (x >= 0) & (x <= 1), "in [0, 1]")
    share = ratio_above(commitments, jnp.sum(commitments), 0.0, 0.0)

    def call(book, flows):
        left, account = book
        amount, pays = flows
        owed = jnp.minimum(amount * share, left)
        first = pays * owed
        missing = amount - jnp.sum(first)
        weight = ratio_above(first, jnp.sum(first), 0.0, 0.0)
        room = jnp.minimum(overcall * owed * pays, left - first)
        paid = first + jnp.minimum(missing * weight, room)
        lost = forfeit * (1 - pays) * account * jnp.where(jnp.sum(first) > 0, 1.0, 0.0)
        account = account - lost + jnp.sum(lost) * weight + paid
        left = left - paid
        return (left, account), (paid, amount - jnp.sum(paid), account, left)

    start = commitments, jnp.zeros_like(commitments)
    _, (paid, shortfall, accounts, uncalled) = lax.scan(call, start, (calls, paying.T))
    return CapitalCalls(paid.T, shortfall, accounts.T, uncalled.T)
