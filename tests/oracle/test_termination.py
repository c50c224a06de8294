"""Customers that pay to leave early: engine and oracle."""

import numpy as np
import pytest

from tests.oracle.comparing import check
from tests.unit.test_power import stating
from tests.unit.test_termination import TERMS


@pytest.mark.slow
def test_engine_equals_oracle_where_customers_may_leave(tmp_path):
    cheap = TERMS | {"termination_share": 0.35}
    story = str(stating(tmp_path, cheap).with_suffix(""))
    case = check(story, n_random=4, most_excluded=0)
    for name, worst in case.results.residuals.items():
        assert worst.max() <= 1e-10, name
    plain = check("chain", n_random=4, most_excluded=0)
    billed, before = (
        np.asarray(x.results.record.clouds.billed)[..., 0] for x in (case, plain)
    )
    # Payments in some quarter, and less than the contracts brought in a later one.
    assert (billed > before + 1e-6).any()
    assert (billed < before - 1e-6).any()
