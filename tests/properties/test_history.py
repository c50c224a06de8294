"""History does not move: a later midpoint is a flatter path, not another past."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import engine
from engine.drivers import drive
from engine.drivers.adoption import anchor, ceiling, plan, revenue
from tests.properties.runs import as_shipped, built

SHAPES = ("logistic", "gompertz", "bass", "linear", "exponential_cap")
MIDPOINTS = tuple(np.arange(2027.5, 2045.01, 1.25))

curve = jax.jit(engine.revenue_curve)
series = jax.jit(lambda economy, grid: (revenue(economy, grid), plan(economy, grid)))


def economy_at(midpoint, shape="logistic", lag=0.0):
    economy = built("base").economy.choosing(adoption_shape=shape)
    figures = {"adoption.midpoint": midpoint, "adoption.j_curve_lag": lag}
    return economy.replace({k: jnp.asarray(v) for k, v in figures.items()})


def share(economy, grid, dates):
    dates = jnp.asarray(dates, jnp.float64)
    return curve(economy, grid, dates) / ceiling(economy, dates)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_past_is_the_same_bits_for_every_midpoint(shape):
    grid = built("base").grid
    reported = np.asarray(built("base").economy["adoption.history"])
    for midpoint in MIDPOINTS:
        actual, promised = series(economy_at(midpoint, shape), grid)
        np.testing.assert_array_equal(actual[: grid.n_history], reported)
        np.testing.assert_array_equal(promised[: grid.n_history], reported)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_the_first_quarters_know_of_the_past_is_the_same_bits(shape):
    """Lagged drivers and expectations of the first model quarter read history only."""
    grid = built("base").grid
    shocks = jnp.zeros((grid.n_model, 3))
    first = None
    for midpoint in MIDPOINTS[::4]:
        drivers = jax.jit(drive)(economy_at(midpoint, shape), grid, shocks)
        known = (
            drivers.demand_ahead[0],
            drivers.response[0],
            drivers.ratio_last[0],
            drivers.ratio_year_ago[:4],
        )
        first = known if first is None else first
        for left, right in zip(first, known, strict=True):
            np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_curve_passes_through_the_last_observation(shape):
    grid = built("base").grid
    for midpoint in MIDPOINTS:
        for lag in (0.0, 1.5):
            economy = economy_at(midpoint, shape, lag)
            date, observed = anchor(economy, grid)
            found = float(share(economy, grid, [date])[0])
            assert found == pytest.approx(float(observed), rel=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("lag", [0.0, 1.5])
def test_the_curve_is_one_half_at_the_midpoint_plus_lag(shape, lag):
    grid = built("base").grid
    for midpoint in MIDPOINTS:
        found = share(economy_at(midpoint, shape, lag), grid, [midpoint + lag])
        assert float(found[0]) == pytest.approx(0.5, rel=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_curve_rises_to_the_ceiling(shape):
    grid = built("base").grid
    dates = np.linspace(2026.7, 2080.0, 200)
    found = np.asarray(share(economy_at(2030.0, shape), grid, dates))
    assert np.all(np.diff(found) >= 0.0)
    assert found[-1] == pytest.approx(1.0, abs=1e-3)
    assert np.all(found <= 1.0 + 1e-12)


def test_a_later_midpoint_is_never_more_revenue():
    grid = built("base").grid
    paths = [series(economy_at(m), grid)[0] for m in MIDPOINTS]
    assert np.all(np.diff(np.asarray(paths), axis=0) <= 1e-9)


def test_slow_derives_its_midpoint_from_the_duration():
    _, economy, _, grid = as_shipped("slow")
    assert float(engine.midpoint(economy, grid)) == pytest.approx(2033.1, abs=0.05)


def test_the_logistic_takes_4_394_over_k_from_10_to_90_percent():
    _, economy, _, grid = as_shipped("slow")
    middle = float(engine.midpoint(economy, grid))
    years = float(economy["adoption.duration_10_90"])
    ends = [middle - years / 2, middle + years / 2]
    np.testing.assert_allclose(share(economy, grid, ends), [0.1, 0.9], rtol=1e-12)
    date, observed = anchor(economy, grid)
    slope = np.log(1 / float(observed) - 1) / (middle - float(date))
    assert slope * years == pytest.approx(2 * np.log(9.0), rel=1e-12)  # 4.394


def test_a_midpoint_and_the_duration_it_implies_are_one_curve():
    _, by_years, _, grid = as_shipped("slow")
    by_date = economy_at(float(engine.midpoint(by_years, grid)))
    dates = np.linspace(2027.0, 2050.0, 50)
    left, right = share(by_years, grid, dates), share(by_date, grid, dates)
    np.testing.assert_allclose(left, right, rtol=1e-12)


def test_disproved_falls_to_its_level_over_two_years():
    _, economy, _, grid = built("disproved")
    dates = jnp.asarray([2027.5, 2028.5, 2029.5, 2040.0])
    fall = np.asarray(share(economy, grid, dates))
    np.testing.assert_allclose(fall / fall[0], [1.0, 0.85, 0.7, 0.7], rtol=1e-12)


def test_scenarios_change_nothing_before_as_of():
    """The curve's own figures are drawn, the observations are not."""
    _, economy, _, grid = built("base")
    drawn = engine.scenarios(economy, grid, 8)
    for i in range(8):
        draws = {k: v[i] for k, v in drawn.draws.items()}
        actual, _ = series(economy.replace(draws), grid)
        np.testing.assert_array_equal(
            actual[: grid.n_history], economy["adoption.history"]
        )
