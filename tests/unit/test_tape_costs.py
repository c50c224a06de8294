"""What a scenario costs as deals are added, counted in operations and never timed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import engine
from engine.config import load
from engine.simulate import CHUNK_NUMBERS, chunk_for
from scripts._bench_tapes import exponent, own_config, vehicles
from tests.config_files import CONFIGS

DEALS = (55, 110, 275, 550)
N = 8


def counted(built) -> dict[str, float]:
    """Operations of a compiled chunk, each loop's body once, and its memory."""
    economy, state, grid = built
    drawn = engine.scenarios(economy, grid, N)
    program = jax.jit(lambda e, s, x: engine.simulate_batch(e, s, grid, x, chunk=N))
    found = program.lower(economy, state, drawn).cost_analysis()
    return found[0] if isinstance(found, list) else found


@pytest.mark.slow
def test_a_scenario_costs_in_proportion_to_its_deals(tmp_path):
    sizes, operations, traffic = [], [], []
    for n in DEALS:
        (tmp_path / str(n)).mkdir()
        config = load(own_config(tmp_path / str(n), str(CONFIGS / "base.toml"), n))
        built = config.build(jnp.float32)
        found = counted(built)
        sizes.append(vehicles(built[0]))
        operations.append(found["flops"])
        traffic.append(found["bytes accessed"])
    assert exponent(sizes, operations) <= 1.1
    assert exponent(sizes, traffic) <= 1.1
    # From the largest step alone too, where a square would show most.
    assert exponent(sizes[-2:], operations[-2:]) <= 1.1
    # The count sees what it should: a square of the deals is far beyond.
    assert exponent(sizes, (np.array(sizes) ** 2.0).tolist()) == pytest.approx(2.0)


def test_a_chunk_shrinks_as_deals_are_added(tmp_path):
    chunks = []
    for n in (11, 550, 5_500):
        (tmp_path / str(n)).mkdir()
        config = load(own_config(tmp_path / str(n), str(CONFIGS / "base.toml"), n))
        economy, _, grid = config.build(jnp.float32)
        chunk = chunk_for(economy, grid)
        assert chunk & (chunk - 1) == 0  # a power of two divides a sweep's block
        assert chunk * grid.n_model * n * 40 < CHUNK_NUMBERS or chunk == 8
        chunks.append(chunk)
    assert chunks == sorted(chunks, reverse=True)
    assert chunks[0] == 1024
    assert chunks[-1] < chunks[1] < 256
