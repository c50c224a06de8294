"""A neocloud that buys power ahead and passes its price on: engine and oracle."""

import numpy as np
import pytest

from tests.config_files import stating
from tests.oracle.comparing import check
from tests.unit.test_power import CLAUSES
from tests.unit.test_power_path import RISING, moving


@pytest.mark.slow
def test_engine_equals_oracle_with_clauses_on_power(tmp_path):
    plain = check("chain", n_random=3, most_excluded=0)
    story = str(stating(tmp_path, CLAUSES).with_suffix(""))
    case = check(story, n_random=3, most_excluded=0)
    for name, worst in case.results.residuals.items():
        assert worst.max() <= 1e-10, name
    with_clauses, without = (
        np.asarray(x.results.record.clouds.billed) for x in (case, plain)
    )
    assert (with_clauses[:, 0] != without[:, 0]).any()


@pytest.mark.slow
def test_engine_equals_oracle_where_the_price_of_power_moves(tmp_path):
    story = str(moving(tmp_path, RISING).with_suffix(""))
    case = check(story, n_random=3, most_excluded=0)
    for name, worst in case.results.residuals.items():
        assert worst.max() <= 1e-10, name
    power = np.asarray(case.results.record.drivers.power)
    assert power.min() == 1.0
    assert power.max() == 1.5


@pytest.mark.slow
def test_engine_equals_oracle_on_the_shipped_path_of_power():
    case = check("scenarios/dear_power", n_random=2, most_excluded=0)
    assert np.asarray(case.results.record.drivers.power).max() == pytest.approx(1.82)


@pytest.mark.slow
def test_engine_equals_oracle_where_clouds_at_list_prices_pay_for_power(tmp_path):
    story = str(moving(tmp_path, RISING, listed=0.2).with_suffix(""))
    case = check(story, n_random=3, most_excluded=0)
    for name, worst in case.results.residuals.items():
        assert worst.max() <= 1e-10, name
