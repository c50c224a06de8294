"""The C kernel computes what JAX computes, primitive by primitive."""

import functools
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from native import NoCompiler, Unsupported, compile_kernel
from tests.helpers import tree_allclose

N = 37
"""Not a multiple of the lanes: the last block is partial."""


@functools.cache
def folder() -> pathlib.Path:
    import tempfile

    return pathlib.Path(tempfile.mkdtemp())


def compared(function, *own, shared=(), dtype=np.float64, rtol=1e-12, atol=1e-12):
    """The kernel of one scenario's function against `vmap` of it."""

    def one(*arguments):
        return function(*arguments[:-1], *arguments[-1])

    own = tuple(jnp.asarray(x, dtype) for x in own)
    shared = tuple(jnp.asarray(x, dtype) for x in shared)
    row = tuple(x[0] for x in own)
    kernel = compile_kernel(one, shared, row, folder(), dtype)
    axes = (None,) * len(shared) + (0,) * len(own)
    expected = jax.vmap(function, in_axes=axes)(*shared, *own)
    for threads in (1, 2):
        tree_allclose(kernel(own, threads), expected, rtol=rtol, atol=atol)


def drawn(*shape, low=-3.0, high=3.0, seed=0):
    return np.random.default_rng(seed).uniform(low, high, (N, *shape))


def elementary(x, y):
    z = jnp.abs(x) + 0.01
    return {
        "exp": jnp.exp(x),
        "exp2": jnp.exp2(x),
        "expm1": jnp.expm1(x * 0.1),
        "log": jnp.log(z),
        "log1p": jnp.log1p(z - 0.5),
        "pow": z**y,
        "negative_base": (-z) ** jnp.round(3 * y),
        "sqrt": jnp.sqrt(z),
        "erf": lax.erf(x),
        "erfc": lax.erfc(x),
        "tanh": jnp.tanh(x),
        "logistic": jax.nn.sigmoid(x),
        "sign": jnp.sign(x),
        "floor": jnp.floor(x),
        "ceil": jnp.ceil(x),
        "square": x**2,
        "cube": x**3,
        "inverse": x**-2,
        "extremes": jnp.maximum(x, y) - jnp.minimum(x, 0.3),
        "clamp": jnp.clip(x, -1.0, y + 3.0),
        "choice": jnp.where((x > y) & ~(y > 1.0) | (x == 0.0), x, y / z),
        "finite": jnp.isfinite(x / (x - x)),
        "whole": (x * 10.0).astype(int) // 3 + (x > 0).astype(int),
    }


def test_arithmetic():
    x, y = drawn(5), drawn(5, seed=1)
    x[0, 0] = 0.0
    # Rounding falls the same way: a half is not among the draws.
    compared(elementary, x, y, rtol=1e-11)


def test_arithmetic_in_single_precision():
    x, y = drawn(5), drawn(5, seed=1)
    compared(elementary, x, y, dtype=np.float32, rtol=3e-6, atol=1e-6)


def test_ends_of_the_range_in_single_precision():
    x = np.array([-1e30, -100.0, -88.0, -1e-30, 0.0, 1e-42, 1e-30, 88.0, 88.6, 100.0])
    x = np.concatenate([x, [np.inf, -np.inf, np.nan]])[:, None]

    def ends(x):
        return jnp.exp(x), jnp.expm1(x), jnp.log(x), lax.erf(x), lax.erfc(x)

    own = jnp.asarray(x, jnp.float32)
    kernel = compile_kernel(lambda own: ends(own), (), own[0], folder(), np.float32)
    for found, wanted in zip(kernel(own), jax.vmap(ends)(own), strict=True):
        # XLA takes subnormal numbers for zero, the kernel does not.
        plain = np.abs(x) != 1e-42
        np.testing.assert_allclose(
            found[plain], np.asarray(wanted)[plain], rtol=1e-5, atol=1e-37
        )


def test_nan_is_not_lost():
    x = drawn(3)
    x[1, :] = np.nan
    y = drawn(3, seed=1)
    y[2, 0] = np.nan

    def extremes(x, y):
        return jnp.maximum(x, y), jnp.minimum(y, x), jnp.max(x), jnp.maximum(x, 0.0)

    own = (jnp.asarray(x), jnp.asarray(y))
    row = tuple(v[0] for v in own)
    kernel = compile_kernel(lambda o: extremes(*o), (), row, folder(), np.float64)
    for found, wanted in zip(kernel(own), jax.vmap(extremes)(*own), strict=True):
        np.testing.assert_array_equal(found, wanted)


def shapes(table, x, y):
    """Views, reductions and everything that moves elements."""
    m = jnp.stack([x, y, x + y], axis=1)
    picked = jnp.argmin(x)
    return {
        "sum": jnp.sum(m, axis=0),
        "largest": jnp.max(m, axis=1),
        "total": jnp.sum(m),
        "turned": m.T[:, ::-1][1:, 2:7:2],
        "joined": jnp.concatenate([x[3:], y[:3]]),
        "running": jnp.cumsum(m, axis=0),
        "highest_yet": lax.cummax(x, axis=0),
        "backwards": lax.cumsum(x, axis=0, reverse=True),
        "any": jnp.any(x > 2.9),
        "all": jnp.all(m > -3.0, axis=0),
        "where": picked,
        "there": m[picked],
        "taken": x[jnp.clip((y * 3).astype(int), 0, 3)],
        "outside": x.at[jnp.array([0, 50])].get(mode="fill", fill_value=7.0),
        "between": jnp.interp(y, table, table**2),
        "alone": x[:1] + m[:1, 1],
        "spread": x[:, None] * y[None, :],
        "constant": jnp.zeros(3),
        "shared": jnp.sum(table) * jnp.ones(2),
        "given": table,
    }


def test_shapes():
    table = np.linspace(-3.0, 3.0, 20)
    compared(shapes, drawn(24), drawn(24, seed=1), shared=(table,), rtol=1e-11)


def loops(rates, x, y):
    """A state whose parts change places, reports that show it, a loop in a loop."""

    def turn(state, given):
        a, b, register, n = state
        rate, series, zero = given

        def inner(total, k):
            return total + b * rate / k, total

        total, steps = lax.scan(inner, a, jnp.arange(1.0, 4.0, dtype=a.dtype))
        register = jnp.concatenate([total[None], register[:-1]])
        low = jnp.minimum(total * 0.1, series) + zero
        return (b, low, register, n + 1), (a, steps, register[1], rate * 2.0)

    n = rates.shape[0]
    start = (x[0], x[1], jnp.zeros(4, x.dtype), jnp.asarray(0))
    series = (rates, y[:n], jnp.zeros(n, x.dtype))
    forward = lax.scan(turn, start, series)
    return forward, lax.scan(turn, start, series, reverse=True)


def test_loops():
    rates = np.linspace(0.1, 0.9, 6)
    compared(loops, drawn(2), drawn(8, seed=1), shared=(rates,), rtol=1e-11)


def test_arrays_that_a_call_brings_along():
    weights = np.linspace(0.5, 2.0, 3)

    @jax.jit
    def weighed(x):
        return jnp.sum(jnp.asarray(weights, x.dtype) * x)

    compared(lambda x: (weighed(x), weighed(2.0 * x)), drawn(3))


def test_what_is_unknown_is_said():
    def unknown(x):
        return lax.while_loop(lambda y: y < 10.0, lambda y: y * 2.0, x + 1.0)

    with pytest.raises(Unsupported, match="while"):
        compile_kernel(unknown, (), jnp.asarray(1.0), folder(), np.float64)


def test_a_compiler_that_fails_is_said(monkeypatch):
    monkeypatch.setenv("CC", "false")
    with pytest.raises(NoCompiler, match="false failed"):
        compile_kernel(lambda x: x * 3.5, (), jnp.asarray(1.0), folder(), np.float64)


def test_a_compiler_that_never_ends_is_given_up(tmp_path, monkeypatch):
    sleeper = tmp_path / "sleeper"
    sleeper.write_text('#!/bin/sh\ntest "$1" = --version || { sleep 60 & wait; }\n')
    sleeper.chmod(0o755)
    monkeypatch.setenv("CC", str(sleeper))
    monkeypatch.setattr("native.build.PATIENCE", 0.2)
    with pytest.raises(NoCompiler, match=r"gave up after 0\.2 s"):
        compile_kernel(lambda x: x * 2.5, (), jnp.asarray(1.0), tmp_path, np.float64)


def test_without_a_compiler_it_is_said(monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(NoCompiler, match="no C compiler"):
        compile_kernel(lambda x: x + 1.5, (), jnp.asarray(1.0), folder(), np.float64)
