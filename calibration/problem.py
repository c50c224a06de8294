r"""A break-even problem: limit states $g_c(x, \theta)$ of one unknown and many figures.

$g > 0$ holds, $g \le 0$ fails. Every search, re-solve and slope goes through one
compiled forward function over rows $(x_n, \Delta_n)$, padded to a fixed chunk, and one
compiled reverse pass; both take the figures as an argument, so another economy of the
same structure compiles nothing.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from engine._types import Scalar, Status

Figures = dict[str, Array]


class Outcome(eqx.Module):
    """What one evaluation reports, by name.

    `values`: limit state of each criterion; `binding`: index of the quarter in which it
    binds; `first`: date of first failure (9999 if none); `events`: dates of the events
    that may pin a criterion. All but `values` may be empty.
    """

    values: dict[str, Scalar]
    binding: dict[str, Status] = eqx.field(default_factory=dict)
    first: dict[str, Scalar] = eqx.field(default_factory=dict)
    events: dict[str, Scalar] = eqx.field(default_factory=dict)


System = Callable[[Scalar, Figures], Outcome]


class Measured(NamedTuple):
    """Limit states, binding quarters and event dates of a batch of rows."""

    value: Float[np.ndarray, "row criterion"]
    binding: Int[np.ndarray, "row criterion"]
    dates: Float[np.ndarray, "row event"]


class Slopes(NamedTuple):
    """Derivatives of one limit state per row to the unknown and to every figure."""

    unknown: Float[np.ndarray, " row"]
    figures: dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Problem:
    """The figures at which a system is searched, and its two compiled functions.

    `keys` are the scalar figures a row may displace, `dates` the names of the events
    (dates of first failure under the criterion's own name). Built by `problem`.
    """

    figures: Figures
    keys: tuple[str, ...]
    criteria: tuple[str, ...]
    dates: tuple[str, ...]
    chunk: int
    dtype: Any
    _forward: Callable[..., Any] = dataclasses.field(repr=False)
    _reverse: Callable[..., Any] = dataclasses.field(repr=False)

    def at(self, figures: Figures) -> "Problem":
        """The same functions around other figures of the same names and shapes."""
        return dataclasses.replace(self, figures=_strong(figures))

    def none(self, n: int = 1) -> Float[np.ndarray, "row key"]:
        """`n` rows that displace nothing."""
        return np.zeros((n, len(self.keys)))

    def shifted(self, **by_key: float) -> Float[np.ndarray, " key"]:
        """A displacement of some keys (pass names with dots by `**{...}`)."""
        row = np.zeros(len(self.keys))
        for key, step in by_key.items():
            row[self.keys.index(key)] = step
        return row

    def measure(
        self,
        unknown: Float[np.ndarray, " row"],
        shifts: Float[np.ndarray, "row key"],
    ) -> Measured:
        """Every criterion at `unknown[n]`, with the keys displaced by `shifts[n]`."""
        n = unknown.shape[0]
        if n == 0:
            empty = np.zeros((0, len(self.criteria)))
            dates = np.zeros((0, len(self.dates)))
            return Measured(empty, empty.astype(np.int32), dates)
        parts = []
        for rows in _padded(n, self.chunk):
            x = jnp.asarray(unknown[rows], self.dtype)
            by = jnp.asarray(shifts[rows], self.dtype)
            parts.append(self._forward(x, by, self.figures))
        joined = [
            np.concatenate([np.asarray(y) for y in z])[:n]
            for z in zip(*parts, strict=True)
        ]
        value, binding, dates = joined
        return Measured(value.astype(np.float64), binding, dates.astype(np.float64))

    def gradient(
        self,
        unknown: Float[np.ndarray, " row"],
        shifts: Float[np.ndarray, "row key"],
        criterion: Int[np.ndarray, " row"],
    ) -> Slopes:
        """One reverse pass per row (at least one): limit state `criterion[n]`."""
        weights = jnp.asarray(np.eye(len(self.criteria))[criterion], self.dtype)
        x = jnp.asarray(unknown, self.dtype)
        by = jnp.asarray(shifts, self.dtype)
        rows = range(unknown.shape[0])
        parts = [self._reverse(x[i], by[i], self.figures, weights[i]) for i in rows]
        by_unknown, by_figure = jax.tree.map(
            lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *parts
        )
        return Slopes(by_unknown, by_figure)


def problem(
    system: System,
    figures: Figures,
    keys: tuple[str, ...] = (),
    *,
    chunk: int = 64,
) -> Problem:
    """Compiles nothing yet: `system(x, figures)` as a searchable `Problem`.

    **Arguments:** `system`, pure JAX for one row; `figures`, the base figures (float64:
    a date near 2030 is known to 2e-4 in float32); `keys`, scalar figures that searches
    and re-solves may displace; `chunk`, rows per call of the forward function.

    **Raises:** `ValueError` for an unknown or non-scalar key, or another dtype.
    """
    floating = {
        k: v for k, v in figures.items() if jnp.issubdtype(v.dtype, jnp.inexact)
    }
    for key in keys:
        if key not in floating:
            raise ValueError(f"keys: no figure is called {key!r}")
        if floating[key].ndim:
            raise ValueError(f"keys: {key!r} is not a scalar figure")
    dtype = jnp.result_type(*floating.values()) if floating else jnp.result_type(float)
    if dtype != jnp.float64:
        raise ValueError(f"figures: calibration needs float64, not {dtype}")

    def displaced(by: Array, base: Figures) -> Figures:
        return base | {k: base[k] + by[i] for i, k in enumerate(keys)}

    def outcome(x: Array, by: Array, base: Figures) -> Outcome:
        return system(x, displaced(by, base))

    criteria, first, events = _names(outcome, dtype, len(keys), figures)

    def forward(x: Array, by: Array, base: Figures) -> tuple[Array, Array, Array]:
        result = outcome(x, by, base)
        unbound = jnp.asarray(-1, jnp.int32)
        binding = [jnp.asarray(result.binding.get(k, unbound)) for k in criteria]
        dates = [result.first[k] for k in first] + [result.events[k] for k in events]
        return (
            jnp.stack([result.values[k] for k in criteria]),
            jnp.stack([b.astype(jnp.int32) for b in binding]),
            jnp.stack(dates) if dates else jnp.zeros((0,), dtype),
        )

    def weighted(x: Array, floats: Figures, base: Figures, weights: Array) -> Array:
        values = system(x, base | floats).values
        return jnp.sum(weights * jnp.stack([values[k] for k in criteria]))

    def reverse(x: Array, by: Array, base: Figures, weights: Array) -> Any:
        moved = displaced(by, base)
        floats = {k: moved[k] for k in floating}
        return jax.grad(weighted, argnums=(0, 1))(x, floats, moved, weights)

    return Problem(
        figures=_strong(figures),
        keys=keys,
        criteria=criteria,
        dates=first + events,
        chunk=chunk,
        dtype=dtype,
        _forward=jax.jit(jax.vmap(forward, in_axes=(0, 0, None))),
        # Row by row: a batched backward pass takes twice as long to compile.
        _reverse=jax.jit(reverse),
    )


def _strong(figures: Figures) -> Figures:
    """Figures of stated dtype: a weak one (`jnp.asarray(0.05)`) compiles again."""
    return {k: jnp.asarray(v, v.dtype) for k, v in figures.items()}


def _names(
    outcome: Callable[..., Outcome], dtype: Any, n_keys: int, figures: Figures
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Names of criteria, first failures and events, in the order they were written."""
    seen: list[Outcome] = []

    def watch(x: Array, by: Array, base: Figures) -> tuple[()]:
        seen.append(outcome(x, by, base))
        return ()

    shapes = (jax.ShapeDtypeStruct(s, dtype) for s in ((), (n_keys,)))
    jax.eval_shape(watch, *shapes, figures)
    # A tree that jax returns has its keys sorted; this one was never flattened.
    found = seen[0]
    first = tuple(k for k in found.first if k not in found.events)
    return tuple(found.values), first, tuple(found.events)


def _padded(n: int, chunk: int) -> list[Int[np.ndarray, " row"]]:
    """Row numbers in chunks of one size; the last repeats its last row."""
    starts = range(0, n, chunk)
    return [np.minimum(np.arange(s, s + chunk), n - 1) for s in starts]
