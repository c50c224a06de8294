"""Contracts whose capacity waits for power: by hand, and absent without a queue."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.bottlenecks.capacity import Capacity
from engine.bottlenecks.power import connect, unpowered
from engine.config import load
from engine.layers import opening_state
from tests.config_files import CONFIGS, retold
from tests.helpers import finite_difference_jvp

ONE = jnp.asarray([1.0])


def test_a_contract_is_lit_as_the_queue_moves():
    # Half of all that asks gets power each quarter: 8 begin, 4, 2, 1 wait after them.
    dark, found = 0.0 * ONE, []
    for starting in (8.0, 0.0, 0.0):
        dark = unpowered(jnp.asarray(0.5), dark, starting * ONE, 20.0 * ONE)
        found.append(float(dark[0]))
    assert found == [4.0, 2.0, 1.0]


def test_what_ends_waits_no_longer():
    dark = unpowered(jnp.asarray(0.1), 9.0 * ONE, 0.0 * ONE, 2.0 * ONE)
    assert float(dark[0]) == 2.0


def test_without_a_queue_nothing_waits():
    assert unpowered(None, None, ONE, ONE) is None
    economy, _, grid = load(CONFIGS / "chain.toml").build(jnp.float64)
    assert opening_state(economy, grid).clouds.unpowered is None


def test_with_one_all_is_lit_at_first(tmp_path):
    economy, _, grid = load(retold(tmp_path, "grid_queue")).build(jnp.float64)
    state = opening_state(economy, grid).clouds.unpowered
    assert state is not None
    np.testing.assert_array_equal(state, 0.0)


@pytest.mark.parametrize(("asked", "share"), [(8.0, 0.5), (3.0, 1.0), (0.0, 1.0)])
def test_the_share_is_connections_over_what_asks(asked, share):
    queue = Capacity(jnp.asarray(16.0), jnp.asarray(0.0))
    zero = jnp.asarray(0.0)
    found = connect(queue, zero, jnp.asarray(asked), zero, jnp.asarray(1.0), zero)
    assert float(found.share) == pytest.approx(share, rel=1e-12)


def test_the_slope_by_connections_is_that_of_differences():
    def dark(yearly):
        queue, zero = Capacity(yearly, jnp.asarray(0.0)), jnp.asarray(0.0)
        asked = connect(queue, zero, jnp.asarray(8.0), zero, jnp.asarray(1.0), zero)
        return unpowered(asked.share, 2.0 * ONE, 3.0 * ONE, 20.0 * ONE)[0]

    at, one = jnp.asarray(16.0), jnp.asarray(1.0)
    _, slope = jax.jvp(dark, (at,), (one,))
    _, finite = finite_difference_jvp(dark, (at,), (one,))
    # 5 asks; each GW a year more lights a 32nd of it.
    assert float(slope) == pytest.approx(float(finite), rel=1e-6)
    assert float(slope) == pytest.approx(-5.0 / 32.0, rel=1e-9)
