"""An agency, a guarantee that is only believed, and fabs: engine against oracle."""

import pytest

from tests.config_files import retold
from tests.oracle.comparing import check

# Capital that the first losses exhaust, under a guarantee of a part.
THIN = (
    "government.agency.capital_usd_bn=0.2",
    "government.agency.leverage_x=800.0",
    "guarantee.coverage_share=0.6",
)


@pytest.mark.slow
def test_engine_equals_oracle_with_an_agency_beside_an_implicit_guarantee(tmp_path):
    own = retold(tmp_path, "disproved_agency", guarantee="guarantee_implicit")
    story = str(own.with_suffix(""))
    record = check(story, n_random=3, most_excluded=0, overrides=THIN).results.record
    assert (record.agency.bought > 0.0).any()
    assert (record.agency.injected > 0.0).any()
    assert (record.classes.claimed > 0.0).any()
    assert (record.agency.claimed > 0.0).any()
