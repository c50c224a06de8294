r"""Revolver: drawn when cash is short, repaid first when it is not."""

import equinox as eqx

from engine._types import Scalar
from engine.credit.structure.contract import Contract, bullet_share, figure, row
from engine.credit.structure.instrument import AbstractInstrument
from engine.credit.structure.periods import Paths, Periods
from engine.credit.structure.rows import Rows


class Revolver(AbstractInstrument):
    r"""`amount` outstanding now, up to `limit` until maturity, `fee` on the rest.

    **Arguments:** `limit` [USD bn]; `fee` [1/year] on what is not drawn.
    """

    contract: Contract
    limit: Scalar = figure()
    fee: Scalar = figure()

    def rows(self, paths: Paths, periods: Periods) -> Rows:
        """One row."""
        own = self.contract
        remaining = own.remaining(periods)
        available = periods.overlap(own.starts, own.matures)
        # No draw in the period in which it falls due.
        open_ = available * (1.0 - bullet_share(remaining))
        base = row(own, paths, periods, bullet_share(remaining))
        return eqx.tree_at(
            lambda r: (r.limit, r.fee),
            base,
            (
                (self.limit * open_)[None],
                (available * self.fee * periods.dt)[None],
            ),
        )
