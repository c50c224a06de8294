import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from engine.jump import HardDefault
from engine.survival import HIGHEST, headroom, survive

KINDS = jnp.asarray([False, True])
SIGMA = jnp.asarray([0.0, 0.5])


def one(alive, worst, g):
    vehicle = [jnp.asarray(x) for x in (alive, worst, g)]
    return survive(*vehicle, SIGMA, KINDS, HardDefault())


def test_headroom_is_sources_over_dues():
    sources, dues = jnp.asarray([1.5, 0.2, 0.0]), jnp.asarray([1.0, 0.4, 1.0])
    np.testing.assert_allclose(headroom(sources, dues), [0.5, -0.5, -1.0])


def test_headroom_is_highest_where_nothing_is_due():
    found = headroom(jnp.asarray([0.0, -1.0, 1e9]), jnp.asarray([0.0, 1e-12, 1.0]))
    np.testing.assert_array_equal(found, [HIGHEST] * 3)


def test_a_named_deal_defaults_below_zero_and_stays_in_default():
    alive, _ = one([1.0, 1.0], [10.0, 10.0], [-1e-9, 5.0])
    assert float(alive[0]) == 0.0
    alive, _ = one([0.0, 1.0], [10.0, 10.0], [3.0, 5.0])
    assert float(alive[0]) == 0.0


@pytest.mark.parametrize("g", [-0.6, -0.1, 0.0, 0.4, 3.0])
def test_a_cohort_keeps_the_share_whose_log_headroom_is_positive(g):
    alive, _ = one([1.0, 1.0], [10.0, 10.0], [1.0, g])
    assert float(alive[1]) == pytest.approx(stats.norm.cdf(np.log1p(g) / 0.5))


def test_a_cohort_remembers_its_worst_quarter():
    alive, worst = one([1.0, 1.0], [10.0, 10.0], [1.0, -0.2])
    later, _ = survive(
        alive, worst, jnp.asarray([1.0, 5.0]), SIGMA, KINDS, HardDefault()
    )
    assert float(later[1]) == float(alive[1])
