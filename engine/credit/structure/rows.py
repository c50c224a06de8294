r"""Rows: what the waterfall knows of an instrument, whatever its kind.

A kind (`kinds/`) turns its clauses into rows; the waterfall reads rows only. Principal
is a *share of the balance* due in each period, so that prepayment and payment in kind
scale what is still to come pro rata, and a loan of half the size is half the loan.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine._types import ArrayLike, PerPeriod
from engine.credit.structure.periods import Periods


class Rows(eqx.Module):
    """Instruments as data, one row each (a facility with dated draws: one per draw)."""

    rank: Float[Array, " row"]
    """0 is the most senior; equal ranks share pro rata."""
    opening: Float[Array, " row"]
    """Balance at the close [USD bn]."""
    is_debt: Float[Array, " row"]
    """1 where it counts as debt in ratios and can be defaulted on."""
    deferrable: Float[Array, " row"]
    """1 where unpaid interest is added to the balance instead of being a default."""
    subordinated: Float[Array, " row"]
    """1 where it is paid after the sweep and behind the lock-up, and never defaults."""
    residual: Float[Array, " row"]
    """Share of what is left for the owners."""
    stoppable: Float[Array, " row"]
    """1 where a draw-stop applies."""
    swept: Float[Array, " row"]
    """1 where the cash sweep repays it."""
    protected: Float[Array, " row"]
    """1 where what is swept, or prepaid by a cure, is paid the call price."""
    toggle_margin: Float[Array, " row"]
    """Added to the coupon of what is paid in kind by choice [1/period]."""
    rate: Float[Array, "row period"]
    """Coupon [1/period]."""
    accrual: Float[Array, "row period"]
    """Share of the period for which the coupon runs."""
    in_kind: Float[Array, "row period"]
    """Share of the coupon paid in kind by contract."""
    repay: Float[Array, "row period"]
    """Share of the balance due as principal."""
    draw: Float[Array, "row period"]
    """Amounts to be drawn at period ends [USD bn]."""
    limit: Float[Array, "row period"]
    """What may be outstanding of a revolving line [USD bn]."""
    fee: Float[Array, "row period"]
    """Commitment fee on what is committed and not drawn [1/period]."""
    called: Float[Array, "row period"]
    """Share of the balance that the issuer calls."""
    price: Float[Array, "row period"]
    """Price of a call, per unit of balance."""
    converting: Float[Array, "row period"]
    """Share of the balance up for conversion into shares."""

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.rank.shape[0]


def blank(rank: ArrayLike, periods: Periods, repay: PerPeriod) -> Rows:
    """One row of a senior cash-pay loan with this schedule and nothing lent yet."""
    scalar = jnp.asarray(rank, repay.dtype)
    zero, nothing = jnp.zeros_like(scalar)[None], jnp.zeros_like(repay)[None]
    fields = {field.name: nothing for field in dataclasses.fields(Rows)}
    per_row = (
        "opening is_debt deferrable subordinated residual stoppable swept protected "
        "toggle_margin"
    )
    fields |= dict.fromkeys(per_row.split(), zero)
    fields |= {
        "rank": scalar[None],
        "is_debt": zero + 1.0,
        "swept": zero + 1.0,
        "accrual": nothing + 1.0,
        "price": nothing + 1.0,
        "repay": repay[None],
    }
    del periods
    return Rows(**fields)


def stack(rows: list[Rows]) -> Rows:
    """The rows of several instruments, one after the other."""
    if not rows:
        raise ValueError("a capital structure needs at least one instrument, got none")
    return jax.tree.map(lambda *parts: jnp.concatenate(parts), *rows)


def pad(rows: Rows, n_rows: int) -> Rows:
    """Rows of nothing added, so that issuers of different size share one `vmap`."""
    if rows.n_rows > n_rows:
        raise ValueError(f"n_rows must be at least {rows.n_rows}, got {n_rows}")
    extra = n_rows - rows.n_rows

    def widen(leaf):
        return jnp.concatenate([leaf, jnp.zeros((extra, *leaf.shape[1:]), leaf.dtype)])

    padded = jax.tree.map(widen, rows)
    # A rank behind all others: an empty row must not look senior to anybody.
    behind = jnp.where(jnp.arange(n_rows) < rows.n_rows, 0.0, 1.0).astype(
        rows.rank.dtype
    )
    price = jnp.where(padded.price == 0, 1.0, padded.price)
    rank = padded.rank + behind * (jnp.max(rows.rank) + 1.0)
    return eqx.tree_at(lambda r: (r.rank, r.price), padded, (rank, price))
