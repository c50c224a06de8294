"""Section 9: what is asked of the results."""

from engine.config.base import Figure, Section


class Criteria(Section):
    """Thresholds of the limit states and required returns."""

    horizon_date: Figure
    return_horizon_date: Figure
    system_horizon_date: Figure
    reference_leverage_share: Figure
    equity_price_share: Figure
    line_loss_share: Figure
    required_equity_pct: Figure
    required_secured_premium_bps: Figure
    required_unsecured_premium_bps: Figure
    required_spv_premium_bps: Figure
    system_debt_cost_pct: Figure
    system_equity_cost_pct: Figure
    system_margin_share: Figure
    system_capture_share: Figure
    systemic_cet1_share: Figure
    systemic_sales_share: Figure
    systemic_impact_share: Figure
    systemic_shut_quarters: Figure
    leak_open_usd_bn: Figure
    idle_share: Figure


class Hurdle(Section):
    """The article's hurdle and its life-adjusted reading."""

    investment_usd_bn: Figure
    return_pct: Figure
    margin_share: Figure
    gdp_usd_bn: Figure
    cloud_usd_bn: Figure
    debt_cost_pct: Figure
    debt_share: Figure
    capital_cost_pct: Figure
    hardware_usd_bn: Figure
    hardware_life_years: Figure
    shell_usd_bn: Figure
    shell_life_years: Figure


class Funding(Section):
    """The build of 2025 to 2028: what was spent before `as_of`, what was planned."""

    start_date: Figure
    end_date: Figure
    hyperscaler_hardware_share: Figure
    hybrid_hardware_share: Figure
    project_hardware_share: Figure
    before_hardware_usd_bn: Figure
    before_building_usd_bn: Figure
    before_own_cash_usd_bn: Figure
    before_private_credit_usd_bn: Figure
    before_equity_other_usd_bn: Figure
    before_corporate_bonds_usd_bn: Figure
    before_securitised_usd_bn: Figure
    plan_hardware_usd_bn: Figure
    plan_building_usd_bn: Figure
    plan_own_cash_usd_bn: Figure
    plan_private_credit_usd_bn: Figure
    plan_equity_other_usd_bn: Figure
    plan_corporate_bonds_usd_bn: Figure
    plan_securitised_usd_bn: Figure
