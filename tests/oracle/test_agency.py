"""An agency, a guarantee that is only believed, and fabs: engine against oracle."""

import pytest

from tests.config_files import CONFIGS
from tests.oracle.comparing import check

STORIES = CONFIGS / "scenarios"
# Capital that the first losses exhaust, under a guarantee of a part.
THIN = (
    "government.agency.capital_usd_bn=0.2",
    "government.agency.leverage_x=800.0",
    "guarantee.coverage_share=0.6",
)


@pytest.mark.slow
def test_engine_equals_oracle_with_an_agency_beside_an_implicit_guarantee(tmp_path):
    own = (STORIES / "guarantee_implicit.toml").read_text(encoding="utf-8")
    tables = own[own.index("[guarantee]") :]
    text = (STORIES / "disproved_agency.toml").read_text(encoding="utf-8") + tables
    text = text.replace("../base.toml", str(CONFIGS / "chain.toml"))
    (tmp_path / "both.toml").write_text(text, encoding="utf-8")
    # Absolute, so that it stands beside no shipped config.
    story = str((tmp_path / "both").resolve())
    record = check(story, n_random=3, most_excluded=0, overrides=THIN).results.record
    assert (record.agency.bought > 0.0).any()
    assert (record.agency.injected > 0.0).any()
    assert (record.classes.claimed > 0.0).any()
    assert (record.agency.claimed > 0.0).any()
