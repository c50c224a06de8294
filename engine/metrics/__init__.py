"""Layer 9, what is reported: ratios and returns with a status."""

from engine.metrics.returns import IRR_STATUS as IRR_STATUS
from engine.metrics.returns import Irr as Irr
from engine.metrics.returns import irr as irr
from engine.metrics.returns import npv as npv
from engine.ratios import STATUS as STATUS
from engine.ratios import Ratio as Ratio
from engine.ratios import debt_to_cash_flow as debt_to_cash_flow
from engine.ratios import debt_to_equity as debt_to_equity
from engine.ratios import dscr as dscr
from engine.ratios import llcr as llcr
from engine.ratios import moic as moic
