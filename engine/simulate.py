"""Simulate one scenario (scan over quarters) or a batch (vmap at the edge)."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from engine.drivers.sampling import Scenario
from engine.economy import Economy
from engine.grid import TimeGrid
from engine.jump import AbstractDefaultRule, HardDefault
from engine.metrics.classification import classify
from engine.metrics.criteria import LimitStates, limit_states_of
from engine.metrics.layers import first_failure, headrooms
from engine.metrics.losses import layer_losses
from engine.metrics.registry import measure
from engine.metrics.residuals import residuals
from engine.step import EconomyState, Layers, Record, opening_state, paths, step


class Result(eqx.Module):
    """What a run says; every leaf of a batch has a leading scenario axis.

    `record` (single runs only) has a leading quarter axis; `failures` are dates, 9999
    where there is none; `losses` USD bn; `residuals` relative.
    """

    record: Record | None
    metrics: dict[str, Array]
    statuses: dict[str, Int[Array, "..."]]
    headrooms: dict[str, Float[Array, "... quarter"]] | None
    failures: dict[str, Float[Array, "..."]]
    losses: dict[str, Float[Array, "..."]]
    residuals: dict[str, Float[Array, "..."]]
    classification: Int[Array, "..."]
    distances: dict[str, Float[Array, "..."]]


def run_quarters(
    economy: Economy,
    state: EconomyState,
    grid: TimeGrid,
    scenario: Scenario,
    rule: AbstractDefaultRule,
) -> tuple[Economy, Record]:
    """The scenario's economy and its record over the model quarters."""
    economy = economy.replace(scenario.draws)
    layers = Layers.build(economy, grid)

    # Checkpointed: the backward pass recomputes a quarter instead of storing it.
    @jax.checkpoint
    def body(state, quarter):
        return step(layers, rule, state, quarter)

    dated = paths(economy, grid, scenario.shocks)
    _, record = jax.lax.scan(body, state, dated)
    return economy, record


def simulate(
    economy: Economy,
    state: EconomyState,
    grid: TimeGrid,
    scenario: Scenario,
    rule: AbstractDefaultRule | None = None,
) -> Result:
    """Runs one scenario from `as_of` to the end of the grid.

    **Arguments:** what `EconomyConfig.build` returns, a scenario of
    `engine.reference_scenario` or one row of `engine.scenarios`, and the default rule
    (hard unless given).
    """
    rule = HardDefault() if rule is None else rule
    opened = state
    economy, record = run_quarters(economy, state, grid, scenario, rule)
    rooms = headrooms(record, economy)
    failures = {name: first_failure(g, grid) for name, g in rooms.items()}
    losses = layer_losses(record, economy)
    metrics, statuses = measure(record, economy, grid)
    classification, distances = classify(record, failures, economy)
    return Result(
        record=record,
        metrics=metrics,
        statuses=statuses,
        headrooms=rooms,
        failures=failures,
        losses=losses,
        residuals=residuals(record, opened, economy),
        classification=classification,
        distances=distances,
    )


def _without_paths(result: Result) -> Result:
    return eqx.tree_at(
        lambda r: (r.record, r.headrooms),
        result,
        (None, None),
        is_leaf=lambda leaf: leaf is None,
    )


def simulate_batch(
    economy: Economy,
    state: EconomyState,
    grid: TimeGrid,
    scenarios: Scenario,
    rule: AbstractDefaultRule | None = None,
    chunk: int = 1024,
) -> Result:
    """Runs a batch of scenarios, `chunk` at a time; paths are not kept."""

    def one(scenario: Scenario) -> Result:
        return _without_paths(simulate(economy, state, grid, scenario, rule))

    n = scenarios.shocks.shape[0]
    if n <= chunk:
        return jax.vmap(one)(scenarios)
    return jax.lax.map(one, scenarios, batch_size=chunk)


def limit_states(
    economy: Economy,
    grid: TimeGrid,
    scenario: Scenario,
    rule: AbstractDefaultRule | None = None,
) -> LimitStates:
    """Every criterion's limit state, as a pure function of the figures.

    The opening balance sheets are derived from the same figures, so what is shifted
    (`rate.all`, `leverage.all`) moves them too.
    """
    rule = HardDefault() if rule is None else rule
    # The figures are the argument: a scenario's draws would hide them.
    scenario = Scenario(draws={}, shocks=scenario.shocks)
    state = opening_state(economy, grid)
    clouds, spvs = state.clouds, state.spvs
    opening = jnp.concatenate(
        [clouds.secured, clouds.unsecured, spvs.debt - spvs.takeout, spvs.takeout]
    )
    economy, record = run_quarters(economy, state, grid, scenario, rule)
    return limit_states_of(record, headrooms(record, economy), opening, economy, grid)
