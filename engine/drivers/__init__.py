"""Layer 1, exogenous paths: adoption, rates and prices, physics, market access."""

from engine.drivers.adoption import midpoint as midpoint
from engine.drivers.adoption import revenue_curve as revenue_curve
from engine.drivers.quarter import Drivers as Drivers
from engine.drivers.quarter import drive as drive
from engine.drivers.quarter import rate_shift as rate_shift
