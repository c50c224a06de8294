"""Cohorts of private-credit funds: covenant, queue, discount, and how they add up."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.config import load
from engine.drivers import Drivers
from engine.funds.cohorts import FundState
from engine.funds.holders import ClassFlows
from engine.funds.private_credit import PrivateCredit, cohort_shares
from tests.config_files import CONFIGS
from tests.helpers import filled

SHARES = jnp.asarray([1.0, 0.5])
"""What funds hold of the two classes of these tests."""


def terms(**changed):
    """Two cohorts: half of the paper each, no line and no gate unless changed."""
    plain = {
        "shares": 0.5 * jnp.stack([SHARES, SHARES]),
        "parts": jnp.full((2, 2), 0.5),
        "line_spread": 0.0225,
        "maximum_advance": 1.0,
        "covenant": 1e6,
        "cure": 1.0,
        "opacity": 0.75,
        "other_yield": 0.095,
        "other_loss": 0.01,
        "fee": 0.0125,
        "sale_discount": 0.05,
        "liquidation": 0.9,
        "dispersion": 0.25,
        "base_requests": 0.0,
        "request_slope": 0.0,
        "gate": 1.0,
        "redeemable": 0.0,
        "carry_over": 0.0,
        "lending_slope": 2.0,
        "discount": 0.0,
        "discount_slope": 0.0,
        "closing_discount": 1.0,
    }
    values = plain | changed
    return PrivateCredit(
        **{
            k: jnp.broadcast_to(v, (2,)) if jnp.ndim(v) < 2 else v
            for k, v in values.items()
        }
    )


def state(other=100.0, line=0.0, **changed):
    one = jnp.ones(2)
    plain = {
        "marked": 10.0 * one,
        "other": other * one,
        "line": line * one,
        "index": one,
        "peak": one,
        "absorbed": 0.0 * one,
        "waiting": 0.0 * one,
        "lends": 0.5 * one,
    }
    return FundState(
        **(plain | {k: jnp.broadcast_to(v, (2,)) for k, v in changed.items()})
    )


def flows(balance=20.0, **changed):
    none = jnp.zeros(2)
    names = (
        "interest",
        "repaid",
        "lent",
        "failed",
        "loss",
        "claimed",
        "recovered",
        "receivable",
    )
    plain = {**dict.fromkeys(names, none), "balance": jnp.asarray([balance, 0.0])}
    return ClassFlows(**(plain | {k: jnp.asarray(v) for k, v in changed.items()}))


def quarter(layer, before, given=None, price=1.0, moved=None):
    # Of the drivers a fund reads the short rate alone.
    drivers = filled(Drivers, jnp.asarray(0.04))
    given, price = given or flows(), jnp.asarray([price, 1.0])
    return layer(drivers, given, moved, price, jnp.zeros(2), before)


def test_a_breach_is_repaid_to_the_covenant():
    """Net assets 40 over a line of 70 where 0.6 is asked: sales restore 0.6 exactly."""
    cover, price = 0.6, 0.95
    allowed = 1.0 / (1.0 + cover)
    layer = terms(covenant=allowed, cure=price / (price - allowed))
    flow, after = quarter(layer, state(line=70.0))
    # 70 − 0.95 x = 0.625 (110 − x): x = 1.25 / 0.325.
    np.testing.assert_allclose(flow.sold, 1.25 / 0.325, rtol=1e-12)
    assets = after.marked + after.other
    np.testing.assert_allclose((assets - after.line) / after.line, cover, rtol=1e-12)
    kept, _ = quarter(layer, state(line=68.0))
    np.testing.assert_array_equal(kept.sold, 0.0)


def test_requests_behind_the_gate_wait_for_the_next_quarter():
    gated = {"base_requests": 0.12, "gate": 0.05, "redeemable": 1.0}
    flow, after = quarter(terms(**gated, carry_over=1.0), state())
    np.testing.assert_allclose(flow.requests, 0.12)
    np.testing.assert_allclose(after.waiting, 0.07, rtol=1e-12)
    again, _ = quarter(terms(**gated, carry_over=1.0), after)
    # Who does not wait, 93 %, asks anew.
    np.testing.assert_allclose(again.requests, 0.12 + 0.88 * 0.07, rtol=1e-12)
    assert np.all(again.gate_headroom < flow.gate_headroom)
    anew, after = quarter(terms(**gated, carry_over=0.0), state())
    np.testing.assert_array_equal(after.waiting, 0.0)
    np.testing.assert_array_equal(anew.redeemed, flow.redeemed)


def test_a_listed_fund_lends_nothing_at_its_closing_discount():
    listed = {
        "discount": 0.2,
        "discount_slope": 1.0,
        "closing_discount": 0.3,
        "opacity": 1e6,
        "lending_slope": 0.0,
    }
    calm, _ = quarter(terms(**listed), state(other=0.0))
    np.testing.assert_allclose(calm.discount, 0.2, rtol=1e-9)
    np.testing.assert_allclose(calm.lending, 1.0, rtol=1e-9)
    # Marks have not moved, true prices are 5 % and 15 % down: a lag of as much.
    half, _ = quarter(terms(**listed), state(other=0.0), price=0.95)
    np.testing.assert_allclose(half.discount, 0.25, rtol=1e-5)
    np.testing.assert_allclose(half.openness, 0.5, rtol=1e-4)
    shut, _ = quarter(terms(**listed), state(other=0.0), price=0.85)
    np.testing.assert_array_equal(shut.lending, 0.0)


def test_the_concentrated_cohort_is_called_first():
    """Same loss of paper, same leverage: what differs is what else they hold."""
    layer = terms(maximum_advance=0.55)
    other = jnp.asarray([5.0, 100.0])
    before = state(other=other, line=0.5 * (10.0 + other))
    flow, _ = quarter(layer, before, flows(loss=[6.0, 0.0], balance=14.0))
    assert float(flow.margin_call[0]) > 0.0
    assert float(flow.margin_call[1]) == 0.0
    assert float(flow.line_share[0]) > 3 * float(flow.line_share[1])


@functools.cache
def base():
    return load(CONFIGS / "base.toml").build(jnp.float64)


def test_the_cohorts_of_base_divide_what_funds_hold():
    economy, opened, _ = base()
    np.testing.assert_allclose(jnp.sum(cohort_shares(economy), axis=0), 1.0, rtol=1e-12)
    assert set(economy.cohorts()) == set(economy.members("funds")) - {"bond"}
    share = opened.fund.marked / (opened.fund.marked + opened.fund.other)
    by_name = dict(zip(economy.cohorts(), share.tolist(), strict=True))
    for kind in ("drawdown", "listed", "non_traded"):
        assert by_name[f"{kind}_ai"] > 3 * by_name[f"{kind}_broad"]
    np.testing.assert_allclose(jnp.sum(opened.fund.lends), 1.0, rtol=1e-12)


@pytest.mark.parametrize("price", [1.0, 0.6, 0.0])
def test_two_equal_cohorts_are_one(price):
    """A cohort cut in two halves changes nothing."""
    harsh = {
        "maximum_advance": 0.5,
        "base_requests": 0.03,
        "gate": 0.05,
        "redeemable": 0.4,
        "request_slope": 0.5,
        "carry_over": 0.5,
    }
    moved = flows(lent=[2.0, 1.0], loss=[0.5, 0.0], interest=[0.3, 0.1], balance=22.0)
    halves, _ = quarter(terms(**harsh), state(line=55.0), moved, price)
    whole = terms(**harsh)
    whole = eqx.tree_at(
        lambda x: x.shares, whole, jnp.stack([SHARES, jnp.zeros_like(SHARES)])
    )
    one = state(
        other=jnp.asarray([200.0, 0.0]),
        line=jnp.asarray([110.0, 0.0]),
        marked=jnp.asarray([20.0, 0.0]),
        lends=jnp.asarray([1.0, 0.0]),
    )
    single, _ = quarter(whole, one, moved, price)
    for name in (
        "value",
        "nav",
        "income",
        "called",
        "drawn",
        "margin_call",
        "sold",
        "redeemed",
        "credit_loss",
        "line_loss",
        "line",
    ):
        total, own = getattr(halves, name), getattr(single, name)
        np.testing.assert_allclose(
            jnp.sum(total), own[0], rtol=1e-10, atol=1e-12, err_msg=name
        )
    np.testing.assert_allclose(halves.openness, single.openness, rtol=1e-10)


def test_what_a_loss_does_not_cover_is_asked_of_later_ones():
    layer = terms(maximum_advance=1.0)
    before = state(other=0.0, line=9.0)
    # Marks fall without a loss: banks expect one and book none.
    flow, after = quarter(layer, before, price=0.4)
    expected = flow.line_share * flow.line
    assert float(expected[0]) > 1.0
    assert float(flow.line_loss[0]) == 0.0
    # A loss of 1 is theirs, the next of 20 theirs up to what is still missing.
    flow, after = quarter(layer, after, flows(loss=[2.0, 0.0]), price=0.4)
    assert float(flow.line_loss[0]) == float(flow.credit_loss[0]) == 1.0
    flow, _ = quarter(layer, after, flows(loss=[40.0, 0.0]), price=0.4)
    missing = flow.line_share * flow.line - after.absorbed
    np.testing.assert_allclose(flow.line_loss, missing, rtol=1e-12)
    assert float(flow.line_loss[0]) < float(flow.credit_loss[0])


def test_the_gradient_is_finite_where_nothing_is_left():
    def total(price, other):
        flow, after = quarter(
            terms(discount_slope=1.0), state(other=other), price=price
        )
        return jnp.sum(flow.nav + flow.line_share + flow.lending + after.waiting)

    slope = jax.jit(jax.grad(total, argnums=(0, 1)))
    for price, other in ((0.0, 0.0), (1.0, 0.0), (0.5, 100.0)):
        found = slope(jnp.asarray(price), jnp.asarray(other))
        assert all(bool(jnp.isfinite(x)) for x in found)
