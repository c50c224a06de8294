r"""Delayed draw: dated draws within an availability, each with its own maturity."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine._types import Scalar
from engine.credit.structure.contract import (
    Contract,
    figure,
    level_share,
    row,
)
from engine.credit.structure.instrument import AbstractInstrument
from engine.credit.structure.periods import Paths, Periods
from engine.credit.structure.rows import Rows


class DelayedDraw(AbstractInstrument):
    r"""Draw $j$ of `amounts[j]` at `dates[j]`, repaid level by `dates[j]` + tenor.

    A draw dated after `availability` does not happen. While it may still happen, what
    is committed and not drawn pays `fee` (per year). A draw-stop (the lock-up test of
    the period before fails) drops the draw; it stays committed until availability ends.
    The contract's `amount` is not read: the draws are the commitment; `starts` neither.
    Level with `grace` after each draw; a `grace` of the whole tenor makes bullets.

    **Arguments:** `dates[draw]` [years], `amounts[draw]` [USD bn]; `availability`
    [years]; `fee` [1/year].
    """

    contract: Contract
    dates: Float[Array, " draw"] = figure()
    amounts: Float[Array, " draw"] = figure()
    availability: Scalar = figure()
    fee: Scalar = figure()

    def rows(self, paths: Paths, periods: Periods) -> Rows:
        """One row per draw."""

        def one(date, amount):
            own = eqx.tree_at(lambda c: c.starts, self.contract, date)
            possible = jnp.clip(
                (self.availability - date) * periods.per_year + 1.0, 0.0, 1.0
            )
            share = level_share(own.rate(paths, periods), own.remaining(periods))
            drawn = row(
                own,
                paths,
                periods,
                own.due(share, periods),
                amount * possible,
            )
            open_ = 1.0 - periods.after(self.availability)
            fees = open_ * self.fee * periods.dt
            return eqx.tree_at(
                lambda r: (r.stoppable, r.fee),
                drawn,
                (jnp.ones_like(drawn.rank), fees[None]),
            )

        each = jax.vmap(one)(self.dates, self.amounts)
        return jax.tree.map(lambda leaf: leaf[:, 0], each)
