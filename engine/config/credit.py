"""Section 5: the switch of default, the guarantee, and marks."""

from typing import Literal

from engine.config.base import Figure, Section


class Credit(Section):
    """How a jump is taken."""

    default: Literal["hard", "ramp"]
    ramp_width_x: Figure


class Implicit(Section):
    """A guarantee that nobody signed: what lenders believe, and what comes of it."""

    believed_share: Figure
    honoured_share: Figure


class Fabs(Section):
    """Cheaper debt of chip fabs, and what of it reaches the price of chips."""

    debt_x: Figure
    cut_bps: Figure
    pass_through_share: Figure


class Classes(Section):
    """Which classes of debt the guarantee covers; absent: the whole class."""

    secured_share: Figure | None = None
    notes_share: Figure | None = None
    takeout_share: Figure | None = None
    fabs_share: Figure | None = None


class Guarantee(Section):
    """Four effects of a government guarantee, each with its switch."""

    coverage_share: Figure
    spread_share: Figure
    ltv_share: Figure
    extension_share: Figure
    claims_share: Figure
    pass_through_share: Figure
    ltv_delta_share: Figure
    guaranteed_spread_bps: Figure
    volume_elasticity_x: Figure
    premium_bps: Figure | None = None
    classes: Classes | None = None
    implicit: Implicit | None = None
    fabs: Fabs | None = None


class Marks(Section):
    """Yield of a marked claim from the headroom of its issuer."""

    hazard_slope_per_year: Figure
    hazard_reference_x: Figure
    issue_ten_year_pct: Figure
    secured_years: Figure
    unsecured_years: Figure


class Route(Section):
    """What a bank and a private lender ask for the same loan."""

    bank_funding_spread_bps: Figure
    capital_ratio_share: Figure
    bank_hurdle_pct: Figure
    output_floor_share: Figure
    weight_building_x: Figure
    least_lgd_share: Figure
    maturity_years: Figure
    private_margin_bps: Figure
    single_name_share: Figure
    width_bps: Figure


class Workout(Section):
    """What a failed neocloud that runs on brings; absent: it is liquidated."""

    buyer_discount_share: Figure
    buyer_cash_share: Figure
    buyer_life_years: Figure
    exchange_cost_share: Figure


class Lending(Section):
    """How newly lent money is split between banks and funds; absent: as the deals say.

    What both ask, and how many follow the cheaper, stands in `route`.
    """

    by_price_share: Figure
    bank_advance_share: Figure
    owner_cost_pct: Figure
    sector_share: Figure
