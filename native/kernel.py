"""A compiled kernel and how it is called: blocks of scenarios, one thread per core."""

import ctypes
import pathlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np

from native.build import build
from native.emit import size
from native.known import simplify
from native.program import Program, flatten
from native.source import Source, write

LANES = 16
"""Scenarios of a block: one vector of AVX-512 in float32."""


class Kernel:
    """`function(*shared, own)` for many `own` at once, compiled for these `shared`."""

    def __init__(
        self,
        program: Program,
        source: Source,
        library: ctypes.CDLL,
        shape: Any,
        dtype: np.dtype,
        shared: Sequence[Any],
    ) -> None:
        self.program, self.source, self.library = program, source, library
        self.shape, self.dtype = shape, dtype
        self.whole = np.dtype(f"int{8 * dtype.itemsize}")
        self._prepare(shared)

    def _prepare(self, shared: Sequence[Any]) -> None:
        """Computes what is alike for all scenarios."""
        rooms = [self._room("U", real) for real in (True, False)]
        values = [*jax.tree.leaves(tuple(shared))]
        pairs = [*zip(self.program.inputs, values, strict=False)]
        for v, value in [*pairs, *self.program.constants]:
            if v in self.source.places:
                start = self.source.places[v].base
                room = rooms[0 if v.kind == "real" else 1]
                room[start : start + size(v.shape)] = np.asarray(value).ravel()
        self.library.prepare(*_addresses(rooms), None, None, None, None)
        self.shared = rooms

    def __call__(self, own: Any, threads: int = 1) -> Any:
        """The function's results, each with the leading axis of `own`'s leaves."""
        leaves = jax.tree.leaves(own)
        n = len(leaves[0])
        inputs = self.program.inputs[-len(leaves) :]
        arrays = dict(zip(inputs, leaves, strict=True))
        ins = [
            np.ascontiguousarray(np.asarray(arrays[v]), self._dtype(v.kind))
            for v in self.source.loaded
        ]
        results = jax.tree.leaves(self.shape)
        outs = [np.empty((n, *like.shape), like.dtype) for like in results]
        given, taken = _pointers(ins), _pointers(outs)

        def work(starts: range) -> None:
            own_rooms = [self._room(s, r) for s in "AS" for r in (True, False)]
            rooms = _addresses([*self.shared, *own_rooms])
            for first in starts:
                some = min(LANES, n - first)
                self.library.block(ctypes.c_long(first), some, given, taken, *rooms)

        parts = [range(k * LANES, n, threads * LANES) for k in range(threads)]
        # The library's calls let go of Python's lock.
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, parts))
        return jax.tree.unflatten(jax.tree.structure(self.shape), outs)

    def _dtype(self, kind: str) -> np.dtype:
        return self.dtype if kind == "real" else self.whole

    def _room(self, space: str, real: bool) -> np.ndarray:
        """Working memory of a space, on a cache line's boundary."""
        dtype = self.dtype if real else self.whole
        lanes = LANES if space == "A" else 1
        count = self.source.rooms.get((space, real), 0) * lanes * dtype.itemsize
        raw = np.zeros(count + 64, np.uint8)
        start = -raw.ctypes.data % 64
        return raw[start : start + count].view(dtype)


def _addresses(arrays: Sequence[np.ndarray]) -> list[ctypes.c_void_p]:
    return [ctypes.c_void_p(x.ctypes.data) for x in arrays]


def _pointers(arrays: Sequence[np.ndarray]) -> Any:
    return (ctypes.c_void_p * len(arrays))(*[x.ctypes.data for x in arrays])


def compile_kernel(
    function: Callable[..., Any],
    shared: Sequence[Any],
    own: Any,
    folder: pathlib.Path,
    dtype: Any = np.float32,
    threads: int = 1,
) -> Kernel:
    """Compiles `function(*shared, own)` for many `own`.

    **Arguments:** `shared`, what all scenarios have; `own`, one scenario's argument (an
    example: its shapes count); `folder`, private, where compiled kernels are kept;
    `dtype` of the real numbers; `threads`, how many may compile.

    **Raises:** `Unsupported`, `NoCompiler`.
    """
    dtype = np.dtype(dtype)
    program, shape = flatten(function, shared, (own,))
    program = simplify(program, jax.tree.leaves(tuple(shared)))
    results = [np.dtype(leaf.dtype) for leaf in jax.tree.leaves(shape)]
    source = write(program, dtype, results, LANES, max(threads, 1))
    library = build(source.units, folder)
    return Kernel(program, source, library, shape, dtype, shared)
