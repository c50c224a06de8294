import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.metrics import (
    STATUS,
    debt_to_cash_flow,
    debt_to_equity,
    dscr,
    llcr,
    moic,
)


def names(ratio):
    return [STATUS[int(code)] for code in jnp.atleast_1d(ratio.status)]


def test_dscr_without_debt_says_so_and_has_no_gradient():
    cfads, service = jnp.array([3.0, 3.0, -1.0]), jnp.array([2.0, 0.0, 2.0])
    result = dscr(cfads, service)
    np.testing.assert_array_equal(result.value, [1.5, 0.0, -0.5])
    assert names(result) == ["ok", "no_debt", "ok"]
    gradients = jax.grad(lambda c, s: dscr(c, s).value.sum(), (0, 1))(cfads, service)
    np.testing.assert_array_equal(gradients, [[0.5, 0, 0.5], [-0.75, 0, 0.25]])


def test_llcr_is_present_value_over_balance():
    result = llcr([10.0, 12.0], 0.1, 15.0)
    assert result.value == pytest.approx((10 / 1.1 + 12 / 1.21) / 15, rel=1e-14)
    assert names(llcr([1.0], 0.1, 0.0)) == ["no_debt"]


def test_moic_counts_what_came_back_over_what_went_in():
    assert moic([-2.0, -1.0, 3.0, 6.0]).value == 3.0
    assert names(moic([1.0, 2.0])) == ["no_cash_flow"]
    assert jnp.all(jnp.isfinite(jax.grad(lambda x: moic(x).value)(jnp.zeros(3))))


def test_the_other_statuses():
    assert names(debt_to_equity([1.0, 1.0], [2.0, -1.0])) == ["ok", "negative_equity"]
    assert names(debt_to_cash_flow(1.0, 0.0)) == ["no_cash_flow"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dscr([1.0, 2.0], [1.0]), "debt_service must have shape"),
        (lambda: dscr(float("nan"), 1.0), "cfads must be finite, got nan"),
        (lambda: dscr(1.0, -1.0), "debt_service must be non-negative, got -1.0"),
        (lambda: llcr([1.0], -1.0, 1.0), "rate must be above -1"),
        (lambda: llcr([1.0], 0.1, -1.0), "balance must be non-negative"),
        (lambda: moic(1.0), "cash_flows must have shape"),
    ],
)
def test_nonsense_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
