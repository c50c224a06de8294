import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.credit import sculpt
from engine.metrics import npv
from tests.helpers import finite_difference_jvp

sculpt_jit = jax.jit(sculpt)


@given(
    st.lists(st.floats(0.0, 50.0), min_size=6, max_size=6),
    st.floats(1.0, 3.0),
    st.floats(-0.05, 0.2),
)
def test_cover_is_the_target_in_every_period(cfads, target, rate):
    cfads = jnp.array(cfads)
    schedule = sculpt_jit(cfads, target, rate)
    np.testing.assert_allclose(schedule.service * target, cfads, atol=1e-12)
    np.testing.assert_allclose(schedule.principal.sum(), schedule.debt, atol=1e-11)
    rolled = schedule.balance - schedule.principal
    np.testing.assert_allclose(rolled[:-1], schedule.balance[1:], atol=1e-11)


def test_debt_is_the_present_value_of_service():
    cfads = jnp.array([10.0, 11.0, 12.0])
    debt = sculpt(cfads, 1.25, 0.05).debt
    expected = npv(0.05, jnp.append(jnp.zeros(1), cfads / 1.25))
    np.testing.assert_allclose(debt, expected, rtol=1e-14)


def test_rates_and_covers_may_vary_by_period():
    schedule = sculpt([10.0, 12.0], [1.0, 1.2], [0.1, 0.2])
    np.testing.assert_allclose(schedule.debt, (10 + 10 / 1.2) / 1.1, rtol=1e-14)


def test_gradient_agrees_with_differences():
    def debt(target, rate):
        return sculpt(jnp.array([10.0, 0.0, 12.0]), target, rate).debt

    point, one = (jnp.array(1.2), jnp.array(0.0)), (jnp.array(0.3), jnp.array(1.0))
    _, exact = jax.jvp(debt, point, one)
    _, difference = finite_difference_jvp(debt, point, one)
    np.testing.assert_allclose(exact, difference, rtol=1e-8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sculpt([], 1.2, 0.1), "cfads must have at least one period"),
        (lambda: sculpt([-1.0], 1.2, 0.1), "cfads must be non-negative"),
        (lambda: sculpt([1.0], 0.0, 0.1), "dscr must be positive, got 0.0"),
        (lambda: sculpt([1.0], 1.2, -1.0), "rate must be above -1"),
        (lambda: sculpt([1.0, 2.0], [1.2], 0.1), "dscr must have shape"),
        (lambda: sculpt(1.0, 1.2, 0.1), "cfads must have shape"),
    ],
)
def test_nonsense_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
