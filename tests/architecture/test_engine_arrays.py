"""What is built is arrays of one precision; one program serves every call."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import engine
from engine.economy import Economy
from engine.metrics.registry import METRICS
from tests.properties.runs import STORIES, built, quiet, run, simulate


def leaves(*trees):
    found = []
    for tree in trees:
        found += jax.tree_util.tree_flatten_with_path(tree)[0]
    return [(jax.tree_util.keystr(path), leaf) for path, leaf in found]


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_every_leaf_is_an_array_of_the_requested_precision(story, dtype):
    _, economy, state, grid = built(story, dtype=dtype)
    scenario = engine.reference_scenario(economy, grid)
    found = leaves(economy, state, grid, scenario)
    assert len(found) > 300
    wrong = [
        (name, type(leaf).__name__, getattr(leaf, "dtype", None))
        for name, leaf in found
        if not isinstance(leaf, jax.Array) or leaf.dtype != dtype
    ]
    assert wrong == []


@pytest.mark.parametrize("story", STORIES)
def test_every_figure_of_the_opening_is_finite(story):
    _, economy, state, grid = built(story)
    for name, leaf in leaves(economy, state, grid):
        assert np.all(np.isfinite(leaf)), name


def inside(program):
    """What the equations of a program compute, those of its loops included."""
    for equation in program.eqns:
        yield from (x for x in equation.outvars if hasattr(x.aval, "dtype"))
        for inner in jax.tree.leaves(tuple(equation.params.values())):
            if hasattr(inner, "eqns") or hasattr(inner, "jaxpr"):
                yield from inside(getattr(inner, "jaxpr", inner))


def test_a_result_has_the_precision_of_its_economy():
    for dtype in (jnp.float32, jnp.float64):
        _, economy, state, grid = built("base", dtype=dtype)
        drawn = quiet(built("base", dtype=dtype))
        run_once = jax.make_jaxpr(engine.simulate, return_shape=True)
        program, result = run_once(economy, state, grid, drawn)
        floats = (result.metrics, result.headrooms, result.failures, result.losses)
        wrong = [name for name, leaf in leaves(*floats) if leaf.dtype != dtype]
        assert wrong == []
        # Two Python numbers to choose from are of double precision: the kernel refuses.
        other = jnp.float32 if dtype == jnp.float64 else jnp.float64
        assert [x for x in inside(program.jaxpr) if x.aval.dtype == other] == []


def test_stories_and_other_figures_share_one_program():
    _, economy, state, grid = built("base")
    simulate(economy, state, grid, quiet(built("base")))
    before = simulate._cache_size()
    for story in STORIES:
        _, economy, state, grid = built(story)
        dearer = economy.replace({"shifts.rate_future": jnp.asarray(0.01, jnp.float64)})
        simulate(dearer, state, grid, quiet(built(story)))
    assert simulate._cache_size() == before


def test_names_are_unique_across_families():
    names = []
    for _, members in built("base").economy.blueprint.families:
        names += members
    assert len(names) == len(set(names))
    reserved = {"system", "bank", "government", "outside"}
    assert not reserved & set(names)


def test_every_reported_metric_has_a_unit_and_says_what_it_is():
    reported = {name.split(".", 1)[1] for name in run("base").metrics}
    assert reported <= set(METRICS)
    for name in reported:
        metric = METRICS[name]
        assert metric.unit.strip(), name
        assert metric.symbol.strip(), name
        assert len(metric.description) > 5, name


def test_every_metric_has_a_status():
    result = run("base")
    assert set(result.metrics) == set(result.statuses)
    for name, status in result.statuses.items():
        assert int(status) in (0, 1), name
        if int(status):
            assert float(result.metrics[name]) == 0.0


def test_an_unknown_figure_is_refused():
    economy = built("base").economy
    assert isinstance(economy, Economy)
    with pytest.raises(ValueError, match=r"unknown name .rates"):
        economy.replace({"rates.shortt": jnp.asarray(0.0)})
