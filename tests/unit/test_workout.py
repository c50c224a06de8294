"""What creditors of a failed neocloud take: by hand, by property, by differences."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.config import load
from engine.credit.neocloud_value import estate
from engine.credit.workout import Running, Workout, resolve
from engine.grid import DT
from engine.jump import HardDefault, RampDefault
from engine.layers import Layers
from engine.metrics.workouts import outcomes
from engine.vehicles.acquisitions import Acquisitions
from tests.config_files import CONFIGS, errors, retold
from tests.helpers import finite_difference_jvp

HARD = HardDefault()


def of(*values):
    return jnp.asarray(values)


def running(contracted, debt, to_build=0.0, received=1.0, prepaid=0.0, sold=5.0):
    """Companies that differ by their contracts; half of revenue is cash."""
    one = jnp.ones_like(contracted)
    return Running(
        contracted=contracted,
        margin=0.5 * one,
        received=received * one,
        to_build=to_build * one,
        prepaid=prepaid * one,
        sold=sold * one,
        decay=0.25 * one,
        debt=debt * one,
    )


def settle(
    chips,
    contracts,
    failing,
    alive=None,
    capacity=1e3,
    discount=0.1,
    cost=0.2,
    debt=100.0,
    cohort=False,
    rule=HARD,
    **more,
):
    """The pool and how it comes about."""
    alive = jnp.zeros_like(chips) if alive is None else alive
    return resolve(
        Workout(jnp.asarray(discount), jnp.asarray(cost)),
        chips,
        running(contracts, debt, **more),
        jnp.asarray(capacity),
        alive + failing,
        alive,
        jnp.full(chips.shape, cohort),
        rule,
    )


def test_by_hand():
    """40 of contracts at 5 a year: 20 of cash, and chips of 10 after eight years."""
    chips, contracts = of(10.0), of(40.0)
    worth = 0.5 * 40.0 + 10.0 * np.exp(-0.25 * 8.0)
    pool, ways = settle(chips, contracts, of(1.0))
    np.testing.assert_allclose(ways.going_concern, worth)
    np.testing.assert_allclose(ways.sale, 0.9 * worth)
    np.testing.assert_allclose(ways.exchange, 0.8 * worth)
    np.testing.assert_allclose(pool, 0.9 * worth)
    np.testing.assert_allclose(ways.paid, 0.9 * worth)
    assert (float(ways.liquidated[0]), float(ways.sold[0])) == (0.0, 1.0)
    # Customers who pay three quarters, 3 to build, 2 that was paid for before.
    _, ways = settle(
        chips, contracts, of(1.0), received=0.75, to_build=3.0, prepaid=2.0
    )
    np.testing.assert_allclose(ways.going_concern, worth - 5.0 - 5.0)


def test_buyers_short_of_cash_leave_it_to_lenders():
    pool, ways = settle(of(10.0), of(40.0), of(1.0), capacity=5.0)
    np.testing.assert_allclose(ways.sale, 5.0)
    np.testing.assert_allclose(pool, ways.exchange)
    assert float(ways.liquidated[0]) == float(ways.sold[0]) == 0.0
    assert float(ways.paid[0]) == 0.0


def test_who_fails_together_shares_what_buyers_have():
    contracts = of(40.0, 20.0)
    _, alone = settle(of(0.0, 0.0), contracts, of(1.0, 0.0), capacity=18.0, cost=1.0)
    # The second lives: it would have to share with the first if it failed as well.
    _, both = settle(of(0.0, 0.0), contracts, of(1.0, 1.0), capacity=18.0, cost=1.0)
    np.testing.assert_allclose(alone.paid, [18.0, 0.0])
    np.testing.assert_allclose(both.paid, [12.0, 6.0])


def test_a_named_company_sees_that_buyers_would_not_reach():
    alive, none = of(1.0), of(0.0)
    _, named = settle(of(0.0), of(40.0), none, alive, capacity=9.0, cost=1.0)
    _, cohort = settle(
        of(0.0), of(40.0), none, alive, capacity=9.0, cost=1.0, cohort=True
    )
    np.testing.assert_allclose(named.sale, 9.0)
    # One of many: buyers have more than its part.
    np.testing.assert_allclose(cohort.sale, 18.0)


def test_without_contracts_chips_are_liquidated():
    chips = of(10.0, 0.0)
    pool, ways = settle(chips, of(0.0, 0.0), of(1.0, 1.0), discount=0.0, cost=0.0)
    np.testing.assert_array_equal(pool, chips)
    np.testing.assert_array_equal(ways.liquidated, [1.0, 1.0])
    np.testing.assert_array_equal(ways.paid, [0.0, 0.0])


def test_nobody_pays_more_than_all_creditors_are_owed():
    pool, ways = settle(of(1.0), of(40.0), of(1.0), debt=7.0)
    np.testing.assert_allclose(pool, 7.0)
    np.testing.assert_allclose(ways.paid, 7.0)


@pytest.mark.parametrize("rule", [HARD, RampDefault(0.1)])
@pytest.mark.parametrize("seed", range(3))
def test_creditors_never_do_worse_and_buyers_never_pay_more(rule, seed):
    rng, n = np.random.default_rng(seed), 200
    draw = [jnp.asarray(rng.uniform(0.0, x, (n,))) for x in (20.0, 60.0, 1.0, 1.0)]
    chips, contracts, failing, part = draw
    capacity = float(rng.uniform(1.0, 500.0))
    pool, ways = settle(
        chips,
        contracts,
        failing,
        alive=part * (1.0 - failing),
        capacity=capacity,
        debt=15.0,
        rule=rule,
        discount=0.15,
        cost=0.17,
    )
    assert (pool >= chips).all()
    assert (pool >= ways.sale).all()
    assert (pool >= ways.exchange).all()
    assert float(ways.paid.sum()) <= capacity * (1.0 + 1e-12)
    assert (ways.paid <= failing * pool).all()
    assert (ways.liquidated + ways.sold <= 1.0).all()
    assert (jnp.minimum(ways.liquidated, ways.sold) >= 0.0).all()


@pytest.mark.parametrize("part", [0.0, 0.3, 0.9, 1.4, 4.0])
def test_priority_is_absolute_whatever_the_way(part):
    economy, state, grid = load(CONFIGS / "chain.toml").build("float64")
    terms, clouds = Layers.build(economy, grid).cloud_terms, state.clouds
    senior, junior = np.asarray(clouds.secured), np.asarray(clouds.unsecured)
    found = estate(part * clouds.secured, terms, clouds)
    np.testing.assert_allclose(found.secured * senior, min(part, 1.0) * senior)
    left = max(part - 1.0, 0.0) * senior + np.asarray(clouds.cash + terms.other_assets)
    np.testing.assert_allclose(found.unsecured * junior, np.minimum(left, junior))


def test_derivatives_are_those_of_the_hard_model():
    """Of the pool to every figure, on each side of the kinks."""

    def pools(x):
        pool, _ = settle(
            x[:3], x[3:6], of(1.0, 1.0, 1.0), capacity=x[6], discount=x[7], cost=x[8]
        )
        return pool

    # Liquidated, sold, and exchanged where buyers have too little for both.
    for capacity in (1000.0, 12.0):
        at = of(30.0, 5.0, 2.0, 10.0, 40.0, 50.0, capacity, 0.1, 0.2)
        for i in range(9):
            along = jnp.zeros(9).at[i].set(1.0)
            _, slope = jax.jvp(pools, (at,), (along,))
            _, differences = finite_difference_jvp(pools, (at,), (along,))
            np.testing.assert_allclose(slope, differences, rtol=1e-6, atol=1e-7)


def test_without_a_table_there_is_nothing():
    chips = of(10.0)
    pool, ways = resolve(None, chips, None, None, chips, chips, of(1.0) > 2.0, HARD)
    assert pool is chips
    assert ways is None
    economy, state, _ = load(CONFIGS / "chain.toml").build("float64")
    assert Workout.build(economy) is None
    assert Acquisitions.build(economy) is None
    assert state.hyperscalers.acquired is None


def test_buyers_pay_from_spare_cash_and_get_no_more_than_cost_back():
    terms = Acquisitions(share=jnp.asarray(0.1), life=jnp.asarray(2.0))
    held, spare = of(8.0, 0.0, 1.0), of(30.0, 10.0, -5.0)
    now = terms.settle(jnp.asarray(4.0), spare, held)
    np.testing.assert_allclose(now.paid, [3.0, 1.0, 0.0])
    np.testing.assert_allclose(now.returned, held * DT / 2.0)
    np.testing.assert_allclose(now.held, held - now.returned + now.paid)
    back, left = 0.0, held
    for _ in range(200):
        now = terms.settle(jnp.asarray(0.0), spare, left)
        back, left = back + now.returned, now.held
    np.testing.assert_allclose(back, held, rtol=1e-9)


def test_outcomes_weigh_a_cohort_by_what_failed():
    def series(*values):
        return np.asarray(values)[:, None]

    ways = SimpleNamespace(
        going_concern=series(12.0, 8.0),
        liquidation=series(4.0, 8.0),
        sale=series(6.0, 0.0),
        exchange=series(9.0, 6.0),
        liquidated=series(0.0, 1.0),
        sold=series(0.0, 0.0),
        paid=series(0.0, 0.0),
    )
    clouds = SimpleNamespace(
        workout=ways,
        failing=series(0.6, 0.2),
        claim_secured=series(10.0, 10.0),
        claim_unsecured=series(10.0, 10.0),
        recovery_secured=series(0.9, 0.8),
        recovery_unsecured=series(0.1, 0.1),
    )
    found = outcomes(clouds, ("many",))["many"]
    assert found.way == "exchange"
    assert found.shares == pytest.approx(
        {"liquidation": 0.25, "sale": 0.0, "exchange": 0.75}
    )
    assert found.recovered_bn == pytest.approx(0.75 * 10.0 + 0.25 * 9.0)
    assert found.loss_given_default_share == pytest.approx(1.0 - 9.75 / 20.0)
    assert found.loss_given_default_secured_share == pytest.approx(0.125)
    assert found.loss_given_liquidation_secured_share == pytest.approx(0.5)
    assert outcomes(SimpleNamespace(workout=None), ("many",)) == {}


def test_a_life_of_nothing_is_refused(tmp_path):
    path = retold(tmp_path, "workout")
    text = path.read_text().replace("bounds = [0.25, 40.0]", "bounds = [0.0, 40.0]")
    path.write_text(text)
    messages = errors(path, ("workout.buyer_life_years=0",))
    assert len(messages) == 1
    assert "workout.buyer_life_years" in messages[0]
    assert "expected more than 0" in messages[0]
