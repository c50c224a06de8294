"""Derivatives through the step by the terms of a workout, against the hard model."""

import jax
import jax.numpy as jnp
import pytest

import engine
from engine.config import load
from tests.config_files import retold


@pytest.mark.slow
def test_recovery_and_losses_by_the_cost_of_an_exchange(tmp_path):
    """CoreWeave's lenders run it themselves: the cost is theirs."""
    # Pinned: what is drawn is the scenario's, not the economy's.
    pinned = ("workout.exchange_cost_share=0.15",)
    config = load(retold(tmp_path, "workout"), pinned)
    economy, state, grid = config.build("float64")
    scenario = engine.reference_scenario(economy, grid)

    @jax.jit
    def told(cost):
        changed = economy.replace({"workout.exchange_cost": cost})
        result = engine.simulate(changed, state, grid, scenario)
        names = ("coreweave.recovery_secured", "coreweave.credit_loss")
        return jnp.stack([result.metrics[name] for name in names])

    at, step = economy["workout.exchange_cost"], 1e-4
    slopes = jax.jit(jax.jacfwd(told))(at)
    differences = (told(at + step) - told(at - step)) / (2.0 * step)
    assert float(slopes[0]) < -0.1
    assert float(slopes[1]) > 0.1
    assert jnp.allclose(slopes, differences, rtol=1e-5, atol=1e-8)
