"""Who idles first, by hand: the dearest to run, then the next."""

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from engine.contagion.idling import IdlingFlows
from engine.metrics.idle import idle
from tests.properties.runs import as_shipped, run, run_with


def quarters(utilisation, rent=0.0):
    """A fleet of 100 GW: 20 of SPVs, 10 of neoclouds, 30 of the hybrid cloud."""
    u = jnp.asarray(utilisation)
    flat = jnp.ones_like(u)
    flows = IdlingFlows(
        spvs=20.0 * flat,
        neoclouds=10.0 * flat,
        hybrid=30.0 * flat,
        running=1.25 * flat,
        rent=rent * flat,
        neocloud_cost=0.9 * flat,
        hybrid_cost=2.0 * flat,
    )
    prices = SimpleNamespace(utilisation=u)
    drivers = SimpleNamespace(demand=100.0 * u)
    return SimpleNamespace(idling=flows, prices=prices, drivers=drivers)


@pytest.fixture(scope="module")
def economy():
    return as_shipped("base").economy


def test_the_dearest_idles_first_then_spvs_before_owners(economy):
    # At 0.9 all of it is needed, at 0.81 nine tenths, at 0.45 half, at 0 nothing.
    found = idle(quarters([0.9, 0.81, 0.45, 0.09]), economy)
    np.testing.assert_allclose(found.slack, [0.0, 0.1, 0.5, 0.9], atol=1e-12)
    dropped = np.stack(found.gigawatts)
    np.testing.assert_allclose(dropped[:, 0], 0.0, atol=1e-12)
    np.testing.assert_allclose(dropped[:, 1], [0, 0, 10, 0], atol=1e-9)
    np.testing.assert_allclose(dropped[:, 2], [20, 0, 30, 0], atol=1e-9)
    np.testing.assert_allclose(dropped[:, 3], [20, 0, 30, 40], atol=1e-9)


def test_a_rent_that_can_be_saved_puts_spvs_first(economy):
    found = idle(quarters([0.81, 0.45], rent=1.8), economy)
    dropped = np.stack(found.gigawatts)
    np.testing.assert_allclose(dropped[:, 0], [10, 0, 0, 0], atol=1e-9)
    np.testing.assert_allclose(dropped[:, 1], [20, 0, 30, 0], atol=1e-9)


def test_what_idles_is_what_demand_does_not_need(economy):
    record = run("slow").record
    found = idle(record, economy)
    fleet = np.asarray(record.drivers.demand / record.prices.utilisation)
    total = np.sum(np.stack(found.gigawatts), axis=0)
    np.testing.assert_allclose(total, np.asarray(found.slack) * fleet, atol=1e-9)
    assert total.max() > 1.0


def test_the_order_follows_cost_in_the_shipped_stories():
    """Slow: the hybrid cloud's capacity is the dearest to run, until it is cheap."""
    first = run("slow").metrics
    assert float(first["system.idle_first"]) == 3.0
    assert float(first["system.idle_first_cost"]) == pytest.approx(0.2 * 10.0)
    cheap = run_with("slow", hybrid__oracle__variable=0.05).metrics
    # Then whoever owns what he runs: no SPV collects rent before 2027Q3.
    assert float(cheap["system.idle_first"]) == 4.0
    assert float(cheap["system.idle_first_date"]) == 2027.5


def test_base_idles_nothing():
    result = run("base")
    assert int(result.statuses["system.idle_first"]) == 1
    for owner in ("spvs", "neoclouds", "hybrid", "hyperscalers"):
        assert float(result.metrics[f"system.idle_{owner}"]) == 0.0
