"""Section 6: who holds the paper. What a type of fund has not got, it does not say."""

from typing import Literal

from engine.config.base import Figure, Section, Shares

TOTAL = "private_credit"
"""What all cohorts of funds are called together: no name of one among several."""

TERMS = (
    ("incentive_share", "incentive_hurdle_pct", "catch_up_share"),
    (
        "undrawn_usd_bn",
        "overcall_share",
        "lp_default_share",
        "lp_default_range_x",
        "reserve_share",
    ),
    (
        "subscription_line_usd_bn",
        "subscription_spread_bps",
        "subscription_advance_share",
        "subscription_delay_years",
        "undrawn_usd_bn",
    ),
    (
        "nav_loan_usd_bn",
        "nav_loan_spread_bps",
        "nav_loan_ltv_share",
        "nav_loan_sweep_share",
    ),
)
"""Optional terms of a cohort of funds: who has one of a row has all of it."""


class Holdings(Shares):
    """Shares by instrument of what funds hold; over all cohorts each sums to one."""

    def _add_up(self, total: float) -> None:
        pass


class Cohort(Section):
    """What every private-credit cohort has: paper, other assets, smoothed marks."""

    holdings: Holdings
    other_assets_usd_bn: Figure
    opacity_half_life_years: Figure
    other_yield_pct: Figure
    other_loss_pct: Figure
    fee_pct: Figure
    lending_slope_x: Figure
    investors: Shares
    incentive_share: Figure | None = None
    incentive_hurdle_pct: Figure | None = None
    catch_up_share: Figure | None = None


class WithLine(Cohort):
    """And a bank line, with what the bank may call and what it may fetch."""

    line_usd_bn: Figure
    line_spread_bps: Figure
    maximum_advance_share: Figure
    covenant_cover_x: Figure
    sale_discount_share: Figure
    liquidation_share: Figure
    cover_dispersion_x: Figure


class WithCommitments(Cohort):
    """And investors who have promised money, which is called for what it lends.

    Terms of one kind are given together or not at all (`engine.config.checks`).
    """

    undrawn_usd_bn: Figure | None = None
    overcall_share: Figure | None = None
    lp_default_share: Figure | None = None
    lp_default_range_x: Figure | None = None
    reserve_share: Figure | None = None


class WithRedemptions(WithLine):
    """And investors who may ask for their money, behind a gate."""

    base_requests_share: Figure
    request_slope_x: Figure
    gate_share: Figure
    redeemable_share: Figure
    carry_over_share: Figure


class PrivateCreditFund(WithRedemptions):
    """One cohort that stands for all types."""

    kind: Literal["private_credit"]


class NonTradedFund(WithRedemptions):
    """Non-traded BDC or interval fund."""

    kind: Literal["non_traded"]


class DrawdownFund(WithLine, WithCommitments):
    """Closed end: capital is called for what it lends, nobody redeems."""

    kind: Literal["drawdown"]
    subscription_line_usd_bn: Figure | None = None
    subscription_spread_bps: Figure | None = None
    subscription_advance_share: Figure | None = None
    subscription_delay_years: Figure | None = None
    nav_loan_usd_bn: Figure | None = None
    nav_loan_spread_bps: Figure | None = None
    nav_loan_ltv_share: Figure | None = None
    nav_loan_sweep_share: Figure | None = None


class ListedFund(WithLine):
    """Listed BDC: nobody redeems, and shares are issued only near net asset value."""

    kind: Literal["listed"]
    discount_share: Figure
    discount_slope_x: Figure
    closing_discount_share: Figure


class ManagedAccount(WithCommitments):
    """Separately managed account: one investor's assets, no line and no gate."""

    kind: Literal["managed_account"]


class BondFund(Section):
    """A fund marked to market, without a line."""

    kind: Literal["bond"]
    investors: Shares
