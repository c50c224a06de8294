"""Overflow by hand: who moves, what is taken, and what it costs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.vehicles.overflow import Overflow, OverflowState
from tests.properties.runs import as_shipped, run_with


def terms(**changed):
    figures = {
        "elasticity": 1.0,
        "limit": 4.5,
        "unit_capex": 2.0,
        "kept": 0.9,
        "shares": [[0.25, 0.0, 0.2], [0.1, 0.05, 0.45]],
    }
    return Overflow(**{k: jnp.asarray(v) for k, v in (figures | changed).items()})


def take(layer, seeking, level=1.0, ebitda=10.0, net_debt=100.0, openness=1.0):
    state = OverflowState(jnp.asarray([1.0, 0.0, 2.0]), jnp.asarray(seeking))
    numbers = [jnp.asarray(x) for x in (level, ebitda, net_debt, openness)]
    return layer.take(*numbers, state)


def test_what_fails_is_freed_by_payer_without_hyperscalers():
    freed = terms().freed(jnp.asarray([2.0, 1.0]), jnp.asarray([1.0, 0.25]))
    # 8 and 4 a year; all of the first, a quarter of the second.
    np.testing.assert_allclose(freed, [8 * 0.25 + 0.1, 0.05, 8 * 0.2 + 0.45])


def test_shares_of_payers_and_hyperscalers_are_all_customers():
    _, economy, _, _ = as_shipped("base")
    shares = np.asarray(Overflow.build(economy).shares)
    own = sum(
        np.asarray(economy.stack("neoclouds", f"customers.{name}"))
        for name in economy.members("hyperscalers")
    )
    np.testing.assert_allclose(shares.sum(axis=1) + own, 1.0, rtol=1e-12)
    assert np.all(shares >= -1e-12)


def test_everyone_moves_and_is_taken_below_the_limit():
    flows, served = take(terms(), [3.0, 0.0, 1.0])
    assert float(flows.sought) == float(flows.taken) == 4.0
    assert float(flows.capex) == 8.0
    np.testing.assert_allclose(served, [0.9 + 3.0, 0.0, 1.8 + 1.0])


def test_the_leverage_limit_bounds_what_is_taken_exactly():
    # 4.5 times 40 less 175 leaves 5: a quarter of 10 at two of capex each.
    flows, served = take(terms(), [10.0, 0.0, 0.0], net_debt=175.0)
    assert float(flows.taken) == pytest.approx(2.5)
    assert float(served[0]) == pytest.approx(0.9 + 2.5)
    half, _ = take(terms(), [10.0, 0.0, 0.0], net_debt=175.0, openness=0.5)
    assert float(half.taken) == pytest.approx(1.25)
    none, _ = take(terms(), [10.0, 0.0, 0.0], net_debt=181.0)
    assert float(none.taken) == 0.0


def test_a_dear_market_keeps_customers_away_and_a_cheap_one_pays_less():
    dear, _ = take(terms(elasticity=2.0), [4.0, 0.0, 0.0], level=1.25)
    assert float(dear.taken) == pytest.approx(2.0)
    cheap, served = take(terms(), [4.0, 0.0, 0.0], level=0.5)
    assert float(cheap.taken) == 4.0
    assert float(served[0]) == pytest.approx(0.9 + 2.0)


def test_nothing_sought_is_no_jump_in_value_or_slope():
    def served(sought):
        return take(terms(), jnp.stack([sought, 0.0 * sought, 0.0 * sought]))[1][0]

    assert float(served(jnp.asarray(0.0))) == pytest.approx(0.9)
    slope = float(jax.grad(served)(jnp.asarray(0.0)))
    assert np.isfinite(slope)
    assert float(jax.grad(served)(jnp.asarray(1e-3))) == pytest.approx(1.0)


def test_what_is_taken_is_never_more_than_what_failed():
    for limit in (0.0, 4.5, 20.0):
        result = run_with("slow", hybrid__oracle__overflow_limit=limit)
        flows = result.record.hybrid.overflow
        sought, taken = np.asarray(flows.sought), np.asarray(flows.taken)
        assert np.all(taken <= sought + 1e-12)
        assert sought.sum() > 1.0
        assert max(float(x) for x in result.residuals.values()) <= 1e-10
        if limit == 0.0:
            assert taken.sum() == 0.0
        if limit == 20.0:
            assert taken.sum() > 0.0
