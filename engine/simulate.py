"""Simulate one scenario (a scan over quarters) or a batch (scenario axis last)."""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from engine.batching import batch_last, repeated
from engine.contracts.foresight import Foresight
from engine.drivers.sampling import Scenario
from engine.economy import Economy
from engine.grid import TimeGrid
from engine.jump import AbstractDefaultRule, HardDefault, RampDefault
from engine.layers import EconomyState, Layers, Paths, opening_state, paths
from engine.metrics.classification import classify, margins
from engine.metrics.criteria import LimitStates, limit_states_of
from engine.metrics.layers import first_failure, headrooms
from engine.metrics.losses import layer_losses
from engine.metrics.registry import measure
from engine.once import once
from engine.step import Record, step

CHUNK_NUMBERS = 2**28
"""Numbers that the paths and records of a chunk may hold (1 GB in float32)."""

NUMBERS_PER_DEAL = 48
"""Numbers that a deal holds per quarter and scenario: 41 measured on 500 SPVs."""


class Result(eqx.Module):
    """What a run says; the leaves of a batch have one axis, the scenario.

    `record` (single runs only) has a leading quarter axis; `failures` are dates, 9999
    where there is none; `losses` USD bn; `residuals` relative. `watched` is what a
    batch was asked to keep of its paths, scenario first.
    """

    record: Record | None
    metrics: dict[str, Array]
    statuses: dict[str, Int[Array, "..."]]
    headrooms: dict[str, Float[Array, "quarter ..."]] | None
    failures: dict[str, Float[Array, "..."]]
    losses: dict[str, Float[Array, "..."]]
    residuals: dict[str, Float[Array, "..."]]
    classification: Int[Array, "..."]
    distances: dict[str, Float[Array, "..."]]
    margins: dict[str, Float[Array, "..."]]
    """Continuous distances behind the classification: `won`, `systemic`."""
    watched: Any = None


def default_rule(economy: Economy) -> AbstractDefaultRule:
    """The rule that the config chose: hard, or a ramp of its width."""
    if economy.blueprint.choice("credit.default") == "ramp":
        return RampDefault(economy["credit.ramp_width"])
    return HardDefault()


def run_quarters(
    layers: Layers, dated: Paths, state: EconomyState, rule: AbstractDefaultRule
) -> Record:
    """The record over the model quarters."""
    layers = once(layers)

    # Checkpointed: the backward pass recomputes a quarter instead of storing it.
    @functools.partial(jax.checkpoint, prevent_cse=False)
    def body(state: EconomyState, quarter: Paths) -> tuple[EconomyState, Record]:
        return step(layers, rule, state, quarter)

    _, record = jax.lax.scan(body, once(state), once(dated))
    return record


def opened(
    economy: Economy, drawn: Economy, state: EconomyState, grid: TimeGrid
) -> EconomyState:
    """The opening state with what a scenario's draws change of it.

    A drawn delay re-times what was built by `as_of`, a drawn rate the opening marks.
    """
    # One trace serves both, and the one that built the state as well.
    opening = jax.jit(opening_state)
    before, after = opening(economy, grid), opening(drawn, grid)
    return jax.tree.map(lambda s, b, a: s + (a - b), state, before, after)


def summarise(
    record: Record,
    layers: Layers,
    economy: Economy,
    grid: TimeGrid,
) -> Result:
    """Everything reported of a record."""
    rooms = headrooms(record, economy)
    failures = {name: first_failure(g, grid) for name, g in rooms.items()}
    metrics, statuses = measure(record, economy, grid)
    classification, distances = classify(record, failures, economy)
    return Result(
        record=record,
        metrics=metrics,
        statuses=statuses,
        headrooms=rooms,
        failures=failures,
        losses=layer_losses(record, layers.cloud_terms.market_cap, economy),
        residuals={
            name: jnp.max(series, axis=0) for name, series in record.residuals.items()
        },
        classification=classification,
        distances=distances,
        margins=margins(rooms, distances, economy),
    )


def simulate(
    economy: Economy,
    state: EconomyState,
    grid: TimeGrid,
    scenario: Scenario,
    rule: AbstractDefaultRule | None = None,
    foresight: Foresight | None = None,
) -> Result:
    """Runs one scenario from `as_of` to the end of the grid.

    **Arguments:** what `EconomyConfig.build` returns, a scenario of
    `engine.reference_scenario` or one row of `engine.scenarios`, and the default rule
    (the config's, hard in every shipped one, unless given). `foresight` is what tenants
    with consistent expectations are told (`engine.simulate_consistent` finds it).
    """
    rule = default_rule(economy) if rule is None else rule
    drawn = economy.replace(scenario.draws)
    layers = Layers.build(drawn, grid)
    dated = paths(drawn, grid, scenario.shocks, foresight)
    start = opened(economy, drawn, state, grid)
    record = run_quarters(layers, dated, start, rule)
    return summarise(record, layers, drawn, grid)


def _run_chunk(
    economy: Economy,
    state: EconomyState,
    grid: TimeGrid,
    scenarios: Scenario,
    rule: AbstractDefaultRule,
    watch: Callable[[Result], Any] | None,
) -> Result:
    """A chunk of scenarios in one scan, the scenario axis last on every array."""

    def assemble(scenario: Scenario) -> tuple[Layers, Paths, EconomyState]:
        drawn = economy.replace(scenario.draws)
        start = opened(economy, drawn, state, grid)
        dated = paths(drawn, grid, scenario.shocks)
        return Layers.build(drawn, grid), dated, start

    n = scenarios.shocks.shape[0]
    layers, dated, start = batch_last(assemble, scenarios)
    start = repeated(start, n)
    # Scalars of a scenario meet arrays of its entities: ranks differ by design here.
    with jax.numpy_rank_promotion("allow"):
        record = run_quarters(layers, dated, start, rule)
        drawn = economy.replace(scenarios.draws)
        result = summarise(record, layers, drawn, grid)
        watched = None if watch is None else watch(result)

    def full(leaf: Array) -> Array:
        whole = jnp.broadcast_to(leaf, (*leaf.shape[:-1], n))
        return jnp.moveaxis(whole, -1, 0)

    kept = dataclasses.replace(result, record=None, headrooms=None, watched=watched)
    return jax.tree.map(full, kept)


def chunk_for(economy: Economy, grid: TimeGrid) -> int:
    """Scenarios that run at once: as many as `CHUNK_NUMBERS` hold, a power of two.

    A matter of the economy alone, so that a sweep's numbers are the same on every
    machine.
    """
    deals = len(economy.members("spvs")) + len(economy.members("neoclouds"))
    fits = CHUNK_NUMBERS / (grid.n_model * NUMBERS_PER_DEAL * max(deals, 1))
    return 2 ** int(min(max(math.log2(fits), 3), 10))


def simulate_batch(
    economy: Economy,
    state: EconomyState,
    grid: TimeGrid,
    scenarios: Scenario,
    rule: AbstractDefaultRule | None = None,
    chunk: int | None = None,
    watch: Callable[[Result], Any] | None = None,
) -> Result:
    """Runs a batch of scenarios, `chunk` at a time.

    Unless given, a chunk is as large as its memory allows (`chunk_for`). Paths are not
    kept, except what `watch(result)` makes of a chunk's record: any tree of arrays that
    end in the scenario axis. It comes back as `watched`.
    """
    rule = default_rule(economy) if rule is None else rule
    chunk = chunk_for(economy, grid) if chunk is None else chunk
    n = scenarios.shocks.shape[0]
    whole = n // chunk * chunk

    def run(part: Scenario) -> Result:
        return _run_chunk(economy, state, grid, part, rule, watch)

    parts = []
    if whole:
        shape = (whole // chunk, chunk)
        cut = jax.tree.map(
            lambda leaf: leaf[:whole].reshape(*shape, *leaf.shape[1:]), scenarios
        )
        mapped = jax.lax.map(run, cut)
        parts.append(
            jax.tree.map(lambda leaf: leaf.reshape(whole, *leaf.shape[2:]), mapped)
        )
    if n > whole:
        parts.append(run(jax.tree.map(lambda leaf: leaf[whole:], scenarios)))
    return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *parts)


def limit_states(
    economy: Economy,
    grid: TimeGrid,
    scenario: Scenario,
    rule: AbstractDefaultRule | None = None,
) -> LimitStates:
    """Every criterion's limit state, as a pure function of the figures.

    The opening balance sheets are derived from the same figures, so what is shifted
    (`rate.all`, `leverage.all`) moves them too. Of the scenario only the shocks are
    used: its draws would hide the figures.
    """
    rule = default_rule(economy) if rule is None else rule
    scenario = Scenario(draws={}, shocks=scenario.shocks)
    state = opening_state(economy, grid)
    clouds, spvs = state.clouds, state.spvs
    opening = jnp.concatenate(
        [clouds.secured, clouds.unsecured, spvs.debt - spvs.takeout, spvs.takeout]
    )
    layers = Layers.build(economy, grid)
    record = run_quarters(layers, paths(economy, grid, scenario.shocks), state, rule)
    return limit_states_of(record, headrooms(record, economy), opening, economy, grid)
