r"""Bullet: interest only, everything at maturity."""

from engine.credit.structure.contract import Contract, bullet_share, row
from engine.credit.structure.instrument import AbstractInstrument
from engine.credit.structure.periods import Paths, Periods
from engine.credit.structure.rows import Rows


class Bullet(AbstractInstrument):
    r"""With $n$ periods left, $P = B\,\mathrm{clip}(2 - n, 0, 1)$."""

    contract: Contract

    def rows(self, paths: Paths, periods: Periods) -> Rows:
        """One row."""
        share = bullet_share(self.contract.remaining(periods))
        return row(self.contract, paths, periods, share)
