import jax.numpy as jnp
import numpy as np
import pytest

from engine.grid import DT, TimeGrid, conditional, span

GRID = TimeGrid(2025.0, n_quarters=20, n_history=7)


def test_history_ends_at_as_of():
    assert float(GRID.as_of) == 2026.75
    assert GRID.n_model == 13
    assert float(GRID.modelled(GRID.begins)[0]) == 2026.75


def test_an_overlap_counts_the_share_of_each_quarter():
    found = GRID.overlap(jnp.asarray(2025.1), jnp.asarray(2025.6))
    np.testing.assert_allclose(found[:4], [0.6, 1.0, 0.4, 0.0], atol=1e-9)


def test_an_overlap_of_nothing_is_nothing():
    assert float(GRID.overlap(jnp.asarray(2026.0), jnp.asarray(2025.5)).sum()) == 0.0


@pytest.mark.parametrize("date", [2025.25, 2025.3, 2026.75, 2028.111])
def test_a_payment_falls_due_once_wherever_its_date_is(date):
    found = GRID.matures(jnp.asarray(date))
    assert float(found.sum()) == pytest.approx(1.0, abs=1e-9)
    assert int(np.count_nonzero(np.asarray(found) > 1e-9)) <= 2


def test_a_date_at_a_quarters_end_falls_in_that_quarter():
    np.testing.assert_allclose(GRID.matures(jnp.asarray(2025.5))[:3], [0.0, 1.0, 0.0])


def test_what_falls_due_is_continuous_in_the_date():
    dates = np.linspace(2025.25, 2029.75, 2000)
    paid = np.asarray([GRID.matures(jnp.asarray(d)) for d in dates[::40]])
    assert (
        np.max(np.abs(np.diff(paid, axis=0))) < 40 * (dates[1] - dates[0]) / DT + 1e-9
    )


def test_a_schedule_spreads_its_amounts():
    edges, amounts = jnp.asarray([2025.0, 2025.5, 2026.5]), jnp.asarray([1.0, 4.0])
    found = GRID.schedule(edges, amounts)
    np.testing.assert_allclose(found[:7], [0.5, 0.5, 1, 1, 1, 1, 0], atol=1e-9)


def test_bullets_add_up():
    dates, amounts = jnp.asarray([2025.4, 2025.4, 2027.0]), jnp.asarray([1.0, 2.0, 4.0])
    assert float(GRID.bullets(dates, amounts).sum()) == pytest.approx(7.0)


def test_a_path_is_read_at_mid_quarter_and_flat_outside():
    found = GRID.path(jnp.asarray([2025.125, 2025.625]), jnp.asarray([1.0, 3.0]))
    np.testing.assert_allclose(found[:4], [1.0, 2.0, 3.0, 3.0])


def test_a_life_of_real_length_is_spread_over_vintages():
    found = span(jnp.asarray(0.1), jnp.asarray(0.6), 4)
    np.testing.assert_allclose(found, [0.6, 1.0, 0.4, 0.0], atol=1e-9)


def test_conditional_weights_leave_what_the_weights_say():
    weights = jnp.asarray([0.0, 0.3, 0.5, 0.2])
    left = np.cumprod(1.0 - np.asarray(conditional(weights)))
    np.testing.assert_allclose(left, [1.0, 0.7, 0.2, 0.0], atol=1e-12)
