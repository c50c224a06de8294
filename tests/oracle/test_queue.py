"""A queue for power: engine and oracle."""

import numpy as np
import pytest

from tests.config_files import retold
from tests.oracle.comparing import check


@pytest.mark.slow
def test_engine_equals_oracle_with_a_queue_for_power(tmp_path):
    story = str(retold(tmp_path, "grid_queue").with_suffix(""))
    case = check(story, n_random=4, most_excluded=0)
    prices = case.results.record.prices
    waiting = np.asarray(prices.waiting)
    # Connections bound in some quarters and not in others, or nothing was compared.
    assert (waiting > 0.1).any()
    assert (waiting == 0.0).any()


@pytest.mark.slow
def test_engine_equals_oracle_on_the_shipped_queue():
    case = check("scenarios/grid_queue", n_random=2, most_excluded=0)
    assert (np.asarray(case.results.record.prices.waiting) > 0.1).any()
