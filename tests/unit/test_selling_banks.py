"""Banks that sell public assets to return to their leverage, in a quarter's rounds."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.config import load
from engine.config.errors import ConfigError
from engine.contagion import fire_sale
from engine.contagion.deleveraging import price_fall
from engine.contagion.public_markets import PublicMarkets
from engine.contagion.rounds import all_rounds
from engine.economy import Economy
from engine.grid import DT
from tests.config_files import CONFIGS
from tests.helpers import finite_difference_jvp

PORTFOLIO = np.array([[300.0, 80.0, 900.0], [700.0, 200.0, 50.0], [100.0, 30.0, 10.0]])
WORTH = PORTFOLIO.sum(axis=1)
DEPTH = np.array([3600.0, 1000.0, 16000.0])
FLOOR = np.array([0.7, 0.5, 0.4])
MULTIPLE = np.array([1.2, 0.8, 7.9])
BUFFER = np.array([7.0, 5.0, 20.0])


def market(impact="exponential", portfolio=PORTFOLIO, depth=DEPTH, floor=FLOOR):
    n = len(depth)
    is_concave = impact == "exponential"
    return PublicMarkets(
        depth=jnp.asarray(depth),
        floor=jnp.asarray(floor),
        remains=jnp.full(n, np.exp(-3.0 * DT)),
        spread_pass=jnp.zeros(n),
        concave=jnp.full(n, float(is_concave)),
        portfolio=jnp.asarray(portfolio),
        marked=jnp.ones(len(portfolio)),
        buffer=jnp.asarray(BUFFER[: len(portfolio)]),
        multiple=jnp.asarray(MULTIPLE[: len(portfolio)]),
        bank=jnp.asarray(portfolio[-1]),
        mix=jnp.zeros(n),
        impacts=(is_concave,) * n,
    )


def quarter(m, bank_lost, used=(0.0, 0.0), charged=(0.0, 0.0), state=None):
    state = m.opening() if state is None else state
    values = map(jnp.asarray, (used, charged, bank_lost, [0.0], [0.0]))
    return m(m.quotes(state), *values, state)


def by_hand():
    """One linear market that 1000 sold would empty; banks at five times equity."""
    m = market(
        "linear", np.array([[0.0], [0.0], [100.0]]), np.array([1000.0]), np.zeros(1)
    )
    return dataclasses.replace(
        m,
        buffer=jnp.asarray([7.0, 5.0, 10.0]),
        multiple=jnp.asarray([1.5, 1.5, 5.0 - 1.0]),
    )


def test_banks_beyond_their_buffer_sell_as_by_hand():
    flows, state = quarter(by_hand(), 12.0)
    # 2 beyond the buffer ask for 8; each 10 sold marks the 100 down by 1, which asks
    # for 4 more: 8 / (1 - 0.4).
    sold = 8.0 / 0.6
    np.testing.assert_allclose(flows.forced_sales, [0.0, 0.0, sold], rtol=1e-12)
    np.testing.assert_allclose(flows.first, 8.0, rtol=1e-12)
    fall = sold / 1000.0
    np.testing.assert_allclose(flows.price, [1.0 - fall], rtol=1e-12)
    np.testing.assert_allclose(flows.bank_mark, (100.0 - sold) * fall, rtol=1e-10)
    np.testing.assert_allclose(flows.discount[2], sold * fall, rtol=1e-10)
    np.testing.assert_allclose(flows.bank_used, 100.0 * fall, rtol=1e-10)
    np.testing.assert_allclose(state.kept[2], 1.0 - sold / 100.0, rtol=1e-12)
    np.testing.assert_allclose(state.bank_charged, 12.0 + 100.0 * fall, rtol=1e-12)
    # At the prices before, the bank is back at five times its equity above the minimum.
    assets, equity = 50.0 - (12.0 - 10.0) - 8.0, 10.0 - (12.0 - 10.0)
    assert assets == 5.0 * equity


def test_banks_within_their_buffer_sell_nothing():
    flows, state = quarter(by_hand(), 10.0)
    np.testing.assert_array_equal(flows.forced_sales, jnp.zeros(3))
    np.testing.assert_array_equal(flows.price, jnp.ones(1))
    assert flows.bank_used == 0.0
    assert state.bank_charged == 10.0


def test_banks_sell_a_loss_once():
    m = market()
    flows, state = quarter(m, 25.0)
    assert flows.forced_sales[2] > 7.9 * 5.0
    later, after = quarter(m, 25.0, charged=flows.charged[:2], state=state)
    assert jnp.sum(later.sold) < 1e-7
    np.testing.assert_allclose(after.realised, state.realised, atol=1e-9)


def test_institutions_sales_push_banks_beyond_their_buffer():
    alone, _ = quarter(market(), 19.99)
    assert alone.forced_sales[2] == 0.0
    pushed, _ = quarter(market(), 19.99, used=(20.0, 5.0))
    assert pushed.forced_sales[2] > 0.0
    still = dataclasses.replace(market(), multiple=jnp.asarray([1.2, 0.8, 0.0]))
    without, _ = quarter(still, 19.99, used=(20.0, 5.0))
    # Their sales come back to who pushed them.
    assert pushed.forced_sales[0] > without.forced_sales[0]


def test_one_linear_round_with_banks_is_greenwood_landier_thesmar():
    shock = np.array([-0.02, -0.01, -0.05])
    published = fire_sale(
        PORTFOLIO / WORTH[:, None], WORTH, MULTIPLE, 1.0 / DEPTH, shock
    )
    m = market("linear", floor=np.zeros(3))
    step = m.settle(
        jnp.ones(3),
        jnp.ones(3),
        jnp.asarray(-PORTFOLIO @ shock),
        jnp.zeros(3),
        jnp.asarray(MULTIPLE),
        jnp.zeros(3),
        steps=0,
    )
    np.testing.assert_allclose(-step.fall, published.price_impact, rtol=1e-12)
    second = PORTFOLIO @ np.asarray(step.fall)
    np.testing.assert_allclose(second, published.second_round_loss, rtol=1e-12)


@pytest.mark.parametrize("sellers", [2, 3])
def test_all_rounds_are_the_inverse(sellers):
    rng = np.random.default_rng(sellers)
    for _ in range(20):
        split = rng.dirichlet(np.ones(4), sellers)
        slope = rng.uniform(0.0, 1e-3, 4)
        gain = rng.uniform(0.0, 500.0, sellers)
        more = rng.uniform(-1.0, 5.0, sellers)
        matrix = gain[:, None] * (split * slope) @ split.T
        assert np.abs(np.linalg.eigvals(matrix)).max() < 1.0
        found = all_rounds(*map(jnp.asarray, (more, gain, split * slope, split)))
        expected = np.linalg.solve(np.eye(sellers) - matrix, more)
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("impact", ["linear", "exponential"])
@pytest.mark.parametrize(
    "used", [(0.0, 0.0, 0.0), (9.0, 0.0, 25.0), (30.0, 4.0, 19.9), (300.0, 60.0, 400.0)]
)
def test_limit_is_where_plain_rounds_end(impact, used):
    step = market(impact).settle(
        jnp.ones(3),
        jnp.ones(3),
        jnp.asarray(used),
        jnp.asarray(BUFFER),
        jnp.asarray(MULTIPLE),
        jnp.zeros(3),
        steps=6,
    )
    fall, sold = np.zeros(3), np.zeros(3)
    for _ in range(3000):
        felt = np.asarray(used) + PORTFOLIO @ fall
        sold = np.clip(MULTIPLE * (felt - BUFFER), 0.0, WORTH)
        sales = jnp.asarray(sold / WORTH @ PORTFOLIO)
        last = fall
        fall = np.asarray(price_fall(sales, DEPTH, jnp.ones(3), FLOOR, impact=impact))
        if np.array_equal(fall, last):
            break
    np.testing.assert_allclose(step.fall, fall, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(step.sold, sold, rtol=1e-9, atol=1e-9)


def test_what_sellers_get_is_what_buyers_pay():
    flows, _ = quarter(market(), 60.0, used=(60.0, 40.0))
    np.testing.assert_allclose(flows.proceeds.sum(), flows.paid.sum(), rtol=1e-12)
    accounts = flows.worth + flows.mark_loss + flows.proceeds + flows.discount
    np.testing.assert_allclose(accounts, WORTH, rtol=1e-12)


def test_gradient_equals_differences():
    def out(lost):
        flows, _ = quarter(market(), lost, used=(20.0, 4.0))
        return flows.price, flows.forced_sales, flows.bank_used

    point, along = (jnp.asarray(22.0),), (jnp.asarray(1.0),)
    ours = jax.jvp(out, point, along)[1]
    theirs = finite_difference_jvp(out, point, along, step=1e-4)[1]
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def economy(dropped=()):
    """The base economy's figures, without those dropped."""
    config = load(CONFIGS / "base.toml")
    figures = {
        f.name: jnp.asarray(f.engine_value, float)
        for f in config.figures
        if f.name not in dropped
    }
    return Economy(figures, config.blueprint)


def test_without_a_target_banks_are_marked_and_no_seller():
    sells = PublicMarkets.build(economy())
    assert sells is not None
    assert sells.portfolio.shape[0] == 3
    np.testing.assert_array_equal(sells.portfolio[2], sells.bank)
    still = PublicMarkets.build(economy(("banks.target_leverage",)))
    assert still is not None
    assert still.portfolio.shape[0] == 2
    assert still.opening().bank_charged is None


def test_a_target_without_markets_is_refused(copy):
    path = copy / "chain.toml"
    text = path.read_text()
    figure = (
        '[banks]\ntarget_leverage_x = { value = 9.0, source = "choice: a test", '
        'date = "2026Q3", confidence = "choice", bounds = [1.0, 100.0] }\n'
    )
    path.write_text(text.replace("[banks]\n", figure))
    with pytest.raises(ConfigError, match=r"target_leverage_x: got 9.*no public_mark"):
        load(path)
