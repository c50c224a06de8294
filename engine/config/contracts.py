"""Section 3: the people who sign contracts."""

from engine.config.base import Customers, Figure, Path, Schedule, Section


class Lab(Section):
    """A lab: revenue, cash, equity under patience, and what it has promised."""

    revenue_share: Figure
    non_compute_share: Figure
    cash_usd_bn: Figure
    minimum_cash_usd_bn: Figure
    equity_usd_bn_per_year: Figure
    firm_x: Figure
    forgiven_share: Figure
    renegotiation_years: Figure
    patience_low_x: Figure
    patience_high_x: Figure
    commitments_usd_bn: Schedule
    providers: Customers


class Hyperscaler(Section):
    """A hyperscaler: operating cash flow, capex and its funding."""

    ocf_usd_bn_per_year: Figure
    ocf_growth_pct: Figure
    ai_revenue_share: Figure
    ai_margin_share: Figure
    lab_margin_share: Figure
    capex_usd_bn_per_year: Path
    payout_share: Figure
    payout_kept_share: Figure
    legacy_debt_usd_bn: Figure
    coupon_pct: Figure
    spread_bps: Figure
    spread_slope_bps: Figure
    debt_limit_x: Figure
    cash_usd_bn: Figure
    minimum_cash_usd_bn: Figure
    market_cap_usd_bn: Figure
    reported_capex_2026_usd_bn: Figure
    reported_ocf_2026_usd_bn: Figure
    power_cost_share: Figure | None = None
    """Power's part of AI revenue; counts where `power.path_x` moves its price."""
    chip_priority_rank: Figure | None = None


class HyperscalerFunding(Section):
    """What hyperscalers' bonds and leases cost beyond their own spreads."""

    supply_spread_bps: Figure
    supply_reference_usd_bn: Figure
    supply_usd_bn: Figure
    digestion_years: Figure
    lease_premium_bps: Figure
    lease_premium_rise_bps: Figure
    lease_share: Figure
    lease_life_years: Figure
    lease_weight_share: Figure


class Reported(Section):
    """Totals of a hyperscaler that the engine does not move."""

    reported_capex_2026_usd_bn: Figure
    reported_ocf_2026_usd_bn: Figure
