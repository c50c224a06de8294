r"""Level: equal payments of interest and principal (annuity, mortgage style)."""

from engine.credit.structure.contract import Contract, level_share, row
from engine.credit.structure.instrument import AbstractInstrument
from engine.credit.structure.periods import Paths, Periods
from engine.credit.structure.rows import Rows


class Level(AbstractInstrument):
    r"""With $n$ periods left, $P = B\,/\,[(1+r)^m A(r,m)]$, $m = \max(n, 1)$.

    A floating coupon is struck anew each period on the rate of that period.

    **References:** Fabozzi (2012), *The Handbook of Fixed Income Securities*, mortgage
    mathematics.
    """

    contract: Contract

    def rows(self, paths: Paths, periods: Periods) -> Rows:
        """One row."""
        own = self.contract
        share = level_share(own.rate(paths, periods), own.remaining(periods))
        return row(own, paths, periods, own.due(share, periods))
