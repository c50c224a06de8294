"""A batch is single runs, however it is cut."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import engine
from engine.config import load
from tests.config_files import CONFIGS
from tests.helpers import tree_allclose
from tests.properties.runs import built, scenarios, simulate

N = 6


@functools.cache
def parts():
    _, economy, state, grid = built("base")
    return economy, state, grid, scenarios("base", N, seed=2)


@functools.cache
def in_chunks(chunk):
    economy, state, grid, drawn = parts()
    run = jax.jit(
        functools.partial(
            engine.simulate_batch, chunk=chunk, watch=lambda found: found.headrooms
        )
    )
    return run(economy, state, grid, drawn)


def without_paths(result):
    return (
        result.metrics,
        result.failures,
        result.losses,
        result.distances,
        result.statuses,
        result.classification,
        result.headrooms if result.watched is None else result.watched,
    )


@pytest.mark.parametrize(
    "path",
    [
        "base",
        "scenarios/agency",
        "scenarios/route_by_price",
        "scenarios/chip_shortage",
        "scenarios/workout",
    ],
)
def test_every_mechanism_of_a_shipped_economy_runs_in_a_batch(path):
    """Shapes only: a figure that is drawn has a scenario axis, others have none."""
    economy, state, grid = load(CONFIGS / f"{path}.toml").build(jnp.float64)
    drawn = engine.scenarios(economy, grid, N, seed=2)
    batch = functools.partial(engine.simulate_batch, chunk=N)
    found = jax.eval_shape(batch, economy, state, grid, drawn)
    for leaf in jax.tree.leaves(without_paths(found)):
        assert leaf.shape[0] == N


def test_a_batch_is_its_single_runs():
    economy, _, grid, drawn = parts()
    for i in range(N):
        figures = {k: v[i] for k, v in drawn.draws.items()}
        quiet = engine.Scenario(draws={}, shocks=drawn.shocks[i])
        own = economy.replace(figures)
        single = simulate(own, engine.opening_state(own, grid), grid, quiet)
        single = without_paths(single)
        row = jax.tree.map(lambda leaf, i=i: leaf[i], without_paths(in_chunks(N)))
        tree_allclose(row, single, rtol=1e-9, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [4])
def test_cutting_a_batch_changes_nothing(chunk):
    """Also with a remainder: six scenarios by four."""
    tree_allclose(
        without_paths(in_chunks(chunk)),
        without_paths(in_chunks(N)),
        rtol=1e-9,
        atol=1e-9,
    )


def test_a_batch_keeps_no_paths():
    result = in_chunks(N)
    assert result.record is None
    assert result.headrooms is None
    assert result.classification.shape == (N,)


def test_residuals_of_a_batch_are_by_scenario():
    for values in in_chunks(N).residuals.values():
        assert values.shape == (N,)
        assert np.all(np.asarray(values) <= 1e-10)


@pytest.mark.slow
def test_simulate_differentiates_under_vmap():
    economy, state, grid, drawn = parts()

    def debt(shift, scenario):
        moved = economy.replace({"shifts.rate_future": shift})
        return engine.simulate(moved, state, grid, scenario).metrics["system.debt_peak"]

    slopes = jax.jit(jax.vmap(jax.grad(debt), in_axes=(None, 0)))
    found = slopes(jnp.asarray(0.0), drawn)
    assert found.shape == (N,)
    assert np.all(np.isfinite(found))
