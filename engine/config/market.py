"""Section 2: the market for compute."""

from typing import Literal

from engine.config.base import Figure, Section


class Queue(Section):
    """Capacity that waits for power: what can be connected in a year."""

    connections_gw_per_year: Figure
    growth_pct: Figure
    opening_gw: Figure


class Chips(Section):
    """Chips that vendors can deliver; `chip_priority_rank` of a buyer says to whom."""

    supply_gw_per_year: Figure
    growth_pct: Figure


class Market(Section):
    """Demand, fleet and price of a GW-year."""

    compute_share: Figure
    training_usd_bn_per_year: Figure
    training_growth_pct: Figure
    training_floor_x: Figure
    training_cap_x: Figure
    coordinator_share: Figure
    efficiency_pct: Figure
    reference_price_usd_bn_per_gw: Figure
    core_gw: Figure
    reference_utilisation_share: Figure
    price_slope_x: Figure
    price_floor_x: Figure
    price_cap_x: Figure
    chip_decay_per_year: Figure
    opex_usd_bn_per_gw: Figure
    chip_life_years: Figure
    fleet_gw: Figure
    fleet_growth_per_year: Figure
    pipeline_gw_per_year: Figure
    pipeline_end_date: Figure
    shortage_response_per_year: Figure
    response_floor_share: Figure
    response_elasticity_x: Figure
    shell_market_floor_share: Figure
    shell_elasticity_x: Figure
    shell_life_years: Figure
    shell_indexation_share: Figure
    shell_cost_usd_bn_per_gw: Figure
    queue: Queue | None = None
    chips: Chips | None = None


class Expectations(Section):
    """How market rents are expected to go on."""

    rule: Literal["static", "adaptive", "driver", "consistent"]
    half_life_quarters: Figure
