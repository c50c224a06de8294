"""The shipped configs, built once and run by few compiled programs per process."""

import functools
import pathlib
import tomllib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import engine
from engine.config import load
from engine.economy import Economy

CONFIGS = pathlib.Path(__file__).parents[2] / "configs"
STORIES = ("base", "slow", "disproved", "guarantee", "disproved_guarantee")
FINANCED = (
    "neocloud_equity",
    "neocloud_unsecured",
    "neocloud_secured",
    "bank_spv",
    "tenant_spv",
)
NEVER = 9999.0
CHUNK = 256

simulate = jax.jit(engine.simulate)
opening_state = jax.jit(engine.opening_state)
_batch = jax.jit(functools.partial(engine.simulate_batch, chunk=CHUNK))


class Built(NamedTuple):
    config: Any
    economy: Any
    state: Any
    grid: Any


def told(name: str) -> list[str]:
    """What a story's file changes, as overrides."""
    if name == "base":
        return []
    table = tomllib.loads((CONFIGS / f"scenarios/{name}.toml").read_text())
    return [
        f"{section}.{key}={x if isinstance(x, str) else x['value']}"
        for section, keys in table.items()
        if isinstance(keys, dict)
        for key, x in keys.items()
    ]


@functools.cache
def as_shipped(name: str, *overrides: str, dtype: Any = jnp.float64) -> Built:
    """A story of the central chain: its numbers stay while the cast of base grows."""
    config = load(CONFIGS / "chain.toml", overrides=[*told(name), *overrides])
    return Built(config, *config.build(dtype=dtype))


@functools.cache
def built(name: str, *overrides: str, dtype: Any = jnp.float64) -> Built:
    """A story in the blueprint of base: its midpoint given instead of derived.

    One program then serves all stories; `test_stories.py` shows that nothing changes.
    """
    own = as_shipped(name, *overrides, dtype=dtype)
    if overrides:
        return own
    middle = {"adoption.midpoint": engine.midpoint(own.economy, own.grid)}
    blueprint = as_shipped("base", dtype=dtype).economy.blueprint
    return own._replace(economy=Economy({**own.economy.figures, **middle}, blueprint))


def changed(name: str, **figures: float) -> Built:
    """A story with other figures (`adoption__midpoint=2031.0`), reopened."""
    base = built(name)
    if not figures:
        return base
    values = {
        key.replace("__", "."): jnp.asarray(value, jnp.float64)
        for key, value in figures.items()
    }
    economy = base.economy.replace(values)
    return base._replace(economy=economy, state=opening_state(economy, base.grid))


def quiet(story: Built) -> engine.Scenario:
    """The figures as they are, and no shocks."""
    shocks = jnp.zeros((story.grid.n_model, 3), story.grid.start.dtype)
    return engine.Scenario(draws={}, shocks=shocks)


def run_built(story: Built) -> Any:
    scenario = quiet(story)
    return simulate(story.economy, story.state, story.grid, scenario)


@functools.cache
def run(name: str, *overrides: str, dtype: Any = jnp.float64) -> Any:
    """Result of the reference scenario."""
    return run_built(built(name, *overrides, dtype=dtype))


@functools.cache
def run_with(name: str, **figures: float) -> Any:
    """Result of the reference scenario with other figures."""
    return run_built(changed(name, **figures))


def scenarios(name: str, n: int, seed: int = 0, start: int = 0) -> engine.Scenario:
    """Scenarios of a story, with the midpoint its duration gives under each ceiling."""
    _, own, _, grid = as_shipped(name)
    found = engine.scenarios(own, grid, n, seed=seed, start=start)
    if name == "base":
        return found

    def middle(ceiling):
        return engine.midpoint(own.replace({"adoption.ceiling": ceiling}), grid)

    middles = jax.vmap(middle)(found.draws["adoption.ceiling"])
    return engine.Scenario({**found.draws, "adoption.midpoint": middles}, found.shocks)


@functools.cache
def batch(name: str, n: int, seed: int = 0, start: int = 0) -> Any:
    """Results of `n` scenarios of a story, from one program of `CHUNK` scenarios."""
    assert n % CHUNK == 0
    _, economy, state, grid = built(name)
    parts = [
        _batch(economy, state, grid, scenarios(name, CHUNK, seed, at))
        for at in range(start, start + n, CHUNK)
    ]
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *parts)


@functools.cache
def limit_states(name: str, **figures: float) -> dict[str, float]:
    """Lowest headroom of each layer, to its first failure or the base horizon."""
    result, base = run_with(name, **figures), built(name)
    ends = np.asarray(base.grid.modelled(base.grid.ends))
    inside = ends <= float(base.economy["criteria.horizon"]) + 1e-6
    lowest = {}
    for layer, series in result.headrooms.items():
        series = np.asarray(series)
        failed = np.cumsum(series < 0.0) - (series < 0.0)
        lowest[layer] = float(series[inside & (failed == 0)].min())
    return lowest


def break_even(layer: str, low: float, high: float, **figures: float) -> float:
    """First midpoint in a scan from `low` at which the layer fails by the horizon.

    `high` if none does.
    """
    step, middle = 0.2, low

    def fails(date: float) -> bool:
        at = limit_states("base", adoption__midpoint=round(date, 6), **figures)
        return at[layer] < 0.0

    while not fails(middle):
        middle += step
        if middle > high:
            return high
    left = middle - step
    for _ in range(8):
        half = (left + middle) / 2
        left, middle = (left, half) if fails(half) else (half, middle)
    return middle
