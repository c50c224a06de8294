"""Calls, incentive fees and NAV loans of the quarter against their closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.contagion import clear
from engine.funds import call_capital, distribute, gains_fee, income_fee, nav_loan
from engine.funds.carry import Incentive
from engine.funds.commitments import Book, Commitments, CommitmentState
from engine.funds.members import Members
from engine.funds.nav_facility import NavFacility

ONLY = Members(((True, 0, 1),))
SHARES = jnp.asarray([0.5, 0.3, 0.2])[:, None]


def one(value):
    return jnp.asarray([value])


def commitments(**changed):
    """One cohort; half of a call is unpaid at losses of two buffers."""
    plain = {
        "start": 20.0,
        "line_start": 4.0,
        "overcall": 0.1,
        "default": 0.5,
        "default_range": 1.0,
        "reserve": 0.1,
        "spread": 0.02,
        "advance": 0.75,
        "called_down": 0.5,
    }
    figures = {key: one(value) for key, value in (plain | changed).items()}
    return Commitments(members=ONLY, shares=SHARES, buffer=jnp.ones(2), **figures)


def quarter(layer, need, charged=(0.0, 0.0), other=0.0, loss=0.0, **state):
    before = CommitmentState(
        undrawn=jnp.asarray(state.get("undrawn", SHARES * layer.start[None])),
        line=one(state.get("line", 4.0)),
    )
    book = Book(one(need), one(other), one(0.95))
    rate = jnp.asarray(0.04)
    return layer(book, jnp.asarray(charged), rate, one(loss), before)


def test_a_good_quarter_is_bridged_and_called_down():
    flow, after = quarter(commitments(), 5.0)
    # 15 may be lent, 4 are: all 5 are drawn; half of the 4 is called.
    np.testing.assert_allclose(flow.drawn, 5.0)
    np.testing.assert_allclose(flow.due, 2.0)
    np.testing.assert_allclose(flow.paid[:, 0], [1.0, 0.6, 0.4])
    np.testing.assert_allclose(after.line, 7.0)
    np.testing.assert_allclose(flow.undrawn, 18.0)
    np.testing.assert_allclose(flow.interest, 4.0 * 0.06 / 4)
    np.testing.assert_allclose(flow.reach, 1.0)
    for nothing in (flow.defaulted, flow.missing, flow.sold, flow.overdrawn, flow.loss):
        np.testing.assert_allclose(nothing, 0.0, atol=1e-12)


def test_what_comes_back_repays_the_line_first():
    flow, after = quarter(commitments(called_down=0.0), -6.0)
    np.testing.assert_allclose(flow.swept, 4.0)
    np.testing.assert_allclose(flow.returned, 2.0)
    np.testing.assert_allclose(after.line, 0.0)


@pytest.mark.parametrize(
    ("charged", "paying"),
    [((1.0, 0.9), 1.0), ((1.5, 0.0), 0.75), ((2.0, 0.0), 0.5), ((9.0, 0.0), 0.5)],
)
def test_an_investor_pays_by_what_is_left_of_its_buffer(charged, paying):
    found = commitments().paying(jnp.asarray(charged))
    np.testing.assert_allclose(found[:, 0], [paying, 1.0, 1.0])


@pytest.mark.parametrize("charged", [(0.0, 0.0), (1.4, 0.0), (3.0, 1.7)])
def test_without_a_line_a_quarter_is_a_capital_call(charged):
    layer = commitments(line_start=0.0, advance=0.0)
    undrawn = SHARES * 20.0
    paying = layer.paying(jnp.asarray(charged))
    calls = [3.0, 4.0, 5.0]
    closed = call_capital(
        calls, undrawn[:, 0], jnp.repeat(paying, 3, axis=1), overcall=0.1, forfeit=0.0
    )
    for t, call in enumerate(calls):
        flow, after = quarter(layer, call, charged, undrawn=undrawn, line=0.0)
        np.testing.assert_allclose(flow.paid[:, 0], closed.paid[:, t], atol=1e-12)
        np.testing.assert_allclose(flow.missing[0], closed.shortfall[t], atol=1e-12)
        undrawn = after.undrawn
    np.testing.assert_allclose(undrawn[:, 0], closed.uncalled[:, -1], atol=1e-12)


CASES = [
    # need, charged, other assets, line, undrawn
    (5.0, (0.0, 0.0), 50.0, 4.0, 20.0),
    (25.0, (0.0, 0.0), 50.0, 4.0, 20.0),  # more than is committed: assets are sold
    (25.0, (0.0, 0.0), 1.0, 4.0, 20.0),  # and the bank line pays the rest
    (5.0, (2.0, 2.0), 50.0, 14.0, 20.0),  # investors default
    (5.0, (2.0, 2.0), 0.5, 14.0, 16.0),  # and the line is short
    (0.0, (9.0, 9.0), 0.0, 18.0, 16.0),
]


@pytest.mark.parametrize(("need", "charged", "other", "line", "undrawn"), CASES)
def test_a_quarter_is_the_clearing_of_its_tree(need, charged, other, line, undrawn):
    """Investors → fund → subscription line, then borrowers: Eisenberg and Noe (2001).

    The dues are the quarter's own; who pays how much of them is the network's answer.
    """
    layer = commitments(advance=0.75)
    held = SHARES * undrawn
    flow, _ = quarter(layer, need, charged, other=other, undrawn=held, line=line)
    paying = layer.paying(jnp.asarray(charged))[:, 0]
    owed = jnp.minimum((flow.due + flow.direct) * SHARES[:, 0], held[:, 0])
    able = paying * owed
    # What is called again is due from those who pay, within their limit.
    again = flow.paid[:, 0] - able
    investors, fund, bank, borrowers = range(3), 3, 4, 5
    liabilities = jnp.zeros((2, 6, 6))
    for i in investors:
        liabilities = liabilities.at[0, i, fund].set(owed[i] + again[i])
    liabilities = liabilities.at[0, fund, bank].set(flow.due[0])
    promised = need - flow.drawn[0]
    liabilities = liabilities.at[1, fund, borrowers].set(promised)
    external = jnp.zeros(6).at[:3].set(able + again).at[fund].set(0.95 * other)
    found = clear(liabilities, external)
    close = {"rtol": 0.0, "atol": 1e-12}
    np.testing.assert_allclose(found.payments[0, :3], flow.paid[:, 0], **close)
    to_line = flow.repaid - flow.swept
    np.testing.assert_allclose(found.payments[0, fund], to_line[0], **close)
    np.testing.assert_allclose(found.payments[1, fund], flow.lent[0], **close)
    unpaid = flow.due + promised - to_line - flow.lent
    np.testing.assert_allclose(unpaid, flow.short + flow.overdrawn, **close)
    left = 0.95 * (other - flow.sold[0])
    spare = jnp.where(found.defaults[fund], 0.0, found.equity[fund])
    np.testing.assert_allclose(spare, jnp.maximum(left, 0.0), **close)


def test_the_clearing_test_has_all_cases():
    flows = [
        quarter(commitments(), n, c, other=o, undrawn=SHARES * u, line=x)[0]
        for n, c, o, x, u in CASES
    ]
    for name in ("drawn", "defaulted", "sold", "overdrawn", "short", "lent"):
        assert any(float(getattr(f, name)[0]) > 0.1 for f in flows), name


def test_the_bank_loses_what_good_commitments_do_not_cover():
    """A line of 18 on commitments of 16, of which investors pay three fifths."""
    flow, after = quarter(
        commitments(), 0.0, (2.0, 2.0), loss=50.0, undrawn=SHARES * 16.0, line=18.0
    )
    pays = np.array([0.5, 0.5, 1.0])
    good = float(pays @ np.asarray(after.undrawn[:, 0]))
    lent = 18.0 - float(jnp.sum(flow.paid))
    np.testing.assert_allclose(flow.loss, lent - good, rtol=1e-12)
    assert float(flow.loss[0]) > 1.0
    np.testing.assert_allclose(after.line, good, rtol=1e-12)
    # Booked within the quarter's credit loss: what is more is asked of later ones.
    later, kept = quarter(
        commitments(), 0.0, (2.0, 2.0), loss=0.25, undrawn=SHARES * 16.0, line=18.0
    )
    np.testing.assert_allclose(later.loss, 0.25)
    np.testing.assert_allclose(kept.line, lent - 0.25, rtol=1e-12)


def test_lending_stops_as_commitments_run_out():
    used = quarter(commitments(), 0.0, undrawn=SHARES * 1.0, line=0.0)[0]
    np.testing.assert_allclose(used.reach, 0.5)
    # Half of the pension fund's half is missing; a tenth more is called of the others.
    bad = quarter(commitments(), 0.0, (2.0, 0.0), line=0.0)[0]
    np.testing.assert_allclose(bad.reach, 0.75 * 1.1)


def test_members_are_picked_and_put_back():
    rows = Members(((False, 0, 1), (True, 1, 3), (False, 3, 4), (True, 4, 5)))
    x = jnp.arange(5.0)
    np.testing.assert_array_equal(rows.pick(x), [1.0, 2.0, 4.0])
    np.testing.assert_array_equal(
        rows.merge(10.0 * rows.pick(x), x), [0, 10, 20, 3, 40]
    )
    np.testing.assert_array_equal(rows.spread(rows.pick(x)), [0, 1, 2, 0, 4])


def manager(closed, hurdle=0.07, carry=0.2, catch_up=1.0):
    return Incentive(*(one(x) for x in (closed, hurdle, carry, catch_up)))


@pytest.mark.parametrize("catch_up", [1.0, 0.5, 0.0])
def test_the_fee_on_income_is_the_closed_form(catch_up):
    layer = manager(0.0, catch_up=catch_up)
    state = layer.opening(one(100.0))
    income = [1.0, 1.9, 2.1, 4.0, -1.0]
    closed = income_fee(income, [100.0] * 5, 0.07 / 4, 0.2, catch_up)
    for t, x in enumerate(income):
        args = (one(x), one(0.0), one(100.0), one(100.0), one(100.0))
        flow, state = layer(*args, state)
        np.testing.assert_allclose(flow.fee, closed[t], atol=1e-12)


def test_the_fee_on_the_whole_fund_is_its_waterfall_wound_up():
    """Money in, income out; the last quarter pays out what is left: same carry."""
    calls, out = [10.0, 5.0, 0.0, 0.0], [1.0, 2.0, 6.0, 3.0]
    worth = [112.0, 118.0, 119.0, 121.0]
    layer = manager(1.0)
    state, taken = layer.opening(one(100.0)), 0.0
    for t in range(4):
        args = (one(out[t]), one(calls[t]), one(100.0), one(worth[t]), one(0.0))
        flow, state = layer(*args, state)
        taken += float(flow.fee[0])
        paid = [0.0, *out[: t + 1]]
        paid[-1] += worth[t]
        closed = distribute([100.0, *calls[: t + 1]], paid, 0.07 / 4, 0.2, 1.0)
        np.testing.assert_allclose(taken, jnp.sum(closed.gp), rtol=1e-12)


def test_the_fee_on_the_whole_fund_is_not_paid_twice_nor_back():
    layer, worth = manager(1.0, hurdle=0.0), [110.0, 95.0, 105.0, 125.0]
    profit = np.diff([100.0, *worth])
    closed = gains_fee(profit, np.zeros(4), 0.2)
    state, paid = layer.opening(one(100.0)), 0.0
    for t in range(4):
        # The fee leaves the fund's income: of none it is money called for.
        args = (one(0.0), one(0.0), one(100.0), one(worth[t]), one(0.0))
        flow, state = layer(*args, state)
        np.testing.assert_allclose(flow.fee, closed[t], atol=1e-12)
        paid += float(flow.fee[0])
    np.testing.assert_allclose(state.taken, paid)


def test_a_nav_loan_is_the_closed_form():
    back, worth = [0.0, 3.0, 1.0, 8.0, 30.0], [100.0, 90.0, 30.0, 20.0, 15.0]
    layer = NavFacility(ONLY, one(20.0), one(0.02), one(0.5), one(0.25))
    closed = nav_loan(back, worth, 20.0, 0.06 / 4, 0.25, 0.5)
    balance = one(20.0)
    for t in range(1, 4):
        owed = layer.owed(balance, jnp.asarray(0.04))
        flow = layer(balance, owed, one(back[t]), one(worth[t]), one(0.0))
        np.testing.assert_allclose(flow.repaid, closed.repaid[t], rtol=1e-12)
        np.testing.assert_allclose(flow.balance, closed.balance[t], rtol=1e-12)
        balance = flow.balance


def test_a_nav_loan_loses_what_is_not_covered_within_the_credit_loss():
    layer = NavFacility(ONLY, one(20.0), one(0.0), one(0.5), one(0.25))
    flow = layer(one(20.0), one(20.0), one(0.0), one(12.0), one(5.0))
    np.testing.assert_allclose(flow.loss, 5.0)
    flow = layer(one(20.0), one(20.0), one(0.0), one(12.0), one(50.0))
    np.testing.assert_allclose((flow.loss, flow.balance), [[8.0], [12.0]])


def test_gradients_are_finite_where_nothing_is_left():
    def total(need, charged, undrawn):
        flow, after = quarter(
            commitments(), need, (charged, charged), undrawn=SHARES * undrawn
        )
        return jnp.sum(flow.reach + flow.overdrawn + after.line) + jnp.sum(flow.paid)

    slope = jax.jit(jax.grad(total, argnums=(0, 1, 2)))
    for point in ((0.0, 0.0, 0.0), (5.0, 1.0, 0.0), (-5.0, 2.0, 20.0)):
        assert all(bool(jnp.isfinite(x)) for x in slope(*map(jnp.asarray, point)))
