"""Contracts whose price follows consumer prices and rates: engine and oracle."""

import numpy as np
import pytest

from tests.config_files import stating
from tests.oracle.comparing import check
from tests.unit.test_indexation import INDEX


@pytest.mark.slow
def test_engine_equals_oracle_with_indexed_contracts(tmp_path):
    story = str(stating(tmp_path, INDEX).with_suffix(""))
    case = check(story, n_random=4, most_excluded=0)
    for name, worst in case.results.residuals.items():
        assert worst.max() <= 1e-10, name
    clouds = case.results.record.clouds
    billed, sold = (np.asarray(x)[:, :, 0] for x in (clouds.billed, clouds.revenue))
    sells = (sold > 0.1).all(axis=0)
    assert sells.sum() > 10
    per_sold = billed[:, sells] / sold[:, sells]
    # Prices went both ways, or the index was not tried.
    assert (np.diff(per_sold, axis=1) > 1e-4).any()
    assert (np.diff(per_sold, axis=1) < -1e-4).any()
