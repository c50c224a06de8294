import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.numerics import (
    annuity_factor,
    c2_ramp,
    floats,
    implicit_root,
    normal_cdf,
    safe_divide,
    safe_log,
)

RATES = [-0.02, -1e-9, 0.0, 1e-14, 1e-6, 0.0099, 0.0101, 0.3]
annuity = jax.jit(annuity_factor)
annuity_slopes = jax.jit(jax.grad(annuity_factor, (0, 1)))


def test_division_by_zero_gives_fallback_and_zero_gradient():
    value, gradient = jax.value_and_grad(safe_divide, (0, 1))(2.0, 0.0, 7.0)
    assert value == 7.0
    assert gradient == (0.0, 0.0)
    assert safe_divide(3.0, 2.0) == 1.5


@pytest.mark.parametrize("x", [0.0, -1.0])
def test_log_outside_its_domain_gives_fallback_and_zero_gradient(x):
    value, slope = jax.value_and_grad(safe_log)(x, -5.0)
    assert (value, slope) == (-5.0, 0.0)
    assert safe_log(np.e) == pytest.approx(1.0, rel=1e-15)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("n", [0.0, 0.3, 1.0, 80.0])
def test_annuity_factor_and_slopes_agree_with_finite_sums(rate, n):
    if n == int(n):
        k = np.arange(1, int(n) + 1)
        np.testing.assert_allclose(
            annuity(rate, n), np.sum((1 + rate) ** -k), rtol=1e-13
        )
        np.testing.assert_allclose(
            annuity_slopes(rate, n)[0], -np.sum(k * (1 + rate) ** (-k - 1)), rtol=1e-11
        )
    step = 1e-5
    difference = (annuity(rate, n + step) - annuity(rate, n - step)) / (2 * step)
    np.testing.assert_allclose(
        annuity_slopes(rate, n)[1], difference, rtol=1e-8, atol=1e-9
    )


def test_annuity_factor_has_exact_limit_and_slope_at_rate_zero():
    assert annuity(0.0, 12.5) == 12.5
    assert annuity_slopes(0.0, 12.0)[0] == pytest.approx(-12 * 13 / 2, rel=1e-14)


def test_ramp_is_flat_outside_and_half_in_the_middle():
    x = jnp.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    np.testing.assert_array_equal(c2_ramp(x), [0, 0, 0.5, 1, 1])
    for order in (jax.grad(c2_ramp), jax.grad(jax.grad(c2_ramp))):
        np.testing.assert_allclose(jax.vmap(order)(x)[jnp.array([0, 1, 3, 4])], 0)


def test_normal_cdf_known_values():
    np.testing.assert_allclose(
        normal_cdf(jnp.array([0.0, 1.96])), [0.5, 0.9750021048517795], rtol=1e-14
    )


@given(st.floats(0.1, 10.0))
def test_implicit_root_has_first_and_second_derivative(theta):
    def root(a):
        known = jax.lax.stop_gradient(jnp.sqrt(a))
        return implicit_root(lambda x, b: x * x - b, known, a)

    np.testing.assert_allclose(jax.grad(root)(theta), 0.5 * theta**-0.5, rtol=1e-12)
    second = jax.grad(jax.grad(root))(theta)
    np.testing.assert_allclose(second, -0.25 * theta**-1.5, rtol=1e-12)


def test_floats_take_the_widest_strong_type_and_turn_counts_into_numbers():
    single = jnp.ones(2, jnp.float32)
    assert [x.dtype for x in floats(single, 1, 2.0)] == [jnp.float32] * 3
    assert [x.dtype for x in floats(single, jnp.float64(1))] == [jnp.float64] * 2
    assert floats([1, 2])[0].dtype == jnp.float64
