import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.funds import distribute
from engine.metrics import irr
from tests.helpers import finite_difference_jvp

distribute_jit = jax.jit(distribute)
flows = arrays(float, 5, elements=st.floats(0, 100))


def at_once(proceeds, catch_up, pref=0.08, carry=0.2):
    """A fund that invests 100 now and returns `proceeds` after two periods."""
    result = distribute([100.0, 0.0, 0.0], [0.0, 0.0, proceeds], pref, carry, catch_up)
    return float(result.lp[-1]), float(result.gp[-1])


HURDLE = 100 * 1.08**2  # 116.64


@pytest.mark.parametrize(
    ("proceeds", "catch_up", "gp"),
    [
        (90.0, 1.0, 0.0),  # capital is not back
        (HURDLE, 1.0, 0.0),  # exactly the preferred return
        (HURDLE + 2, 1.0, 2.0),  # inside a full catch-up
        (
            HURDLE + 16.64 / 4,
            1.0,
            16.64 / 4,
        ),  # catch-up complete: a quarter of the pref
        (200.0, 1.0, 20.0),  # beyond it the GP holds 20 % of all profit
        (HURDLE + 2, 0.5, 1.0),  # inside a half catch-up
        (200.0, 0.5, 20.0),
        (200.0, 0.0, 0.2 * (200 - HURDLE)),  # none: carry on the excess only
        (200.0, 0.2, 0.2 * (200 - HURDLE)),
    ],
)
def test_one_distribution_in_closed_form(proceeds, catch_up, gp):
    np.testing.assert_allclose(at_once(proceeds, catch_up)[1], gp, atol=1e-9)


@given(flows, flows, st.floats(0, 0.2), st.floats(0, 0.5), st.floats(0, 1))
def test_nothing_is_lost_and_nobody_pays(paid_in, paid_out, pref, carry, catch_up):
    paid_out = jnp.array(paid_out)
    lp, gp = distribute_jit(jnp.array(paid_in), paid_out, pref, carry, catch_up)
    np.testing.assert_allclose(lp + gp, paid_out, atol=1e-12)
    assert jnp.all((lp >= -1e-12) & (gp >= -1e-12))


@given(flows, st.floats(0.3, 1))
def test_gp_holds_its_carry_of_all_profit_after_the_catch_up(paid_out, catch_up):
    paid_out = jnp.array(paid_out) + 1.0
    paid_in = jnp.array([10.0, 5.0, 0.0, 0.0, 0.0])
    paid_out = paid_out.at[-1].add(1000)
    gp = distribute_jit(paid_in, paid_out, 0.08, 0.2, catch_up).gp
    profit = paid_out.sum() - paid_in.sum()
    np.testing.assert_allclose(gp.sum(), 0.2 * profit, rtol=1e-9)


def test_lp_earns_the_preferred_return_before_the_gp_anything():
    paid_in, paid_out = jnp.array([10.0, 20, 0, 0]), jnp.array([0.0, 5, 12, 17])
    lp, gp = distribute(paid_in, paid_out, 0.06, 0.2, 1.0)
    is_paid = jnp.cumsum(gp) > 0
    assert is_paid[-1]
    assert not is_paid[-2]
    hurdle = ((10 * 1.06 + 15) * 1.06 - 12) * 1.06
    np.testing.assert_allclose(irr((lp - paid_in).at[-1].set(hurdle)).rate, 0.06)


def test_gradient_agrees_with_differences_and_is_finite_at_zero():
    def to_gp(paid_in, paid_out, pref, carry, catch_up):
        return distribute(paid_in, paid_out, pref, carry, catch_up).gp

    point = (jnp.array([10.0, 5.0, 0.0]), jnp.array([0.0, 8.0, 20.0]))
    point += tuple(jnp.array(x) for x in (0.08, 0.2, 0.9))
    along = tuple(0.1 * x + 0.1 for x in point)
    _, exact = jax.jvp(to_gp, point, along)
    _, difference = finite_difference_jvp(jax.jit(to_gp), point, along, 1e-6)
    np.testing.assert_allclose(exact, difference, rtol=1e-6, atol=1e-8)
    nothing = tuple(0 * x for x in point)
    gradients = jax.grad(lambda *a: to_gp(*a).sum(), (0, 1, 2, 3, 4))(*nothing)
    assert all(jnp.all(jnp.isfinite(x)) for x in gradients)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: distribute([-1.0], [1.0], 0.1, 0.2, 1.0), "contributions must be non"),
        (
            lambda: distribute([1.0], [1.0, 2.0], 0.1, 0.2, 1.0),
            "distributions must have",
        ),
        (lambda: distribute([1.0], [1.0], -1.0, 0.2, 1.0), "pref must be above -1"),
        (lambda: distribute([1.0], [1.0], 0.1, 1.0, 1.0), r"carry must be in \[0, 1\)"),
        (
            lambda: distribute([1.0], [1.0], 0.1, 0.2, 1.1),
            r"catch_up must be in \[0, 1",
        ),
    ],
)
def test_nonsense_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
