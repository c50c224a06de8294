"""Rents that follow the short rate: engine and oracle."""

import numpy as np
import pytest

from tests.oracle.comparing import check, study
from tests.unit.test_rent_indexation import indexing


@pytest.mark.slow
def test_engine_equals_oracle_with_an_indexed_rent(tmp_path):
    story = str(indexing(tmp_path).with_suffix(""))
    case = check(story, n_random=3, most_excluded=0)
    for name, worst in case.results.residuals.items():
        assert worst.max() <= 1e-10, name
    place = case.economy.members("spvs").index("vantage")
    plain = study("chain", 3)
    rents = [np.asarray(x.results.record.spvs.rent) for x in (case, plain)]
    moved = (rents[0] - rents[1])[:, :, place]
    # Rates went both ways, or the index was not tried.
    assert (moved > 1e-4).any()
    assert (moved < -1e-4).any()
