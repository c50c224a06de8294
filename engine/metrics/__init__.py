"""Layer 9, what is reported: ratios and returns with a status."""

# The metrics register themselves on import.
from engine.metrics import idle as idle
from engine.metrics import of_agency as of_agency
from engine.metrics import of_chips as of_chips
from engine.metrics import of_covenants as of_covenants
from engine.metrics import of_fund_terms as of_fund_terms
from engine.metrics import of_funds as of_funds
from engine.metrics import of_public as of_public
from engine.metrics import of_spreads as of_spreads
from engine.metrics import of_system as of_system
from engine.metrics import of_vehicles as of_vehicles
from engine.metrics.classification import CLASSIFICATIONS as CLASSIFICATIONS
from engine.metrics.layers import EVENTS as EVENTS
from engine.metrics.layers import FINANCED as FINANCED
from engine.metrics.layers import LAYERS as LAYERS
from engine.metrics.layers import NEVER as NEVER
from engine.metrics.registry import METRICS as METRICS
from engine.metrics.registry import STATUSES as STATUSES
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
