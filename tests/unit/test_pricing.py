import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.credit import (
    COMPOUNDING,
    convexity,
    macaulay_duration,
    modified_duration,
    price,
    yield_to_maturity,
)
from tests.helpers import finite_difference_jvp

FLOWS = jnp.array([4.0, 4.0, 104.0])
TIMES = jnp.array([0.4, 1.4, 2.4])
to_yield = jax.jit(yield_to_maturity, static_argnums=3)


def test_par_bond_is_worth_par():
    times = jnp.arange(1, 9) / 2
    flows = jnp.full(8, 3.0).at[-1].add(100)
    np.testing.assert_allclose(price(flows, times, 0.06, "semiannual"), 100, rtol=1e-14)


@pytest.mark.parametrize("compounding", COMPOUNDING)
def test_duration_and_convexity_are_the_derivatives_of_the_price(compounding):
    def value(y):
        return price(FLOWS, TIMES, y, compounding)

    p, slope, curvature = (
        f(0.05) for f in (value, jax.grad(value), jax.grad(jax.grad(value)))
    )
    args = (FLOWS, TIMES, 0.05, compounding)
    np.testing.assert_allclose(modified_duration(*args), -slope / p, rtol=1e-13)
    np.testing.assert_allclose(convexity(*args), curvature / p, rtol=1e-13)


def test_a_zero_bond_lasts_until_it_is_paid():
    assert macaulay_duration([0.0, 5.0], [1.0, 7.5], 0.03, "annual") == 7.5


@pytest.mark.parametrize("compounding", COMPOUNDING)
@given(rate=st.floats(-0.3, 2.0))
def test_yield_inverts_price(compounding, rate):
    value = price(FLOWS, TIMES, rate, compounding)
    np.testing.assert_allclose(
        to_yield(FLOWS, TIMES, value, compounding), rate, atol=1e-12
    )


@pytest.mark.parametrize("value", [1e-4, 1.0, 1e4])
def test_yield_of_a_far_price(value):
    y = to_yield(FLOWS, TIMES, value, "continuous")
    np.testing.assert_allclose(price(FLOWS, TIMES, y, "continuous"), value, rtol=1e-10)


def test_yield_derivative_is_implicit_and_agrees_with_differences():
    def solve(flows, times, value):
        return yield_to_maturity(flows, times, value, "semiannual")

    point = (FLOWS, TIMES, jnp.array(101.0))
    along = (jnp.array([0.1, -0.2, 0.3]), jnp.array([0.1, 0.0, -0.1]), jnp.array(1.0))
    _, exact = jax.jvp(solve, point, along)
    _, difference = finite_difference_jvp(solve, point, along)
    np.testing.assert_allclose(exact, difference, rtol=1e-7)
    slope = jax.grad(solve, 2)(*point)
    duration = modified_duration(FLOWS, TIMES, solve(*point), "semiannual")
    np.testing.assert_allclose(slope, -1 / (duration * 101), rtol=1e-12)


def test_single_precision_and_batches():
    flows, times = FLOWS.astype(jnp.float32), TIMES.astype(jnp.float32)
    prices = jnp.array([90.0, 100.0, 110.0], jnp.float32)
    y = jax.vmap(lambda p: yield_to_maturity(flows, times, p, "quarterly"))(prices)
    assert y.dtype == jnp.float32
    assert y[0] > y[1] > y[2]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: price(FLOWS, TIMES, 0.1, "monthly"), "compounding must be one of"),
        (lambda: price(FLOWS, TIMES[:2], 0.1, "annual"), "times must have shape"),
        (lambda: price(FLOWS, -TIMES, 0.1, "annual"), "times must be non-negative"),
        (lambda: price(FLOWS, TIMES, -1.0, "annual"), "yield_ must be above -1"),
        (
            lambda: yield_to_maturity(FLOWS, TIMES, 0.0, "annual"),
            "price must be positive",
        ),
        (
            lambda: yield_to_maturity(-FLOWS, TIMES, 1.0, "annual"),
            "cash_flows must be non-negative",
        ),
    ],
)
def test_nonsense_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
