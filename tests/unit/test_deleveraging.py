import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.contagion import DELEVERAGING_STATUS, deleverage, fire_sale, price_fall
from tests.helpers import finite_difference_jvp

HOLDINGS = jnp.array([[50.0, 50.0, 0.0], [10.0, 15.0, 20.0]])
OTHER = jnp.array([0.0, 5.0])
EQUITY = jnp.array([10.0, 10.0])
LEVERAGE = jnp.array([10.0, 5.0])
DEPTH = jnp.array([2000.0, 1000.0, 4000.0])
SHOCK = jnp.array([-0.05, 0.0, -0.02])
deleverage_jit = jax.jit(deleverage, static_argnames=("impact", "rounds"))


def test_price_fall_in_closed_form():
    # Floor 0.4 of price 1: room 0.6; a tenth of depth, then far too much.
    sales = jnp.asarray([0.0, 100.0, 1e9])
    found = price_fall(sales, 1000.0, 1.0, 0.4)
    expected = [0.0, 0.6 * (1 - np.exp(-100 / 600)), 0.6]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    linear = price_fall(sales, 1000.0, 1.0, 0.4, "linear")
    np.testing.assert_allclose(linear, [0.0, 0.1, 0.6], rtol=0, atol=1e-12)


def test_price_fall_is_concave_and_stops_at_the_floor():
    sales = jnp.linspace(0.0, 5000.0, 200)
    fall = price_fall(sales, 1000.0, 0.9, 0.3)
    assert np.all(np.diff(fall) > 0)
    assert np.all(np.diff(fall, 2) < 0)
    assert np.all(0.9 * (1 - np.asarray(fall)) >= 0.3)
    slope = jax.grad(lambda q: price_fall(q, 1000.0, 0.9, 0.3))(0.0)
    assert float(slope) == pytest.approx(1e-3, rel=1e-12)
    assert float(price_fall(10.0, 1000.0, 0.3, 0.3)) == 0.0


def test_one_bank_and_one_asset_for_one_round():
    # 100 of assets, equity 10; −2 %: equity 8, assets 98, sells 98 − 80 = 18 into a
    # linear market of depth 1000: −1.8 %. Kept 80 loses 1.44, half of .324 on sales.
    found = deleverage(
        [[100.0]], [0.0], [10.0], [1000.0], [-0.02], 10.0, impact="linear", rounds=1
    )
    np.testing.assert_allclose(found.sold, [[18.0]], rtol=1e-12)
    np.testing.assert_allclose(found.price, [0.98 * (1 - 0.018)], rtol=1e-12)
    np.testing.assert_allclose(found.mark_loss, [80 * 0.018], rtol=1e-12)
    np.testing.assert_allclose(found.shortfall, [9 * 0.018], rtol=1e-12)
    np.testing.assert_allclose(found.equity, [8 - 89 * 0.018], rtol=1e-12)
    assert DELEVERAGING_STATUS[int(found.status)] == "still_selling"


def test_small_shocks_are_greenwood_landier_thesmar():
    shock = 1e-7 * jnp.array([-1.0, 0.0, -0.4])
    assets = HOLDINGS.sum(1)
    published = fire_sale(
        HOLDINGS / assets[:, None], assets, LEVERAGE - 1, 1 / DEPTH, shock
    )
    for impact in ("linear", "exponential"):
        found = deleverage(
            HOLDINGS,
            jnp.zeros(2),
            assets / LEVERAGE,
            DEPTH,
            shock,
            LEVERAGE,
            shortfall_share=1.0,
            impact=impact,
            rounds=1,
        )
        second = found.mark_loss + found.shortfall
        np.testing.assert_allclose(second, published.second_round_loss, rtol=1e-5)


def test_cash_is_conserved_and_leverage_is_restored():
    found = deleverage_jit(HOLDINGS, OTHER, EQUITY, DEPTH, SHOCK, LEVERAGE)
    assert DELEVERAGING_STATUS[int(found.status)] == "converged"
    assert 2 < int(found.rounds) < 60
    lost = found.direct_loss + found.mark_loss + found.shortfall + found.redeemed
    np.testing.assert_allclose(found.equity, EQUITY - lost, rtol=0, atol=1e-12)
    worth = found.kept @ found.price
    np.testing.assert_allclose((worth + OTHER) / found.equity, LEVERAGE, rtol=1e-6)
    # By balance sheet: assets less debt, debt repaid by what sales brought.
    debt = HOLDINGS.sum(1) + OTHER - EQUITY
    proceeds = found.sold.sum(1) - found.shortfall
    np.testing.assert_allclose(
        worth + OTHER - (debt - proceeds), found.equity, rtol=0, atol=1e-9
    )


def test_a_bank_without_equity_sells_everything_and_the_floor_holds():
    shock = jnp.array([-0.5, -0.5, -0.5])
    found = deleverage_jit(
        HOLDINGS, OTHER, EQUITY, 0.01 * DEPTH, shock, LEVERAGE, floor=0.3
    )
    assert float(found.equity[0]) < 0
    np.testing.assert_allclose(found.kept[0], 0.0, atol=1e-9)
    assert np.all(np.asarray(found.price) >= 0.3 - 1e-12)


def test_nobody_sells_below_the_threshold():
    calm = deleverage(HOLDINGS, OTHER, EQUITY, DEPTH, SHOCK, LEVERAGE, 100.0)
    assert float(calm.sold.sum()) == 0.0
    np.testing.assert_allclose(calm.price, 1 + SHOCK, rtol=1e-15)
    np.testing.assert_allclose(calm.equity, EQUITY + HOLDINGS @ SHOCK, rtol=1e-12)


def test_what_one_sells_hurts_who_holds_the_same():
    # The fund owes nothing and sells only what its investors withdraw.
    holdings = jnp.array([[100.0, 0.0], [40.0, 60.0]])
    shock = jnp.array([0.0, -0.01])
    target = jnp.array([10.0, 1e6])
    equity, depth = jnp.array([10.0, 100.0]), jnp.array([500.0, 500.0])
    still, runs = (
        deleverage(
            holdings,
            jnp.zeros(2),
            equity,
            depth,
            shock,
            target,
            outflow_slope=jnp.array([0.0, slope]),
        )
        for slope in (0.0, 2.0)
    )
    assert float(still.sold.sum()) == 0.0
    assert float(runs.redeemed[1]) > 1.2  # 2 × 0.6 of direct loss, and more rounds
    assert float(runs.mark_loss[0]) > 0.0  # the bank did not hold what fell
    assert float(runs.sold[0].sum()) > 0.0
    np.testing.assert_allclose(
        runs.equity,
        equity - runs.direct_loss - runs.mark_loss - runs.shortfall - runs.redeemed,
        atol=1e-12,
    )


def test_gradient_agrees_with_differences():
    def lost(shock, depth, leverage):
        found = deleverage(HOLDINGS, OTHER, EQUITY, depth, shock, leverage, rounds=8)
        return found.equity

    point = (SHOCK, DEPTH, LEVERAGE)
    along = (jnp.array([0.01, -0.01, 0.01]), 0.1 * DEPTH, -0.01 * LEVERAGE)
    _, exact = jax.jvp(lost, point, along)
    _, difference = finite_difference_jvp(jax.jit(lost), point, along, 1e-5)
    np.testing.assert_allclose(exact, difference, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"holdings": -HOLDINGS}, "holdings must be non-negative"),
        ({"depth": 0 * DEPTH}, "depth must be positive"),
        ({"equity": jnp.ones(3)}, "equity must have shape"),
        ({"shock": SHOCK - 1}, "shock must be a return of at least -1"),
        ({"impact": "cubic"}, "impact must be 'linear' or 'exponential'"),
        ({"rounds": 0}, "rounds must be at least 1"),
    ],
)
def test_nonsense_is_refused_by_name(change, message):
    arguments = {
        "holdings": HOLDINGS,
        "other_assets": OTHER,
        "equity": EQUITY,
        "depth": DEPTH,
        "shock": SHOCK,
        "target_leverage": LEVERAGE,
    }
    with pytest.raises(ValueError, match=message):
        deleverage(**arguments | change)
