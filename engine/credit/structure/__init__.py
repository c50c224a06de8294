"""Capital structures of any number of ranks: instruments as rows, one waterfall."""

from engine.credit.structure.contract import Contract as Contract
from engine.credit.structure.covenants import time_to_breach as time_to_breach
from engine.credit.structure.divide import Table as Table
from engine.credit.structure.divide import assemble as assemble
from engine.credit.structure.divide import divide as divide
from engine.credit.structure.divide import divide_many as divide_many
from engine.credit.structure.instrument import (
    AbstractInstrument as AbstractInstrument,
)
from engine.credit.structure.kinds import KINDS as KINDS
from engine.credit.structure.periods import Paths as Paths
from engine.credit.structure.periods import Periods as Periods
from engine.credit.structure.rows import Rows as Rows
from engine.credit.structure.rows import pad as pad
from engine.credit.structure.sizing import SIZING_STATUS as SIZING_STATUS
from engine.credit.structure.sizing import Sized as Sized
from engine.credit.structure.sizing import size as size
from engine.credit.structure.terms import Covenants as Covenants
from engine.credit.structure.terms import Reserve as Reserve
from engine.credit.structure.terms import Support as Support
from engine.credit.structure.terms import Sweep as Sweep
from engine.credit.structure.terms import Terms as Terms
from engine.credit.structure.terms import Tier as Tier
