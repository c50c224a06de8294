"""Priority when chips are short: who is served first, and what that lets him build.

Strict ranks, pro rata within a rank: how a vendor with more orders than chips says that
it allocates (preferred customers first, the others alike). docs/model.md section 2.
"""

import functools
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.bottlenecks.chips import is_limited
from engine.economy import Economy
from engine.numerics import ratio_above

RANKS = 3
"""Ranks of priority; 1 is served first."""

UNSTATED = 2.0
"""Rank of a buyer that states none."""


class PerBuyer(eqx.Module):
    """A number by buyer of chips."""

    clouds: Float[Array, "neocloud ..."]
    hyperscalers: Float[Array, "hyperscaler ..."]
    hybrid: Float[Array, "..."]


class Priority(eqx.Module):
    """Who is served before whom: 1 where a buyer is of the rank, by rank."""

    ranks: tuple[PerBuyer, ...]

    @staticmethod
    def build(economy: Economy) -> "Priority | None":
        """Ranks of all buyers; none without a table `[market.chips]`."""
        if not is_limited(economy):
            return None
        stated = PerBuyer(
            *(
                economy.stack(family, "chip_priority", missing=UNSTATED)
                for family in ("neoclouds", "hyperscalers", "hybrid")
            )
        )

        def among(rank: int) -> PerBuyer:
            def of(values: Float[Array, "buyer ..."]) -> Float[Array, "buyer ..."]:
                is_so = jnp.abs(values - rank) < 0.5
                # In the dtype of the figures: the C kernel has one.
                return jnp.where(is_so, jnp.ones_like(values), jnp.zeros_like(values))

            return PerBuyer(
                of(stated.clouds), of(stated.hyperscalers), of(stated.hybrid)[0]
            )

        return Priority(tuple(among(rank) for rank in range(1, RANKS + 1)))

    def shares(self, demand: PerBuyer, share: Float[Array, "..."]) -> PerBuyer:
        r"""Share of its demand that each buyer gets when all together get `share`.

        Ranks are served one after the other, buyers of a rank pro rata:
        $f_b = 1 - m_k/D_k$ for a buyer of rank k, $D_k$ the demand of the rank, $m_k$
        what is missing, $\min(D_k, (1 - F)\sum_j D_j - \sum_{j>k} m_j)$. It is taken
        from the last rank first: with enough for all exactly nothing is missing.

        **Arguments:** `demand` by buyer [USD bn]; `share`, $F$ [1].

        **Derivative:** exact between the points at which a rank is just served.
        """
        totals = [_total(of, demand) for of in self.ranks]
        missing = (1.0 - share) * sum(totals)
        served = []
        for total in reversed(totals):
            cut = jnp.minimum(missing, total)
            missing = missing - cut
            served.append(1.0 - ratio_above(cut, total))
        served.reverse()
        parts = [
            jax.tree.map(lambda one, x=x: one * x, of)
            for of, x in zip(self.ranks, served, strict=True)
        ]
        return jax.tree.map(lambda *ranks: functools.reduce(jnp.add, ranks), *parts)


def _total(of: PerBuyer, demand: PerBuyer) -> Float[Array, "..."]:
    """Demand of the buyers of a rank."""
    return (
        jnp.sum(of.clouds * demand.clouds, axis=0)
        + jnp.sum(of.hyperscalers * demand.hyperscalers, axis=0)
        + of.hybrid * demand.hybrid
    )


class Allotment(NamedTuple):
    """What a buyer is promised this quarter: a share, also of what it waited for."""

    share: Float[Array, "..."]
    waiting: Float[Array, "..."]
    """At the start of the quarter [USD bn]."""
    left: Float[Array, "..."]
    """At its end [USD bn]."""


def built(
    allotment: Allotment | None, ordered: Float[Array, "..."]
) -> Float[Array, "..."]:
    """Capex that chips allow of what is ordered and what waited [USD bn]."""
    if allotment is None:
        return ordered
    return allotment.share * (ordered + allotment.waiting)
