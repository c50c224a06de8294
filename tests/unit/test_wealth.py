"""The wealth effect by hand: what households lose, stop spending, and what follows."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.contagion.wealth import Wealth
from engine.layers import paths
from tests.helpers import tree_allclose
from tests.properties.runs import as_shipped, run_with


@pytest.fixture(scope="module")
def first():
    """The layer of base, its opening state and the drivers of the first quarter."""
    _, economy, _, grid = as_shipped("base")
    layer = jax.jit(Wealth.build)(economy, grid)
    dated = jax.jit(paths)(economy, grid, jnp.zeros((grid.n_model, 3)))
    return layer, layer.opened(), jax.tree.map(lambda leaf: leaf[0], dated.drivers)


def test_companies_open_at_their_market_value(first):
    layer, opened, _ = first
    _, economy, _, _ = as_shipped("base")
    caps = {n: float(x) for n, x in economy.figures.items() if "market_cap" in n}
    assert len(caps) == sum(
        len(economy.members(f))
        for f in ("hyperscalers", "hybrid", "vendor", "neoclouds")
    )
    assert float(opened.highest) == pytest.approx(sum(caps.values()), rel=1e-12)
    meta = economy.members("hyperscalers").index("meta")
    # 1,900 of shares and 84 of debt less 60 of cash, over 128 of operating cash flow
    # before interest of 4.6 % paid and 3.9 % earned.
    by_hand = 1924.0 / (128.0 + 84.0 * 0.046 - 60.0 * 0.039)
    assert float(layer.hyperscalers[meta]) == pytest.approx(by_hand, rel=1e-12)


def test_without_a_cut_the_drivers_are_those_of_the_curve(first):
    layer, opened, quarter = first
    felt = layer.felt(quarter, opened)
    tree_allclose(felt.drivers, quarter, rtol=1e-13)


def test_a_cut_of_one_per_cent_of_gdp_takes_one_per_cent_of_revenue(first):
    layer, opened, quarter = first
    cut = dataclasses.replace(opened, cut=jnp.asarray(0.01))
    felt = layer.felt(quarter, cut)
    assert float(felt.drivers.revenue) == pytest.approx(0.99 * float(quarter.revenue))
    lost = 0.01 * float(layer.compute * quarter.revenue)
    lost += float(quarter.training) * 0.01 * float(quarter.ratio)
    assert float(quarter.money - felt.drivers.money) == pytest.approx(lost)
    gigawatts = lost * float(quarter.per_money)
    assert float(quarter.demand - felt.drivers.demand) == pytest.approx(gigawatts)
    assert float(felt.missing[0]) == pytest.approx(lost)
    np.testing.assert_array_equal(felt.missing[1:], np.zeros(3))


def test_builders_and_labs_see_what_came_out(first):
    layer, opened, quarter = first
    kept = jnp.asarray([0.9, 0.8, 0.7, 0.6])
    state = dataclasses.replace(
        opened, kept=kept, missing=jnp.asarray([1.0, 2.0, 3.0, 4.0])
    )
    felt = layer.felt(quarter, state)
    assert float(felt.drivers.response) == pytest.approx(0.9)  # elasticity 1
    assert float(felt.drivers.ratio_year_ago) == pytest.approx(0.6)
    more = float(quarter.money - quarter.money_year_ago) + 4.0
    assert float(felt.drivers.money_growth) == pytest.approx(more)
    np.testing.assert_allclose(felt.kept, [1.0, 0.9, 0.8, 0.7])


def test_spending_falls_by_three_cents_of_what_households_held():
    """Slow, by hand from the record: the target of the pace in every quarter."""
    result = run_with("slow")
    wealth, gdp = result.record.wealth, np.asarray(result.record.drivers.gdp)
    _, economy, _, _ = as_shipped("slow")
    lost = np.asarray(wealth.highest - wealth.equity)
    pace = 1.0 - math.exp(-float(economy["wealth.adjustment"]) / 4.0)
    cut = 0.0
    for t, missing in enumerate(lost):
        cut += (0.03 * 0.6 * missing / gdp[t] - cut) * pace
        assert float(wealth.cut[t]) == pytest.approx(cut, rel=1e-12, abs=1e-15)
    assert lost.max() > 1000.0


@pytest.mark.parametrize("story", ["slow", "disproved"])
def test_a_larger_propensity_never_brings_revenue(story):
    def revenue(propensity):
        record = run_with(story, wealth__propensity=propensity).record
        return np.asarray(record.drivers.revenue), np.asarray(record.wealth.kept)

    curve, whole = revenue(0.0)
    some, kept = revenue(0.03)
    more, least = revenue(0.5)
    np.testing.assert_array_equal(whole, 1.0)
    np.testing.assert_allclose(some, kept * curve, rtol=1e-12)
    assert np.all(some <= curve)
    assert np.all(more <= some * (1.0 + 1e-12))
    assert least.min() < kept.min() < 1.0


def test_the_derivative_to_the_propensity_is_finite_and_signed(first):
    layer, opened, quarter = first
    state = dataclasses.replace(opened, cut=jnp.asarray(0.0))

    def demand(cut):
        return layer.felt(quarter, dataclasses.replace(state, cut=cut)).drivers.demand

    at_zero = float(jax.grad(demand)(jnp.asarray(0.0)))
    assert np.isfinite(at_zero)
    assert at_zero < 0.0
    beyond = float(jax.grad(demand)(jnp.asarray(2.0)))  # everything is cut
    assert beyond == 0.0
