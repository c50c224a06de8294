import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.contagion import reprice, similarity

N = 5
exposures = arrays(
    float, (N, 3), elements=st.sampled_from([0.0, 1.0]) | st.floats(0, 1)
)
failures = arrays(float, N, elements=st.floats(0, 1))
similarity_jit, reprice_jit = jax.jit(similarity), jax.jit(reprice)
# Two neoclouds with one tenant, one with another, an SPV of the first tenant.
TYPES = jnp.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
TENANTS = jnp.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])


def test_kernel_of_four_by_hand():
    kernel = similarity(TYPES, TENANTS, 0.6)
    np.testing.assert_allclose(kernel[0], [1.0, 1.0, 0.6, 0.4], rtol=0, atol=1e-15)
    np.testing.assert_allclose(kernel[2], [0.6, 0.6, 1.0, 0.0], rtol=0, atol=1e-15)


@given(exposures, exposures, st.floats(0, 1))
def test_kernel_is_symmetric_semidefinite_and_at_most_one(types, tenants, weight):
    kernel = np.asarray(similarity_jit(types, tenants, weight))
    np.testing.assert_allclose(kernel, kernel.T, atol=1e-14)
    np.testing.assert_array_equal(np.diag(kernel), 1.0)
    assert np.linalg.eigvalsh(kernel).min() > -1e-12
    assert np.all((kernel >= 0) & (kernel <= 1 + 1e-12))


@given(exposures, exposures, st.permutations(range(N)))
def test_order_of_entities_does_not_matter(types, tenants, order):
    order = np.array(order)
    kernel = np.asarray(similarity_jit(types, tenants, 0.5))
    moved = similarity_jit(types[order], tenants[order], 0.5)
    np.testing.assert_allclose(moved, kernel[np.ix_(order, order)], atol=1e-14)


@given(exposures, exposures, failures, failures)
def test_more_failures_never_lower_a_spread(types, tenants, failed, more):
    kernel = similarity_jit(types, tenants, 0.5)
    few, many = (
        reprice_jit(jnp.zeros(N), kernel, f, 0.03, 0.5, 0.25)
        for f in (failed, failed + more)
    )
    assert np.all(np.asarray(many) >= np.asarray(few))
    assert np.all(np.asarray(few) >= 0)


def test_what_resembles_more_is_repriced_more_and_a_stranger_not_at_all():
    kernel = similarity(TYPES, TENANTS)
    spread = reprice(jnp.zeros(4), kernel, [0.0, 0.0, 1.0, 0.0], 0.03, 0.5, 0.25)
    np.testing.assert_allclose(spread, [0.015, 0.015, 0.03, 0.0], atol=1e-15)


def test_fear_halves_in_its_half_life_however_time_is_cut():
    kernel = similarity(TYPES, TENANTS)
    decay, none = np.log(2) / 1.5, jnp.zeros(4)
    start = jnp.array([0.04, 0.02, 0.0, 0.01])
    for periods in (1, 6, 60):
        spread = start
        for _ in range(periods):
            spread = reprice_jit(spread, kernel, none, 0.03, decay, 1.5 / periods)
        np.testing.assert_allclose(spread, start / 2, rtol=1e-12)


def test_an_entity_split_in_two_halves_changes_nothing_for_the_rest():
    whole = reprice(
        jnp.zeros(4),
        similarity(TYPES, TENANTS),
        jnp.array([0.4, 0.1, 0.0, 0.2]),
        0.03,
        0.5,
        0.25,
    )
    rows = jnp.array([0, 0, 1, 2, 3])
    halves = reprice(
        jnp.zeros(5),
        similarity(TYPES[rows], TENANTS[rows]),
        jnp.array([0.2, 0.2, 0.1, 0.0, 0.2]),
        0.03,
        0.5,
        0.25,
    )
    np.testing.assert_allclose(halves, whole[rows], atol=1e-15)


def test_gradient_is_finite_without_tenants():
    def seen(tenants):
        return similarity(TYPES, tenants).sum()

    assert jnp.all(jnp.isfinite(jax.grad(seen)(jnp.zeros((4, 2)))))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: similarity(-TYPES, TENANTS), "types must be non-negative"),
        (lambda: similarity(TYPES, TENANTS[:2]), "tenants must have shape"),
        (lambda: similarity(TYPES, TENANTS, 2.0), r"type_weight must be in \[0, 1\]"),
        (
            lambda: reprice([0.0], [[1.0]], [-1.0], 0.1, 0.1, 0.25),
            "failed must be non-negative",
        ),
    ],
)
def test_nonsense_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
