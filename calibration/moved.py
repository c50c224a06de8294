r"""The reference scenario under moved figures: one compiled batch for all stories.

What is asked again and again is $y(\theta + \Delta)$ for many displacements $\Delta$ of
a few figures in several stories. Stories differ in scalar figures only, so each row is
a scenario of one economy whose draws are the story's figures, some of them moved.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import engine
from calibration.unknowns import MIDPOINT
from engine.drivers import adoption
from engine.economy import Economy
from engine.grid import TimeGrid

BLOCK = 256
"""Rows of the compiled batch; the last block repeats its last row."""

Row = tuple[str, Mapping[str, float]]
"""A story, and the figures that stand elsewhere in it."""


@dataclasses.dataclass(frozen=True)
class Story:
    """The scalar figures of one story, and whether its midpoint is derived."""

    figures: dict[str, float]
    is_told: bool

    @staticmethod
    def of(economy: Economy, grid: TimeGrid) -> "Story":
        """Figures with the midpoint among them."""
        is_told = economy.blueprint.choice("adoption.timing") == "duration"
        scalars = {k: float(v) for k, v in economy.figures.items() if v.ndim == 0}
        middle = float(adoption.midpoint(economy, grid))
        return Story({**scalars, MIDPOINT: middle}, is_told)


class Moved:
    """Runs rows of one economy and its stories; `keys` are the figures that may move.

    **Raises:** `ValueError` for a key that is no scalar figure.
    """

    def __init__(
        self,
        economy: Economy,
        grid: TimeGrid,
        stories: Mapping[str, Story],
        keys: Iterable[str],
    ):
        """Compiles nothing yet."""
        self.stories = dict(stories)
        first = next(iter(stories.values())).figures
        different = {
            name
            for story in stories.values()
            for name, value in story.figures.items()
            if value != first[name]
        }
        self.keys = tuple(sorted({*keys, *different, MIDPOINT}))
        for key in self.keys:
            if key not in first:
                raise ValueError(f"keys: {key!r} is no scalar figure")
        self._plain = economy.choosing(adoption_timing="midpoint")
        self._told = economy.choosing(adoption_timing="duration")
        self._grid = grid
        self._run = jax.jit(self._batch)

    def value(self, story: str, key: str) -> float:
        """Where a figure stands in a story."""
        return self.stories[story].figures[key]

    def run(self, rows: Sequence[Row]) -> dict[str, np.ndarray]:
        """Classification, margins, metrics and statuses of every row.

        A story told by duration derives its midpoint again from whatever is moved,
        unless the midpoint itself is.
        """
        table = {
            key: np.array([figures.get(key, self.value(s, key)) for s, figures in rows])
            for key in self.keys
        }
        derives = np.array(
            [self.stories[s].is_told and MIDPOINT not in moved for s, moved in rows]
        )
        parts = []
        for start in range(0, len(rows), BLOCK):
            here = np.minimum(np.arange(start, start + BLOCK), len(rows) - 1)
            draws = {k: jnp.asarray(v[here]) for k, v in table.items()}
            found = self._run(draws, jnp.asarray(derives[here]))
            kept = min(BLOCK, len(rows) - start)
            parts.append({k: np.asarray(v)[:kept] for k, v in found.items()})
        return {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}

    def _batch(self, draws: dict[str, Any], derives: Any) -> dict[str, Any]:
        def middle(row: dict[str, Any]) -> Any:
            return adoption.midpoint(self._told.replace(row), self._grid)

        derived = jax.vmap(middle)(draws)
        middles = jnp.where(derives, derived, draws[MIDPOINT])
        shocks = jnp.zeros((BLOCK, self._grid.n_model, 3), middles.dtype)
        result = engine.simulate_batch(
            self._plain,
            engine.opening_state(self._plain, self._grid),
            self._grid,
            engine.Scenario({**draws, MIDPOINT: middles}, shocks),
            chunk=BLOCK,
        )
        return {
            "classification": result.classification,
            **result.margins,
            **result.metrics,
            **{f"status:{k}": v for k, v in result.statuses.items()},
        }
