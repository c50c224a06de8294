import jax
import jax.numpy as jnp

from engine.drivers.quarter import Drivers
from engine.market import Fleet, Market
from tests.helpers import filled
from tests.properties.runs import as_shipped


def test_a_fleet_that_nobody_renewed_has_prices_and_derivatives():
    """Decades without lending leave no gigawatt to divide demand by."""
    market = Market.build(as_shipped("base").economy)
    quarter = filled(Drivers, jnp.asarray(1.0), demand_ahead=jnp.ones(4))
    ages = jnp.zeros(len(market.alive))

    def level(openness):
        fleet = Fleet(gigawatts=ages * openness, shells=openness)
        prices, left = market(quarter, openness, fleet)
        return prices.level, (prices, left)

    closed = jnp.asarray(0.0)
    (_, told), slope = jax.value_and_grad(level, has_aux=True)(closed)
    assert jnp.isfinite(slope)
    prices, fleet = told
    assert prices.level == market.cap
    assert all(bool(jnp.all(jnp.isfinite(x))) for x in jax.tree.leaves(fleet))
