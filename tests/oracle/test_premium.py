"""A guarantee by class that charges a premium, beside an agency: engine and oracle."""

import jax
import numpy as np
import pytest

from scripts.report import flows
from tests.config_files import retold
from tests.oracle.comparing import check

# A premium at which it matters who bears it, and four different parts.
TERMS = (
    "guarantee.premium_bps=400.0",
    "guarantee.coverage_share=0.9",
    "guarantee.classes.secured_share=0.7",
    "guarantee.classes.notes_share=0.4",
    "guarantee.classes.takeout_share=0.2",
)


@pytest.mark.slow
def test_engine_equals_oracle_with_a_premium_by_class_beside_an_agency(tmp_path):
    own = retold(tmp_path, "disproved_agency", guarantee="guarantee_premium")
    story = str(own.with_suffix(""))
    case = check(story, n_random=3, most_excluded=0, overrides=TERMS)
    classes = case.results.record.classes
    n = len(case.economy.members("neoclouds"))
    m = 2 * n + len(case.economy.members("spvs"))
    received = np.asarray(classes.premium).sum(axis=(0, 1))
    assert (received[n : 2 * n] == 0.0).all()
    one = jax.tree.map(lambda x: x[0], case.results)
    paid = flows.ledger(case.economy, case.grid, one).totals
    shown = sum(x for (_, _, kind), x in paid.items() if kind == "premium")
    assert shown == pytest.approx(classes.premium[0, : flows.NEXT].sum(), rel=1e-12)
    assert shown > 0.0
    for part in (slice(n), slice(2 * n, m), slice(m, None)):
        assert received[part].sum() > 0.0
    assert (classes.claimed > 0.0).any()
    assert (case.results.record.agency.loans > 0.0).any()
