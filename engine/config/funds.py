"""Section 6: who holds the paper."""

from typing import Literal

from engine.config.base import Figure, Section, Shares


class PrivateCreditFund(Section):
    """A fund cohort with smoothed marks, a bank line and a gate."""

    kind: Literal["private_credit"]
    other_assets_usd_bn: Figure
    line_usd_bn: Figure
    line_spread_bps: Figure
    maximum_advance_share: Figure
    opacity_half_life_years: Figure
    other_yield_pct: Figure
    other_loss_pct: Figure
    fee_pct: Figure
    sale_discount_share: Figure
    liquidation_share: Figure
    cover_dispersion_x: Figure
    base_requests_share: Figure
    request_slope_x: Figure
    gate_share: Figure
    redeemable_share: Figure
    lending_slope_x: Figure
    investors: Shares


class BondFund(Section):
    """A fund marked to market, without a line."""

    kind: Literal["bond"]
    investors: Shares
