"""What the figures switch off is not in the kernel, and the numbers stay the same."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from native import compile_kernel
from native.known import simplify
from native.program import Loop, flatten
from tests.helpers import tree_allclose


def drawn(*shape, n=21, seed=0):
    return np.random.default_rng(seed).uniform(-2.0, 2.0, (n, *shape))


def compared(function, shared, own, folder):
    """The kernel against `vmap`; returns it."""
    row = jax.tree.map(lambda x: jnp.asarray(x[0]), own)
    shared = tuple(jnp.asarray(x) for x in shared)
    kernel = compile_kernel(function, shared, row, folder, np.float64)
    axes = (None,) * len(shared) + (0,)
    expected = jax.vmap(function, in_axes=axes)(*shared, jnp.asarray(own))
    tree_allclose(kernel(own), expected, rtol=1e-13, atol=1e-13)
    return kernel


def equations(function, shared, row):
    """How many equations scenarios have before and after, loops' bodies included."""

    def count(found):
        inside = [count(e.body) for e in found if isinstance(e, Loop)]
        return len(found) + sum(inside)

    shared, row = tuple(jnp.asarray(x) for x in shared), jnp.asarray(row)
    program, _ = flatten(function, shared, (row,))
    before = count(program.own)
    return before, count(simplify(program, shared).own)


def covenant(threshold, x):
    """A test that no threshold switches off, and what depends on it."""
    cover = jnp.exp(x) / (1.0 + x * x)
    passed = jnp.where(threshold > 0.0, jnp.clip(cover - threshold, 0.0, 1.0), 1.0)
    return jnp.sum(passed * 0.7 * x)


@pytest.mark.parametrize("threshold", [0.0, 0.4])
def test_a_threshold_of_zero_costs_nothing(threshold, tmp_path):
    figures = np.full(3, threshold)
    compared(covenant, (figures,), drawn(3), tmp_path)
    before, after = equations(covenant, (figures,), np.ones(3))
    assert (after < before - 4) == (threshold == 0.0)


def test_one_threshold_of_many_keeps_the_test(tmp_path):
    figures = np.asarray([0.0, 0.4, 0.0])
    compared(covenant, (figures,), drawn(3), tmp_path)
    before, after = equations(covenant, (figures,), np.ones(3))
    assert after == before


def stocks(speed, x):
    """Two stocks, of which one never fills when its speed is zero; one report each."""

    def turn(stock, flow):
        kept, idle = stock
        idle = idle + speed * jnp.abs(flow) * (1.0 + idle)
        kept = 0.5 * kept + flow + idle
        return (kept, idle), (kept, idle, idle > 1.0)

    start = (jnp.sum(x), jnp.zeros_like(x[0]))
    return lax.scan(turn, start, x)


@pytest.mark.parametrize("speed", [0.0, 0.3, 1.0])
def test_a_stock_that_stays_empty_is_not_carried(speed, tmp_path):
    compared(stocks, (speed,), drawn(6), tmp_path)
    program, _ = flatten(stocks, (jnp.asarray(speed),), (jnp.ones(6),))
    (loop,) = [e for e in simplify(program, (speed,)).own if isinstance(e, Loop)]
    assert len(loop.carried) == (1 if speed == 0.0 else 2)


def test_a_stock_that_starts_empty_and_fills_is_carried(tmp_path):
    def filling(figure, x):
        def turn(stock, flow):
            return stock * figure + flow, stock

        return lax.scan(turn, jnp.zeros_like(x[0]), x)

    for figure in (0.0, 1.0):
        compared(filling, (figure,), drawn(6), tmp_path)


def test_flags_and_choices_that_figures_decide(tmp_path):
    def chosen(on, share, x):
        is_on = on > 0.0
        either = jnp.logical_or(is_on, x > 0.0)
        both = jnp.logical_and(is_on, x > 0.0)
        picked = jnp.where(is_on, x * share, x - on)
        return picked, either, both, jnp.minimum(x / share, 1.0), jnp.sum(on * x)

    for on in (0.0, 1.0):
        for share in (1.0, 0.5):
            figures = (np.full(4, on), np.full(4, share))
            compared(chosen, figures, drawn(4), tmp_path)


def test_other_figures_use_the_same_kernel_unless_zeros_or_ones_differ(tmp_path):
    def scaled(figure, x):
        return jnp.sum(figure * x)

    for figures in ([0.2, 3.0], [7.0, 0.5], [0.0, 5.0]):
        compared(scaled, (np.asarray(figures),), drawn(2), tmp_path)
    assert len([*tmp_path.glob("kernel-*.so")]) == 1
    compared(scaled, (np.ones(2),), drawn(2), tmp_path)
    assert len([*tmp_path.glob("kernel-*.so")]) == 2


def test_reductions_are_taken_where_their_terms_are_made(tmp_path):
    def reduced(weights, x):
        product = weights * x
        is_high = product > 1.0
        return {
            "sum": jnp.sum(product, axis=0),
            "sum_of_other": jnp.sum(x * x, axis=0),
            "across": jnp.sum(product, axis=1),
            "highest": jnp.max(product, axis=0),
            "lowest": jnp.min(product - x, axis=0),
            "any": jnp.any(is_high, axis=0),
            "all": jnp.all(is_high, axis=0),
            "count": jnp.sum(jnp.where(is_high, 1.0, 0.0)),
            "as_number": is_high.astype(x.dtype),
            "product": product,
        }

    weights = np.linspace(0.3, 2.1, 120).reshape(40, 3)
    compared(reduced, (weights,), drawn(40, 3), tmp_path)


def test_division_by_a_power_of_two_is_exact(tmp_path):
    def divided(x):
        return x / 0.25, x / 4.0, x / 3.0

    own = drawn(5)
    kernel = compile_kernel(divided, (), jnp.asarray(own[0]), tmp_path, np.float64)
    for found, by in zip(kernel(own), (0.25, 4.0, 3.0), strict=True):
        np.testing.assert_array_equal(found, own / by)
