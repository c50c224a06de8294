"""What every kind of instrument is: clauses that become rows."""

import abc

import equinox as eqx

from engine.credit.structure.contract import Contract
from engine.credit.structure.periods import Paths, Periods
from engine.credit.structure.rows import Rows


class AbstractInstrument(eqx.Module):
    """A kind: the common clauses and its own, and the rows they amount to."""

    contract: eqx.AbstractVar[Contract]

    @abc.abstractmethod
    def rows(self, paths: Paths, periods: Periods) -> Rows:
        """The instrument as rows of the waterfall."""
