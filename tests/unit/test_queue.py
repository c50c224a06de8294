"""The queue for power: what is financed waits for a connection."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.bottlenecks.capacity import Capacity, without_shortage
from engine.bottlenecks.power import connect
from engine.grid import DT

FINANCED = (5.0, 1.0, 8.0, 0.0, 0.0, 2.0)
REPLACED = (1.0, 0.5, 0.0, 0.0, 0.0, 2.0)
OPENING = 3.0


def run(connections, growth=0.0):
    """Energised, waiting and wait of every quarter, and what waits in the end."""
    queue = Capacity(jnp.asarray(connections), jnp.asarray(growth))
    waiting, rows = jnp.asarray(OPENING), []
    for t, (financed, replaced) in enumerate(zip(FINANCED, REPLACED, strict=True)):
        now = connect(
            queue,
            jnp.asarray(t * DT),
            jnp.asarray(financed),
            jnp.asarray(2.0 * replaced),
            jnp.asarray(0.5),
            waiting,
        )
        waiting = now.waiting
        rows.append(jnp.stack(now[:3]))
    return jnp.stack(rows)


def test_by_hand():
    # 2 GW a quarter: of 3 + 4 new, 2 go and 5 wait; what replaces does not wait.
    additions, waiting, wait = np.asarray(run(8.0)).T
    np.testing.assert_allclose(additions, [3.0, 2.5, 2.0, 2.0, 2.0, 4.0])
    np.testing.assert_allclose(waiting, [5.0, 3.5, 9.5, 7.5, 5.5, 3.5])
    np.testing.assert_allclose(wait, waiting / 8.0)


@pytest.mark.parametrize("connections", [0.1, 3.0, 8.0, 20.0, 1e4])
def test_no_gigawatt_is_lost(connections):
    additions, waiting, _ = np.asarray(run(connections, 0.2)).T
    energised = np.cumsum(additions)
    np.testing.assert_allclose(
        OPENING + np.cumsum(FINANCED), energised + waiting, rtol=1e-12
    )


def test_with_ample_connections_all_has_power_at_once():
    additions, waiting, _ = np.asarray(run(1e4)).T
    np.testing.assert_allclose(additions - [OPENING, 0, 0, 0, 0, 0], FINANCED)
    assert (waiting == 0.0).all()


def test_builders_count_what_waits():
    """Where 2 wait beside a fleet of 10, nothing is short below 108 % of use."""
    fleet, waiting = jnp.asarray(10.0), jnp.asarray(2.0)
    reference = jnp.asarray(0.9)
    assert float(without_shortage(reference, fleet, None)) == 0.9
    best = without_shortage(reference, fleet, waiting)
    assert float(best) * 10.0 == pytest.approx(0.9 * 12.0)


def test_connections_grow():
    fast = np.asarray(run(8.0, 0.5))[:, 0]
    expected = 2.0 * 1.5 ** (DT * np.arange(4))
    np.testing.assert_allclose((fast - REPLACED)[:4], expected)


def test_without_a_table_there_is_nothing():
    five = jnp.asarray(5.0)
    now = connect(None, five, five, five, five, None)
    assert now.additions is five
    assert now.waiting is None
    assert now.wait is None


@pytest.mark.parametrize("column", [0, 1, 2])
def test_derivative_by_connections_against_differences(column):
    def total(connections):
        return jnp.sum(run(connections, 0.1)[:, column])

    step = 1e-5
    slope = (total(8.0 + step) - total(8.0 - step)) / (2.0 * step)
    assert abs(slope) > 0.1
    np.testing.assert_allclose(jax.grad(total)(8.0), slope, rtol=1e-8)
