import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.metrics import IRR_STATUS, irr, npv
from tests.helpers import finite_difference_jvp

irr_jit = jax.jit(irr)
irr_batch = jax.jit(jax.vmap(irr))
POLYNOMIALS = {  # flows whose roots in 1 + r are known: Π (v-polynomials)
    "one": ([-100.0, 60, 60, 0, 0], "ok", (-0.6 + (0.36 + 2.4) ** 0.5) ** -1 * 1.2 - 1),
    "zero rate": ([-100.0, 50, 50, 0, 0], "ok", 0.0),
    "loss": ([-100.0, 0, 0, 0, 1], "ok", 0.01**0.25 - 1),
    "huge": ([-1e-3, 100.0, 0, 0, 0], "ok", 1e5 - 1),
    "deep loss": ([-1.0, 1e-5, 0, 0, 0], "ok", 1e-5 - 1),
    "late start": ([0, 0, -1.0, 1.05, 0], "ok", 0.05),
    "two": ([-100.0, 230, -132, 0, 0], "multiple_roots", 0.1),
    "two signs": ([1.0, -1.95, 0.945, 0, 0], "multiple_roots", 0.05),
    "close pair": ([1.0, -2.21, 1.221, 0, 0], "multiple_roots", 0.1),
    "double": ([-1.0, 2.2, -1.21, 0, 0], "ok", 0.1),
    "just none": ([-1.0, 2.2, -1.2101, 0, 0], "no_root", 0.0),
    "all in": ([1.0, 2, 3, 0, 0], "no_root", 0.0),
    "nothing": ([0.0, 0, 0, 0, 0], "no_root", 0.0),
}


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_known_roots_and_statuses(name):
    flows, status, rate = POLYNOMIALS[name]
    result = irr_jit(jnp.array(flows))
    assert IRR_STATUS[int(result.status)] == status
    tolerance = 1e-7 if name == "double" else 1e-12
    np.testing.assert_allclose(result.rate, rate, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", POLYNOMIALS)
def test_gradient_is_finite_everywhere(name):
    flows = jnp.array(POLYNOMIALS[name][0])
    assert jnp.all(jnp.isfinite(jax.jit(jax.grad(lambda c: irr(c).rate))(flows)))


def test_batch_equals_single_calls():
    flows = jnp.array([case[0] for case in POLYNOMIALS.values()])
    batch = irr_batch(flows)
    single = [irr_jit(row) for row in flows]
    np.testing.assert_array_equal(batch.status, [x.status for x in single])
    np.testing.assert_allclose(batch.rate, [x.rate for x in single], atol=1e-12)


@given(st.floats(-0.5, 1.0), st.lists(st.floats(0.0, 10.0), min_size=5, max_size=5))
def test_npv_at_the_rate_is_zero(rate, flows):
    inflows = jnp.array(flows) + 0.1
    price = npv(rate, jnp.append(jnp.zeros(1), inflows))
    result = irr_jit(jnp.append(-price[None], inflows))
    assert int(result.status) == 0
    np.testing.assert_allclose(result.rate, rate, atol=1e-11)


def test_first_and_second_derivative_agree_with_differences():
    flows = jnp.array([-100.0, 20, 30, 40, 50])
    tangent = jnp.array([1.0, -0.5, 0.3, 0.2, 0.1])

    def rate(c):
        return irr(c).rate

    _, forward = jax.jvp(rate, (flows,), (tangent,))
    _, difference = finite_difference_jvp(rate, (flows,), (tangent,), 1e-3)
    np.testing.assert_allclose(forward, difference, rtol=1e-8)
    gradient = jax.grad(rate)
    np.testing.assert_allclose(gradient(flows) @ tangent, forward, rtol=1e-12)
    _, second = jax.jvp(gradient, (flows,), (tangent,))
    _, difference = finite_difference_jvp(gradient, (flows,), (tangent,), 1e-2)
    np.testing.assert_allclose(second, difference, rtol=1e-6)


def test_a_century_of_quarters_in_single_precision():
    flows = jnp.full(105, 0.02, jnp.float32).at[0].set(-1.0)
    result = irr_jit(flows)
    exact = irr_jit(flows.astype(jnp.float64))
    assert result.rate.dtype == jnp.float32
    assert int(result.status) == 0
    np.testing.assert_allclose(result.rate, exact.rate, rtol=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: irr([1.0]), "cash_flows must have at least 2 periods"),
        (lambda: irr([[1.0, 2.0]]), "cash_flows must have shape"),
        (lambda: irr([1.0, float("nan")]), "cash_flows must be finite"),
        (lambda: npv(0.1, [float("nan")]), "cash_flows must be finite"),
        (lambda: npv(-1.0, [1.0]), "rate must be above -1 per period, got -1.0"),
    ],
)
def test_nonsense_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
