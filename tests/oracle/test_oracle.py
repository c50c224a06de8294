"""The engine and a second implementation of docs/model.md say the same."""

import functools
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from engine.economy import Economy
from engine.funds.holders import Holders
from tests.oracle.comparing import Study, check

# A productive technology that stalls, under a guarantee of all secured debt: the same
# program as `base`, so that the fast tier compiles it once.
STALLED = (
    "adoption.stall_date=2027.5",
    "adoption.stall_level_share=0.7",
    "adoption.stall_decline_years=2.0",
)
GUARANTEED = ("guarantee.coverage_share=1.0",)
# Calls of which much is not paid, a line on too few commitments, a NAV loan above its
# limit: under a stall that uses up the institutions' buffers.
UNPAID = (
    *STALLED,
    "investors.pension.buffer_usd_bn=3.0",
    "investors.insurer.buffer_usd_bn=3.0",
    "funds.drawdown_ai.undrawn_usd_bn=4.0",
    "funds.drawdown_ai.subscription_line_usd_bn=9.0",
    "funds.drawdown_ai.other_assets_usd_bn=3.0",
    "funds.drawdown_broad.lp_default_share=1.0",
    "funds.drawdown_broad.lp_default_range_x=0.1",
    "funds.drawdown_broad.subscription_delay_years=5.0",
    "funds.drawdown_broad.subscription_line_usd_bn=15.0",
    "funds.drawdown_broad.nav_loan_usd_bn=40.0",
    "funds.accounts.undrawn_usd_bn=1.0",
    "funds.accounts.other_assets_usd_bn=0.5",
)
# Banks of which little is left above the minimum, in markets that are not deep.
BANKS_SELL = (
    *STALLED,
    "banks.buffer_usd_bn=1.0",
    "investors.pension.buffer_usd_bn=3.0",
    "public_markets.treasuries.depth_usd_bn=30000",
)
# Figures that switch every covenant on, at levels that bind.
COVENANTS = {
    "neoclouds": {
        "draw_stop": 1.0,
        "trap": 1.3,
        "default": 0.98,
        "covenant_band": 0.1,
        "sweep": 0.1,
        "cure": 0.2,
    },
    "spvs": {
        "reserve_funded": 0.4,
        "trap": 1.4,
        "trap_hold": 1.5,
        "sweep": 0.3,
        "sweep_from": 2030.1,
        "default": 1.14,
        "covenant_band": 0.2,
        "cure": 0.5,
    },
}
# New money goes to banks or funds by price: near indifference, at limits that bind.
LENDING = {
    "lending.by_price": 0.9,
    "lending.bank_advance": 0.75,
    "lending.owner_cost": 0.15,
    "lending.sector": 0.025,
    "route.single_name": 0.012,
}
# Overruns beyond guarantees, and damages of a delay both ways.
CONSTRUCTION = {
    "physics.delay": 0.3,
    "physics.overrun": 0.05,
    "spvs.vantage.overrun": 0.3,
    "spvs.vantage.completion_guarantee": 1.0,
    "spvs.vantage.contractor_damages": 0.0005,
    "spvs.vantage.contractor_damages_cap": 0.02,
    "spvs.vantage.delay_interest": 0.7,
    "spvs.hyperion.overrun": 0.1,
    "spvs.hyperion.completion_guarantee": 1.5,
    "spvs.hyperion.tenant_damages": 0.5,
    "spvs.hyperion.tenant_damages_cap": 0.1,
}


def with_covenants(economy: Any) -> Any:
    """The economy with `COVENANTS` in every deal, and all of `CONSTRUCTION`."""
    figures = {
        f"{family}.{member}.{key}": jnp.asarray(value, jnp.float64)
        for family, terms in COVENANTS.items()
        for member in economy.members(family)
        for key, value in terms.items()
    }
    figures |= {k: jnp.asarray(v, jnp.float64) for k, v in CONSTRUCTION.items()}
    return economy.replace(figures)


def with_pools(economy: Any, cross_default: float) -> Any:
    """The economy with every covenant, and one neocloud's pools apart."""
    figures = {
        f"neoclouds.{member}.{key}": value
        for member in economy.members("neoclouds")
        for key, value in COVENANTS["neoclouds"].items()
    }
    figures["neoclouds.coreweave.cross_default"] = cross_default
    added = {k: jnp.asarray(v, jnp.float64) for k, v in figures.items()}
    return Economy(economy.figures | added, economy.blueprint)


def with_lending(economy: Any) -> Any:
    """The economy with the choice between bank and private credit as a state."""
    figures = {k: jnp.asarray(v, jnp.float64) for k, v in LENDING.items()}
    return Economy(economy.figures | figures, economy.blueprint)


def banks_hold(case: Study) -> Any:
    """What banks hold of each class [USD bn]: scenario, quarter, class."""
    shares = Holders.build(case.economy).bank
    record = case.results.record
    return np.asarray(shares) * record.classes.balance + record.moved.balance


@pytest.mark.slow
def test_engine_equals_oracle_with_every_covenant_and_construction_risk():
    # The program of the plain base serves: figures are its arguments.
    record = check("base", 4, most_excluded=0, change=with_covenants).results.record
    clouds = record.clouds
    # All of it happened somewhere, or nothing was compared.
    for happened in (clouds.swept > 0, clouds.cure > 0, clouds.draws_open < 1):
        assert happened.any()
    spvs = record.spvs
    for happened in (spvs.swept > 0, spvs.cure > 0, spvs.trapped > 0):
        assert happened.any()
    assert (clouds.covenant < 0.0).any()
    assert (spvs.covenant < 0.0).any()
    risk = spvs.building
    for happened in (risk.guaranteed > 0, risk.overrun > risk.guaranteed):
        assert happened.any()
    for happened in (risk.received > 0, risk.credited > 0):
        assert happened.any()


@pytest.mark.slow
def test_engine_equals_oracle_where_pools_are_apart():
    # With recourse, then without: figures of one program.
    for cross_default in (0.0, 100.0):
        change = functools.partial(with_pools, cross_default=cross_default)
        case = check("chain", n_random=4, most_excluded=0, change=change)
        clouds = case.results.record.clouds
        pools = clouds.pools
        # A pool failed while the other stood, or nothing was compared.
        is_weak = (pools.opening_headroom < 0.0) != (pools.drawn_headroom < 0.0)
        assert is_weak[..., 0].any()
        for happened in (clouds.swept > 0, clouds.cure > 0, clouds.draws_open < 1):
            assert happened[..., 0].any()
        for name, worst in case.results.residuals.items():
            assert worst.max() <= 1e-10, name
        covenant = clouds.covenant[..., 0]
        assert (covenant < 0.0).any() == (cross_default == 0.0)


@pytest.mark.slow
def test_engine_equals_oracle_where_lenders_are_chosen_by_price():
    case = check("chain", 4, most_excluded=0, change=with_lending, overrides=STALLED)
    moved = case.results.record.moved
    # Banks gained in some class and lost in another, bore losses, and hit a limit.
    assert (moved.balance > 0.1).any()
    assert (moved.balance < -0.01).any()
    assert (moved.loss != 0.0).any()
    assert (moved.recovered != 0.0).any()
    held = banks_hold(case)
    cet1 = float(case.economy["banks.cet1"])
    assert held.max() >= LENDING["route.single_name"] * cet1
    assert held.sum(axis=-1).max() >= LENDING["lending.sector"] * cet1
    assert held.min() > -1e-9
    for name, worst in case.results.residuals.items():
        assert worst.max() <= 1e-10, name


@pytest.mark.parametrize(
    "overrides",
    [(), STALLED, GUARANTEED, STALLED + GUARANTEED],
    ids=["base", "stalled", "guaranteed", "stalled_guaranteed"],
)
def test_engine_equals_oracle(overrides):
    check("base", n_random=4, most_excluded=0, overrides=overrides)


@pytest.mark.slow
def test_engine_equals_oracle_when_investors_do_not_pay():
    fund = check("base", n_random=4, most_excluded=0, overrides=UNPAID).results.record
    calls, loan = fund.fund.calls, fund.fund.nav_loan
    # All of it happened somewhere, or nothing was compared.
    for name in ("defaulted", "missing", "sold", "overdrawn", "short", "loss"):
        assert (np.asarray(getattr(calls, name)) > 1e-3).any(), name
    assert (calls.reach < 0.9).any()
    assert (loan.repaid > 1e-3).any()


@pytest.mark.slow
def test_engine_equals_oracle_where_banks_sell():
    case = check("base", n_random=4, most_excluded=0, overrides=BANKS_SELL)
    public = case.results.record.public
    # Banks sold in some quarters and not in others, and pushed others or were pushed.
    banks = np.asarray(public.forced_sales)[..., -1]
    assert (banks > 1.0).any()
    assert (banks == 0.0).any()
    assert (np.asarray(public.sold).sum(-1) > 1.01 * np.asarray(public.first)).any()
    for name, worst in case.results.residuals.items():
        assert worst.max() <= 1e-10, name


@pytest.mark.slow
def test_engine_equals_oracle_where_banks_and_funds_compete_beside_an_agency():
    case = check("scenarios/agency", n_random=2, most_excluded=0, change=with_lending)
    record = case.results.record
    assert (record.agency.bought > 0.1).any()
    assert (record.moved.drawn > 0.01).any()
    for name, worst in case.results.residuals.items():
        assert worst.max() <= 1e-10, name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("story", "n_random"),
    [
        ("chain", 50),
        ("base", 50),
        ("scenarios/slow", 10),
        ("scenarios/disproved", 10),
        ("scenarios/guarantee", 10),
        ("scenarios/disproved_guarantee", 10),
        ("scenarios/guarantee_implicit", 3),
        ("scenarios/guarantee_premium", 3),
        ("scenarios/agency", 3),
        ("scenarios/disproved_agency", 3),
        ("scenarios/route_by_price", 10),
    ],
)
def test_engine_equals_oracle_on_many_random_scenarios(story, n_random):
    check(story, n_random, most_excluded=1)
