r"""OEM: equal instalments to the maker, after a payment holiday that bears interest."""

import equinox as eqx
import jax.numpy as jnp

from engine.credit.structure.contract import (
    Contract,
    bullet_share,
    level_share,
    row,
)
from engine.credit.structure.instrument import AbstractInstrument
from engine.credit.structure.periods import Paths, Periods
from engine.credit.structure.rows import Rows


class Oem(AbstractInstrument):
    r"""Nothing is paid during `grace`, interest is added; then level instalments.

    The equipment is delivered at `starts`; the sweep does not reach it.
    """

    contract: Contract

    def rows(self, paths: Paths, periods: Periods) -> Rows:
        """One row."""
        own = self.contract
        share = level_share(own.rate(paths, periods), own.remaining(periods))
        done = bullet_share(own.remaining(periods))
        paying = jnp.maximum(own.repaying(periods), done)
        base = row(own, paths, periods, own.due(share, periods))
        return eqx.tree_at(
            lambda r: (r.in_kind, r.swept),
            base,
            ((1.0 - paying)[None], jnp.zeros_like(base.swept)),
        )
