r"""The reference grid: economies around the shipped stories, to test break-evens on.

Per story: the story itself, both ends of every axis alone, and scrambled Sobol points
of the box that all axes span. Every axis moves one figure between two stated ends, so
economies differ in figures only and one compiled search serves them all.
"""

from collections.abc import Mapping
from typing import NamedTuple

import jax.numpy as jnp
from scipy.stats import qmc

from engine.economy import Economy


class Axis(NamedTuple):
    """A figure and the ends [engine units] between which the grid moves it."""

    name: str
    figure: str
    low: float
    high: float


class Case(NamedTuple):
    """One economy of the grid and what was changed in it."""

    story: str
    name: str
    economy: Economy


# Where a config states a range of the figure, its ends; else ends chosen wide enough
# that both a stronger and a weaker structure than any shipped one occurs.
AXES: tuple[Axis, ...] = (
    Axis("rate level", "shifts.rate_all", -0.01, 0.02),
    Axis("leverage", "shifts.leverage_all", -0.10, 0.10),
    Axis("loan to cost, Vantage", "spvs.vantage.ltc", 0.75, 0.95),
    Axis("adoption ceiling", "adoption.ceiling", 0.025, 0.045),
    Axis("compute share of revenue", "market.compute", 0.40, 0.55),
    Axis("market access", "access.level", 0.4, 1.0),
    Axis("GPU price trend", "market.chip_decay", 0.10, 0.30),
    Axis("market rent of shells", "market.shell_elasticity", 0.25, 1.0),
    Axis("take-or-pay, CoreWeave", "neoclouds.coreweave.collected", 0.93, 0.99),
    Axis("firmness of commitments, OpenAI", "labs.openai.firm", 0.7, 1.1),
    Axis(
        "equity capacity, CoreWeave", "neoclouds.coreweave.equity_capacity", 0.01, 0.075
    ),
    Axis("advance on boxes, CoreWeave", "neoclouds.coreweave.advance", 0.65, 0.8),
    Axis("leverage limit, CoreWeave", "neoclouds.coreweave.leverage_limit", 3.0, 6.0),
    Axis("box tenor, CoreWeave", "neoclouds.coreweave.box_tenor", 4.0, 6.0),
    Axis("enforcement, Hyperion", "spvs.hyperion.enforcement", 0.4, 1.0),
    Axis("delay", "physics.delay", 0.0, 0.5),
    Axis("guarantee", "guarantee.coverage", 0.0, 1.0),
)


def reference_grid(
    stories: Mapping[str, Economy],
    n_sobol: int = 32,
    seed: int = 0,
    axes: tuple[Axis, ...] = AXES,
) -> list[Case]:
    """Every story, the ends of every axis around it, and `n_sobol` points of the box.

    Stories take successive stretches of one Sobol sequence: no point comes twice.

    **Arguments:** `stories`, economies of one structure by name; `n_sobol` points per
    story (a power of two keeps them balanced); `seed` of the scramble.

    **References:** Joe & Kuo (2008), SISC 30(5); Owen (1998), J. Complexity 14.
    """
    sequence = qmc.Sobol(len(axes), rng=seed)
    cases: list[Case] = []
    for story, economy in stories.items():
        cases.append(Case(story, "as shipped", economy))
        for axis in axes:
            for end in (axis.low, axis.high):
                name = f"{axis.name} {end:g}"
                cases.append(Case(story, name, _moved(economy, {axis: end})))
        for i, point in enumerate(sequence.random(n_sobol)):
            pairs = zip(axes, point, strict=True)
            at = {x: x.low + u * (x.high - x.low) for x, u in pairs}
            cases.append(Case(story, f"Sobol {i}", _moved(economy, at)))
    return cases


def _moved(economy: Economy, at: Mapping[Axis, float]) -> Economy:
    figures = {x.figure: economy[x.figure] for x in at}
    return economy.replace(
        {x.figure: jnp.asarray(v, figures[x.figure].dtype) for x, v in at.items()}
    )
