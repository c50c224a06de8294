"""Runs engine and oracle on the same scenarios and says where they differ."""

import functools
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest

import engine
from engine.config import load
from engine.economy import Economy
from engine.metrics.causes import defaults
from engine.metrics.registry import METRICS
from tests.oracle.classes import classification
from tests.oracle.measures import measure
from tests.oracle.metrics import Run, headrooms, limit_states, losses
from tests.oracle.run import run

CONFIGS = pathlib.Path(__file__).parents[2] / "configs"
SEED, CLIFF = 7, 1e-9
RELATIVE = 1e-9
# A money amount may also differ by this share of the system's assets [USD bn].
ASSETS = 1000.0


class Study(NamedTuple):
    """One config, with scenarios: the first is the reference, the others random."""

    economy: Any
    grid: Any
    scenarios: Any
    results: Any
    states: Any


@jax.jit
def _simulate(economy: Any, state: Any, grid: Any, scenarios: Any) -> Any:
    def one(scenario: Any) -> Any:
        drawn = economy.replace(scenario.draws)
        result = engine.simulate(economy, state, grid, scenario)
        return result, engine.limit_states(drawn, grid, scenario)

    return jax.vmap(one)(scenarios)


@functools.cache
def study(
    story: str,
    n_random: int,
    change: Callable[[Economy], Economy] | None = None,
    overrides: tuple[str, ...] = (),
) -> Study:
    """Runs of a config, its economy changed; the same function is the same study."""
    config = load(str(CONFIGS / f"{story}.toml"), overrides)
    economy, state, grid = config.build(dtype=jnp.float64)
    if change is not None:
        economy = change(economy)
        state = engine.opening_state(economy, grid)
    reference = engine.reference_scenario(economy, grid)
    drawn = engine.scenarios(economy, grid, n_random, seed=SEED)
    every = jtu.tree_map(lambda x, y: jnp.concatenate([x[None], y]), reference, drawn)
    results, states = _simulate(economy, state, grid, every)
    return Study(economy, grid, every, *jax.device_get((results, states)))


def oracle(case: Study, index: int) -> Run:
    """The oracle's run of a scenario."""
    figures = {k: v.tolist() for k, v in case.economy.figures.items()}
    figures |= {k: float(v[index]) for k, v in case.scenarios.draws.items()}
    blueprint, grid = case.economy.blueprint, case.grid
    families = {k: list(v) for k, v in blueprint.families}
    shape = (float(grid.start), grid.n_quarters, grid.n_history)
    shocks = case.scenarios.shocks[index].tolist()
    return Run(*run(figures, families, dict(blueprint.choices), shocks, shape))


def first_difference(mine: Run, record: Any) -> str:
    """Series of the record that differ, the earliest first: where to look."""
    found = []
    for path, theirs in jtu.tree_flatten_with_path(record)[0]:
        group, *name = [str(getattr(key, "name", key)) for key in path]
        for t, quarter in enumerate(mine.quarters):
            if group not in quarter:
                break
            x = quarter[group]
            if name and name[0] in x:
                x = x[name[0]]
            elif name and 0 in x:
                x = [member[name[0]] for member in x.values() if name[0] in member]
            elif name and isinstance(next(iter(x.values())), dict):
                x = [member[name[0]] for member in x.values() if name[0] in member]
            elif name:
                break
            for part in name[1:]:
                x = x[part] if isinstance(x, dict) and part in x else None
            if x is None or isinstance(x, dict):
                break
            if np.shape(x) != np.shape(theirs[t]):
                break
            if not np.allclose(x, theirs[t], RELATIVE, 1e-12):
                found.append((t, ".".join([group, *name]), x, theirs[t].tolist()))
                break
    found.sort(key=lambda x: x[0])
    return "\n".join(map(str, found[:10]))


def is_on_a_cliff(mine: Run) -> bool:
    """Whether some headroom is, before its failure, too near zero to compare."""
    series = list(headrooms(mine).values())
    for m in mine.members("spvs"):
        series.append(mine.of("tenancies", m, "renewal_due"))
        series.append(mine.of("tenancies", m, "repudiation"))
    for one in series:
        for g in one:
            if abs(g) < CLIFF:
                return True
            if g < 0.0:
                break
    return False


def differences(case: Study, index: int, mine: Run) -> list[str]:
    """What the two disagree on, in words."""
    result, states = jtu.tree_map(lambda x: x[index], (case.results, case.states))
    found: list[str] = []

    def same(name: str, a: float, b: float, money: bool = False) -> None:
        allowed = RELATIVE * max(abs(b), ASSETS if money else 1.0)
        if not abs(a - b) <= allowed:
            found.append(f"{name}: oracle {a!r}, engine {float(b)!r}")

    def all_same(kind: str, a: dict, b: dict, money: bool = False) -> None:
        assert set(a) == set(b), f"{kind}: {set(a) ^ set(b)}"
        for name in sorted(a):
            same(f"{kind} {name}", a[name], b[name], money)

    metrics = measure(mine)
    assert set(metrics) == set(result.metrics), set(metrics) ^ set(result.metrics)
    for name, (value, ok) in metrics.items():
        unit = METRICS[name.split(".", 1)[1]].unit
        same(f"metric {name}", value, result.metrics[name], unit.startswith("USD"))
        same(f"status of {name}", float(not ok), result.statuses[name])
    mine_states = limit_states(mine)
    all_same("limit state", mine_states["values"], states.values)
    all_same("limit state", mine_states["alternatives"], states.alternatives)
    all_same("first failure", mine_states["first"], states.first)
    all_same("failure", mine_states["first"], result.failures)
    all_same("loss", losses(mine), result.losses, money=True)
    ends = case.grid.modelled(case.grid.ends)
    theirs = defaults(result.record, case.economy, ends)
    mine_causes = {
        m: next(
            x for x, a in zip(mine.of(group, m, "cause"), alive, strict=True) if not a
        )
        for family, group in (("neoclouds", "clouds"), ("spvs", "spvs"))
        for m in mine.members(family)
        if not min(alive := mine.of(group, m, "alive"))
    }
    their_causes = {name: cause.name for name, _, cause in theirs}
    if mine_causes != their_causes:
        found.append(f"causes: oracle {mine_causes}, engine {their_causes}")
    kind, distances = classification(mine)
    same("classification", kind, result.classification)
    all_same("distance", distances, result.distances)
    return found


def check(
    story: str,
    n_random: int,
    most_excluded: int,
    change: Callable[[Economy], Economy] | None = None,
    overrides: tuple[str, ...] = (),
) -> Study:
    """Fails unless engine and oracle say the same in every scenario off a cliff."""
    case = study(story, n_random, change, overrides)
    excluded = 0
    for index in range(n_random + 1):
        mine = oracle(case, index)
        if is_on_a_cliff(mine):
            excluded += 1
            continue
        found = differences(case, index, mine)
        if found:
            record = jtu.tree_map(lambda x, i=index: x[i], case.results.record)
            where = first_difference(mine, record)
            lines = "\n".join([f"scenario {index}", *found, "first:", where])
            pytest.fail(lines)
    assert excluded <= most_excluded, f"{excluded} scenarios lie on a cliff"
    return case
