"""Layer 6, who holds the paper."""

from engine.funds.distribute import Distribution as Distribution
from engine.funds.distribute import distribute as distribute
