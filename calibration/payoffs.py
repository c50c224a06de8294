r"""Payoffs of every position against the timing of adoption, and exposures to drivers.

All runs are the hard model's, by one vmapped program. An exposure is a two-sided
difference at two steps: where the sides or the steps disagree the payoff has a kink or
a jump there, and the status says so instead of a number that would not hold.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import engine
from calibration.adoption import with_midpoint
from calibration.unknowns import MIDPOINT
from engine.economy import Economy
from engine.grid import TimeGrid
from engine.metrics import IRR_STATUS
from engine.metrics.positions import ENTRYLESS, POSITIONS, payoff, positions

CHUNK = 32

AGREEMENT = 0.02
"""Relative difference of sides and steps up to which a payoff counts as smooth."""


@dataclasses.dataclass(frozen=True)
class Exposure:
    """Change of a position's value [USD bn] per unit of a driver; None at a jump."""

    value: float | None
    up: float
    down: float
    status: str
    """`ok`, `at_kink` (sides differ at both steps), `at_jump` (steps differ)."""


class Payoffs:
    """Compiled payoffs of one economy under displaced `keys`."""

    def __init__(self, economy: Economy, grid: TimeGrid, keys: Sequence[str]):
        """Compiles nothing yet; every key is a scalar figure."""
        self.economy = with_midpoint(economy, grid)
        self.keys = tuple(dict.fromkeys([MIDPOINT, *keys]))
        self._grid = grid
        self._run = jax.jit(jax.vmap(self._one, in_axes=(0, None)))

    def _one(self, row: Array, base: dict[str, Array]) -> dict[str, Array]:
        moved = {k: base[k] + row[i] for i, k in enumerate(self.keys)}
        at = Economy({**base, **moved}, self.economy.blueprint)
        grid = self._grid
        state = engine.opening_state(at, grid)
        quiet = engine.Scenario({}, jnp.zeros((grid.n_model, 3), row.dtype))
        record = engine.simulate(at, state, grid, quiet).record
        inside = grid.modelled(grid.ends) <= at["criteria.return_horizon"] + 1e-6
        last = jnp.sum(inside.astype(int)) - 1
        found = {}
        for name, position in positions(record, state, at, grid).items():
            made = payoff(position, at["rates.ten_year"], last)
            found[f"{name}.moic"], found[f"{name}.value"] = made.moic, made.value
            found[f"{name}.irr"], found[f"{name}.status"] = made.irr, made.status
            found[f"{name}.loss"] = made.loss
        return found

    def run(self, rows: Float[np.ndarray, "row key"]) -> dict[str, np.ndarray]:
        """Every payoff by row of displacements."""
        parts = []
        for start in range(0, len(rows), CHUNK):
            here = np.minimum(np.arange(start, start + CHUNK), len(rows) - 1)
            found = self._run(jnp.asarray(rows[here]), self.economy.figures)
            kept = min(CHUNK, len(rows) - start)
            parts.append({k: np.asarray(v)[:kept] for k, v in found.items()})
        return {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}

    def row(self, key: str, step: float) -> Float[np.ndarray, " key"]:
        """A displacement of one key."""
        row = np.zeros(len(self.keys))
        row[self.keys.index(key)] = step
        return row


def against_timing(
    payoffs: Payoffs, midpoints: Sequence[float]
) -> dict[str, list[dict[str, Any]]]:
    """Every position's payoff at every midpoint."""
    base = float(payoffs.economy[MIDPOINT])
    found = payoffs.run(np.stack([payoffs.row(MIDPOINT, m - base) for m in midpoints]))
    return {
        name: [
            {
                "midpoint": float(m),
                "irr": _number(found, name, "irr", i),
                "irr_status": "no_entry"
                if name in ENTRYLESS
                else IRR_STATUS[int(found[f"{name}.status"][i])],
                "moic": _number(found, name, "moic", i),
                "value_bn": float(found[f"{name}.value"][i]),
                "loss_bn": float(found[f"{name}.loss"][i]),
            }
            for i, m in enumerate(midpoints)
        ]
        for name in POSITIONS
    }


def _number(found: dict[str, np.ndarray], name: str, what: str, i: int) -> float | None:
    """None where a position has no entry, or no single return."""
    if name in ENTRYLESS or (what == "irr" and found[f"{name}.status"][i] != 0):
        return None
    return float(found[f"{name}.{what}"][i])


def exposures(
    payoffs: Payoffs, steps: Mapping[str, float]
) -> dict[str, dict[str, Exposure]]:
    """Change of every position's value per unit of every driver, with its status."""
    sides = (1.0, -1.0, 0.5, -0.5)
    rows = [np.zeros(len(payoffs.keys))]
    rows += [
        payoffs.row(key, side * size) for key, size in steps.items() for side in sides
    ]
    found = payoffs.run(np.stack(rows))
    result: dict[str, dict[str, Exposure]] = {}
    for name in POSITIONS:
        value = found[f"{name}.value"]
        # Of a payoff that does not move at all there is nothing but rounding.
        noise = 1e-9 * max(1.0, float(np.abs(value).max()))
        result[name] = {}
        for j, (key, size) in enumerate(steps.items()):
            four = value[1 + 4 * j : 5 + 4 * j]
            slopes = [
                (v - value[0]) / (side * size)
                for v, side in zip(four, sides, strict=True)
            ]
            result[name][key] = _judged(np.array(slopes), noise / size)
    return result


def _judged(slopes: Float[np.ndarray, " side"], noise: float) -> Exposure:
    """Smooth where both sides and both steps agree."""
    up, down, near_up, near_down = slopes
    scale = np.abs(slopes).max()
    allowed = AGREEMENT * scale + 4.0 * noise

    def agree(a: float, b: float) -> bool:
        return bool(abs(a - b) <= allowed)

    if agree(up, near_up) and agree(down, near_down):
        if agree(near_up, near_down):
            middle = float((near_up + near_down) / 2.0)
            return Exposure(middle, float(near_up), float(near_down), "ok")
        return Exposure(None, float(near_up), float(near_down), "at_kink")
    return Exposure(None, float(near_up), float(near_down), "at_jump")
