import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.metrics.hurdle import INPUTS, hurdle
from tests.helpers import finite_difference_jvp, tree_allclose

ARTICLE = {
    "hurdle.investment": 3000.0,
    "hurdle.return": 0.12,
    "hurdle.margin": 0.65,
    "hurdle.gdp": 29000.0,
    "hurdle.cloud": 400.0,
    "hurdle.debt_cost": 0.075,
    "hurdle.debt": 0.70,
    "hurdle.capital_cost": 0.1125,
    "hurdle.hardware": 1600.0,
    "hurdle.hardware_life": 6.0,
    "hurdle.shell": 1300.0,
    "hurdle.shell_life": 20.0,
    "macro.gdp": 31866.0,
}


def figures(dtype=jnp.float64, **changes: float) -> dict[str, jax.Array]:
    merged = ARTICLE | {k.replace("__", "."): v for k, v in changes.items()}
    return {name: jnp.asarray(value, dtype) for name, value in merged.items()}


def test_article_reads_as_printed():
    article = hurdle(figures()).article
    assert float(article.ebitda) == pytest.approx(360.0, rel=1e-12)
    assert float(article.revenue) == pytest.approx(360 / 0.65, rel=1e-12)
    assert float(article.gdp_share) == pytest.approx(0.0191, abs=5e-5)
    assert float(article.cloud_multiple) == pytest.approx(1.38, abs=5e-3)
    assert float(article.equity_yield) == pytest.approx(0.225, rel=1e-12)


def test_returning_the_capital_asks_for_half_as_much_again():
    found = hurdle(figures())
    factor = {n: 0.1125 / (1 - 1.1125**-years) for n, years in (("h", 6), ("s", 20))}
    ebitda = 1600 * factor["h"] + 1300 * factor["s"]
    assert float(found.life_adjusted.ebitda) == pytest.approx(ebitda, rel=1e-12)
    assert float(found.life_adjusted.revenue) == pytest.approx(840, abs=3)
    assert float(found.life_adjusted.gdp_share) == pytest.approx(0.026, abs=5e-4)
    assert float(found.life_adjusted.equity_yield) == pytest.approx(0.20, rel=1e-12)
    assert float(found.buckets["hardware"].recovery_factor) == pytest.approx(
        0.238, abs=5e-4
    )
    parts = sum(bucket.revenue for bucket in found.buckets.values())
    np.testing.assert_allclose(parts, found.life_adjusted.revenue, rtol=1e-14)


@pytest.mark.parametrize("name", INPUTS)
def test_gradient_is_the_slope(name: str):
    start = figures()
    tangent = {k: jnp.where(k == name, 1.0, 0.0) * jnp.abs(v) for k, v in start.items()}
    _, expected = finite_difference_jvp(hurdle, (start,), (tangent,))
    _, actual = jax.jvp(hurdle, (start,), (tangent,))
    tree_allclose(actual, expected, rtol=1e-7, atol=1e-8)
    slope = jax.jacrev(hurdle)(start).article.revenue[name] * start[name]
    np.testing.assert_allclose(slope, actual.article.revenue, rtol=1e-12)


@pytest.mark.parametrize(
    "changes",
    [
        {"hurdle__margin": 0.0},
        {"hurdle__capital_cost": 0.0},
        {"hurdle__debt": 1.0},
        {"hurdle__hardware_life": 0.0},
        {"hurdle__gdp": 0.0},
    ],
)
def test_degenerate_inputs_stay_finite(changes: dict[str, float]):
    start = figures(**changes)
    leaves = jax.tree.leaves((hurdle(start), jax.jacrev(hurdle)(start)))
    assert all(bool(jnp.isfinite(leaf)) for leaf in leaves)


def test_runs_in_float32_under_jit_and_vmap():
    single = figures(jnp.float32)
    batch = jax.tree.map(lambda x: jnp.stack([x, 2 * x]), single)
    found = jax.jit(jax.vmap(hurdle))(batch)
    assert found.article.revenue.dtype == jnp.float32
    np.testing.assert_allclose(
        found.article.revenue[0], hurdle(single).article.revenue, rtol=1e-6
    )
