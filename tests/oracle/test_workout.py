"""Sale and exchange of failed neoclouds: engine and oracle."""

import numpy as np
import pytest

from tests.config_files import retold
from tests.oracle.comparing import check


def shares(case):
    """What fails by the way taken, every scenario, quarter and neocloud."""
    clouds = case.results.record.clouds
    failing, ways = np.asarray(clouds.failing), clouds.workout
    liquidated, sold = np.asarray(ways.liquidated), np.asarray(ways.sold)
    return failing * liquidated, failing * sold, failing * (1.0 - liquidated - sold)


@pytest.mark.slow
def test_engine_equals_oracle_with_a_workout(tmp_path):
    story = str(retold(tmp_path, "workout").with_suffix(""))
    case = check(story, n_random=6, most_excluded=0)
    liquidated, sold, exchanged = shares(case)
    # All three ways were taken somewhere, or nothing was compared.
    assert liquidated.sum() > 0.1
    assert sold.sum() > 0.1
    assert exchanged.sum() > 0.1


@pytest.mark.slow
def test_engine_equals_oracle_where_buyers_money_binds(tmp_path):
    story = str(retold(tmp_path, "workout").with_suffix(""))
    pinned = ("workout.buyer_discount_share=0.0", "workout.buyer_cash_share=0.01")
    case = check(story, n_random=2, most_excluded=0, overrides=pinned)
    ways = case.results.record.clouds.workout
    paid = np.asarray(ways.paid).sum(axis=-1)
    assert (paid > 0.01).any()
    assert (paid <= np.asarray(ways.capacity) + 1e-12).all()


@pytest.mark.slow
def test_engine_equals_oracle_on_the_shipped_workout():
    case = check("scenarios/workout", n_random=2, most_excluded=0)
    assert shares(case)[2].sum() > 0.1
