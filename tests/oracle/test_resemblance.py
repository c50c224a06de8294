"""In the step each borrower meets what the whole kernel says, after real failures."""

import jax.numpy as jnp
import numpy as np
import pytest

from engine.contagion import reprice
from engine.contagion.resemblance import Resemblance
from engine.grid import DT
from tests.oracle.comparing import study
from tests.oracle.test_oracle import STALLED
from tests.resembling import kernel_of, weights_of


@pytest.mark.slow
def test_spreads_of_the_step_are_reprice_with_the_whole_kernel():
    # Cached by the tests of the oracle: nothing is compiled for it.
    case = study("base", 4, overrides=STALLED)
    economy, record = case.economy, case.results.record
    assert np.all(np.sum(record.clouds.failing, axis=(1, 2)) > 0.5)
    part, scale = economy["resemblance.part"], Resemblance.build(economy).scale
    kernel, w = kernel_of(economy), weights_of(economy)
    decay, one = economy["contagion.spread_decay"], jnp.ones_like(kernel)
    n = len(economy.members("neoclouds"))
    for k in range(record.system.spread.shape[0]):
        # What resemblance changes: its kernel less the one that is the same for all.
        pairs = part * (scale * kernel - one)
        passed = case.scenarios.draws["contagion.equity_pass"][k]
        fear = jnp.zeros_like(w)
        for t in range(record.system.spread.shape[1]):
            failing = [record.clouds.failing[k, t], record.spvs.failing[k, t]]
            failed = w * jnp.concatenate([*failing, jnp.zeros(1)])
            impulse = economy["contagion.spread_impulse"]
            fear = reprice(fear, pairs, failed, impulse, decay, DT)
            fallen = jnp.clip(1.0 - record.clouds.price[k, t], 0.0, 1.0)
            seen = passed * pairs[:, :n] @ (w[:n] * fallen)
            met = record.system.met
            found = [met.clouds[k, t], met.spvs[k, t], met.hybrid[k, t][None]]
            expected = record.system.spread[k, t] + fear + seen
            np.testing.assert_allclose(
                np.concatenate(found), expected, rtol=0, atol=1e-12
            )
