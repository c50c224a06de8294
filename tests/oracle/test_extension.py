"""Clauses on extensions, accounts and a guarantee's beneficiary: engine, oracle."""

import numpy as np
import pytest

from tests.config_files import PROVENANCE, retold
from tests.oracle.comparing import check, study
from tests.unit.test_extension import CLAUSES, stating


@pytest.mark.slow
def test_engine_equals_oracle_with_clauses_on_extensions(tmp_path):
    clauses = CLAUSES | {"extension_debt_yield_pct": 14.0, "escrow_spread_bps": -20.0}
    story = str(stating(tmp_path, clauses).with_suffix(""))
    case = check(story, n_random=3, most_excluded=0)
    for name, worst in case.results.residuals.items():
        assert worst.max() <= 1e-10, name
    i = case.economy.members("spvs").index("vantage")
    record = case.results.record.spvs
    fees, due = (
        np.asarray(x)[:, :, i] for x in (record.extension_fee, record.residual)
    )
    # Some extended, some repaid to pass the test.
    assert fees.max() > 1e-3
    assert due.max() > 1e-2
    earned, plain = (
        np.asarray(x.results.record.spvs.earned)[:, :, i]
        for x in (case, study("chain", 3))
    )
    assert (earned < plain).any()


@pytest.mark.slow
def test_engine_equals_oracle_where_a_guarantee_is_the_owners(tmp_path):
    path = retold(tmp_path, "disproved")
    # Bound by its reputation, Meta does not repudiate; a site of little use to it, and
    # easily left, it does not renew, and pays.
    figures = {"reputation_spread_bps": 2000.0, "moving_cost_x": 0.0}
    figures |= {"use_multiple_x": 0.2}
    lines = ["[spvs.hyperion]", 'rvg_beneficiary = "owners"']
    lines += [
        f"{key} = {{ value = {value}, {PROVENANCE}, bounds = [0.0, 5000.0] }}"
        for key, value in figures.items()
    ]
    path.write_text("\n".join([path.read_text(encoding="utf-8"), *lines]))
    case = check(str(path.with_suffix("")), n_random=3, most_excluded=0)
    for name, worst in case.results.residuals.items():
        assert worst.max() <= 1e-10, name
    i = case.economy.members("spvs").index("hyperion")
    assert np.asarray(case.results.record.spvs.past)[:, :, i].max() > 1.0
