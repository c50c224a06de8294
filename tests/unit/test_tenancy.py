"""When a tenant gains by breaking its lease."""

import jax
import jax.numpy as jnp
import numpy as np

from engine.contracts.tenancy import repudiation_headroom


def test_repudiation_weighs_what_it_saves_against_the_name():
    name, burden = jnp.asarray([2.0, 2.0, 0.0]), jnp.asarray([0.0, 20.0, 5.0])
    found = repudiation_headroom(name, burden, jnp.full(3, 0.8))
    np.testing.assert_allclose(found, [1.0, (2.0 - 4.0) / 22.0, -0.2], rtol=1e-15)


def test_without_burden_and_without_a_name_to_lose_nobody_leaves():
    nothing = jnp.zeros(1)

    def headroom(x):
        return repudiation_headroom(x, x, jnp.full(1, 0.8))[0]

    value, slope = jax.value_and_grad(headroom)(nothing)
    assert value == 1.0
    assert np.all(np.isfinite(slope))
