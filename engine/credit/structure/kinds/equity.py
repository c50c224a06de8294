r"""Equity: contributions at dates, and a share of what is left."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine._types import Scalar
from engine.credit.structure.contract import Contract, figure, row
from engine.credit.structure.instrument import AbstractInstrument
from engine.credit.structure.periods import Paths, Periods
from engine.credit.structure.rows import Rows


class Equity(AbstractInstrument):
    r"""`amounts[j]` paid in at `dates[j]` (`amount` at the close), `share` of the rest.

    Its balance is what was paid in; distributions do not reduce it.

    **Arguments:** `dates[draw]` [years], `amounts[draw]` [USD bn]; `share`, of the
    distributions, summing to one over the owners.
    """

    contract: Contract
    dates: Float[Array, " draw"] = figure()
    amounts: Float[Array, " draw"] = figure()
    share: Scalar = figure()

    def rows(self, paths: Paths, periods: Periods) -> Rows:
        """One row."""
        base = row(self.contract, paths, periods, jnp.zeros_like(paths.cfads))
        draw, opening = base.draw[0], base.opening[0]
        for j in range(self.dates.shape[0]):
            draw = draw + self.amounts[j] * periods.matures(self.dates[j])
            opening = opening + self.amounts[j] * periods.at_close(self.dates[j])
        zero = jnp.zeros_like(base.rank)
        return eqx.tree_at(
            lambda r: (
                r.is_debt,
                r.subordinated,
                r.swept,
                r.residual,
                r.draw,
                r.opening,
                r.rate,
            ),
            base,
            (
                zero,
                zero + 1.0,
                zero,
                self.share[None],
                draw[None],
                opening[None],
                jnp.zeros_like(base.rate),
            ),
        )
