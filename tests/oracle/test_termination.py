"""Customers that pay to leave early: engine and oracle."""

import numpy as np
import pytest

from tests.config_files import stating
from tests.oracle.comparing import check
from tests.unit.test_indexation import INDEX
from tests.unit.test_termination import TERMS


@pytest.mark.slow
def test_engine_equals_oracle_where_customers_may_leave(tmp_path):
    # An index besides: customers weigh the price that it made.
    cheap = TERMS | INDEX | {"termination_share": 0.35}
    story = str(stating(tmp_path, cheap).with_suffix(""))
    case = check(story, n_random=4, most_excluded=0)
    for name, worst in case.results.residuals.items():
        assert worst.max() <= 1e-10, name
    (tmp_path / "plain").mkdir()
    story = str(stating(tmp_path / "plain", INDEX).with_suffix(""))
    plain = check(story, n_random=4, most_excluded=0)
    billed, before = (
        np.asarray(x.results.record.clouds.billed)[..., 0] for x in (case, plain)
    )
    # Payments in some quarter, and less than the contracts brought in a later one.
    assert (billed > before + 1e-6).any()
    assert (billed < before - 1e-6).any()
