import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contracts import (
    lease_liability,
    lease_schedule,
    remeasure,
    remeasurement_adjustment,
)
from engine.metrics import npv

roll = jax.jit(lease_schedule, static_argnums=2)


@pytest.mark.parametrize("in_advance", [True, False])
def test_liability_is_the_present_value(in_advance):
    payments = jnp.array([50.0, 60.0, 0.0, 70.0])
    flows = payments if in_advance else jnp.append(jnp.zeros(1), payments)
    liability = lease_liability(payments, 0.05, in_advance)
    np.testing.assert_allclose(liability, npv(0.05, flows), rtol=1e-14)


@pytest.mark.parametrize("in_advance", [True, False])
@given(rate=st.floats(-0.1, 0.3), payment=st.floats(0, 100))
def test_schedule_rolls_forward_to_zero(in_advance, rate, payment):
    payments = jnp.array([payment, 5.0, 2 * payment, 1.0])
    schedule = roll(payments, rate, in_advance)
    closing = schedule.opening + schedule.interest - schedule.payment
    np.testing.assert_allclose(closing, schedule.closing, atol=1e-10)
    np.testing.assert_array_equal(schedule.opening[1:], schedule.closing[:-1])
    assert schedule.closing[-1] == 0


def test_ifrs_16_illustrative_example_13():
    # Ten yearly payments of 50 in advance at 5 %; at the end of year 6 the extension
    # becomes certain: four more of 50 and five of 55, all at 6 %.
    schedule = lease_schedule([50.0] * 10, 0.05, True)
    np.testing.assert_allclose(schedule.opening[0] - 50, 355.391, atol=5e-4)
    payments = [50.0] * 4 + [55.0] * 5
    revised = remeasure(schedule, 6, payments, 0.06, True)
    assert revised.opening.shape == (15,)
    np.testing.assert_array_equal(revised.opening[:6], schedule.opening[:6])
    np.testing.assert_allclose(revised.opening[6], 378.174, atol=5e-4)
    adjustment = remeasurement_adjustment(schedule, revised, 6)
    expected = lease_liability(payments, 0.06, True) - schedule.closing[5]
    np.testing.assert_allclose(adjustment, expected, rtol=1e-13)


def test_unchanged_terms_change_nothing():
    schedule = lease_schedule([3.0, 4.0, 5.0], 0.05, False)
    same = remeasure(schedule, 1, [4.0, 5.0], 0.05, False)
    np.testing.assert_allclose(np.array(same), np.array(schedule), rtol=1e-14)
    assert abs(remeasurement_adjustment(schedule, same, 1)) < 1e-14
    again = remeasure(schedule, 0, [3.0, 4.0, 5.0], 0.05, False)
    assert remeasurement_adjustment(schedule, again, 0) == 0


def test_gradient_to_the_rate_is_finite_at_zero_and_right():
    slope = jax.grad(lambda r: lease_liability([1.0, 1.0, 1.0], r, False))(0.0)
    np.testing.assert_allclose(slope, -6, rtol=1e-14)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lease_liability([], 0.1, True), "payments must have at least one"),
        (lambda: lease_liability(1.0, 0.1, True), "payments must have shape"),
        (lambda: lease_liability([1.0], -1.0, True), "rate must be above -1"),
        (
            lambda: remeasure(lease_schedule([1.0], 0.1, True), 2, [1.0], 0.1, True),
            r"at must be a whole number in \[0, 1\], got 2",
        ),
    ],
)
def test_nonsense_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
