"""Funds neither make nor lose money: what goes in comes out, at somebody."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.funds import (
    call_capital,
    distribute,
    distribute_by_deal,
    gains_fee,
    income_fee,
    nav_loan,
    redeem,
    subscription_line,
)

T, K = 6, 3
amounts = st.sampled_from([0.0, 0.0, 1.0, 10.0]) | st.floats(0, 100)
paths = arrays(float, T, elements=amounts)
tables = arrays(float, (K, T), elements=amounts)
unit = st.floats(0, 1)
by_deal_jit, whole_jit = jax.jit(distribute_by_deal), jax.jit(distribute)
income_jit, gains_jit = jax.jit(income_fee), jax.jit(gains_fee)
line_jit = jax.jit(subscription_line, static_argnums=2)
loan_jit, redeem_jit, call_jit = map(jax.jit, (nav_loan, redeem, call_capital))


@given(tables, tables, st.floats(0, 0.2), st.floats(0, 0.4), unit, unit)
def test_investors_and_manager_get_what_is_distributed(
    c, d, pref, carry, catch_up, tax
):
    found = by_deal_jit(c, d, pref, carry, catch_up, tax)
    np.testing.assert_allclose(found.lp + found.gp, d.sum(0), atol=1e-9)
    assert float(found.clawback) >= 0
    assert float(found.clawback) <= (1 - tax) * float(found.carry.sum()) + 1e-9
    kept = float(found.carry.sum() - found.clawback)
    profit = max(d.sum() - c.sum(), 0.0)
    if tax == 0:
        assert kept <= carry * profit + 1e-9


@given(paths, paths, st.floats(0, 0.2), st.floats(0, 0.4), unit)
def test_a_fund_of_one_deal_is_the_whole_fund_before_the_clawback(c, d, p, carry, cu):
    found = by_deal_jit(c[None], d[None], p, carry, cu)
    np.testing.assert_allclose(found.carry[0], whole_jit(c, d, p, carry, cu).gp)


@given(arrays(float, T, elements=st.floats(-5, 50)), paths, st.floats(0, 0.4), unit)
def test_income_fee_is_between_nothing_and_catch_up(income, nav, carry, catch_up):
    fee = np.asarray(income_jit(income, nav, 0.0175, carry, catch_up))
    assert np.all(fee >= 0)
    above = np.maximum(income - 0.0175 * nav, 0)
    assert np.all(fee <= max(catch_up, carry) * above + 1e-9)
    assert np.all(fee <= carry * np.maximum(income, 0) + 1e-9)


@given(arrays(float, T, elements=st.floats(-50, 50)), paths)
def test_gains_fees_add_up_to_carry_of_the_high_water_mark(realised, depreciation):
    fee = np.asarray(gains_jit(realised, depreciation, 0.2))
    highest = max(0.0, (np.cumsum(realised) - depreciation).max())
    assert np.all(fee >= 0)
    np.testing.assert_allclose(fee.sum(), 0.2 * highest, atol=1e-9)


@given(paths, st.floats(0, 0.3), st.integers(0, 4))
def test_a_line_is_repaid_with_interest(contributions, rate, delay):
    found = line_jit(contributions, rate, delay)
    np.testing.assert_allclose(
        found.called.sum(), contributions.sum() + found.interest.sum(), atol=1e-9
    )
    np.testing.assert_allclose(found.balance[-1], 0.0, atol=1e-9)
    discount = (1 + rate) ** -np.arange(T)
    np.testing.assert_allclose(
        found.called @ discount, contributions @ discount, atol=1e-9
    )


@given(paths, paths, st.floats(0, 100), st.floats(0, 0.3), unit, unit)
def test_a_nav_loan_moves_money_between_lender_and_investors(d, nav, x, r, sweep, ltv):
    found = loan_jit(d, nav, x, r, sweep, ltv)
    assert np.all(np.asarray(found.lp) >= -1e-9)
    np.testing.assert_allclose(found.lp.sum() + found.repaid.sum(), d.sum() + x)
    discount = (1 + r) ** -np.arange(T)
    lender = found.repaid @ discount + float(found.loss) * discount[-1]
    np.testing.assert_allclose(lender, x, atol=1e-9)


@given(
    arrays(float, K, elements=amounts),
    arrays(float, T, elements=st.floats(-0.5, 0.5)),
    tables,
    unit,
    unit,
)
def test_redemptions_keep_the_gate_and_the_books(held, returns, asked, gate, carry):
    found = redeem_jit(held, returns, asked, gate, carry)
    value = held.copy()
    for t in range(T):
        value = value * (1 + returns[t])
        assert found.paid[:, t].sum() <= gate * value.sum() + 1e-9
        value = value - np.asarray(found.paid[:, t])
        np.testing.assert_allclose(found.holdings[:, t], value, atol=1e-9)
    assert np.all(value >= -1e-9)
    assert np.all(np.asarray(found.queue) >= -1e-9)


@given(
    paths,
    arrays(float, K, elements=amounts),
    arrays(float, (K, T), elements=st.sampled_from([0.0, 0.5, 1.0])),
    unit,
    unit,
)
def test_calls_are_paid_or_missing_and_accounts_hold_all(c, commit, pays, over, lose):
    found = call_jit(c, commit, pays, over, lose)
    np.testing.assert_allclose(found.paid.sum(0) + found.shortfall, c, atol=1e-9)
    np.testing.assert_allclose(
        found.accounts.sum(0), np.cumsum(found.paid.sum(0)), atol=1e-9
    )
    assert np.all(np.asarray(found.uncalled) >= -1e-9)
    assert np.all(np.asarray(found.accounts) >= -1e-9)


def test_a_queue_empties_without_a_gate():
    found = redeem_jit(jnp.asarray([5.0]), jnp.zeros(2), jnp.asarray([[3.0, 0.0]]), 1.0)
    np.testing.assert_allclose(found.queue, 0.0)
