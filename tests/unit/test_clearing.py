import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.contagion import clear
from tests.helpers import finite_difference_jvp

clear_jit = jax.jit(clear)
N = 4
amounts = st.sampled_from([0.0, 0.0, 0.5, 1.0, 2.0, 5.0]) | st.floats(0, 10)
networks = arrays(float, (2, N, N), elements=amounts).map(lambda x: x * (1 - np.eye(N)))
shares = st.sampled_from([0.3, 0.8, 1.0])


def by_picard(liabilities, external_assets, external_liabilities, alpha, beta):
    """The greatest clearing vector by plain iteration from above, rank by rank."""
    due = liabilities.sum(2)
    due[0] += external_liabilities
    share = np.divide(
        liabilities,
        due[:, :, None],
        np.zeros_like(liabilities),
        where=due[:, :, None] > 0,
    )
    paid = due.copy()
    for _ in range(20_000):
        received = np.einsum("rki,rk->i", share, paid)
        is_default = external_assets + received < due.sum(0) * (1 - 1e-13) - 1e-13
        realised = alpha * external_assets + beta * received
        cash = np.where(is_default, realised, due.sum(0))
        ahead = np.cumsum(due, 0) - due
        new = np.clip(cash - ahead, 0, due)
        if np.max(np.abs(new - paid)) < 1e-14:
            break
        paid = new
    return paid, is_default


@given(networks, arrays(float, N, elements=amounts), amounts, shares, shares)
def test_agrees_with_iteration_from_above(network, assets, external, alpha, beta):
    network = network.round(3)
    assets, external = assets.round(3), round(external, 3)
    expected, is_default = by_picard(network, assets, external, alpha, beta)
    result = clear_jit(jnp.array(network), jnp.array(assets), external, alpha, beta)
    np.testing.assert_allclose(result.payments, expected, atol=1e-9)
    np.testing.assert_array_equal(result.defaults, is_default)


@given(networks, arrays(float, N, elements=amounts))
def test_without_default_costs_value_is_conserved(network, assets):
    result = clear_jit(jnp.array(network), jnp.array(assets), 1.0)
    due = network.sum(2) + np.array([[1.0], [0.0]])
    share = np.divide(
        network, due[:, :, None], where=due[:, :, None] > 0, out=0 * network
    )
    inside = np.einsum("rki,rk->", share, result.payments)
    to_outside = result.payments.sum() - inside
    np.testing.assert_allclose(
        result.equity.sum() + to_outside, assets.sum(), atol=1e-9
    )
    assert np.all(result.equity >= -1e-9)


def test_one_rank_equals_the_matrix_form():
    network = jnp.array([[0.0, 6.0, 2.0], [3.0, 0.0, 4.0], [1.0, 1.0, 0.0]])
    assets = jnp.array([1.0, 0.5, 2.0])
    plain, ranked = clear(network, assets), clear(network[None], assets)
    assert plain.payments.shape == (3,)
    np.testing.assert_array_equal(plain.payments, ranked.payments[0])


@pytest.mark.parametrize("ranks", [1, 2])
def test_derivative_is_implicit_and_agrees_with_differences(ranks):
    network = jnp.array([[0.0, 6.0, 2.0], [3.0, 0.0, 4.0], [1.0, 1.0, 0.0]])
    if ranks == 2:
        network = jnp.stack([network, 0.7 * network.T])

    def paid(liabilities, assets, external, alpha, beta):
        result = clear(liabilities, assets, external, alpha, beta)
        return jnp.append(result.payments.ravel(), result.equity)

    point = (network, jnp.array([1.0, 0.5, 3.0]), jnp.array([1.0, 0.2, 0.1]))
    point += (jnp.array(0.9), jnp.array(0.8))
    along = (0.1 * network, jnp.array([0.3, -0.2, 0.5]), jnp.array([0.1, 0.2, 0.3]))
    along += (jnp.array(0.1), jnp.array(-0.2))
    value, exact = jax.jvp(jax.jit(paid), point, along)
    _, difference = finite_difference_jvp(jax.jit(paid), point, along, 1e-6)
    np.testing.assert_allclose(exact, difference, rtol=1e-6, atol=1e-8)
    weights = jnp.arange(value.size, dtype=value.dtype)
    back = jax.grad(lambda *a: weights @ paid(*a), (0, 1, 2, 3, 4))(*point)
    inner = sum(jnp.sum(x * y) for x, y in zip(back, along, strict=True))
    np.testing.assert_allclose(inner, weights @ exact, rtol=1e-12)


def test_gradient_is_finite_without_debts_and_without_assets():
    for network in (jnp.zeros((3, 3)), jnp.ones((3, 3)) - jnp.eye(3)):
        gradients = jax.grad(lambda x, e: clear(x, e, 0.5).equity.sum(), (0, 1))(
            network, jnp.zeros(3)
        )
        assert all(jnp.all(jnp.isfinite(x)) for x in gradients)


def test_batch_equals_single_calls():
    network = jnp.array([[0.0, 6.0, 2.0], [3.0, 0.0, 4.0], [1.0, 1.0, 0.0]])
    assets = jnp.array([[9.0, 9.0, 9.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    batch = jax.vmap(lambda e: clear(network, e, 1.0, 0.5, 0.5))(assets)
    for i, e in enumerate(assets):
        single = clear(network, e, 1.0, 0.5, 0.5)
        np.testing.assert_allclose(batch.payments[i], single.payments, atol=1e-14)


def test_single_precision_stays_single():
    network = jnp.array([[0.0, 1.0], [2.0, 0.0]], jnp.float32)
    result = clear(network, jnp.array([0.1, 0.1], jnp.float32), alpha=0.5)
    assert result.payments.dtype == jnp.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: clear([[0.0, -1.0], [0.0, 0.0]], [1.0, 1.0]), "liabilities must be"),
        (lambda: clear(jnp.eye(2), [1.0, 1.0]), r"liabilities\[i, i\] must be zero"),
        (lambda: clear(jnp.zeros((0, 0)), []), "liabilities must have at least one fi"),
        (lambda: clear(jnp.zeros((2, 3)), [1.0, 1.0]), "liabilities must have shape"),
        (lambda: clear(jnp.zeros(2), [1.0, 1.0]), "liabilities must have shape"),
        (lambda: clear(jnp.zeros((2, 2)), [1.0]), "external_assets must have shape"),
        (lambda: clear(jnp.zeros((1, 1)), [-1.0]), "external_assets must be non-neg"),
        (
            lambda: clear(jnp.zeros((1, 1)), [1.0], alpha=1.5),
            r"alpha must be in \[0, 1",
        ),
        (lambda: clear(jnp.zeros((1, 1)), [1.0], beta=-1.0), r"beta must be in \[0, 1"),
    ],
)
def test_nonsense_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
