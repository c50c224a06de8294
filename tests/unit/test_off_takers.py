"""Margins by who pays for what a box finances: by hand, and absent from base."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.config import load
from engine.credit.neocloud_terms import neocloud_opening
from engine.credit.off_takers import box_margins
from engine.layers import Layers
from tests.config_files import CONFIGS, errors, stating

CLAUSES = {
    "investment_grade_discount_bps": 225.0,
    "investment_grade_others_share": 0.5,
}
CLAUSE = "investment_grade_discount_bps"
CUSTOMER = "neoclouds.coreweave.customers.meta"
# CoreWeave: 25 % OpenAI; 20 % Meta and 35 % Microsoft, both investment grade.
GRADED = 0.2 + 0.35 + 0.5 * 0.2


def built(path):
    economy, _, grid = load(path).build(jnp.float64)
    return economy, grid


def test_the_margin_is_that_of_the_mix(tmp_path):
    economy, _ = built(stating(tmp_path, CLAUSES))
    margins = box_margins(economy)
    stated = np.asarray(economy.stack("neoclouds", "box_margin"))
    assert float(margins[0]) == pytest.approx(stated[0] - 0.0225 * GRADED, rel=1e-12)
    assert margins[1:].tolist() == stated[1:].tolist()


def test_it_reaches_all_that_reads_the_margin(tmp_path):
    less = 0.0225 * GRADED
    economy, grid = built(stating(tmp_path, CLAUSES))
    plain, _ = built(CONFIGS / "chain.toml")
    new, old = Layers.build(economy, grid), Layers.build(plain, grid)
    for moved, stood in (
        (new.cloud_terms.box_margin, old.cloud_terms.box_margin),
        (neocloud_opening(economy).box_margin, neocloud_opening(plain).box_margin),
    ):
        np.testing.assert_allclose(stood - moved, [less, 0.0], atol=1e-15)
    # A level service at a lower rate repays more at first.
    assert (new.cloud_terms.repaying[:, 0] != old.cloud_terms.repaying[:, 0]).any()
    assert new.cloud_terms.repaying[:, 1].tolist() == (
        old.cloud_terms.repaying[:, 1].tolist()
    )


def test_a_customer_of_investment_grade_makes_debt_cheaper(tmp_path):
    economy, _ = built(stating(tmp_path, {CLAUSE: 225.0}))

    def margin(share):
        return box_margins(economy.replace({CUSTOMER: share}))[0]

    at = economy[CUSTOMER]
    slope = float(jax.grad(margin)(at))
    finite = float(margin(at + 0.01) - margin(at - 0.01)) / 0.02
    assert slope == pytest.approx(finite, rel=1e-9)
    assert slope == pytest.approx(-0.0225, rel=1e-12)


def test_what_would_do_nothing_or_pay_the_borrower_is_refused(tmp_path):
    told = errors(stating(tmp_path, {CLAUSE: 600.0}))
    assert len(told) == 1
    assert f"{CLAUSE}: got 600.0, expected 0 to box_margin_bps (500.0)" in told[0]
    told = errors(stating(tmp_path, {"investment_grade_others_share": 0.5}))
    assert len(told) == 1
    assert f"{CLAUSE}: missing, expected a figure beside" in told[0]
