"""Layer 3, who owes whom."""

from engine.contracts.lease import LeaseSchedule as LeaseSchedule
from engine.contracts.lease import lease_liability as lease_liability
from engine.contracts.lease import lease_schedule as lease_schedule
from engine.contracts.lease import remeasure as remeasure
from engine.contracts.lease import remeasurement_adjustment as remeasurement_adjustment
