import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.credit import amortise, bullet_service, level_service, linear_service
from tests.helpers import finite_difference_jvp

STEPS = {
    "level": jax.jit(level_service),
    "linear": jax.jit(linear_service),
    "bullet": jax.jit(bullet_service),
}


def run(kind, balance, rate, tenor):
    """Steps a loan of real tenor until it is repaid."""
    paid = []
    while tenor > -1 and balance > 0:
        service = STEPS[kind](balance, rate, tenor)
        paid.append((balance, float(service.interest), float(service.principal)))
        balance, tenor = balance - paid[-1][2], tenor - 1
    return np.array(paid).T


@pytest.mark.parametrize("kind", ["level", "linear", "bullet"])
@pytest.mark.parametrize("grace", [0, 3])
def test_principal_is_repaid_and_grace_pays_interest_only(kind, grace):
    schedule = amortise(100.0, 0.02, 8, kind, grace)
    assert [x.shape for x in schedule] == [(8,)] * 3
    np.testing.assert_allclose(schedule.principal.sum(), 100, rtol=1e-14)
    np.testing.assert_array_equal(schedule.principal[:grace], 0)
    np.testing.assert_allclose(schedule.interest, 0.02 * schedule.balance)
    np.testing.assert_allclose(schedule.debt, 100, rtol=1e-15)


def test_level_service_is_level_and_linear_principal_is_equal():
    level = amortise(100.0, 0.02, 8, "level")
    np.testing.assert_allclose(level.service, 100 * 0.02 / (1 - 1.02**-8), rtol=1e-13)
    np.testing.assert_allclose(amortise(80.0, 0.02, 8, "linear").principal, 10)


@pytest.mark.parametrize("kind", ["level", "linear", "bullet"])
@pytest.mark.parametrize("rate", [0.0, 0.02])
def test_real_tenor_step_agrees_with_the_table_at_integers(kind, rate):
    table = amortise(100.0, rate, 12, kind)
    stepped = run(kind, 100.0, rate, 12.0)
    np.testing.assert_allclose(stepped, np.array(table), rtol=0, atol=1e-10)
    np.testing.assert_allclose(stepped / 100, np.array(table) / 100, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["level", "linear", "bullet"])
@given(tenor=st.floats(0.05, 6.0))
def test_a_loan_of_real_tenor_is_repaid_once_and_lives_its_tenor(kind, tenor):
    balance, _, principal = run(kind, 1.0, 0.02, tenor)
    np.testing.assert_allclose(principal.sum(), 1.0, rtol=1e-13)
    assert np.all(principal >= 0)
    assert len(balance) <= np.ceil(tenor) + 1


@pytest.mark.parametrize("kind", ["level", "linear", "bullet"])
@pytest.mark.parametrize("tenor", [1.0, 2.0, 5.0])
def test_first_payment_is_continuous_in_the_tenor(kind, tenor):
    below, at, above = (STEPS[kind](1.0, 0.02, tenor + d) for d in (-1e-9, 0.0, 1e-9))
    np.testing.assert_allclose(np.array(below), np.array(at), atol=1e-8)
    np.testing.assert_allclose(np.array(above), np.array(at), atol=1e-8)


@pytest.mark.parametrize("kind", ["level", "linear", "bullet"])
def test_at_and_after_maturity_everything_is_due_without_interest(kind):
    for remaining in (0.0, -2.0):
        assert tuple(map(float, STEPS[kind](5.0, 0.02, remaining))) == (0.0, 5.0)


@pytest.mark.parametrize("rate", [0.0, 1e-9, 0.02])
@pytest.mark.parametrize("remaining", [-1.0, 0.0, 0.4, 1.3, 30.0])
def test_step_gradients_are_finite_and_agree_with_differences(rate, remaining):
    point, one = (jnp.array(3.0), jnp.array(rate)), (jnp.array(1.0), jnp.array(1.0))

    def pay(balance, rate):
        return sum(level_service(balance, rate, remaining))

    _, exact = jax.jvp(pay, point, one)
    _, difference = finite_difference_jvp(pay, point, one)
    np.testing.assert_allclose(exact, difference, rtol=1e-7)
    slope = jax.grad(lambda n: sum(level_service(3.0, rate, n)))(remaining)
    assert jnp.isfinite(slope)


def test_schedule_gradient_at_rate_zero():
    service = jax.jit(lambda r: amortise(1.0, r, 4, "level").service)
    slope = jax.jacfwd(service)(0.0)
    # Payment 1/A(r, 4) = (1 + 5r/2)/4 + O(r²).
    np.testing.assert_allclose(slope, 2.5 / 4, rtol=1e-12)


def test_schedule_keeps_single_precision_and_vmaps():
    rates = jnp.array([0.0, 0.01], jnp.float32)
    schedule = jax.vmap(lambda r: amortise(jnp.float32(1), r, 6, "level"))(rates)
    assert schedule.balance.shape == (2, 6)
    assert schedule.balance.dtype == jnp.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: amortise(-1.0, 0.1, 4, "level"), "principal must be non-negative"),
        (lambda: amortise(1.0, -1.0, 4, "level"), "rate must be above -1"),
        (lambda: amortise([1.0], 0.1, 4, "level"), "principal must have shape"),
        (lambda: amortise(1.0, 0.1, 0, "level"), "n must be a whole number"),
        (lambda: amortise(1.0, 0.1, 4, "balloon"), "kind must be one of .*'balloon'"),
        (lambda: amortise(1.0, 0.1, 4, "level", 4), "grace must be a whole number"),
        (lambda: level_service(-1.0, 0.1, 4.0), "balance must be non-negative"),
        (lambda: level_service(1.0, -2.0, 4.0), "rate_per_quarter must be above -1"),
    ],
)
def test_nonsense_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
