"""Boxes priced by who pays for what they finance: engine and oracle."""

import numpy as np
import pytest

from tests.config_files import stating
from tests.oracle.comparing import check
from tests.unit.test_off_takers import CLAUSES


@pytest.mark.slow
def test_engine_equals_oracle_with_margins_by_off_taker(tmp_path):
    plain = check("chain", n_random=3, most_excluded=0)
    story = str(stating(tmp_path, CLAUSES).with_suffix(""))
    case = check(story, n_random=3, most_excluded=0)
    for name, worst in case.results.residuals.items():
        assert worst.max() <= 1e-10, name
    cheaper, stated = (
        np.asarray(x.results.record.clouds.interest_secured) for x in (case, plain)
    )
    # The first draw of CoreWeave's pays interest from the second quarter on.
    assert (cheaper[:, 1, 0] < stated[:, 1, 0]).all()


@pytest.mark.slow
def test_engine_equals_oracle_on_the_shipped_margins():
    check("scenarios/off_taker_pricing", n_random=2, most_excluded=0)
