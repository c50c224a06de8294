r"""Time: quarters, overlaps of dates with quarters, three kinds of dated figures.

A stock is the value at the end of a quarter, a flow what happens during it. Every date
is a decimal year and every outcome is continuous in it, because all pro-rating goes
through `TimeGrid.overlap` (docs/model.md, section 0).
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.once import computed_once

DT = 0.25
"""Length of a quarter in years."""


class TimeGrid(eqx.Module):
    """The quarters of a run; the first `n_history` of them are data."""

    start: Float[Array, ""] = eqx.field(converter=jnp.asarray)
    n_quarters: int = eqx.field(static=True)
    n_history: int = eqx.field(static=True)

    @property
    def n_model(self) -> int:
        """Quarters in which the engine moves money."""
        return self.n_quarters - self.n_history

    @property
    def begins(self) -> Float[Array, " quarter"]:
        """Start date of each quarter."""
        steps = jnp.arange(self.n_quarters, dtype=self.start.dtype)
        return self.start + steps * DT

    @property
    def middles(self) -> Float[Array, " quarter"]:
        """Middle of each quarter."""
        return self.begins + DT / 2

    @property
    def ends(self) -> Float[Array, " quarter"]:
        """End date of each quarter."""
        return self.begins + DT

    @property
    def as_of(self) -> Float[Array, ""]:
        """The date up to which figures are data: end of the last history quarter."""
        return self.start + self.n_history * DT

    @computed_once
    def overlap(
        self, begin: Float[Array, ""], end: Float[Array, ""]
    ) -> Float[Array, " quarter"]:
        """Share of each quarter that lies in [begin, end]."""
        covered = jnp.minimum(end, self.ends) - jnp.maximum(begin, self.begins)
        return jnp.clip(covered / DT, 0.0, 1.0)

    def matures(self, date: Float[Array, ""]) -> Float[Array, " quarter"]:
        """Share of a payment dated `date` that falls in each quarter."""
        return self.overlap(date - DT, date)

    @computed_once
    def path(
        self, dates: Float[Array, " point"], values: Float[Array, " point"]
    ) -> Float[Array, " quarter"]:
        """A path (linear between its points, flat outside) read at mid-quarter."""
        # The rise over each interval, as far as the quarter has come: no gathers.
        lengths = jnp.diff(dates)[None, :]
        come = jnp.clip(self.middles[:, None] - dates[None, :-1], 0.0, lengths)
        return values[0] + jnp.sum(come / lengths * jnp.diff(values)[None, :], axis=1)

    @computed_once
    def schedule(
        self, edges: Float[Array, " edge"], amounts: Float[Array, " interval"]
    ) -> Float[Array, " quarter"]:
        """Amounts spread evenly over the intervals between `edges`, per quarter."""
        begins, ends = self.begins[:, None], self.ends[:, None]
        covered = jnp.minimum(edges[None, 1:], ends) - jnp.maximum(
            edges[None, :-1], begins
        )
        rates = amounts / jnp.diff(edges)
        return jnp.sum(jnp.maximum(covered, 0.0) * rates[None, :], axis=1)

    @computed_once
    def bullets(
        self, dates: Float[Array, " bullet"], amounts: Float[Array, " bullet"]
    ) -> Float[Array, " quarter"]:
        """Dated lump payments, each in the quarter that ends at its date."""
        begins, ends = self.begins[:, None], self.ends[:, None]
        covered = jnp.minimum(dates[None, :], ends) - jnp.maximum(
            dates[None, :] - DT, begins
        )
        shares = jnp.clip(covered / DT, 0.0, 1.0)
        return jnp.sum(shares * amounts[None, :], axis=1)

    def modelled(self, series: Float[Array, "quarter ..."]) -> Float[Array, "..."]:
        """The model quarters of a series over the whole grid."""
        return series[self.n_history :]


@computed_once
def span(
    begin: Float[Array, ""], end: Float[Array, ""], n: int
) -> Float[Array, " vintage"]:
    """Share of each quarter of age in which a vintage of life [begin, end] is alive.

    `begin` and `end` are years after signing; vintage 0 is the current quarter.
    """
    ages = jnp.arange(n, dtype=begin.dtype) * DT
    covered = jnp.minimum(end, ages + DT) - jnp.maximum(begin, ages)
    return jnp.clip(covered / DT, 0.0, 1.0)


@computed_once
def conditional(weights: Float[Array, " quarter"]) -> Float[Array, " quarter"]:
    """Weight of each quarter in a decision, given that it was not taken before."""
    left = 1.0 - (jnp.cumsum(weights) - weights)
    is_open = left > 1e-9
    share = weights / jnp.where(is_open, left, 1.0)
    return jnp.where(is_open, jnp.clip(share, 0.0, 1.0), 0.0)
