import jax.numpy as jnp
import numpy as np
import pytest

from engine.credit import level_service
from engine.credit.box import box_profile, bullet_profile, remaining_value
from engine.grid import span


def profile(rate=0.09, tenor=5.0, grace=3.0):
    return np.asarray(box_profile(*(jnp.asarray(x) for x in (rate, tenor, grace))))


@pytest.mark.parametrize("tenor", [3.0, 4.9, 5.0, 6.37])
@pytest.mark.parametrize("grace", [0.0, 2.5, 3.0])
def test_a_draw_is_repaid_once(tenor, grace):
    found = profile(tenor=tenor, grace=grace)
    assert found.sum() == pytest.approx(1.0)
    assert np.all(found >= 0.0)


def test_nothing_is_repaid_in_the_quarter_of_the_draw_and_its_grace():
    found = profile(grace=3.0)
    np.testing.assert_array_equal(found[:4], 0.0)
    assert found[4] > 0.0


def test_service_is_level():
    found, rate, n = profile(grace=0.0)[1:21], 0.09 / 4, 20
    balance = 1.0 - np.concatenate([[0.0], np.cumsum(found)[:-1]])
    service = found + rate * balance
    np.testing.assert_allclose(service, service[0], rtol=1e-12)
    interest, principal = level_service(1.0, rate, float(n))
    assert service[0] == pytest.approx(float(interest + principal))


def test_a_bullet_falls_due_at_its_tenor():
    found = np.asarray(bullet_profile(jnp.asarray(7.0)))
    assert found[27] == pytest.approx(1.0)
    assert found.sum() == pytest.approx(1.0)


def test_what_a_vintage_still_earns():
    live = span(jnp.asarray(0.5), jnp.asarray(1.0), 40)
    found = np.asarray(remaining_value(live, jnp.asarray(0.10)))
    q = 1.1**-0.25
    expected = np.zeros_like(found)
    expected[:3] = 0.25 * np.asarray([q**2 + q**3, q + q**2, q])
    np.testing.assert_allclose(found, expected, atol=1e-12)
