r"""Linear: equal instalments of principal."""

import jax.numpy as jnp

from engine.credit.structure.contract import Contract, row
from engine.credit.structure.instrument import AbstractInstrument
from engine.credit.structure.periods import Paths, Periods
from engine.credit.structure.rows import Rows


class Linear(AbstractInstrument):
    r"""With $n$ periods left, $P = B / \max(n, 1)$."""

    contract: Contract

    def rows(self, paths: Paths, periods: Periods) -> Rows:
        """One row."""
        own = self.contract
        share = 1.0 / jnp.maximum(own.remaining(periods), 1.0)
        return row(own, paths, periods, own.due(share, periods))
