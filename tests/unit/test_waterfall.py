import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.credit import recover, waterfall

pay = jax.jit(waterfall)
amounts = st.floats(0, 1e3)


def by_hand(cash, claims):
    paid = []
    for claim in claims:
        paid.append(min(claim, max(cash, 0.0)))
        cash -= paid[-1]
    return np.array(paid), cash


@given(amounts, arrays(float, 5, elements=amounts))
def test_agrees_with_a_loop_over_ranks(cash, claims):
    paid, remainder = by_hand(cash, claims)
    result = pay(cash, jnp.array(claims))
    np.testing.assert_allclose(result.paid, paid, atol=1e-9)
    np.testing.assert_allclose(result.remainder, remainder, atol=1e-9)


@given(arrays(float, 3, elements=amounts), arrays(float, (4, 3), elements=amounts))
def test_cash_is_conserved_and_seniority_holds(cash, claims):
    paid, remainder = pay(jnp.array(cash), jnp.array(claims))
    np.testing.assert_allclose(paid.sum(0) + remainder, cash, rtol=1e-13, atol=1e-10)
    is_short = np.cumsum(paid < claims - 1e-9, axis=0) > 0
    assert np.all(paid[1:][is_short[:-1]] <= 1e-9)
    assert np.all((paid >= 0) & (paid <= claims))


def test_scalar_cash_and_negative_cash():
    paid, remainder = waterfall(5.0, [2.0, 2.0, 2.0])
    np.testing.assert_array_equal(paid, [2, 2, 1])
    assert remainder == 0
    paid, remainder = waterfall(-3.0, [2.0])
    assert (paid[0], remainder) == (0.0, -3.0)


@pytest.mark.parametrize("cash", [0.0, 2.0, 3.0, 9.0])
def test_gradients_are_finite_at_the_kinks(cash):
    claims = jnp.array([2.0, 0.0, 2.0])
    gradients = jax.jacrev(waterfall, (0, 1))(cash, claims)
    assert all(jnp.all(jnp.isfinite(x)) for x in jax.tree.leaves(gradients))


def test_gradient_goes_to_the_marginal_rank():
    slope = jax.jacfwd(lambda x: waterfall(x, [2.0, 2.0, 2.0]).paid)(3.0)
    np.testing.assert_array_equal(slope, [0, 1, 0])


def test_recovery_is_absolute_priority():
    recovered, remainder = recover([5.0, 20.0], [[4.0, 4.0], [4.0, 4.0]])
    np.testing.assert_array_equal(recovered, [[4, 4], [1, 4]])
    np.testing.assert_array_equal(remainder, [0, 12])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: waterfall(1.0, [-1.0]), "claims must be non-negative"),
        (lambda: waterfall([1.0, 2.0], [[1.0], [1.0]]), "cash must have shape"),
        (lambda: waterfall(float("nan"), [1.0]), "cash must be a number, got nan"),
        (lambda: waterfall(1.0, 1.0), "claims must have a leading rank axis"),
        (lambda: recover(-1.0, [1.0]), "assets must be non-negative, got -1.0"),
        (lambda: recover([1.0, 2.0], [[1.0], [1.0]]), "assets must have shape"),
    ],
)
def test_nonsense_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
