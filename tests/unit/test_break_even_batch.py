"""Break-evens scenario by scenario, against single searches and by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from calibration.breakeven import STATUSES, break_even
from calibration.scan import Scan
from calibration.scattered import TOLERANCE, scattered
from scripts._break_even_batch import summary

SCAN = Scan(base=2028.8, end=2046.8, before=2027.3, n=128, n_before=16)
T = np.array([2033.061, 2029.9, 2041.77, 2028.2, 2060.0, 2000.0])
"""Roots: three beyond base, one before it, one beyond the end, one before all."""


def smooth(x, t):
    return jnp.tanh(0.3 * (t - x))


def jump(x, t):
    return jnp.where(x < t, 0.4, -0.2)


def three(x, t):
    return -(x - t) * (x - t - 1.0) * (x - t - 3.0) / 50


LIMITS = (smooth, jump, three)


def measure(x, which):
    return np.stack([np.asarray(g(x, T[which])) for g in LIMITS], axis=1)


@pytest.fixture(scope="module")
def found():
    # Cut into parts, so that the cut is tested too.
    return scattered(measure, T.size, len(LIMITS), (SCAN,), at_once=4)


@pytest.mark.parametrize("i", range(T.size))
@pytest.mark.parametrize("c", range(len(LIMITS)))
def test_every_scenario_is_its_own_search(found, i, c):
    alone = break_even(
        lambda x, f: LIMITS[c](x, f["t"]), {"t": jnp.asarray(T[i])}, SCAN
    )
    assert STATUSES[found.status[i, c]] == alone.status
    if alone.value is None:
        assert np.isnan(found.value[i, c])
    else:
        assert abs(found.value[i, c] - alone.value) <= TOLERANCE * SCAN.scale
        assert found.width[i, c] <= TOLERANCE * SCAN.scale


def test_of_two_directions_the_nearest_failure_is_kept():
    ways = (Scan(0.0, 18.0, 0.0, 64, 0), Scan(0.0, -18.0, 0.0, 64, 0))
    roots = np.array([[-2.0, 5.0], [-6.0, 3.0], [-30.0, 30.0], [-30.0, 4.0]])

    def window(x, which):
        return np.minimum(x - roots[which, 0], roots[which, 1] - x)[:, None]

    found = scattered(window, 4, 1, ways)
    words = [STATUSES[s] for s in found.status[:, 0]]
    assert words == ["ok", "ok", "always_holds", "ok"]
    np.testing.assert_allclose(
        found.value[:, 0], [-2.0, 3.0, np.nan, 4.0], atol=TOLERANCE
    )


def test_what_is_not_a_number_is_counted_and_has_no_value():
    def broken(x, which):
        return np.where(which == 0, np.nan, 2033.0 - x)[:, None]

    found = scattered(broken, 2, 1, (SCAN,))
    assert STATUSES[found.status[0, 0]] == "not_converged"
    layer = summary(("g",), found, (SCAN,))["g"]
    assert layer["counts"] == {"ok": 1, "not_converged": 1}
    assert layer["mean"] == pytest.approx(2033.0, abs=1e-6)
    assert layer["quantiles"]["0.5"] == pytest.approx(2033.0, abs=1e-6)


def test_undetermined_ones_are_counted_and_never_averaged_in(found):
    layer = summary(("smooth", "jump", "three"), found, (SCAN,))["smooth"]
    assert layer["counts"] == {
        "ok": 3,
        "always_holds": 1,
        "never_holds": 1,
        "fails_at_base": 1,
    }
    assert layer["share_found"] == 0.5
    assert layer["mean"] == pytest.approx(T[:3].mean(), abs=1e-6)
    # Two of six before base, one beyond the end: they keep their side of the order.
    wanted = {"0.05": None, "0.25": None, "0.5": 2029.9, "0.75": 2041.77, "0.95": None}
    for q, value in wanted.items():
        assert layer["quantiles"][q] == (value and pytest.approx(value, abs=1e-6)), q
