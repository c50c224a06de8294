import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.contagion import fire_sale
from tests.helpers import finite_difference_jvp

HOLDINGS = jnp.array([[0.5, 0.5, 0.0], [0.2, 0.3, 0.4]])
ASSETS = jnp.array([100.0, 50.0])
LEVERAGE = jnp.array([9.0, 4.0])
IMPACT = jnp.array([1e-4, 2e-4, 0.0])
SHOCK = jnp.array([-0.1, 0.0, -0.05])


def test_systemicness_adds_up_and_losses_follow_the_impact():
    result = fire_sale(HOLDINGS, ASSETS, LEVERAGE, IMPACT, SHOCK)
    np.testing.assert_allclose(result.direct_loss, [5.0, 2.0], rtol=1e-14)
    np.testing.assert_allclose(
        result.second_round_loss, -ASSETS * (HOLDINGS @ result.price_impact), rtol=1e-14
    )
    equity = 100 / 10 + 50 / 5
    np.testing.assert_allclose(
        result.aggregate_vulnerability, result.second_round_loss.sum() / equity
    )
    np.testing.assert_allclose(
        result.systemicness.sum(), result.aggregate_vulnerability, rtol=1e-13
    )


def test_nothing_happens_without_shock_leverage_or_impact():
    zero = jnp.zeros(3)
    for arguments in (
        (HOLDINGS, ASSETS, LEVERAGE, IMPACT, zero),
        (HOLDINGS, ASSETS, jnp.zeros(2), IMPACT, SHOCK),
        (HOLDINGS, ASSETS, LEVERAGE, zero, SHOCK),
    ):
        assert fire_sale(*arguments).aggregate_vulnerability == 0


def test_gradient_agrees_with_differences_and_is_finite_without_banks():
    def vulnerability(*arguments):
        return fire_sale(*arguments).aggregate_vulnerability

    point = (HOLDINGS, ASSETS, LEVERAGE, IMPACT, SHOCK)
    along = tuple(0.1 * x for x in point)
    _, exact = jax.jvp(vulnerability, point, along)
    _, difference = finite_difference_jvp(jax.jit(vulnerability), point, along, 1e-4)
    np.testing.assert_allclose(exact, difference, rtol=1e-6)
    gradient = jax.grad(vulnerability, 1)(HOLDINGS, 0 * ASSETS, LEVERAGE, IMPACT, SHOCK)
    assert jnp.all(jnp.isfinite(gradient))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"holdings": HOLDINGS * 2}, "holdings must be weights whose rows sum"),
        ({"holdings": -HOLDINGS}, "holdings must be non-negative"),
        ({"assets": jnp.ones(3)}, "assets must have shape"),
        ({"debt_to_equity": -LEVERAGE}, "debt_to_equity must be non-negative"),
        ({"price_impact": jnp.ones(2)}, "price_impact must have shape"),
        ({"shock": SHOCK - 1}, "shock must be a return of at least -1"),
    ],
)
def test_nonsense_is_refused_by_name(change, message):
    arguments = {
        "holdings": HOLDINGS,
        "assets": ASSETS,
        "debt_to_equity": LEVERAGE,
        "price_impact": IMPACT,
        "shock": SHOCK,
    }
    with pytest.raises(ValueError, match=message):
        fire_sale(**arguments | change)
