"""Layer 5, who is paid: schedules, sizing, prices, waterfall and recovery."""

from engine.credit.pricing import COMPOUNDING as COMPOUNDING
from engine.credit.pricing import convexity as convexity
from engine.credit.pricing import macaulay_duration as macaulay_duration
from engine.credit.pricing import modified_duration as modified_duration
from engine.credit.pricing import price as price
from engine.credit.pricing import yield_to_maturity as yield_to_maturity
from engine.credit.recovery import recover as recover
from engine.credit.schedule import Schedule as Schedule
from engine.credit.schedule import Service as Service
from engine.credit.schedule import amortise as amortise
from engine.credit.schedule import bullet_service as bullet_service
from engine.credit.schedule import level_service as level_service
from engine.credit.schedule import linear_service as linear_service
from engine.credit.sizing import sculpt as sculpt
from engine.credit.waterfall import Waterfall as Waterfall
from engine.credit.waterfall import waterfall as waterfall
