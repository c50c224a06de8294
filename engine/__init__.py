"""The scenario engine: the whole multi-layer capital structure as one JAX function.

`engine.config` (which reads files) is imported by those who need it.
"""

from engine import contagion as contagion
from engine import contracts as contracts
from engine import credit as credit
from engine import funds as funds
from engine import metrics as metrics
from engine.consistent import Consistent as Consistent
from engine.consistent import simulate_consistent as simulate_consistent
from engine.drivers.adoption import midpoint as midpoint
from engine.drivers.adoption import revenue_curve as revenue_curve
from engine.drivers.sampling import Scenario as Scenario
from engine.drivers.sampling import reference_scenario as reference_scenario
from engine.drivers.sampling import scenarios as scenarios
from engine.economy import Economy as Economy
from engine.grid import TimeGrid as TimeGrid
from engine.jump import AbstractDefaultRule as AbstractDefaultRule
from engine.jump import HardDefault as HardDefault
from engine.jump import RampDefault as RampDefault
from engine.jump import jump as jump
from engine.layers import opening_state as opening_state
from engine.metrics.criteria import LimitStates as LimitStates
from engine.simulate import Result as Result
from engine.simulate import limit_states as limit_states
from engine.simulate import simulate as simulate
from engine.simulate import simulate_batch as simulate_batch
