"""Section 1: what nobody inside the economy decides."""

from typing import Literal

from engine.config.base import Figure, Path, Section, Series


class Macro(Section):
    """GDP and prices."""

    gdp_usd_bn: Figure
    gdp_reference_date: Figure
    gdp_growth_pct: Figure
    cpi_pct: Figure


class Adoption(Section):
    """End-user AI revenue, anchored at its last observation."""

    shape: Literal["logistic", "gompertz", "bass", "linear", "exponential_cap"]
    timing: Literal["midpoint", "duration"]
    midpoint_date: Figure
    plan_midpoint_date: Figure
    duration_10_90_years: Figure
    ceiling_share: Figure
    j_curve_lag_years: Figure
    bass_ratio_x: Figure
    stall_date: Figure
    stall_level_share: Figure
    stall_decline_years: Figure
    history_usd_bn_per_year: Series


class Rates(Section):
    """Short rate and ten-year yield."""

    short_pct: Figure
    ten_year_pct: Figure
    ten_year_beta_x: Figure
    reversion_per_year: Figure
    volatility_pct: Figure


class Spreads(Section):
    """Log credit-spread index."""

    reversion_per_year: Figure
    volatility_per_year: Figure


class Gpu(Section):
    """Log GPU rental price around its obsolescence trend."""

    reversion_per_year: Figure
    volatility_per_year: Figure


class Access(Section):
    """One factor that moves all windows of market access together."""

    level_share: Figure


class Physics(Section):
    """Delay and cost beyond budget of everything not yet energised."""

    delay_years: Figure
    overrun_share: Figure | None = None


class Power(Section):
    """What a GW-year of power costs."""

    price_usd_per_mwh: Figure
    load_share: Figure
    pue_x: Figure
    path_x: Path | None = None
    """Price over `price_usd_per_mwh` by date; without it the price stands still."""


class Shifts(Section):
    """The four named shifts: rate and leverage, future and all."""

    rate_future_pct: Figure
    rate_all_pct: Figure
    leverage_future_share: Figure
    leverage_all_share: Figure
