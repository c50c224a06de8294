"""Layer 3, who owes whom."""

from engine.contracts.accounting import Modified as Modified
from engine.contracts.accounting import RightOfUse as RightOfUse
from engine.contracts.accounting import SaleAndLeaseback as SaleAndLeaseback
from engine.contracts.accounting import modify as modify
from engine.contracts.accounting import right_of_use as right_of_use
from engine.contracts.accounting import sale_and_leaseback as sale_and_leaseback
from engine.contracts.lease import LeaseSchedule as LeaseSchedule
from engine.contracts.lease import lease_liability as lease_liability
from engine.contracts.lease import lease_schedule as lease_schedule
from engine.contracts.lease import remeasure as remeasure
from engine.contracts.lease import remeasurement_adjustment as remeasurement_adjustment
from engine.contracts.walking_away import WalkAway as WalkAway
from engine.contracts.walking_away import walk_away as walk_away
