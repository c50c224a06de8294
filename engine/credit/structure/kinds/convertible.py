r"""Convertible: a bullet that holders turn into shares where those are worth more."""

import equinox as eqx

from engine.credit.structure.contract import Contract, bullet_share, row
from engine.credit.structure.instrument import AbstractInstrument
from engine.credit.structure.periods import Paths, Periods
from engine.credit.structure.rows import Rows


class Convertible(AbstractInstrument):
    r"""At maturity holders take shares where `parity` (path) is at least par.

    What is converted needs no cash; the choice is a jump through the default rule, the
    holder's value $\max(1, \text{parity})$ a kink.
    """

    contract: Contract

    def rows(self, paths: Paths, periods: Periods) -> Rows:
        """One row."""
        share = bullet_share(self.contract.remaining(periods))
        base = row(self.contract, paths, periods, share)
        return eqx.tree_at(lambda r: r.converting, base, share[None])
