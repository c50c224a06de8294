"""Derivatives through a whole run, against differences of the hard model."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import engine
from engine import RampDefault, Scenario
from tests.properties.runs import built, quiet, run, scenarios, simulate

FIGURES = (
    "rates.short",
    "rates.ten_year",
    "market.compute",
    "market.reference_price",
    "adoption.ceiling",
    "adoption.midpoint",
    "neoclouds.coreweave.capex_per_revenue",
    "neoclouds.coreweave.overhead",
    "neoclouds.coreweave.advance",
    "spvs.vantage.margin",
)
SMOOTH = (
    "system.debt_peak",
    "system.revenue",
    "coreweave.revenue_next_four",
    "coreweave.minimum_headroom",
    "oracle.peak_debt",
    "private_credit.fees",
    "private_credit.lowest_index",
    "meta.capex_to_cash_flow",
    "openai.equity_raised",
    "vantage.peak_debt",
)
ROWS = (0, 5, 11)


@jax.jit
def along(economy, grid, shocks, tangents):
    """Every metric and its derivative along a direction in figures."""

    def metrics(figures):
        drawn = Scenario(draws={}, shocks=shocks)
        moved = economy.replace(figures)
        state = engine.opening_state(moved, grid)
        return engine.simulate(moved, state, grid, drawn).metrics

    return jax.jvp(metrics, (economy.figures,), (tangents,))


def nowhere(economy):
    return {k: jnp.zeros_like(v) for k, v in economy.figures.items()}


@functools.cache
def drawn(row):
    """A scenario of base, its draws written into the figures."""
    _, economy, _, grid = built("base")
    scenario = scenarios("base", 16)
    figures = {k: v[row] for k, v in scenario.draws.items()}
    return economy.replace(figures), grid, scenario.shocks[row]


@functools.cache
def metrics_at(row, name, factor):
    economy, grid, shocks = drawn(row)
    moved = economy.replace({name: economy[name] * factor})
    values, _ = along(moved, grid, shocks, nowhere(moved))
    return {k: float(v) for k, v in values.items()}


def difference(row, name, step):
    """Central difference in every metric for a relative step in one figure."""
    up, down = (metrics_at(row, name, 1.0 + sign * step) for sign in (1, -1))
    size = 2 * step * float(drawn(row)[0][name])
    return {k: (up[k] - down[k]) / size for k in up}


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("name", FIGURES)
def test_derivatives_are_the_differences_of_the_hard_model(row, name):
    """Where two step sizes agree, i.e. away from jumps and kinks: nearly everywhere."""
    economy, grid, shocks = drawn(row)
    tangents = nowhere(economy) | {name: jnp.ones_like(economy[name])}
    _, slopes = along(economy, grid, shocks, tangents)
    coarse, fine = (difference(row, name, step) for step in (2e-6, 1e-6))
    compared = 0
    for metric in SMOOTH:
        scale = abs(metrics_at(row, name, 1.0 + 1e-6)[metric]) + 1.0
        scale = 1e-6 * scale / abs(float(economy[name]))
        if abs(coarse[metric] - fine[metric]) > 1e-4 * abs(fine[metric]) + scale:
            continue
        compared += 1
        found = float(slopes[metric])
        bound = 1e-4 * abs(fine[metric]) + scale
        assert abs(found - fine[metric]) <= bound, (metric, found, fine[metric])
    assert compared >= 8


@pytest.mark.parametrize("story", ["base", "slow", "disproved"])
def test_the_derivative_along_every_figure_at_once_is_finite(story):
    """One not-a-number in any figure's derivative would be seen in the sum."""
    _, economy, _, grid = built(story)
    shocks = jnp.zeros((grid.n_model, 3))
    tangents = {k: jnp.maximum(jnp.abs(v), 1e-3) for k, v in economy.figures.items()}
    _, slopes = along(economy, grid, shocks, tangents)
    wrong = [k for k, v in slopes.items() if not np.all(np.isfinite(v))]
    assert wrong == []


@pytest.mark.slow
@pytest.mark.parametrize("story", ["base", "slow", "disproved"])
def test_reverse_mode_is_finite_in_every_figure_and_agrees(story):
    _, economy, _, grid = built(story)
    shocks = jnp.zeros((grid.n_model, 3))
    pulled = _reverse()
    known = along(economy, grid, shocks, nowhere(economy))[0]
    rng = np.random.default_rng(0)
    for metric in SMOOTH:
        weights = {k: jnp.asarray(float(k == metric)) for k in known}
        gradient = pulled(economy.figures, economy, grid, shocks, weights)
        wrong = [k for k, v in gradient.items() if not np.all(np.isfinite(v))]
        assert wrong == [], metric
        tangents = {
            k: jnp.asarray(rng.normal(size=v.shape) * np.abs(np.asarray(v)))
            for k, v in economy.figures.items()
        }
        _, slopes = along(economy, grid, shocks, tangents)
        inner = sum(float(jnp.vdot(gradient[k], tangents[k])) for k in tangents)
        size = sum(float(jnp.sum(jnp.abs(gradient[k] * tangents[k]))) for k in tangents)
        assert abs(inner - float(slopes[metric])) <= 1e-8 * (size + 1.0), metric


@functools.cache
def _reverse():
    def weighted(figures, economy, grid, shocks, weights):
        moved = economy.replace(figures)
        state = engine.opening_state(moved, grid)
        drawn = Scenario(draws={}, shocks=shocks)
        metrics = engine.simulate(moved, state, grid, drawn).metrics
        return sum(weights[k] * metrics[k] for k in metrics)

    return jax.jit(jax.grad(weighted))


@pytest.mark.slow
def test_the_ramp_approaches_the_hard_model():
    """Away from cliffs it is the hard model once it is narrower than any headroom."""
    _, economy, state, grid = built("slow")
    scenario = quiet(built("slow"))
    hard = run("slow").metrics
    gaps = []
    for width in (0.3, 0.03, 1e-4):
        rule = RampDefault(jnp.asarray(width))
        ramped = simulate(economy, state, grid, scenario, rule).metrics
        gap = [
            abs(float(ramped[k]) - float(hard[k])) / (1.0 + abs(float(hard[k])))
            for k in hard
        ]
        gaps.append(max(gap))
    assert gaps[2] <= 1e-9
    assert gaps[0] > gaps[2]
