"""Consistent expectations: what tenants foresee is what comes out."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import engine
from engine.config import load
from engine.contracts.foresight import WINDOW, foresee
from scripts._output import BadInput
from scripts._run import load_config
from tests.oracle.measures import measure
from tests.oracle.metrics import Run
from tests.oracle.run import run as run_oracle
from tests.properties.runs import CONFIGS, told

RULE = "expectations.rule=consistent"


@functools.cache
def solved():
    """Disproved on the central chain: the tenant leaves."""
    over = [*told("disproved"), RULE]
    economy, state, grid = load(CONFIGS / "chain.toml", over).build()
    shocks = jnp.zeros((grid.n_model, 3))
    scenario = engine.Scenario(draws={}, shocks=shocks)
    built = economy, state, grid, scenario
    return built, engine.simulate_consistent(*built)


def came_out(result):
    prices = result.record.prices
    return np.stack([np.asarray(prices.shell), np.asarray(prices.level)])


def test_a_window_reads_the_path_and_stays_at_its_end():
    path = jnp.arange(20.0)
    ahead = foresee(path, 2.0 * path)
    assert ahead.shell.shape == (20, WINDOW)
    assert ahead.shell[3].tolist() == list(range(3, 19))
    assert ahead.shell[10].tolist() == [*range(10, 20), *[19.0] * 6]
    assert ahead.chips[19].tolist() == [38.0] * WINDOW


def test_what_is_foreseen_comes_out():
    _, found = solved()
    assert found.status == "converged"
    for start in (found.optimistic, found.pessimistic):
        gap = np.max(np.abs(came_out(start.result) - np.asarray(start.path)))
        assert gap == pytest.approx(start.residual, abs=1e-15)
        assert gap <= 1e-9
    assert found.distance <= 1e-9


def test_the_first_guess_was_wrong():
    """Or a search that does nothing would pass."""
    _, found = solved()
    assert found.optimistic.iterations > 1
    assert found.pessimistic.iterations > 1
    assert np.ptp(np.asarray(found.optimistic.path), axis=1).min() > 0.05


def oracle(choices, foresight):
    (economy, _, grid, scenario), _ = solved()
    blueprint = economy.blueprint
    return Run(
        *run_oracle(
            {k: v.tolist() for k, v in economy.figures.items()},
            {k: list(v) for k, v in blueprint.families},
            dict(blueprint.choices) | choices,
            scenario.shocks.tolist(),
            (float(grid.start), grid.n_quarters, grid.n_history),
            foresight,
        )
    )


def test_an_oracle_told_the_path_gives_it_back():
    _, found = solved()
    path = np.asarray(found.optimistic.path)
    mine = oracle({}, {"shell": path[0].tolist(), "level": path[1].tolist()})
    for series, name in zip(path, ("shell", "level"), strict=True):
        np.testing.assert_allclose(mine.one("prices", name), series, rtol=1e-9)
    metrics = measure(mine)
    assert set(metrics) == set(found.result.metrics)
    for name, (value, _) in metrics.items():
        theirs = float(found.result.metrics[name])
        assert value == pytest.approx(theirs, rel=1e-9, abs=1e-6), name


def test_the_tenant_sees_otherwise_than_on_todays_rents():
    (economy, *_), found = solved()
    i = economy.members("spvs").index("hyperion")
    foreseen = np.asarray(found.result.record.tenancies.renewal[:, i])
    today = oracle({"expectations.rule": "static"}, None)
    marks = today.of("tenancies", "hyperion", "renewal")
    assert np.max(np.abs(foreseen - np.asarray(marks))) > 0.01
    assert float(found.result.metrics["hyperion.let"]) == 0.0


def test_a_path_told_under_another_rule_and_none_under_this_one_are_refused():
    (economy, state, grid, scenario), found = solved()
    with pytest.raises(ValueError, match="consistent is a fixed point of one scenario"):
        jax.eval_shape(engine.simulate, economy, state, grid, scenario)
    batch = jax.tree.map(lambda x: x[None], scenario)
    for refused in (
        lambda: engine.simulate_batch(economy, state, grid, batch),
        lambda: engine.limit_states(economy, grid, scenario),
    ):
        with pytest.raises(ValueError, match=r"expectations\.rule: got consistent"):
            jax.eval_shape(refused)
    path = found.optimistic.path
    other = economy.choosing(expectations_rule="static")
    with pytest.raises(ValueError, match="foresight: got one, expected none"):
        jax.eval_shape(
            lambda: engine.simulate(
                other, state, grid, scenario, None, foresee(path[0], path[1])
            )
        )


def test_statuses_say_what_was_found():
    _, found = solved()
    missed = dataclasses.replace(found.optimistic, residual=1.0)
    other = dataclasses.replace(found.pessimistic, path=found.pessimistic.path + 0.1)
    assert dataclasses.replace(found, pessimistic=other).status == "two_fixed_points"
    assert dataclasses.replace(found, optimistic=missed).status == "converged"
    both = dataclasses.replace(missed, residual=2.0)
    neither = dataclasses.replace(found, optimistic=missed, pessimistic=both)
    assert neither.status == "not_converged"


def test_only_run_takes_the_rule():
    path = str(CONFIGS / "chain.toml")
    with pytest.raises(BadInput) as caught:
        load_config(path, [RULE])
    (message,) = caught.value.messages
    assert message.startswith("chain.toml: expectations.rule: got 'consistent'")
    assert load_config(path, [RULE], consistent=True).expectations.rule == "consistent"
