"""The guarantee's optional tables: what is believed, and what fabs pass on."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest

from engine.credit.guarantee import Guarantee
from engine.credit.neocloud_terms import neocloud_terms
from engine.economy import Economy
from engine.vehicles.neocloud import Neoclouds
from tests.helpers import tree_allclose
from tests.properties.runs import as_shipped


@functools.cache
def economy():
    return as_shipped("guarantee").economy


def with_figures(**figures):
    plain = economy()
    added = {k.replace("__", "."): jnp.asarray(v) for k, v in figures.items()}
    return Economy({**plain.figures, **added}, plain.blueprint)


def implicit(believed, honoured):
    return Guarantee.build(
        with_figures(
            guarantee__implicit__believed=believed,
            guarantee__implicit__honoured=honoured,
        )
    )


def test_an_implicit_guarantee_believed_and_honoured_is_an_explicit_one():
    tree_allclose(implicit(1.0, 1.0), Guarantee.build(economy()), rtol=0.0, atol=0.0)


def test_lenders_act_on_belief_and_claims_on_what_is_honoured():
    explicit, found = Guarantee.build(economy()), implicit(0.4, 0.25)
    for name in ("spread_cut", "advance", "rolling", "volume"):
        ratio = getattr(found, name) / getattr(explicit, name)
        np.testing.assert_allclose(ratio, 0.4, rtol=1e-12, err_msg=name)
    np.testing.assert_allclose(found.claims, 0.25 * explicit.claims, rtol=1e-12)


def test_a_guarantee_that_nobody_believes_still_pays():
    found = implicit(0.0, 1.0)
    assert float(found.spread_cut) == float(found.rolling) == 0.0
    assert float(found.claims) == 1.0


@pytest.mark.parametrize("coverage", [0.0, 0.5, 1.0])
def test_cheaper_debt_of_fabs_lowers_the_chips_part_of_capex(coverage):
    own = with_figures(
        guarantee__coverage=coverage,
        guarantee__fabs__debt=0.3,
        guarantee__fabs__cut=0.015,
        guarantee__fabs__pass_through=0.5,
    )
    grid = as_shipped("guarantee").grid
    guarantee, clouds = Guarantee.build(own), Neoclouds.build(own)
    found = neocloud_terms(own, grid, clouds, guarantee).capex_per_revenue
    pledged = own.stack("neoclouds", "pledged")
    saved = 1.0 - pledged * coverage * 0.3 * 0.015 * 0.5
    plain = own.stack("neoclouds", "capex_per_revenue")
    np.testing.assert_allclose(found, plain * saved, rtol=1e-12)
