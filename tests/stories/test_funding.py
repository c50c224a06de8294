"""The vintage of July 2025 meets the plan's total and every bucket of its funding."""

import jax
import jax.numpy as jnp
import pytest

import engine
from engine.config import load
from engine.metrics.funding import BUCKETS, USES
from scripts.run import funding
from tests.config_files import CONFIGS


@pytest.fixture(scope="module")
def vintage():
    economy, state, grid = load(CONFIGS / "vintages/2025-07.toml").build(jnp.float64)
    scenario = engine.reference_scenario(economy, grid)
    result = jax.jit(engine.simulate)(economy, state, grid, scenario)
    return result, funding(economy, result)


@pytest.mark.parametrize("name", [*USES, *BUCKETS])
def test_the_vintage_meets_the_plan_within_five_per_cent(vintage, name):
    _, found = vintage
    assert abs(found[name]["difference_share"]) < 0.05, found[name]


def test_uses_are_sources(vintage):
    _, found = vintage
    used, paid = (sum(found[x]["value_bn"] for x in xs) for xs in (USES, BUCKETS))
    assert used == pytest.approx(paid, rel=1e-12)
    assert used == pytest.approx(2900.0, rel=0.05)


def test_no_invariant_breaks_in_the_vintage(vintage):
    result, _ = vintage
    assert max(float(x) for x in result.residuals.values()) < 1e-10
