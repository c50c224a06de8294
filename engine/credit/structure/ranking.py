r"""Who is paid before whom: lines of the waterfall, all ranks at once.

Rows of equal rank form a class and share pro rata. The lines of a class are fees,
interest and principal. One cumulative sum over all lines and one clip pay them:

$$ p_l = \mathrm{clip}\Big(x - \textstyle\sum_{j<l} d_j,\ 0,\ d_l\Big) $$
"""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine._types import Scalar
from engine.credit.structure.rows import Rows

PerRow = Float[Array, " row"]
PerClass = Float[Array, " class"]


class Ranking(eqx.Module):
    """`member[class, row]` is 1 for the rows of a class, else 0; most senior first.

    There are as many classes as rows; with ties some are empty.
    """

    member: Float[Array, "class row"]
    served: PerRow
    """1 for the rows whose service the reserve pays."""


class Paid(NamedTuple):
    """What the mandatory lines get, and what is left [USD bn]."""

    spend: Scalar
    fees: PerRow
    interest: PerRow
    principal: PerRow
    remainder: Scalar


def ranking(rows: Rows, reserve_rank: Scalar) -> Ranking:
    """Classes of the rows, and whom the reserve serves."""
    rank = rows.rank
    position = jnp.sum((rank[None] < rank[:, None]).astype(rank.dtype), axis=1)
    index = jnp.arange(rows.n_rows, dtype=rank.dtype)
    member = (index[:, None] == position[None]).astype(rank.dtype)
    senior = rank <= reserve_rank
    served = senior.astype(rank.dtype) * rows.is_debt * (1.0 - rows.subordinated)
    return Ranking(member, served)


def by_class(order: Ranking, due: PerRow) -> PerClass:
    """Sum of a claim over the rows of each class."""
    return jnp.sum(order.member * due[None], axis=1)


def clip_lines(
    cash: Scalar, lines: Float[Array, " line"]
) -> tuple[Float[Array, " line"], Float[Array, " line"]]:
    """Paid on each line, and as a share of it (1 where nothing is due)."""
    due = jnp.cumsum(lines)
    # Shifted, not `due - lines`: rounding must not let a senior line look unpaid.
    ahead = jnp.concatenate([jnp.zeros_like(due[:1]), due[:-1]])
    paid = jnp.clip(cash - ahead, 0.0, lines)
    is_full = paid >= lines
    share = paid / jnp.where(is_full, 1.0, lines)
    return paid, jnp.where(is_full, 1.0, share)


def _shares(order: Ranking, per_class: PerClass) -> PerRow:
    return jnp.sum(order.member * per_class[:, None], axis=0)


def pay(
    order: Ranking,
    cash: Scalar,
    spend: Scalar,
    fees: PerRow,
    interest: PerRow,
    principal: PerRow,
) -> Paid:
    """Pays spend, then class by class fees, interest and principal."""
    claims = (fees, interest, principal)
    table = jnp.stack([by_class(order, due) for due in claims], axis=1)
    lines = jnp.concatenate([spend[None], table.reshape(-1)])
    paid, share = clip_lines(cash, lines)
    shares = share[1:].reshape(table.shape)
    got = [due * _shares(order, shares[:, k]) for k, due in enumerate(claims)]
    out = paid[0] + jnp.sum(jnp.stack(got))
    return Paid(paid[0], got[0], got[1], got[2], cash - out)


def pay_by_rank(order: Ranking, cash: Scalar, due: PerRow) -> PerRow:
    """One claim per row, senior classes first."""
    _, share = clip_lines(cash, by_class(order, due))
    return due * _shares(order, share)


def protected(order: Ranking, spend: Scalar, due: PerRow) -> Scalar:
    """What has to be paid up to and including the ranks that the reserve serves."""
    return spend + jnp.sum(due * order.served)
