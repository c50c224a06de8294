import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.jump import AbstractDefaultRule, HardDefault, RampDefault, jump

HEADROOM = jnp.array([-1.0, -0.02, -1e-12, 0.0, 0.01, 0.02, 5.0])


def test_hard_default_is_the_contract_with_zero_slope():
    np.testing.assert_array_equal(jump(HEADROOM, HardDefault()), HEADROOM >= 0)
    slopes = jax.vmap(jax.grad(lambda h: jump(h, HardDefault())))(HEADROOM)
    np.testing.assert_array_equal(slopes, 0)


def test_ramp_has_compact_support():
    share = jump(HEADROOM, RampDefault(0.02))
    np.testing.assert_array_equal(share[jnp.array([0, 1, 5, 6])], [0, 0, 1, 1])
    assert share[3] == 0.5


def test_ramp_slope_agrees_with_differences():
    rule, step = RampDefault(0.02), 1e-7
    for h in (-0.03, -0.01, 0.0, 0.013):
        difference = (jump(h + step, rule) - jump(h - step, rule)) / (2 * step)
        slope = jax.grad(lambda x: jump(x, rule))(h)
        np.testing.assert_allclose(slope, difference, rtol=1e-6, atol=1e-6)


def test_ramp_tends_to_the_hard_rule():
    h = jnp.array([-0.01, 0.01])
    narrow = jump(h, RampDefault(0.005))
    np.testing.assert_array_equal(narrow, jump(h, HardDefault()))


def test_changing_the_width_does_not_recompile():
    traces = []

    @eqx.filter_jit
    def survive(h, rule):
        traces.append(1)
        return jump(h, rule)

    for width in (0.01, 0.02):
        survive(HEADROOM, RampDefault(width))
    assert len(traces) == 1


@pytest.mark.parametrize("width", [0.0, -0.1, float("nan")])
def test_width_must_be_positive(width):
    with pytest.raises(ValueError, match="width must be positive"):
        RampDefault(width)


def test_the_interface_cannot_be_instantiated():
    with pytest.raises(TypeError):
        AbstractDefaultRule()


def test_single_precision_stays_single():
    h = HEADROOM.astype(jnp.float32)
    assert jump(h, HardDefault()).dtype == jnp.float32
    assert jump(h, RampDefault(0.02)).dtype == jnp.float32
