"""Fire sales inside the quarter: closed forms, published rounds, limits, properties."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.config import load
from engine.config.errors import ConfigError
from engine.contagion import fire_sale
from engine.contagion.deleveraging import deleverage, price_fall
from engine.contagion.public_markets import PublicMarkets, PublicState
from engine.economy import Economy
from engine.grid import DT
from engine.metrics.registry import registered
from tests.config_files import CONFIGS
from tests.helpers import finite_difference_jvp

PORTFOLIO = np.array([[300.0, 80.0, 900.0], [700.0, 200.0, 50.0]])
DEPTH = np.array([3600.0, 1000.0, 16000.0])
FLOOR = np.array([0.7, 0.5, 0.4])
NONE = jnp.zeros(3)
ONE = jnp.ones(3)
KEPT = jnp.ones(2)


def market(impact="exponential", marked=(1.0, 1.0), depth=DEPTH, floor=FLOOR):
    impacts = tuple(x == "exponential" for x in np.broadcast_to(impact, 3))
    return PublicMarkets(
        depth=jnp.asarray(depth),
        floor=jnp.asarray(floor),
        remains=jnp.exp(-DT * jnp.asarray([3.0, 3.0, 1.0])),
        spread_pass=jnp.asarray([0.1, 0.2, 0.0]),
        concave=jnp.asarray(impacts, float),
        portfolio=jnp.asarray(PORTFOLIO),
        marked=jnp.asarray(marked),
        buffer=jnp.asarray([7.0, 5.0]),
        multiple=jnp.asarray([1.5, 1.5]),
        bank=jnp.asarray([50.0, 10.0, 0.0]),
        mix=jnp.asarray([0.0, 0.5, 0.0]),
        impacts=impacts,
    )


def settle(m, used, multiple, threshold=(0.0, 0.0), funds=NONE, **kwargs):
    values = map(jnp.asarray, (used, threshold, multiple))
    return m.settle(ONE, KEPT, *values, funds, **kwargs)


@jax.jit
def plain_rounds(is_concave, used, multiple, threshold, funds):
    """The fixed point by many rounds, each with the published impact."""
    portfolio = jnp.asarray(PORTFOLIO)
    worth = portfolio.sum(axis=1)

    def one(_, state):
        fall, _ = state
        felt = used + portfolio @ fall
        sold = jnp.clip(multiple * (felt - threshold), 0.0, worth)
        sales = (portfolio / worth[:, None] * sold[:, None]).sum(axis=0) + funds
        linear, concave = (
            price_fall(sales, DEPTH, ONE, FLOOR, impact=i)
            for i in ("linear", "exponential")
        )
        return jnp.where(is_concave, concave, linear), sold

    return jax.lax.fori_loop(0, 3000, one, (NONE, jnp.zeros(2)))


def test_one_linear_round_is_greenwood_landier_thesmar():
    assets = PORTFOLIO.sum(axis=1)
    leverage = np.array([1.5, 0.8])
    shock = np.array([-0.02, -0.01, -0.05])
    published = fire_sale(
        PORTFOLIO / assets[:, None], assets, leverage, 1.0 / DEPTH, shock
    )
    # Who holds to his leverage sells it times his loss: a buffer of nothing.
    step = settle(
        market("linear", floor=np.zeros(3)), -PORTFOLIO @ shock, leverage, steps=0
    )
    np.testing.assert_allclose(-step.fall, published.price_impact, rtol=1e-12)
    second = PORTFOLIO @ np.asarray(step.fall)
    np.testing.assert_allclose(second, published.second_round_loss, rtol=1e-12)


def test_one_concave_round_is_that_of_cont_and_schaanning():
    shock, leverage = np.array([-0.02, -0.01, -0.03]), np.array([12.0, 9.0])
    worth = PORTFOLIO.sum(axis=1)
    apart = deleverage(
        PORTFOLIO,
        np.zeros(2),
        worth / leverage,
        DEPTH,
        shock,
        leverage,
        floor=FLOOR,
        rounds=1,
    )
    after = dataclasses.replace(
        market(),
        portfolio=jnp.asarray(PORTFOLIO * (1.0 + shock)),
        floor=jnp.asarray(FLOOR / (1.0 + shock)),
    )
    step = settle(after, -PORTFOLIO @ shock, leverage - 1.0, steps=0)
    price = (1.0 + shock) * (1.0 - np.asarray(step.fall))
    np.testing.assert_allclose(price, apart.price, rtol=1e-12)


def test_to_the_end_it_is_the_published_rounds_for_small_shocks():
    leverage, worth = np.array([2.0, 1.5]), PORTFOLIO.sum(axis=1)
    gaps = []
    for size in (1e-3, 1e-4):
        shock = -size * np.array([1.0, 0.5, 0.0])
        apart = deleverage(
            PORTFOLIO,
            np.zeros(2),
            worth / leverage,
            DEPTH,
            shock,
            leverage,
            floor=FLOOR,
            shortfall_share=1.0,
        )
        step = settle(market(), -PORTFOLIO @ shock, leverage - 1.0)
        fall = 1.0 - np.asarray(apart.price) / (1.0 + shock)
        gaps.append(np.max(np.abs(np.asarray(step.fall) / fall - 1.0)))
    # What differs is of second order: ten times smaller for a shock ten times smaller.
    assert gaps[0] < 0.01
    assert gaps[1] < 0.2 * gaps[0]


def test_linear_limit_solves_the_linear_system():
    used, multiple = np.array([10.0, 6.0]), np.array([1.5, 1.2])
    step = settle(market("linear"), used, multiple, steps=1)
    split = PORTFOLIO / PORTFOLIO.sum(axis=1)[:, None]
    gain = multiple[:, None] * (PORTFOLIO / DEPTH) @ split.T
    sold = np.linalg.solve(np.eye(2) - gain, multiple * used)
    np.testing.assert_allclose(step.sold, sold, rtol=1e-12)
    assert step.remainder < 1e-14


@pytest.mark.parametrize(
    "impact", ["linear", "exponential", ("linear", "exponential", "linear")]
)
@pytest.mark.parametrize(
    "used", [(0.0, 0.0), (9.0, 0.0), (30.0, 4.0), (300.0, 60.0), (900.0, 900.0)]
)
def test_limit_is_where_plain_rounds_end(impact, used):
    multiple, threshold = np.array([1.2, 0.8]), np.array([7.0, 5.0])
    funds = np.array([0.0, 4.0, 0.0])
    step = settle(
        market(impact), used, multiple, threshold, jnp.asarray(funds), steps=6
    )
    is_concave = jnp.asarray(np.broadcast_to(impact, 3) == "exponential")
    fall, sold = plain_rounds(is_concave, jnp.asarray(used), multiple, threshold, funds)
    np.testing.assert_allclose(step.fall, fall, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(step.sold, sold, rtol=1e-9, atol=1e-9)


def economy_of(name):
    """A config's figures, without the opening state that would be compiled."""
    config = load(CONFIGS / f"{name}.toml")
    figures = {f.name: jnp.asarray(f.engine_value, float) for f in config.figures}
    return Economy(figures, config.blueprint)


def test_remainder_of_the_shipped_steps_is_below_a_millionth():
    economy = economy_of("base")
    m = PublicMarkets.build(economy)
    ranges = {r.name: (r.low, r.high) for r in economy.blueprint.ranges}
    rng = np.random.default_rng(1)
    n, assets = 5000, economy.public_markets()

    def drawn(of, key, value):
        low, high = ranges.get(f"{of}.{key}", (value, value))
        return rng.uniform(low, high, n)

    depth = np.stack(
        [
            drawn(f"public_markets.{a}", "depth", d)
            for a, d in zip(assets, m.depth, strict=True)
        ],
        axis=1,
    )
    # Banks sell only what is at fair value: all of it is marked.
    assert m.marked[2] == 1.0
    marked = np.stack(
        [
            drawn(f"portfolios.{i}", "marked", x)
            for i, x in zip(("pension", "insurer", "all"), m.marked, strict=True)
        ],
        axis=1,
    )
    # From next to nothing to a hundred times the buffers.
    used = np.asarray(m.buffer) * np.exp(rng.uniform(-1.0, 4.6, (n, 3)))

    def one(depth, marked, used):
        here = eqx.tree_at(lambda x: (x.depth, x.marked), m, (depth, marked))
        nothing = jnp.zeros_like(here.depth)
        return here.settle(
            jnp.ones_like(depth),
            jnp.ones(3),
            used,
            here.buffer,
            here.multiple,
            nothing,
        )

    sales = jax.jit(jax.vmap(one))(*map(jnp.asarray, (depth, marked, used)))
    assert jnp.max(sales.first) > 100.0
    assert jnp.max(sales.remainder) < 1e-6


def quarter(m, used, charged=(0.0, 0.0), sold=(0.0,), state=None):
    state = m.opening() if state is None else state
    values = map(jnp.asarray, (used, charged, 0.0, sold))
    return m(m.quotes(state), *values, jnp.asarray([100.0]), state)


def test_no_sales_no_fall():
    flows, state = quarter(market(), (7.0, 5.0))
    np.testing.assert_array_equal(flows.price, ONE)
    np.testing.assert_array_equal(flows.mark_loss, jnp.zeros(2))
    assert flows.impact == 0.0
    assert flows.remainder == 0.0
    np.testing.assert_array_equal(state.kept, KEPT)


def test_a_fall_fades_and_nothing_is_sold_twice():
    m = market()
    flows, state = quarter(m, (20.0, 5.0))
    assert flows.forced_sales[0] > 1.5 * 13.0
    later, after = quarter(m, (20.0, 5.0), charged=flows.charged, state=state)
    np.testing.assert_allclose(after.fallen, state.fallen * m.remains, rtol=1e-12)
    np.testing.assert_array_equal(later.price, 1.0 - after.fallen)
    # What one more round would have sold comes now: nothing that can be seen.
    assert jnp.sum(later.sold) < 1e-9
    assert (later.mark_loss < flows.mark_loss).all()
    np.testing.assert_allclose(after.realised, state.realised, atol=1e-9)


def test_single_precision_keeps_a_fall_of_a_few_millionths():
    m, half = market(), lambda x: jnp.asarray(x, jnp.float32)
    single = jax.tree.map(half, m)
    _, wide = quarter(m, (7.0001, 5.0))
    values = map(half, ((7.0001, 5.0), (0.0, 0.0), 0.0, (0.0,), (100.0,)))
    opening = single.opening()
    flows, narrow = single(single.quotes(opening), *values, opening)
    assert 0.0 < wide.fallen[0] < 1e-5
    np.testing.assert_allclose(narrow.fallen, wide.fallen, rtol=1e-2)
    assert flows.mark_loss.dtype == jnp.float32


def test_what_sellers_get_is_what_buyers_pay_and_nothing_is_lost_twice():
    m = market()
    flows, _ = quarter(m, (60.0, 40.0), sold=(8.0,))
    np.testing.assert_allclose(flows.proceeds.sum(), flows.paid.sum(), rtol=1e-12)
    accounts = flows.worth + flows.mark_loss + flows.proceeds + flows.discount
    np.testing.assert_allclose(accounts, PORTFOLIO.sum(axis=1), rtol=1e-12)
    np.testing.assert_allclose(flows.sold.sum() - flows.forced_sales.sum(), 4.0)
    np.testing.assert_allclose(flows.fund_mark, 50.0 * (1.0 - flows.price[1]))
    np.testing.assert_allclose(
        flows.bank_mark, 50.0 * (1.0 - flows.price[0]) + 10.0 * (1.0 - flows.price[1])
    )


def test_more_loss_sells_more_at_lower_prices_above_the_floor():
    m = market()
    losses = jnp.geomspace(1.0, 1e6, 60)
    sales = jax.vmap(lambda x: settle(m, x * jnp.ones(2), (1.5, 1.5), (7.0, 5.0)))(
        losses
    )
    assert (jnp.diff(sales.fall, axis=0) >= -1e-12).all()
    assert (jnp.diff(sales.sold, axis=0) >= -1e-9).all()
    assert (1.0 - sales.fall >= FLOOR[None] - 1e-12).all()
    assert (sales.sold <= PORTFOLIO.sum(axis=1)[None] + 1e-9).all()


def test_who_is_less_marked_is_pushed_less():
    full = settle(market(), (9.0, 4.9), (1.5, 1.5), (7.0, 5.0))
    cost = settle(market(marked=(1.0, 0.0)), (9.0, 4.9), (1.5, 1.5), (7.0, 5.0))
    assert full.sold[1] > 0.0
    assert cost.sold[1] == 0.0
    assert (full.fall > cost.fall).all()


@pytest.mark.parametrize("used", [(0.0, 0.0), (7.0, 5.0), (20.0, 4.9), (5e3, 5e3)])
def test_gradients_are_finite_everywhere(used):
    def lowest(x, depth):
        m = dataclasses.replace(market(), depth=depth)
        return settle(m, x, (1.5, 1.5), (7.0, 5.0)).fall.sum()

    found = jax.grad(lowest, (0, 1))(jnp.asarray(used), jnp.asarray(DEPTH))
    assert all(jnp.isfinite(x).all() for x in found)


def test_gradient_equals_differences():
    def out(used):
        sales = settle(market(), used, (1.5, 1.5), (7.0, 5.0))
        return sales.fall, sales.sold

    point, along = (jnp.asarray([40.0, 9.0]),), (jnp.asarray([1.0, 0.5]),)
    ours = jax.jvp(out, point, along)[1]
    theirs = finite_difference_jvp(out, point, along, step=1e-4)[1]
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7)


def test_funds_feel_the_price_of_what_they_own_besides():
    m = PublicMarkets.build(economy_of("base"))
    assert m is not None
    state = m.opening()
    fallen = PublicState(
        fallen=0.4 + state.fallen,
        kept=state.kept,
        realised=state.realised,
        other=state.other,
    )
    quotes = m.quotes(fallen)
    np.testing.assert_allclose(
        quotes.other, 1.0 - 0.25 * 0.4 * np.exp(-3.0 * DT), rtol=1e-12
    )
    np.testing.assert_allclose(quotes.moved, quotes.other - 1.0)


def test_without_the_tables_nothing_is_in_the_program():
    economy = economy_of("chain")
    assert economy.public_markets() == ()
    assert PublicMarkets.build(economy) is None
    assert "lowest_price" in registered()["public_markets"]


BROKEN = {
    "portfolios.pension.marked_share=1.5": "portfolios.pension.marked_share",
    "public_markets.equities.depth_usd_bn=0.5": "public_markets.equities.depth_usd_bn",
    "public_markets.equities.impact=cubic": "public_markets.equities.impact",
    "banks.target_leverage_x=0.5": r"banks\.target_leverage_x.*0\.5",
}


@pytest.mark.parametrize("override", BROKEN)
def test_bad_figures_are_refused_by_name(override):
    with pytest.raises(ConfigError, match=BROKEN[override]):
        load(CONFIGS / "base.toml", [override])


def test_markets_and_portfolios_come_together(copy):
    path = copy / "base.toml"
    text = path.read_text()
    start, end = text.index("[portfolios.funds]"), text.index("[wealth]")
    path.write_text(text[:start] + text[end:])
    with pytest.raises(ConfigError, match=r"portfolios\.funds: got no table"):
        load(path)
    start, end = text.index("[public_markets.inv"), text.index("[portfolios.pension]")
    path.write_text(text[:start] + text[end:])
    with pytest.raises(ConfigError, match="public_markets: got portfolios and no"):
        load(path)
    path.write_text(text.replace("[public_markets.treasuries]", "[public_markets.x]"))
    with pytest.raises(ConfigError, match="expected of every public market"):
        load(path)
