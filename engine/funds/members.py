"""The cohorts that have optional terms: only they are computed, by their place."""

import itertools

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy


class Members(eqx.Module):
    """Which cohorts have a term, as runs of neighbours (slices need no gather)."""

    runs: tuple[tuple[bool, int, int], ...] = eqx.field(static=True)
    """Whether its cohorts have the term, first, last + 1."""

    @staticmethod
    def of(economy: Economy, key: str) -> "Members | None":
        """The cohorts that have figure `key`; None if there are none."""
        has = [f"funds.{c}.{key}" in economy.figures for c in economy.cohorts()]
        runs, start = [], 0
        for is_member, group in itertools.groupby(has):
            n = len(list(group))
            runs.append((is_member, start, start + n))
            start += n
        return Members(tuple(runs)) if any(has) else None

    def pick(self, x: Float[Array, "cohort ..."]) -> Float[Array, "member ..."]:
        """The members' rows."""
        parts = [x[a:b] for is_member, a, b in self.runs if is_member]
        return parts[0] if len(parts) == 1 else jnp.concatenate(parts)

    def merge(
        self, x: Float[Array, "member ..."], others: Float[Array, "cohort ..."]
    ) -> Float[Array, "cohort ..."]:
        """The members' rows, among those of `others`."""
        parts, at = [], 0
        for is_member, a, b in self.runs:
            parts.append(x[at : at + b - a] if is_member else others[a:b])
            at += b - a if is_member else 0
        return parts[0] if len(parts) == 1 else jnp.concatenate(parts)

    def spread(self, x: Float[Array, "member ..."]) -> Float[Array, "cohort ..."]:
        """The members' rows; zero for the others."""
        n = self.runs[-1][2]
        return self.merge(x, jnp.zeros((n, *x.shape[1:]), x.dtype))
