"""Section 4: who earns, with the capital structure each brings along."""

from typing import Literal

from engine.config.base import (
    Bullets,
    Customers,
    Figure,
    Path,
    Schedule,
    Section,
    Shares,
)


class Neocloud(Section):
    """A neocloud: contracts, chips on leased shells, and its debt."""

    customers: Customers
    legacy_revenue_usd_bn_per_year: Path
    legacy_cash_share: Figure
    collected_share: Figure
    term_years: Figure
    tail_years: Figure
    delivery_years: Figure
    prepayment_share: Figure
    variable_share: Figure
    overhead_share: Figure
    lease_usd_bn_per_year: Path
    lease_rate_share: Figure
    capex_per_revenue_x: Figure
    committed_capex_usd_bn: Schedule
    deferrable_share: Figure
    resume_years: Figure
    power_cost_share: Figure | None = None
    """Power's part of revenue when signed; without it no clause on power."""
    power_signed_usd_per_mwh: Figure | None = None
    ppa_share: Figure | None = None
    ppa_price_usd_per_mwh: Figure | None = None
    power_pass_through_share: Figure | None = None
    cpi_indexation_share: Figure | None = None
    """Part of a rise of consumer prices that signed prices follow; none is none."""
    rate_indexation_x: Figure | None = None
    """Rise of a signed price per unit rise of the short rate; none is none."""
    minimum_term_years: Figure | None = None
    termination_share: Figure | None = None
    """Part of the payments left that lets a customer go; without it none may."""
    growth_share: Figure
    rebook_share: Figure
    signing_share: Figure
    cash_usd_bn: Figure
    minimum_cash_usd_bn: Figure
    deferred_revenue_usd_bn: Figure
    ddtl_usd_bn: Figure
    ddtl_coupon_pct: Figure
    ddtl_schedule_usd_bn: Schedule
    oem_usd_bn: Figure
    oem_coupon_pct: Figure
    oem_schedule_usd_bn: Schedule
    notes_usd_bn: Figure
    notes_coupon_pct: Figure
    notes_bullets_usd_bn: Bullets
    convertibles_usd_bn: Figure
    convertibles_coupon_pct: Figure
    convertibles_bullets_usd_bn: Bullets
    revolver_usd_bn: Figure
    revolver_margin_bps: Figure
    box_margin_bps: Figure
    investment_grade_discount_bps: Figure | None = None
    """What loans against such customers' contracts cost less; none without it."""
    investment_grade_others_share: Figure | None = None
    """Part of the customers without a name that are investment grade."""
    box_tenor_years: Figure
    box_grace_quarters: Figure
    advance_share: Figure
    notes_per_quarter_usd_bn: Figure
    note_spread_bps: Figure
    note_tenor_years: Figure
    draw_stop_x: Figure
    trap_x: Figure
    default_x: Figure
    covenant_band_x: Figure
    sweep_share: Figure
    cure_share: Figure
    cross_default_usd_bn: Figure | None = None
    """Where it is stated, boxes of `as_of` and later ones are pools apart."""
    leverage_limit_x: Figure
    equity_capacity_share: Figure
    equity_discount_share: Figure
    market_cap_usd_bn: Figure
    multiple_floor_x: Figure
    valuation_margin_share: Figure
    valuation_rate_pct: Figure
    chip_value_usd_bn: Figure
    pledged_share: Figure
    collateral_decay_per_year: Figure
    fire_sale_share: Figure
    other_assets_usd_bn: Figure
    ppe_usd_bn: Figure
    depreciation_years: Figure
    recovery_lag_years: Figure
    contagion_weight_x: Figure
    dispersion_x: Figure
    chip_priority_rank: Figure | None = None
    """Whether vendors serve it first (1), like most (2) or last (3)."""
    holders_secured: Shares
    holders_unsecured: Shares


class NamedNeocloud(Neocloud):
    """One obligor."""

    kind: Literal["named"]


class CohortNeocloud(Neocloud):
    """Many like obligors around an average member."""

    kind: Literal["cohort"]


class Spv(Section):
    """A special-purpose vehicle: one asset, one tenant, one loan and its take-out."""

    funding: Literal["prefunded", "drawn"]
    coupon_kind: Literal["fixed", "floating"]
    profile: Literal["amortising", "bullet"]
    rent_rule: Literal["dscr", "yield"]
    tenant: str
    asset: Literal["shell", "chips"] = "shell"
    guarantor: str = "tenant"
    """Who owes the residual value guarantee: the tenant, or a vendor."""
    rvg_beneficiary: Literal["vehicle", "owners"] = "vehicle"
    """Whom it is paid: the vehicle, and so lenders first, or owners past it."""
    notes_usd_bn: Figure
    equity_usd_bn: Figure
    escrow_income_to_date_usd_bn: Figure
    escrow_spread_bps: Figure | None = None
    """What its accounts earn over the short rate; without it nothing."""
    construction_cost_usd_bn: Figure
    construction_start_date: Figure
    completion_date: Figure
    overrun_share: Figure | None = None
    completion_guarantor: Literal["sponsor", "tenant"] = "sponsor"
    """Who pays an overrun first, up to the guarantee."""
    completion_guarantee_usd_bn: Figure | None = None
    contractor_damages_bps: Figure | None = None
    contractor_damages_cap_share: Figure | None = None
    tenant_damages_x: Figure | None = None
    tenant_damages_cap_years: Figure | None = None
    delay_interest_share: Figure | None = None
    issue_date: Figure
    ownership_share: Figure
    asset_cost_usd_bn: Figure
    coupon_pct: Figure
    margin_bps: Figure
    ltc_share: Figure
    capitalised_to_date_usd_bn: Figure
    rent_start_date: Figure
    minimum_dscr_x: Figure
    rent_yield_share: Figure
    rent_escalator_pct: Figure
    rent_rate_indexation_x: Figure | None = None
    """Without it rents rise by the escalator alone."""
    lease_term_years: Figure
    lease_end_date: Figure
    amortisation_years: Figure
    operating_cost_share: Figure
    rvg_cap_usd_bn: Figure
    rvg_years: Figure
    use_multiple_x: Figure
    moving_cost_x: Figure
    cap_rate_pct: Figure
    foreclosure_share: Figure
    collateral_decay_per_year: Figure
    vendor_equity_share: Figure
    joint_scale_x: Figure
    joint_share: Figure
    enforcement_share: Figure
    reputation_spread_bps: Figure
    tenant_obligations_usd_bn: Figure
    tenant_spread_bps: Figure
    reletting_years: Figure
    reserve_quarters: Figure
    lock_low_x: Figure
    lock_high_x: Figure
    reserve_funded_usd_bn: Figure
    trap_x: Figure
    trap_hold_years: Figure
    sweep_share: Figure
    sweep_from_date: Figure
    default_x: Figure
    covenant_band_x: Figure
    cure_share: Figure
    sponsor_capacity_usd_bn: Figure
    takeout_date: Figure
    extension_years: Figure
    extension_fee_bps: Figure | None = None
    extension_step_bps: Figure | None = None
    extension_debt_yield_pct: Figure | None = None
    """Least cash flow over debt at an extension; less is repaid until it is met."""
    takeout_tenor_years: Figure
    takeout_dscr_x: Figure
    takeout_ltv_share: Figure
    takeout_margin_bps: Figure
    cap_spread_bps: Figure
    dispersion_x: Figure
    contagion_weight_x: Figure
    recovery_lag_years: Figure
    mark_years: Figure
    holders_notes: Shares
    holders_takeout: Shares


class NamedSpv(Spv):
    """One obligor."""

    kind: Literal["named"]


class CohortSpv(Spv):
    """Many like obligors around an average member."""

    kind: Literal["cohort"]


class Hybrid(Section):
    """A cloud on a corporate balance sheet with leased capacity."""

    customers: Customers
    core_ebitda_usd_bn_per_year: Figure
    core_growth_pct: Figure
    rpo_usd_bn: Schedule
    renewal_share: Figure
    variable_share: Figure
    fixed_share: Figure
    rent_usd_bn_per_year: Path
    capex_usd_bn_per_year: Path
    equity_usd_bn: Schedule
    payout_usd_bn_per_year: Figure
    legacy_debt_usd_bn: Figure
    legacy_coupon_pct: Figure
    legacy_maturities_usd_bn: Schedule
    spread_bps: Figure
    contagion_pass_share: Figure
    cash_usd_bn: Figure
    target_cash_usd_bn: Figure
    trigger_x: Figure
    overflow_elasticity_x: Figure
    overflow_limit_x: Figure
    overflow_capex_x: Figure
    overflow_years: Figure
    power_cost_share: Figure | None = None
    """Power's part of cloud revenue; counts where `power.path_x` moves its price."""
    chip_priority_rank: Figure | None = None
    market_cap_usd_bn: Figure


class Vendor(Section):
    """A chip vendor: sales, and the neocloud that it backs and owns a part of."""

    backs: str

    chip_share: Figure
    margin_share: Figure
    payout_share: Figure
    outside_sales_usd_bn_per_year: Figure
    cash_usd_bn: Figure
    backstop_usd_bn: Figure
    backstop_end_date: Figure
    backstop_rate_share: Figure
    stake_share: Figure
    market_cap_usd_bn: Figure
