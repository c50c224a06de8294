r"""Scenarios: a value for every contested figure, and the shocks of every quarter.

Scenario $i$ of a seed is a point $u_i$ of the unit cube. Its first coordinates give the
static draws through the inverse distribution functions of the ranges, the others the
quarterly shocks: $z = \Phi^{-1}(u)$, then a Brownian bridge per factor, so that the
leading coordinates of the sequence carry the level of a path and the later, less
uniform ones its detail. The bridge is an orthogonal map: the shocks stay independent
standard normals.

A point depends on the seed and on its index only. Everything after the bits is done
number by number on the host in float64 (a matrix product rounds differently from one
batch size to another), so however a sweep is cut, scenario $i$ is the same bits.

**References:** Joe & Kuo (2008), "Constructing Sobol sequences with better
two-dimensional projections", SISC 30(5); Matoušek (1998), "On the L2-discrepancy for
anchored boxes", J. Complexity 14 (linear scramble and digital shift of Owen's type);
Caflisch, Morokoff & Owen (1997), "Valuation of mortgage-backed securities using
Brownian bridges", J. Comp. Finance 1(1).
"""

import copy
import functools
import statistics
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from engine.grid import TimeGrid

N_FACTORS = 3
"""Shocks of a quarter: short rate, log credit spread, log GPU price."""

SAMPLERS: tuple[str, ...] = ("sobol", "random")
"""Kinds of sampler: a scrambled Sobol sequence, or independent points."""

# Points are the middles of 2⁻³² cells: never 0 or 1, exact in float64, and more of
# them than any sweep asks for.
_BITS = 32
# Low and high of an unbounded range are its 5 % and 95 % quantiles.
_Z95 = statistics.NormalDist().inv_cdf(0.95)


class Scenario(eqx.Module):
    """What differs between scenarios: static draws by figure, and shocks."""

    draws: dict[str, Array]
    shocks: Float[Array, "*batch quarter shock"]


@runtime_checkable
class RangeLike(Protocol):
    """A range: `engine.economy.Range`, which this layer may not import."""

    @property
    def name(self) -> str:
        """Figure that is drawn."""
        ...

    @property
    def kind(self) -> str:
        """Distribution: a key of `QUANTILES`."""
        ...

    @property
    def low(self) -> float:
        """Lower end."""
        ...

    @property
    def high(self) -> float:
        """Upper end."""
        ...

    @property
    def mode(self) -> float | None:
        """Most likely value, where the distribution has one."""
        ...


def reference_scenario(economy: Any, grid: TimeGrid) -> Scenario:
    """The scenario without surprises: the economy's own figures and no shocks.

    It carries a copy of every figure that has a range; whoever changes such a figure
    afterwards builds the scenario anew.
    """
    ranges = economy.blueprint.ranges
    shocks = jnp.zeros((grid.n_model, N_FACTORS), _dtype(economy))
    return Scenario({r.name: jnp.asarray(economy[r.name]) for r in ranges}, shocks)


def scenarios(
    economy: Any,
    grid: TimeGrid,
    n: int,
    seed: int = 0,
    sampler: str = "sobol",
    start: int = 0,
) -> Scenario:
    """Scenarios `start` to `start + n - 1` of a seed, in the economy's precision.

    **Arguments:** `n` at least 1; `seed` and `start` not negative; `sampler` one of
    `SAMPLERS`.

    **Returns:** `Scenario` with a leading axis `n` on every leaf.

    **Raises:** `ValueError` for a value outside these, and for a range whose kind or
    ends make no sense.
    """
    for name, value, least in (("n", n, 1), ("seed", seed, 0), ("start", start, 0)):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    if sampler not in SAMPLERS:
        raise ValueError(f"sampler must be one of {SAMPLERS}, got {sampler!r}")
    ranges: Sequence[RangeLike] = economy.blueprint.ranges
    n_shocks = grid.n_model * N_FACTORS
    points = _sobol if sampler == "sobol" else _random
    cube = points(len(ranges) + n_shocks, n, seed, start)
    dtype = _dtype(economy)
    draws = {
        r.name: jnp.asarray(quantile(r, cube[:, i]), dtype)
        for i, r in enumerate(ranges)
    }
    normals = _standard_normal(cube[:, len(ranges) :])
    shocks = bridge(normals.reshape(n, grid.n_model, N_FACTORS))
    return Scenario(draws, jnp.asarray(shocks, dtype))


def quantile(figure_range: RangeLike, u: np.ndarray) -> np.ndarray:
    """Inverse distribution function of a range at `u` in (0, 1), in engine units."""
    kind, low, high = figure_range.kind, figure_range.low, figure_range.high
    if kind not in QUANTILES:
        expected = ", ".join(QUANTILES)
        raise ValueError(f"{figure_range.name}: kind must be {expected}, got {kind!r}")
    mode = (low + high) / 2 if figure_range.mode is None else figure_range.mode
    if not (low <= mode <= high) or (kind == "lognormal" and low <= 0):
        raise ValueError(f"{figure_range.name}: no {kind} on [{low}, {high}], {mode}")
    if low == high:
        return np.full_like(u, low)
    return QUANTILES[kind](u, low, high, mode)


def bridge(normals: np.ndarray) -> np.ndarray:
    """Increments [.., quarter, factor] of unit-step Brownian bridges, coarsest first.

    `normals[.., k, factor]` are independent; so are the increments.
    """
    n_steps = normals.shape[-2]
    # Axis of time first: every assignment below is one contiguous block.
    z = np.moveaxis(normals, -2, 0).copy()
    level = np.zeros((n_steps + 1, *z.shape[1:]))
    level[n_steps] = np.sqrt(n_steps) * z[0]
    for k, (left, middle, right) in enumerate(_bisections(n_steps), start=1):
        before, after, width = middle - left, right - middle, right - left
        level[middle] = (after / width) * level[left] + (before / width) * level[right]
        level[middle] += np.sqrt(before * after / width) * z[k]
    return np.moveaxis(np.diff(level, axis=0), 0, -2)


def _standard_normal(u: np.ndarray) -> np.ndarray:
    # Imported late: a tenth of a second that a single run does not need.
    from scipy import special

    return special.ndtri(u)


def _uniform(u: np.ndarray, low: float, high: float, mode: float) -> np.ndarray:
    del mode
    return low + u * (high - low)


def _triangular(u: np.ndarray, low: float, high: float, mode: float) -> np.ndarray:
    width = high - low
    rising = low + np.sqrt(u * width * (mode - low))
    falling = high - np.sqrt((1 - u) * width * (high - mode))
    return np.where(u * width < mode - low, rising, falling)


def _normal(u: np.ndarray, low: float, high: float, mode: float) -> np.ndarray:
    del mode
    return (low + high) / 2 + _standard_normal(u) * (high - low) / (2 * _Z95)


def _lognormal(u: np.ndarray, low: float, high: float, mode: float) -> np.ndarray:
    return np.exp(_normal(u, np.log(low), np.log(high), mode))


def _beta(u: np.ndarray, low: float, high: float, mode: float) -> np.ndarray:
    from scipy import special

    # PERT: a beta on [low, high] whose mean is (low + 4 mode + high)/6.
    rise = (mode - low) / (high - low)
    return low + (high - low) * special.betaincinv(1 + 4 * rise, 5 - 4 * rise, u)


Quantile = Callable[[np.ndarray, float, float, float], np.ndarray]

QUANTILES: dict[str, Quantile] = {
    "uniform": _uniform,
    "triangular": _triangular,
    "lognormal": _lognormal,
    "beta": _beta,
    "normal": _normal,
}
"""Inverse distribution functions by kind. Low and high are the ends, or the 5 % and
95 % quantiles of `normal` and `lognormal`; `beta` is the PERT distribution."""


def _sobol(n_dimensions: int, n: int, seed: int, start: int) -> np.ndarray:
    stream = copy.deepcopy(_scrambled(n_dimensions, seed))
    # The first point apart: asked for with others it warns unless n is a power of 2.
    if start > 0:
        stream.fast_forward(start)
        cube = stream.random(n)
    else:
        first = stream.random(1)
        cube = np.concatenate([first, stream.random(n - 1)]) if n > 1 else first
    return cube + 0.5**_BITS / 2


@functools.lru_cache(maxsize=4)
def _scrambled(n_dimensions: int, seed: int) -> Any:
    """The sequence at its start; callers move a copy."""
    # Imported late: half a second that a single run does not need.
    from scipy.stats import qmc

    return qmc.Sobol(n_dimensions, bits=_BITS, rng=np.random.default_rng(seed))


def _random(n_dimensions: int, n: int, seed: int, start: int) -> np.ndarray:
    root = jax.random.key(seed)
    indices = jnp.arange(start, start + n, dtype=jnp.uint32)
    keys = jax.vmap(lambda index: jax.random.fold_in(root, index))(indices)
    bits = jax.vmap(lambda key: jax.random.bits(key, (n_dimensions,), jnp.uint32))
    return (np.asarray(bits(keys), np.float64) + 0.5) / 2.0**32


@functools.lru_cache(maxsize=4)
def _bisections(n_steps: int) -> tuple[tuple[int, int, int], ...]:
    """(left, middle, right) of every bridge point, widest intervals first."""
    found: list[tuple[int, int, int]] = []
    intervals = [(0, n_steps)]
    while intervals:
        wide = [(left, right) for left, right in intervals if right - left > 1]
        halves = [(left, (left + right) // 2, right) for left, right in wide]
        found += halves
        intervals = [
            pair for left, mid, right in halves for pair in ((left, mid), (mid, right))
        ]
    return tuple(found)


def _dtype(economy: Any) -> Any:
    """The floating dtype of the economy's figures."""
    return jnp.result_type(*jax.tree.leaves(economy.figures))
