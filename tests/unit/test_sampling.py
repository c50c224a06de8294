import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from engine.drivers.sampling import bridge, quantile, reference_scenario, scenarios
from engine.economy import Blueprint, Economy, Range
from engine.grid import TimeGrid
from tests.helpers import tree_allclose

RANGES = (
    Range("a.uniform", "uniform", 0.4, 1.0),
    Range("a.triangular", "triangular", 2027.8, 2033.2, 2028.8),
    Range("a.lognormal", "lognormal", 0.5, 2.0),
    Range("a.beta", "beta", 0.1, 0.3, 0.13),
    Range("a.normal", "normal", -1.0, 1.0),
)
GRID = TimeGrid(jnp.asarray(2025.0), n_quarters=30, n_history=7)


def economy(dtype=jnp.float64) -> Economy:
    figures = {r.name: jnp.asarray((r.low + r.high) / 2, dtype) for r in RANGES}
    figures["a.fixed"] = jnp.asarray(3.0, dtype)
    return Economy(figures, Blueprint((), (), RANGES))


def bits(tree) -> list[bytes]:
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(tree)]


@pytest.mark.parametrize("sampler", ["sobol", "random"])
@pytest.mark.parametrize(("start", "n"), [(0, 1), (0, 5), (3, 7), (37, 1), (16, 25)])
def test_a_scenario_is_its_index(sampler: str, start: int, n: int):
    whole = scenarios(economy(), GRID, 41, seed=3, sampler=sampler)
    part = scenarios(economy(), GRID, n, seed=3, sampler=sampler, start=start)
    assert bits(jax.tree.map(lambda x: x[start : start + n], whole)) == bits(part)


@pytest.mark.parametrize("sampler", ["sobol", "random"])
def test_seeds_and_samplers_differ(sampler: str):
    one = scenarios(economy(), GRID, 8, seed=0, sampler=sampler)
    other = scenarios(economy(), GRID, 8, seed=1, sampler=sampler)
    assert not np.any(np.asarray(one.shocks) == np.asarray(other.shocks))


def test_float32_is_float64_rounded():
    wide = scenarios(economy(), GRID, 16, seed=2)
    narrow = scenarios(economy(jnp.float32), GRID, 16, seed=2)
    assert narrow.shocks.dtype == jnp.float32
    rounded = jax.tree.map(lambda x: x.astype(jnp.float32), wide)
    assert bits(rounded) == bits(narrow)


def test_reference_is_the_figures_and_no_shock():
    scenario = reference_scenario(economy(), GRID)
    tree_allclose(scenario.draws, {r.name: economy()[r.name] for r in RANGES})
    assert scenario.shocks.shape == (23, 3)
    assert not np.any(scenario.shocks)


def test_draws_follow_their_ranges():
    drawn = scenarios(economy(), GRID, 4096, seed=1).draws
    triangular = stats.triang(c=1 / 5.4, loc=2027.8, scale=5.4)
    pert = stats.beta(1 + 4 * 0.15, 5 - 4 * 0.15, loc=0.1, scale=0.2)
    spread = 2 * stats.norm.ppf(0.95)
    expected = {
        "a.uniform": stats.uniform(0.4, 0.6),
        "a.triangular": triangular,
        "a.lognormal": stats.lognorm(np.log(4) / spread),
        "a.beta": pert,
        "a.normal": stats.norm(0, 2 / spread),
    }
    for name, distribution in expected.items():
        # Sobol points are far more even than independent ones (0.02 at this size).
        found = stats.kstest(np.asarray(drawn[name]), distribution.cdf)
        assert found.statistic < 2e-3, name


def test_unbounded_ranges_put_five_percent_beyond_each_end():
    u = np.array([0.05, 0.95])
    for figure_range in (RANGES[2], RANGES[4]):
        ends = [figure_range.low, figure_range.high]
        np.testing.assert_allclose(quantile(figure_range, u), ends, rtol=1e-12)


@pytest.mark.parametrize("n_steps", [1, 2, 13, 97])
def test_bridge_is_orthogonal(n_steps: int):
    columns = bridge(np.eye(n_steps)[:, :, None])[..., 0]
    np.testing.assert_allclose(columns @ columns.T, np.eye(n_steps), atol=1e-13)
    # The first coordinate alone moves the level of the whole path.
    np.testing.assert_allclose(columns[0], 1 / np.sqrt(n_steps), rtol=1e-12)


def test_shocks_are_independent_standard_normals():
    shocks = np.asarray(scenarios(economy(), GRID, 4096, seed=5).shocks)
    assert np.all(np.isfinite(shocks))
    np.testing.assert_allclose(shocks.mean(0), 0, atol=5e-3)
    np.testing.assert_allclose(shocks.std(0), 1, atol=0.03)
    totals = shocks.sum(1) / np.sqrt(GRID.n_model)
    np.testing.assert_allclose(totals.T @ totals / 4096, np.eye(3), atol=5e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n must be at least 1"),
        ({"n": 1, "start": -1}, "start must be at least 0"),
        ({"n": 1, "sampler": "halton"}, "sampler must be one of"),
    ],
)
def test_nonsense_is_refused_by_name(arguments: dict, message: str):
    with pytest.raises(ValueError, match=message):
        scenarios(economy(), GRID, **arguments)


@pytest.mark.parametrize(
    "wrong",
    [
        Range("a", "cauchy", 0.0, 1.0),
        Range("a", "uniform", 1.0, 0.0),
        Range("a", "lognormal", 0.0, 1.0),
        Range("a", "triangular", 0.0, 1.0, 2.0),
    ],
)
def test_a_range_that_makes_no_sense_is_named(wrong: Range):
    with pytest.raises(ValueError, match=r"^a: "):
        quantile(wrong, np.array([0.5]))


def test_a_range_without_width_is_a_constant():
    assert np.all(quantile(Range("a", "beta", 2.0, 2.0), np.array([0.1, 0.9])) == 2.0)
