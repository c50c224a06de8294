"""Every kind and every clause of a capital structure against numbers by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from engine.credit import amortise
from engine.credit.structure import (
    Covenants,
    Terms,
    Tier,
)
from tests.capital_structures import EQUITY, NO_SWEEP, build, run


@pytest.mark.parametrize("kind", ["level", "linear", "bullet"])
@pytest.mark.parametrize("grace", [0, 2])
def test_plain_loans_are_those_of_the_schedule(kind, grace):
    loan = build(kind, coupon=0.07, tenor=8.0, grace=float(grace))
    table = run([loan], cfads=200.0)
    schedule = amortise(100.0, 0.07, 8, kind, grace)
    np.testing.assert_allclose(
        table.flows.principal[:, 0], schedule.principal, rtol=1e-12, atol=1e-12
    )
    np.testing.assert_allclose(
        table.flows.interest[:, 0], schedule.interest, rtol=1e-12
    )


def test_floating_coupon_floor_margin_and_step_up():
    index = [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.0, 0.0]
    loan = build(
        "bullet",
        coupon=0.02,
        floats=1.0,
        floor=0.025,
        step=0.005,
        step_from=4.5,
        tenor=8.0,
    )
    interest = run([loan], 200.0, index=index).flows.interest[:, 0]
    rates = (
        np.maximum(index, 0.025) + 0.02 + np.array([0, 0, 0, 0, 0.5, 1, 1, 1]) * 0.005
    )
    np.testing.assert_allclose(interest, 100 * rates, rtol=1e-13)


def test_real_tenor_is_continuous_and_splits_a_bullet():
    table = run([build("bullet", coupon=0.1, tenor=3.25)], 200.0)
    # Three quarters at the end of year three, one at the end of year four.
    np.testing.assert_allclose(table.flows.principal[2:4, 0], [75, 25], rtol=1e-12)
    np.testing.assert_allclose(table.flows.interest[3, 0], 25 * 0.1 * 0.25, rtol=1e-12)


def test_sculpted_loan_has_the_cover_that_its_size_says():
    plan = jnp.array([10.0, 14, 9, 20, 16, 12, 18, 11])
    rate, target = 0.06, 1.3
    debt = float(jnp.sum(plan / target * 1.06 ** -(jnp.arange(8.0) + 1)))
    table = run([build("sculpted", amount=debt, coupon=rate, tenor=8.0)], plan)
    np.testing.assert_allclose(table.flows.tests.dscr, target, rtol=1e-12)
    np.testing.assert_allclose(table.state.balance[-1, 0], 0, atol=1e-11)


def test_balloon_pays_level_down_to_its_residual():
    table = run([build("balloon", coupon=0.05, tenor=5.0, residual=0.4)], 200.0)
    level = amortise(60.0, 0.05, 5, "level")
    np.testing.assert_allclose(
        table.state.balance[:4, 0], 40 + level.balance[1:], rtol=1e-12
    )
    np.testing.assert_allclose(
        table.flows.principal[4, 0], 40 + level.principal[-1], rtol=1e-12
    )
    np.testing.assert_allclose(table.state.balance[4:, 0], 0, atol=1e-12)


def test_delayed_draws_have_their_own_maturities_and_a_fee_until_they_are_drawn():
    facility = build(
        "delayed_draw",
        coupon=0.08,
        tenor=3.0,
        grace=2.0,
        dates=[1.0, 3.0, 6.0],
        amounts=[10.0, 20.0, 40.0],
        availability=4.0,
        fee=0.01,
    )
    table = run([facility])
    draws = np.zeros((8, 3))
    draws[0, 0], draws[2, 1] = 10, 20  # the third comes after the availability
    np.testing.assert_allclose(table.flows.draws[:, :3], draws, atol=1e-12)
    assert table.flows.principal[3, 0] == pytest.approx(10)
    assert table.flows.principal[5, 1] == pytest.approx(20)
    fees = np.zeros((8, 3))
    fees[0, 0], fees[:3, 1] = 0.1, 0.2
    np.testing.assert_allclose(table.flows.fees[:, :3], fees, atol=1e-12)


def test_a_failed_lock_up_test_stops_draws():
    facility = build(
        "delayed_draw",
        rank=1.0,
        coupon=0.0,
        tenor=30.0,
        dates=[3.0, 5.0],
        amounts=[10.0, 10.0],
        availability=6.0,
        fee=0.0,
        grace=30.0,
    )
    senior = build("bullet", coupon=0.1, tenor=30.0)
    tests = Covenants(lock_up=Tier(dscr=1.2))
    cfads = [20.0, 11.0, 20, 20, 20, 20, 20, 20]
    table = run([senior, facility], cfads, Terms(sweep=NO_SWEEP, covenants=tests))
    # The test of year 2 fails (1.1), so the draw at the end of year 3 does not happen.
    np.testing.assert_allclose(table.flows.draws[:, 1], 0, atol=1e-12)
    assert table.flows.draws[4, 2] == 10


def test_revolver_fills_the_gap_and_is_repaid_first():
    line = build(
        "revolver", amount=0.0, rank=1.0, coupon=0.05, tenor=9.0, limit=15.0, fee=0.01
    )
    loan = build("bullet", coupon=0.1, tenor=20.0)
    table = run(
        [loan, line, build("equity", amount=0.0, rank=9.0, **EQUITY)],
        [5.0, 8, 12, 30, 30, 30, 30, 30],
    )
    fee = 0.01 * 15
    first = 10 + fee - 5
    second = 10 + 0.01 * (15 - first) + 0.05 * first - 8
    np.testing.assert_allclose(table.flows.revolved[:2, 1], [first, second], rtol=1e-12)
    drawn = first + second
    spare = 12 - 10 - 0.05 * drawn - 0.01 * (15 - drawn)
    np.testing.assert_allclose(table.flows.repaid_line[2, 1], spare, rtol=1e-11)
    np.testing.assert_allclose(table.state.balance[3:, 1], 0, atol=1e-12)
    assert np.all(table.alive == 1)


@pytest.mark.parametrize(("parity", "cash"), [(0.9, 100.0), (1.0, 0.0), (1.5, 0.0)])
def test_convertible_needs_cash_only_where_shares_are_worth_less(parity, cash):
    note = build("convertible", coupon=0.0, tenor=4.0)
    table = run([note], 200.0, parity=np.full(8, parity))
    np.testing.assert_allclose(table.flows.principal[3, 0], cash, atol=1e-12)
    np.testing.assert_allclose(table.flows.converted[3, 0], 100 - cash, atol=1e-12)


def test_oem_instalments_start_after_a_holiday_that_bears_interest():
    table = run([build("oem", coupon=0.1, tenor=5.0, grace=2.0)], 200.0)
    np.testing.assert_allclose(table.flows.interest[:2, 0], 0, atol=1e-14)
    schedule = amortise(121.0, 0.1, 3, "level")
    np.testing.assert_allclose(
        table.flows.principal[2:5, 0], schedule.principal, rtol=1e-12
    )


def test_preferred_dividend_accumulates_behind_the_lock_up():
    loan = build("bullet", coupon=0.1, tenor=30.0)
    preferred = build("preferred", amount=50.0, rank=5.0, coupon=0.12)
    owners = build("equity", amount=0.0, rank=9.0, **EQUITY)
    terms = Terms(sweep=NO_SWEEP, covenants=Covenants(lock_up=Tier(dscr=1.5)))
    table = run([loan, preferred, owners], [14.0, 18.0, 40, 40, 40, 40, 40, 40], terms)
    # Year 1 is locked up: 6 is added; year 2 pays 12 % of 56 out of 4 + 8.
    np.testing.assert_allclose(table.flows.in_kind[0, 1], 6, rtol=1e-13)
    np.testing.assert_allclose(table.flows.interest[1, 1], 0.12 * 56, rtol=1e-13)
    np.testing.assert_allclose(table.flows.distributed[1, 2], 12 - 6.72, rtol=1e-12)


def test_toggle_pays_in_kind_at_a_margin_when_cash_is_short():
    loan = build("bullet", coupon=0.1, tenor=30.0)
    toggle = build(
        "bullet",
        rank=1.0,
        amount=50.0,
        coupon=0.12,
        tenor=30.0,
        toggle=1.0,
        toggle_margin=0.01,
    )
    table = run([loan, toggle], [13.0, 40, 40, 40, 40, 40, 40, 40])
    # 3 of 6 is paid; the other half accrues at 13 % instead of 12 %.
    np.testing.assert_allclose(table.flows.interest[0, 1], 3, rtol=1e-13)
    np.testing.assert_allclose(table.flows.in_kind[0, 1], 25 * 0.13, rtol=1e-13)
    assert np.all(table.alive == 1)


def test_payment_in_kind_by_contract_until_a_date():
    loan = build("bullet", coupon=0.1, tenor=8.0, in_kind=1.0, in_kind_until=2.0)
    table = run([loan], 200.0)
    np.testing.assert_allclose(table.flows.interest[:3, 0], [0, 0, 12.1], atol=1e-12)
    assert table.flows.principal[7, 0] == pytest.approx(121)


@pytest.mark.parametrize("kind", ["level", "linear", "sculpted", "balloon"])
def test_a_grace_of_the_whole_tenor_makes_a_bullet(kind):
    own = {"residual": 0.4} if kind == "balloon" else {}
    table = run([build(kind, coupon=0.1, tenor=4.0, grace=4.0, **own)], 200.0)
    paid = np.array([0, 0, 0, 100, 0, 0, 0, 0])
    np.testing.assert_allclose(table.flows.principal[:, 0], paid, atol=1e-12)
    np.testing.assert_allclose(table.flows.interest[:4, 0], 10, rtol=1e-13)
    np.testing.assert_allclose(table.flows.interest[4:, 0], 0, atol=1e-13)


def test_draws_with_a_grace_of_the_whole_tenor_fall_due_at_their_own_maturity():
    facility = build(
        "delayed_draw",
        coupon=0.1,
        tenor=3.0,
        grace=3.0,
        dates=[1.0, 2.5],
        amounts=[10.0, 20.0],
        availability=4.0,
        fee=0.0,
    )
    due = np.zeros((8, 2))
    due[3, 0], due[4, 1], due[5, 1] = 10, 10, 10  # half of it a year, as it was drawn
    found = run([facility], 200.0).flows.principal[:, :2]
    np.testing.assert_allclose(found, due, atol=1e-12)


@pytest.mark.parametrize("tenor", [4.0, 8.0])
def test_the_last_coupon_of_a_note_paid_in_kind_comes_with_its_principal(tenor):
    table = run([build("bullet", coupon=0.1, tenor=tenor, in_kind=1.0)], 400.0)
    last = int(tenor) - 1
    paid = np.zeros(8)
    paid[last] = 100 * 1.1**tenor
    found = table.flows.principal[:, 0] + table.flows.interest[:, 0]
    np.testing.assert_allclose(found, paid, rtol=1e-12, atol=1e-12)
    assert table.state.balance[last, 0] == pytest.approx(0, abs=1e-12)


def test_an_oem_holiday_to_the_end_pays_all_at_maturity():
    table = run([build("oem", coupon=0.1, tenor=3.0, grace=3.0)], 200.0)
    found = table.flows.principal[:, 0] + table.flows.interest[:, 0]
    np.testing.assert_allclose(found, [0, 0, 133.1, 0, 0, 0, 0, 0], atol=1e-11)
