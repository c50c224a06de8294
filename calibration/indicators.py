"""The thermometer's indicators: the article's five items with all their sub-items.

An indicator that speaks of a figure of the engine says which, and how a reading becomes
a value of it; the others are listed all the same, with the reason why they imply no
shift. Nothing is mapped for want of something better.
"""

import dataclasses
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from engine.credit import amortise, yield_to_maturity

ITEMS = {
    1: "speed of productivity",
    2: "neocloud prices and announcements",
    3: "SPV bonds",
    4: "quality of long contracts",
    5: "power and technology",
}


@dataclasses.dataclass(frozen=True)
class Reading:
    """What a mapping may look at: the latest observation, the first, the benchmark."""

    value: float
    first: float
    ten_year: float
    """[1/year]"""
    date: float
    """Of the latest, in decimal years."""


Mapping = Callable[[Reading], float]


@dataclasses.dataclass(frozen=True)
class Indicator:
    """One sub-item: its unit in the file, and what it says about the engine."""

    name: str
    item: int
    what: str
    unit: str
    max_age_days: int
    figure: str | None = None
    to_figure: Mapping | None = None
    """Reading to the figure's value in engine units."""
    criterion: str | None = None
    """Whose t* it moves, where not the one asked for."""
    needs_two: bool = False
    why_none: str = "the engine has no such figure"


def _percent(x: Reading) -> float:
    return x.value / 100.0


def _basis_points(x: Reading) -> float:
    return x.value / 1e4


def _plain(x: Reading) -> float:
    return x.value


def _spread_over_ten_year(x: Reading) -> float:
    return x.value / 100.0 - x.ten_year


def _weeks_since_first(x: Reading) -> float:
    return max(0.0, (x.value - x.first) * 7.0 / 365.25)


def _years_since_first(x: Reading) -> float:
    return max(0.0, x.value - x.first)


def _premium_of_price(x: Reading) -> float:
    """Yield of notes like Hyperion's at a price, over the ten-year.

    6.581 % semi-annual, interest only until mid-2029, then level to mid-2049.
    """
    until = max(1, round(2 * (2029.5 - x.date)))
    notes = amortise(100.0, 0.06581 / 2, until + 40, "level", until)
    times = jnp.arange(1.0, until + 41.0) / 2.0
    flows = notes.interest + notes.principal
    found = yield_to_maturity(flows, times, float(x.value), "semiannual")
    return float(np.asarray(found)) - x.ten_year


CLOUD = "neoclouds.coreweave"

INDICATORS: tuple[Indicator, ...] = (
    Indicator(
        "ai_revenue",
        1,
        "end users' AI revenue: growth shape",
        "usd_bn_per_year",
        120,
        why_none="it moves the midpoint, not t*: see margin_years",
    ),
    Indicator(
        "openai_revenue",
        1,
        "revenue of OpenAI",
        "usd_bn_per_year",
        120,
        why_none="a part of ai_revenue",
    ),
    Indicator(
        "anthropic_revenue",
        1,
        "revenue of Anthropic",
        "usd_bn_per_year",
        120,
        why_none="a part of ai_revenue",
    ),
    Indicator("applications_use", 1, "firms that use AI", "pct", 120),
    Indicator(
        "neocloud_market_cap",
        2,
        "neocloud share: market value",
        "usd_bn",
        14,
        f"{CLOUD}.market_cap",
        _plain,
    ),
    Indicator(
        "neocloud_bond_yield",
        2,
        "neocloud bond: yield",
        "pct",
        14,
        f"{CLOUD}.note_spread",
        _spread_over_ten_year,
    ),
    Indicator(
        "neocloud_cds",
        2,
        "neocloud CDS, five years (zero basis)",
        "bps",
        14,
        f"{CLOUD}.note_spread",
        _basis_points,
    ),
    Indicator(
        "neocloud_loan_margin",
        2,
        "margin of its newest secured loan",
        "bps",
        120,
        f"{CLOUD}.box_margin",
        _basis_points,
    ),
    Indicator(
        "neocloud_backlog",
        2,
        "orders: contracted backlog",
        "usd_bn",
        120,
        why_none="signed revenue is a path by quarter, not a number",
    ),
    Indicator(
        "neocloud_defaults_amendments",
        2,
        "defaults and amendments in twelve months",
        "count",
        120,
    ),
    Indicator(
        "neocloud_due_2030_2031",
        2,
        "notes due 2030 and 2031 to refinance",
        "usd_bn",
        120,
        why_none="maturities are a list of dates, not a number",
    ),
    Indicator(
        "neocloud_notes_placed",
        2,
        "pace of notes placed",
        "usd_bn_per_quarter",
        120,
        f"{CLOUD}.notes_per_quarter",
        _plain,
    ),
    Indicator(
        "neocloud_equity_pace",
        2,
        "equity raised in a quarter",
        "pct_of_market_cap",
        120,
        f"{CLOUD}.equity_capacity",
        _percent,
    ),
    Indicator(
        "spv_price",
        3,
        "SPV note against par",
        "pct_of_par",
        30,
        "criteria.required_spv_premium",
        _premium_of_price,
        "tenant_spv.return",
    ),
    Indicator("spv_turnover", 3, "trading of SPV notes", "usd_bn_per_month", 60),
    Indicator("spv_etf_holding", 3, "SPV notes held by ETFs", "usd_bn", 120),
    Indicator(
        "take_or_pay",
        4,
        "take-or-pay share of revenue",
        "pct",
        120,
        f"{CLOUD}.collected",
        _percent,
    ),
    Indicator(
        "contract_term", 4, "term of contracts", "years", 370, f"{CLOUD}.term", _plain
    ),
    Indicator(
        "largest_customer",
        4,
        "revenue from the largest customer",
        "pct",
        120,
        why_none="what counts is whether a customer is a lab, not its size",
    ),
    Indicator(
        "openai_share",
        4,
        "revenue from OpenAI",
        "pct",
        370,
        f"{CLOUD}.customers.openai",
        _percent,
    ),
    Indicator(
        "adjuster_power",
        4,
        "contracts that pass power on",
        "pct",
        370,
        why_none="no shipped deal states power_pass_through_share: what power costs "
        "of a neocloud's revenue is not public",
    ),
    Indicator("adjuster_rate", 4, "contracts that pass rates on", "pct", 370),
    Indicator(
        "adjuster_cpi",
        4,
        "indexation of an SPV's rent",
        "pct_per_year",
        370,
        "spvs.hyperion.rent_escalator",
        _percent,
    ),
    Indicator(
        "substation_wait",
        5,
        "substations: wait for a connection, added since the first observation",
        "years",
        370,
        "physics.delay",
        _years_since_first,
        needs_two=True,
    ),
    Indicator(
        "transformer_lead_time",
        5,
        "substations: transformer lead time, added since the first observation",
        "weeks",
        370,
        "physics.delay",
        _weeks_since_first,
        needs_two=True,
    ),
    Indicator(
        "transmission_wait",
        5,
        "transmission: years from request to operation, "
        "added since the first observation",
        "years",
        370,
        "physics.delay",
        _years_since_first,
        needs_two=True,
    ),
    Indicator(
        "power_tariff",
        5,
        "power tariff of large users",
        "usd_per_mwh",
        120,
        "power.price",
        _plain,
    ),
    Indicator(
        "energy_per_compute",
        5,
        "yearly fall of energy per unit of compute",
        "pct_per_year",
        370,
        "market.efficiency",
        _percent,
    ),
)

BY_NAME = {indicator.name: indicator for indicator in INDICATORS}
