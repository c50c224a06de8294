"""The government's agency: a quarter by hand, a pool in closed form, who pays."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import engine
from engine.config import ConfigError, load
from engine.credit.neocloud_flows import NeocloudFlows
from engine.credit.spv import SpvFlows
from engine.drivers import Drivers
from engine.funds.agency import Agency, AgencyState
from engine.funds.holders import ClassFlows
from engine.metrics.chain import risk_transfer
from engine.metrics.funding import BUCKETS, USES, funding
from scripts.report import flows as flows_of
from tests.config_files import replace, retold
from tests.helpers import filled, tree_allclose
from tests.properties.runs import as_shipped, built, opening_state, run, simulate

N = 4
"""Classes: secured and unsecured of a neocloud, loan and take-out of an SPV."""

DT = 0.25


def agency(**changed):
    plain = {
        "buys": jnp.asarray([0.5, 0.0, 0.5, 0.5]),
        "boxes": 0.5,
        "takeouts": 0.5,
        "seasoned": 0.0,
        "leverage": 40.0,
        "spread": 0.003,
        "payout": 0.0,
        "lag": jnp.full(N, 0.5),
    }
    return Agency(**{k: jnp.asarray(v) for k, v in (plain | changed).items()})


def state(loans=0.0, debt=0.0, capital=5.0, wanted=0.0, receivable=0.0):
    one = jnp.asarray([1.0, 0.0, 0.0, 0.0])
    return AgencyState(
        loans=loans * one,
        receivable=receivable * one,
        debt=jnp.asarray(debt),
        capital=jnp.asarray(capital),
        wanted=jnp.asarray(wanted),
    )


def flows(**first):
    """Flows of the first class; the others have none."""
    names = [field.name for field in dataclasses.fields(ClassFlows)]
    return ClassFlows(
        **{k: jnp.asarray([first.get(k, 0.0), 0.0, 0.0, 0.0]) for k in names}
    )


def quarter(layer, moved, before, arrears=0.0, price=1.0):
    drivers = filled(Drivers, jnp.asarray(0.04))
    one = jnp.ones(1)
    zero = jnp.zeros(1)
    clouds = filled(NeocloudFlows, zero, alive=one, arrears_secured=arrears * one)
    spvs = filled(SpvFlows, zero, alive=one)
    running, prices = jnp.asarray(1.0), jnp.full(N, price)
    return layer(drivers, running, moved, clouds, spvs, prices, before)


def test_a_quarter_by_hand():
    """It owns 20 of 100; 10 of new loans, 1 of arrears, 5 repaid, 10 fail at 60 %."""
    moved = flows(
        balance=96.0,
        lent=11.0,
        repaid=5.0,
        failed=10.0,
        loss=4.0,
        interest=3.0,
        recovered=0.4,
        receivable=6.6,
    )
    before = state(loans=20.0, debt=16.0, capital=5.0, receivable=1.0)
    found, after = quarter(agency(seasoned=0.1), moved, before, 1.0, price=0.9)
    # A fifth of every flow; half of the new 10; a twentieth of the older rest:
    # 96 − (20 + 0.2 − 1 − 2) − 10 = 68.8, times 0.5 · 0.1.
    bought = 5.0 + 0.05 * 68.8
    np.testing.assert_allclose(found.bought, [bought, 0.0, 0.0, 0.0], rtol=1e-12)
    np.testing.assert_allclose(after.loans[0], 20 + 0.2 - 1 - 2 + bought, rtol=1e-12)
    # Half of the receivable is paid; a fifth of what is recovered of 10 joins it.
    np.testing.assert_allclose(after.receivable[0], 1.0 - 0.5 + 0.2 * 6.0, rtol=1e-12)
    funding = 0.25 * 16.0 * 0.043
    np.testing.assert_allclose(found.funding, funding, rtol=1e-12)
    capital = 5.0 + 0.2 * 3.0 - funding - 0.2 * 4.0
    np.testing.assert_allclose(after.capital, capital, rtol=1e-12)
    np.testing.assert_allclose(found.overpaid, 0.1 * bought, rtol=1e-12)
    debt = 16.0 + funding + bought + 0.2 - (0.6 + 1.0 + 0.5)
    np.testing.assert_allclose(after.debt, debt, rtol=1e-12)
    # Books: 16 + 5 = 20 + 1 before, and after.
    assets = jnp.sum(after.loans + after.receivable)
    np.testing.assert_allclose(assets, after.debt + after.capital, rtol=1e-12)
    private = found.private
    np.testing.assert_allclose(private.interest[0], 2.4, rtol=1e-12)
    np.testing.assert_allclose(private.lent[0], 11.0 - 0.2 - 5.0, rtol=1e-12)
    np.testing.assert_allclose(private.repaid[0], 4.0 + 0.05 * 68.8, rtol=1e-12)
    np.testing.assert_allclose(private.loss[0], 3.2, rtol=1e-12)


def test_a_pool_without_defaults_earns_the_spread():
    """100 bought at par at the start: income is what the loans pay over its debt.

    K' = K + Δ[c L − (s + δ)(L − K)] each quarter: in closed form below.
    """
    coupon, loans, capital = 0.085, 100.0, 5.0
    layer, after = agency(leverage=0.0), state(100.0, debt=95.0)
    moved = flows(balance=loans, interest=coupon * DT * loans)
    for _ in range(8):
        _, after = quarter(layer, moved, after)
    rate = (0.04 + 0.003) * DT
    margin = (coupon - 0.043) * DT * loans
    grown = (1.0 + rate) ** 8
    expected = capital * grown + margin * (grown - 1.0) / rate
    np.testing.assert_allclose(after.capital, expected, rtol=1e-12)


def test_it_buys_no_more_than_its_capital_allows():
    moved = flows(balance=100.0, lent=100.0)
    found, after = quarter(agency(leverage=4.0), moved, state(capital=5.0, debt=-5.0))
    np.testing.assert_allclose(jnp.sum(after.loans), 20.0, rtol=1e-12)
    np.testing.assert_allclose(after.wanted, 50.0, rtol=1e-12)
    # What it could not buy its originators cannot resell, from the next quarter on.
    market, one = jnp.asarray(0.6), jnp.asarray(1.0)
    # Its cash earned 0.05: capital 5.05.
    room = 5.0 * 5.05 - 20.0
    able, _ = agency(leverage=14.0).resold(market, one, after)
    np.testing.assert_allclose(able, 1.0)
    partly, _ = agency(leverage=5.0).resold(market, one, after)
    np.testing.assert_allclose(partly, 0.6 / (1.0 - 0.5 * room / 50.0), rtol=1e-9)
    none, _ = agency(leverage=3.9).resold(market, one, after)
    np.testing.assert_allclose(none, 0.6)
    assert found.private.lent[0] == pytest.approx(80.0)


@pytest.mark.parametrize("payout", [0.0, 1.0])
def test_the_treasury_pays_what_exceeds_income_and_capital(payout):
    before = state(100.0, debt=95.0, capital=5.0)
    moved = flows(balance=60.0, failed=40.0, loss=30.0, interest=2.0, receivable=10.0)
    found, after = quarter(agency(payout=payout, leverage=0.0), moved, before)
    funding = 0.25 * 95.0 * 0.043
    np.testing.assert_allclose(found.injected, 30.0 - 5.0 - 2.0 + funding, rtol=1e-12)
    np.testing.assert_allclose(found.public_loss, found.injected)
    np.testing.assert_allclose(found.own_loss + found.public_loss, 30.0, rtol=1e-12)
    assert float(after.capital) == 0.0
    assert float(found.dividend) == 0.0
    kept, _ = quarter(agency(leverage=0.0), flows(balance=100.0, loss=3.0), before)
    assert float(kept.injected) == 0.0


def test_its_derivatives_are_finite_at_nothing_and_at_the_kink():
    moved = flows(balance=100.0, lent=10.0, interest=2.0, loss=5.0, failed=5.0)

    def capital(x):
        layer = agency(leverage=x)
        _, after = quarter(layer, moved, state(loans=x, debt=x - 5.0))
        return after.capital + jnp.sum(after.loans)

    for x in (0.0, 1.0, 3.0):
        slope = jax.grad(capital)(x)
        assert np.isfinite(slope)
    by_hand = (capital(3.0 + 1e-6) - capital(3.0 - 1e-6)) / 2e-6
    np.testing.assert_allclose(jax.grad(capital)(3.0), by_hand, rtol=1e-6)


@pytest.fixture(scope="module")
def told_with(tmp_path_factory):
    """Runs slow over the central chain with an agency, by one program."""
    path = retold(tmp_path_factory.mktemp("agency"), "agency")
    economy, _, grid = load(path).build(jnp.float64)
    scenario = engine.reference_scenario(economy, grid)

    @functools.cache
    def run(**figures):
        values = {
            f"government.agency.{k.replace('__', '.')}": jnp.asarray(v, jnp.float64)
            for k, v in figures.items()
        }
        own = economy.replace(values)
        return own, grid, simulate(own, opening_state(own, grid), grid, scenario)

    return run


NONE = {"buys__secured": 0.0, "buys__notes": 0.0, "buys__takeout": 0.0}
THIN = {"capital": 0.2, "leverage": 800.0, "payout": 1.0}


@pytest.mark.slow
def test_an_agency_that_buys_nothing_changes_nothing(told_with):
    _, _, result = told_with(**NONE)
    record = result.record
    tree_allclose(record.private, record.classes, rtol=0.0, atol=0.0)
    plain = as_shipped("slow")
    without = simulate(
        plain.economy,
        plain.state,
        plain.grid,
        engine.reference_scenario(plain.economy, plain.grid),
    )
    assert without.record.agency is None
    metrics = {k: result.metrics[k] for k in without.metrics}
    # Another program: its sums are in another order.
    tree_allclose(metrics, without.metrics, rtol=1e-12)
    tree_allclose(result.failures, without.failures, rtol=0.0, atol=0.0)


@pytest.mark.parametrize("figures", [{}, THIN], ids=["shipped", "thin"])
def test_every_loss_has_one_last_holder_and_books_balance(told_with, figures):
    own, grid, result = told_with(**figures)
    assert max(float(x) for x in result.residuals.values()) < 1e-10
    chain = risk_transfer(result.record, own, grid)
    np.testing.assert_allclose(jnp.sum(chain.loss), chain.total, rtol=1e-10)
    by_path = dict(zip(chain.paths, jnp.sum(chain.loss, axis=(0, 1)), strict=True))
    metrics = result.metrics
    own_loss = metrics["agency.own_loss"]
    np.testing.assert_allclose(by_path["agency", "agency"], own_loss, rtol=1e-9)
    np.testing.assert_allclose(
        by_path["agency", "government"], metrics["government.loss"], atol=1e-9
    )


def test_beyond_thin_capital_the_government_pays(told_with):
    """Paid in, earned, paid out and injected: what is left, over the whole run."""
    own, _, result = told_with(**THIN)
    record, metrics = result.record.agency, result.metrics
    assert float(metrics["agency.injected"]) > 1.0
    assert float(metrics["agency.lowest_capital"]) == 0.0
    earned = metrics["agency.income"] - jnp.sum(record.loss)
    left = own["government.agency.capital"] + earned - jnp.sum(record.dividend)
    injected = metrics["agency.injected"]
    np.testing.assert_allclose(left + injected, record.capital[-1], atol=1e-9)
    np.testing.assert_allclose(
        metrics["agency.own_loss"] + metrics["government.loss"], jnp.sum(record.loss)
    )
    date = metrics["agency.exhausted_date"]
    assert float(date) >= float(result.failures["neocloud_secured"]) - 1.0


def test_it_relieves_its_originators(told_with):
    _, _, shipped = told_with()
    _, _, without = told_with(**NONE)
    name = "private_credit.lowest_index"
    assert shipped.metrics[name] > without.metrics[name] + 0.01
    lines = [jnp.max(jnp.sum(x.record.fund.line, axis=1)) for x in (shipped, without)]
    assert lines[0] < lines[1]
    opened = [float(x.metrics["system.lowest_openness"]) for x in (shipped, without)]
    assert opened[0] > opened[1]


@pytest.mark.parametrize("figures", [{}, THIN], ids=["shipped", "thin"])
def test_what_its_bonds_fund_is_taken_from_the_buckets_of_others(told_with, figures):
    own, grid, result = told_with(**figures)
    found = funding(result.record, own, grid)
    built, paid = (sum(found[x] for x in xs) for xs in (USES, (*BUCKETS, "agency")))
    np.testing.assert_allclose(built, paid, rtol=1e-10)
    assert float(found["agency"]) > 1.0
    # As if nobody had bought: own cash and uses stay, lenders' parts do not.
    nobody = dataclasses.replace(result.record, agency=None)
    without = funding(nobody, own, grid)
    assert "agency" not in without
    for name in (*USES, "own_cash"):
        np.testing.assert_allclose(found[name], without[name], rtol=1e-10)
    lenders = set(BUCKETS) - {"own_cash"}
    moved = sum(without[x] - found[x] for x in lenders)
    np.testing.assert_allclose(moved, found["agency"], rtol=1e-10)
    np.testing.assert_allclose(result.metrics["agency.funding"], found["agency"])


def test_a_loan_that_it_buys_whole_is_its_own_in_the_buckets(told_with):
    """Who buys all that is lent against chips funds what private lenders did."""
    _, _, part = told_with(seasoned=0.0)
    _, _, whole = told_with(
        seasoned=0.0, buys__secured=0.99, buys__notes=0.99, buys__takeout=0.99,
        capital=500.0,
    )  # fmt: skip
    found = [float(x.metrics["agency.funding"]) for x in (part, whole)]
    assert found[1] > 1.5 * found[0]
    credit = [float(x.metrics["system.funding_private_credit"]) for x in (part, whole)]
    assert credit[1] < credit[0]


@pytest.mark.parametrize("figures", [{}, THIN], ids=["shipped", "thin"])
def test_its_payments_of_the_next_year_add_up(told_with, figures):
    own, grid, result = told_with(**figures)
    totals = flows_of.ledger(own, grid, result).totals
    record = result.record.agency

    def year(x):
        return float(jnp.sum(x[: flows_of.NEXT]))

    def paid(source=None, target=None, among=None):
        return sum(
            x
            for (a, b, _), x in totals.items()
            if (source is None or a == source)
            and (target is None or b == target)
            and (among is None or a.startswith(among))
        )

    agency, bonds = flows_of.AGENCY, flows_of.BONDS
    classes = result.record.classes
    assert paid(agency) == pytest.approx(paid(target=agency), rel=1e-10)
    assert paid(agency) > 0.1
    # Its debt moves by what it raises, what it repays and the interest that accrues.
    moved = year(record.funding) + paid(bonds) - paid(agency, "Agency's creditors")
    opened = -float(own["government.agency.capital"])
    assert float(record.debt[3]) - opened == pytest.approx(moved, abs=1e-10)
    lent = sum(
        x for (a, _, k), x in totals.items() if k == "credit" and a == "New credit"
    )
    to_vehicles = sum(
        x
        for (a, b, _), x in totals.items()
        if a == bonds and b not in (*flows_of.HOLDERS, agency)
    )
    assert lent + to_vehicles == pytest.approx(year(classes.lent), rel=1e-10)
    pools = ("Neocloud ", "SPV ")
    got = sum(paid(target=x, among=pools) for x in (*flows_of.HOLDERS, agency))
    assert got == pytest.approx(year(classes.interest + classes.repaid), rel=1e-10)
    # Holders have what is theirs in the record, sales of older loans included.
    private = result.record.private
    sold = sum(paid(bonds, x) for x in flows_of.HOLDERS)
    kept = sum(paid(target=x, among=pools) for x in flows_of.HOLDERS)
    assert sold + kept == pytest.approx(
        year(private.interest + private.repaid), rel=1e-10
    )


def test_a_story_without_an_agency_does_not_name_it():
    # The program of all stories: nothing is compiled for it.
    _, economy, _, grid = built("slow")
    result = run("slow")
    names = {x for link in flows_of.capital(economy, grid, result) for x in (
        link["source"], link["target"]
    )}  # fmt: skip
    assert names.isdisjoint({flows_of.AGENCY, flows_of.BONDS, "Treasury"})
    assert "agency" not in funding(result.record, economy, grid)


def test_errors_of_the_table_are_named(tmp_path):
    path = retold(tmp_path, "agency")
    replace(path, "notes = 0.5", "nots = 0.5")
    replace(path, "leverage_x = { value = 40.0", "leverage_x = { value = -1.0")
    with pytest.raises(ConfigError) as caught:
        load(path)
    message = str(caught.value)
    assert "government.agency.buys: got unknown entity 'nots'" in message
    assert "government.agency.leverage_x: got -1.0" in message
