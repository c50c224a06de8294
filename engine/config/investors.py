"""Section 7: who bears the losses last."""

from typing import Literal

from engine.config.base import Figure, Section
from engine.config.funds import Holdings


class Pension(Section):
    """Pension funds."""

    kind: Literal["pension"]
    buffer_usd_bn: Figure
    sale_multiple_x: Figure


class Insurer(Section):
    """Life insurers."""

    kind: Literal["insurer"]
    buffer_usd_bn: Figure
    charge_slope_x: Figure
    sale_multiple_x: Figure


class Holder(Section):
    """Who bears losses without a buffer, and sells nothing for them."""

    kind: Literal["holder"]


class Banks(Section):
    """The stress-tested banks as one."""

    buffer_usd_bn: Figure
    cet1_usd_bn: Figure
    target_leverage_x: Figure | None = None


class Agency(Section):
    """Buys loans at par on thin capital, with debt of its own near the risk-free."""

    start_date: Figure
    buys: Holdings
    seasoned_per_year: Figure
    capital_usd_bn: Figure
    leverage_x: Figure
    spread_bps: Figure
    payout_share: Figure


class Government(Section):
    """The guarantor, and its agency where it has one."""

    claim_threshold_usd_bn: Figure
    agency: Agency | None = None
