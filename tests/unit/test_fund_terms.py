"""Terms of funds in closed form: carry by deal, incentive fees, lines, gates, calls."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.funds import (
    call_capital,
    distribute_by_deal,
    gains_fee,
    income_fee,
    nav_loan,
    redeem,
    subscription_line,
)
from engine.metrics import irr, npv

IN = jnp.array([[100.0, 0.0, 0.0], [100.0, 0.0, 0.0]])


@pytest.mark.parametrize(
    ("second", "tax", "pref", "clawback"),
    [
        # First deal 100 → 200 after one period: carry 20. The second returns ...
        (0.0, 0.0, 0.0, 20.0),  # nothing: no profit at all, all of it goes back
        (0.0, 0.4, 0.0, 12.0),  # ... after tax
        (50.0, 0.0, 0.0, 10.0),  # half: profit 50, entitled to 10
        (100.0, 0.0, 0.0, 0.0),  # all: 20 of 100 is right
        # With 10 % the first deal still pays 20; investors then lack
        # (200·1.1 − 180)·1.1 − 50 = −6: nothing; excess carry of 10 decides.
        (50.0, 0.0, 0.1, 10.0),
        # With 30 %: first deal 130 + catch-up 7.5 + split: carry 20; missing
        # (260 − 180)·1.3 − 100 = 4 and no excess: the preferred return decides.
        (100.0, 0.0, 0.3, 4.0),
    ],
)
def test_clawback_in_closed_form(second, tax, pref, clawback):
    out = jnp.array([[0.0, 200.0, 0.0], [0.0, 0.0, second]])
    found = distribute_by_deal(IN, out, pref, 0.2, 1.0, tax)
    np.testing.assert_allclose(found.carry[0], [0.0, 20.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(found.clawback, clawback, atol=1e-9)
    np.testing.assert_allclose(found.gp, [0.0, 20.0, -clawback], atol=1e-9)
    np.testing.assert_allclose(found.lp, [0.0, 180.0, second + clawback], atol=1e-9)


@pytest.mark.parametrize(
    ("rate", "fee_rate"),
    [
        (0.01, 0.0),  # below the hurdle
        (0.0175, 0.0),
        (0.02, 0.0025),  # inside the catch-up
        (0.021875, 0.004375),  # its end: 20 % of all
        (0.03, 0.006),
        (-0.01, 0.0),
    ],
)
def test_income_fee_with_hurdle_and_full_catch_up(rate, fee_rate):
    found = income_fee([1000 * rate], [1000.0], 0.0175, 0.2)
    np.testing.assert_allclose(found, [1000 * fee_rate], atol=1e-9)


def test_income_fee_with_half_a_catch_up_and_with_none():
    # Room: .2·17.5/(.5 − .2) = 35/3; half of it first, then a fifth of the rest.
    half = income_fee([25.0, 40.0], [1000.0, 1000.0], 0.0175, 0.2, 0.5)
    np.testing.assert_allclose(half, [0.5 * 7.5, 0.2 * 40], atol=1e-9)
    none = income_fee([40.0], [1000.0], 0.0175, 0.2, 0.0)
    np.testing.assert_allclose(none, [0.2 * 22.5], atol=1e-9)


def test_gains_fee_is_a_high_water_mark():
    realised, depreciation = [10.0, -4.0, 2.0, 9.0], [0.0, 1.0, 0.0, 5.0]
    # Net since inception: 10, 5, 8, 12. Paid on 10, then on the 2 above it.
    found = gains_fee(realised, depreciation, 0.2)
    np.testing.assert_allclose(found, [2.0, 0.0, 0.0, 0.4], atol=1e-9)


def test_a_subscription_line_raises_the_irr_and_lowers_the_multiple():
    paid_in = jnp.array([100.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    back = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 180.0])
    line = subscription_line(paid_in, 0.05, 2)
    np.testing.assert_allclose(line.called, [0, 0, 110.25, 0, 0, 0], atol=1e-9)
    np.testing.assert_allclose(line.balance, [100, 105, 0, 0, 0, 0], atol=1e-9)
    np.testing.assert_allclose(line.interest.sum(), 10.25, atol=1e-9)
    without, with_line = irr(back - paid_in).rate, irr((back - line.called)[2:]).rate
    np.testing.assert_allclose(without, 1.8 ** (1 / 5) - 1, atol=1e-9)
    np.testing.assert_allclose(with_line, (180 / 110.25) ** (1 / 3) - 1, atol=1e-9)
    assert float(with_line) > float(without)
    assert 180 / 110.25 < 1.8


def test_a_long_line_is_called_by_the_end():
    paid_in = jnp.array([100.0, 0.0, 50.0])
    line = subscription_line(paid_in, 0.2, 5)
    np.testing.assert_allclose(line.called, [0.0, 0.0, 144 + 50.0], atol=1e-9)
    np.testing.assert_allclose(line.balance[-1], 0.0, atol=1e-9)
    at_once = subscription_line(paid_in, 0.2, 0)
    np.testing.assert_array_equal(at_once.called, paid_in)


def test_a_nav_loan_brings_money_forward_at_its_rate():
    back, nav = jnp.array([0.0, 30.0, 0.0, 100.0]), jnp.full(4, 100.0)
    loan = nav_loan(back, nav, 40.0, 0.1)
    # 44 owed, 30 repaid; 15.4; then 16.94 of the last 100.
    np.testing.assert_allclose(loan.repaid, [0, 30, 0, 16.94], atol=1e-9)
    np.testing.assert_allclose(loan.balance, [40, 14, 15.4, 0], atol=1e-9)
    np.testing.assert_allclose(loan.lp, [40, 0, 0, 83.06], atol=1e-9)
    np.testing.assert_allclose(npv(0.1, loan.lp), npv(0.1, back), atol=1e-9)
    assert float(loan.loss) == 0.0


def test_a_nav_loan_is_lost_after_the_investors_and_ltv_sweeps():
    loan = nav_loan([0.0, 10.0, 20.0], [100.0, 30.0, 0.0], 60.0, 0.0, 0.0, 0.5)
    # No sweep but LTV of one half: 60 − 15 wanted, 10 is there; then all of 20.
    np.testing.assert_allclose(loan.repaid, [0.0, 10.0, 20.0], atol=1e-9)
    np.testing.assert_allclose(loan.loss, 30.0, atol=1e-9)
    np.testing.assert_allclose(loan.lp, [60.0, 0.0, 0.0], atol=1e-9)


def test_a_run_on_a_gate_in_closed_form():
    quarters = 12
    returns = jnp.linspace(-0.03, 0.02, quarters)
    asked = jnp.zeros((2, quarters)).at[:, 0].set(1e9)
    found = redeem([60.0, 40.0], returns, asked, 0.05)
    t = np.arange(quarters)
    expected = 0.05 * 0.95**t * 100 * np.cumprod(1 + np.asarray(returns))
    np.testing.assert_allclose(found.paid.sum(0), expected, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.paid[0], 1.5 * found.paid[1], rtol=1e-12)
    np.testing.assert_allclose(found.served, 0.05, atol=1e-12)


def test_a_queue_is_carried_or_asked_anew():
    asked = jnp.zeros((2, 3)).at[0, 0].set(8.0).at[1, 1].set(4.0)
    carried = redeem([50.0, 50.0], jnp.zeros(3), asked, 0.05)
    # 5 of 8; then 3 and 4 wait, 4.75 is paid pro rata; then 2.25 is left.
    np.testing.assert_allclose(carried.paid[:, 0], [5.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(
        carried.paid[:, 1], [3 / 7 * 4.75, 4 / 7 * 4.75], atol=1e-9
    )
    np.testing.assert_allclose(carried.paid[:, 2].sum(), 2.25, atol=1e-9)
    anew = redeem([50.0, 50.0], jnp.zeros(3), asked, 0.05, 0.0)
    np.testing.assert_allclose(anew.paid.sum(0), [5.0, 4.0, 0.0], atol=1e-9)


def test_others_pay_for_a_defaulter_within_the_limit():
    paying = jnp.array([[1.0, 0.0], [1.0, 1.0], [1.0, 1.0]])
    found = call_capital([100.0, 100.0], [200.0, 200.0, 400.0], paying, 0.25, 0.5)
    np.testing.assert_allclose(found.paid[:, 0], [25.0, 25.0, 50.0], atol=1e-9)
    # The missing 25 is called 1 : 2, but at most a quarter of 25 and of 50.
    np.testing.assert_allclose(found.paid[:, 1], [0.0, 31.25, 62.5], atol=1e-9)
    np.testing.assert_allclose(found.shortfall, [0.0, 6.25], atol=1e-9)
    # Half of the defaulter's 25 goes to the others, 1 : 2.
    accounts = [12.5, 56.25 + 12.5 / 3, 112.5 + 25 / 3]
    np.testing.assert_allclose(found.accounts[:, 1], accounts, atol=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: distribute_by_deal(IN, -IN, 0.1, 0.2, 1.0), "distributions must be"),
        (lambda: distribute_by_deal(IN[0], IN, 0.1, 0.2, 1.0), "contributions must"),
        (lambda: income_fee([1.0], [-1.0], 0.01, 0.2), "nav must be non-negative"),
        (lambda: gains_fee([1.0], [1.0, 2.0], 0.2), "depreciation must have shape"),
        (lambda: subscription_line([1.0], 0.1, -1), "delay must be at least 0"),
        (lambda: nav_loan([1.0], [1.0], 1.0, 0.1, 2.0), r"sweep must be in \[0, 1\]"),
        (lambda: redeem([1.0], [0.0], [[1.0]], 1.5), r"gate must be in \[0, 1\]"),
        (lambda: call_capital([1.0], [1.0], [[2.0]]), r"paying must be in \[0, 1\]"),
    ],
)
def test_nonsense_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_gradients_are_finite_where_nothing_happens():
    zero = jnp.zeros((2, 3))

    def all_of(x):
        return (
            distribute_by_deal(zero + x, zero + x, 0.1, 0.2, 1.0).gp.sum()
            + income_fee(zero[0] + x, zero[0] + x, 0.01, 0.2).sum()
            + gains_fee(zero[0] + x, zero[0] + x, 0.2).sum()
            + nav_loan(zero[0] + x, zero[0] + x, x, 0.1).lp.sum()
            + redeem(zero[:, 0] + x, zero[0] + x, zero + x, 0.05).paid.sum()
            + call_capital(zero[0] + x, zero[:, 0] + x, zero + x).paid.sum()
        )

    assert jnp.isfinite(jax.grad(all_of)(0.0))
