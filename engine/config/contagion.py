"""Section 8: what spreads."""

from engine.config.base import Figure, Section


class Contagion(Section):
    """Spread impulse, price impact and leaks."""

    spread_impulse_pct: Figure
    equity_pass_pct: Figure
    spread_decay_per_year: Figure
    loss_impulse_pct: Figure
    sale_impulse_x: Figure
    closing_spread_pct: Figure
    price_impact_per_usd_bn_x: Figure
    public_market_usd_bn: Figure


class Resemblance(Section):
    """Whom the fear of a failure re-prices; without it all alike."""

    part_share: Figure
    type_share: Figure


class Wealth(Section):
    """What households stop spending when tech equity falls."""

    propensity_share: Figure
    held_share: Figure
    adjustment_per_year: Figure
    multiplier_x: Figure
    revenue_elasticity_x: Figure
    multiple_fall_share: Figure
