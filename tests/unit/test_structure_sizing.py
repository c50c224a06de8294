"""Sizing with its circularity: closed forms, caps that bind, statuses, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.credit.structure import SIZING_STATUS, size
from tests.helpers import finite_difference_jvp

CASE = {
    "cost": jnp.array([10.0, 30.0, 40.0, 20.0]),
    "cfads": jnp.linspace(9.0, 14.0, 20),
    "dscr": jnp.array(1.3),
    "rate": jnp.array(0.07),
    "gearing": jnp.array(0.6),
    "upfront_fee": jnp.array(0.02),
    "commitment_fee": jnp.array(0.005),
    "reserve": jnp.array(0.05),
}


@jax.jit
def solve(case):
    return size(**case)


def by_iteration(case, rounds=4000):
    """Sources = uses by going round and round, as a spreadsheet does."""
    c = {name: np.asarray(value, float) for name, value in case.items()}
    capacity = np.sum(c["cfads"] / c["dscr"] / (1 + c["rate"]) ** np.arange(1, 21))
    debt, share = 0.0, float(c["gearing"])
    for _ in range(rounds):
        balance, uses = share * c["upfront_fee"] * debt, c["upfront_fee"] * debt
        for spent in c["cost"]:
            need = spent + c["rate"] * balance + c["commitment_fee"] * (debt - balance)
            uses, balance = uses + need, balance + share * need
        uses = uses + c["reserve"] * debt
        debt = min(capacity, float(c["gearing"]) * uses)
        share = debt / uses
    return debt, uses


@pytest.mark.parametrize("gearing", [0.3, 0.6, 0.9])
def test_agrees_with_the_iteration_carried_to_its_end(gearing):
    case = CASE | {"gearing": jnp.array(gearing)}
    sized = solve(case)
    debt, uses = by_iteration(case)
    np.testing.assert_allclose(sized.debt, debt, rtol=1e-11)
    np.testing.assert_allclose(sized.uses, uses, rtol=1e-11)
    assert SIZING_STATUS[int(sized.status)] == "ok"


@given(st.floats(0.05, 0.99), st.floats(0, 0.2), st.floats(0, 0.05), st.floats(0.5, 3))
def test_sources_are_uses_and_a_cap_binds_exactly(gearing, rate, fee, scale):
    case = CASE | {
        "gearing": jnp.array(gearing),
        "rate": jnp.array(rate),
        "upfront_fee": jnp.array(fee),
        "cfads": CASE["cfads"] * scale,
    }
    sized = solve(case)
    np.testing.assert_allclose(sized.debt + sized.equity, sized.uses, rtol=1e-13)
    # The balance that construction leaves is the debt: draws and costs agree.
    np.testing.assert_allclose(sized.balance[-1], sized.debt, rtol=1e-10)
    assert sized.debt <= sized.capacity * (1 + 1e-12)
    if int(sized.binding) == 1:
        np.testing.assert_allclose(sized.gearing, gearing, rtol=0, atol=1e-12)
    else:
        np.testing.assert_allclose(sized.debt, sized.capacity, rtol=1e-13)
        assert sized.gearing <= gearing + 1e-12


def test_a_cap_of_sixty_per_cent_lands_at_sixty_per_cent():
    sized = solve(CASE | {"cfads": CASE["cfads"] * 3})
    assert abs(float(sized.gearing) - 0.6) < 1e-12
    assert int(sized.binding) == 1


def test_nonsense_has_a_status_and_no_debt_beyond_uses():
    none = solve(CASE | {"cfads": -CASE["cfads"]})
    assert SIZING_STATUS[int(none.status)] == "no_capacity"
    assert none.debt == 0
    np.testing.assert_allclose(none.equity, 100, rtol=1e-15)
    rich = solve(CASE | {"cfads": CASE["cfads"] * 9, "gearing": jnp.array(1.0)})
    assert SIZING_STATUS[int(rich.status)] == "negative_equity"
    np.testing.assert_allclose(rich.equity, 0, atol=1e-12)
    assert rich.capacity > rich.uses


def test_any_profile_of_service_sizes_by_its_tightest_period():
    service = jnp.linspace(0.12, 0.06, 20)
    case = CASE | {"service": service, "gearing": jnp.array(0.99)}
    sized = jax.jit(lambda c: size(**c))(case)
    capacity = jnp.min(CASE["cfads"] / 1.3 / service)
    np.testing.assert_allclose(sized.capacity, capacity, rtol=1e-14)


@pytest.mark.parametrize("gearing", [0.4, 0.95])
def test_derivatives_agree_with_differences(gearing):
    names = ("dscr", "rate", "gearing", "upfront_fee", "commitment_fee", "reserve")
    case = CASE | {"gearing": jnp.array(gearing)}

    def equity(*values):
        sized = size(**(case | dict(zip(names, values, strict=True))))
        return sized.equity, sized.debt, sized.interest

    at = tuple(case[name] for name in names)
    tangent = tuple(jnp.array(x) for x in (0.1, 0.01, 0.02, 0.01, 0.003, 0.02))
    _, exact = jax.jit(lambda *x: jax.jvp(equity, x, tangent))(*at)
    _, difference = finite_difference_jvp(jax.jit(equity), at, tangent, 1e-4)
    for x, y in zip(exact, difference, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-8)


def test_a_batch_is_its_single_cases_and_gradients_are_finite():
    shares = jnp.array([0.2, 0.6, 0.95, 1.0])
    batch = jax.jit(jax.vmap(lambda g: size(**(CASE | {"gearing": g}))))(shares)
    for i, share in enumerate(shares):
        one = solve(CASE | {"gearing": share})
        np.testing.assert_allclose(batch.debt[i], one.debt, rtol=1e-13)
    slope = jax.jit(jax.grad(lambda c: size(**c).equity))
    for scale in (1.0, 0.0, -1.0, 9.0):
        gradient = slope(CASE | {"cfads": CASE["cfads"] * scale})
        assert all(jnp.all(jnp.isfinite(x)) for x in jax.tree.leaves(gradient))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gearing": 1.2}, r"gearing must be in \(0, 1\], got 1.2"),
        ({"dscr": 0.0}, "dscr must be positive"),
        ({"cost": [-1.0]}, "cost must be non-negative"),
        ({"cost": []}, "cost must have at least one period"),
        ({"upfront_fee": -0.1}, "upfront_fee must be non-negative"),
    ],
)
def test_bad_input_is_refused_by_name(change, message):
    with pytest.raises(ValueError, match=message):
        size(**(CASE | change))
