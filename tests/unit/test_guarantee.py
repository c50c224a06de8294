"""The guarantee's optional tables: classes, premium, belief, and what fabs pass on."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.credit.guarantee import Guarantee
from engine.credit.neocloud_service import service_due
from engine.credit.neocloud_terms import (
    neocloud_dues,
    neocloud_opening,
    neocloud_terms,
)
from engine.credit.spv_terms import spv_terms
from engine.drivers import drive
from engine.economy import Economy
from engine.funds.holders import Holders
from engine.vehicles.neocloud import Neoclouds
from tests.config_files import CONFIGS, errors
from tests.helpers import tree_allclose
from tests.properties.runs import as_shipped, quiet


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


SHARES = {"secured": 0.7, "notes": 0.4, "takeout": 0.2}


def by_class(**figures):
    shares = {f"guarantee__classes__{k}": x for k, x in SHARES.items()}
    return with_figures(**(shares | figures))


def test_a_class_that_nothing_is_said_about_is_covered_whole():
    whole = {f"guarantee__classes__{k}": 1.0 for k in SHARES}
    found, plain = with_figures(**whole), economy()
    for own in (found, plain):
        assert Guarantee.build(own).covered.of("fabs", jnp.asarray(3.0)) == 3.0
    grid, clouds = as_shipped("guarantee").grid, Neoclouds.build(plain)

    def terms(own):
        guarantee = Guarantee.build(own)
        of_clouds = neocloud_terms(own, grid, clouds, guarantee)
        claims = Holders.build(own).claims
        return of_clouds, spv_terms(own, guarantee), claims, guarantee.volume

    tree_allclose(terms(found), terms(plain), rtol=0.0, atol=0.0)


def test_every_class_has_its_own_part_of_every_effect():
    own = by_class(guarantee__coverage=0.5)
    grid, clouds = as_shipped("guarantee").grid, Neoclouds.build(own)
    guarantee = Guarantee.build(own)
    cut = 0.5 * float(own["guarantee.pass_through"])
    more = 0.5 * float(own["guarantee.ltv_delta"])
    boxes = neocloud_terms(own, grid, clouds, guarantee)
    loans = spv_terms(own, guarantee)
    for found, family, key, expected in (
        (boxes.advance, "neoclouds", "advance", lambda x: x + 0.7 * more),
        (boxes.box_margin, "neoclouds", "box_margin", lambda x: x * (1 - 0.7 * cut)),
        (loans.ltc, "spvs", "ltc", lambda x: np.minimum(x + 0.4 * more, 0.98)),
        (
            loans.takeout_ltv,
            "spvs",
            "takeout_ltv",
            lambda x: np.minimum(x + 0.2 * more, 0.98),
        ),
        (
            loans.takeout_margin,
            "spvs",
            "takeout_margin",
            lambda x: x * (1 - 0.2 * cut),
        ),
    ):
        hand = expected(np.asarray(own.stack(family, key)))
        np.testing.assert_allclose(found, hand, rtol=1e-12, err_msg=key)
    n, m = len(own.members("neoclouds")), len(own.members("spvs"))
    claims = Holders.build(own).claims
    hand = [0.35] * n + [0.0] * n + [0.2] * m + [0.1] * m
    np.testing.assert_allclose(claims, hand, rtol=1e-12)


def test_a_part_of_fabs_lowers_the_price_of_chips_less():
    fabs = {
        "guarantee__fabs__debt": 0.3,
        "guarantee__fabs__cut": 0.015,
        "guarantee__fabs__pass_through": 0.5,
    }
    whole = Guarantee.build(with_figures(**fabs)).fabs
    part = Guarantee.build(with_figures(**fabs, guarantee__classes__fabs=0.25)).fabs
    np.testing.assert_allclose(part, 0.25 * whole, rtol=1e-12)


def test_without_a_premium_nothing_is_due():
    guarantee = Guarantee.build(by_class())
    assert guarantee.premium is None
    assert guarantee.due("secured", jnp.asarray(100.0)) is None
    assert guarantee.rate("takeout") is None


@pytest.mark.parametrize(
    ("kind", "hand"), [("secured", 0.063), ("notes", 0.036), ("takeout", 0.018)]
)
def test_a_quarters_premium_by_hand(kind, hand):
    # 100 bn × (90 bp × 0.4 covered) × the class's part, for a quarter of a year.
    own = by_class(guarantee__premium=0.009, guarantee__coverage=0.4)
    found = Guarantee.build(own).due(kind, jnp.asarray(100.0))
    np.testing.assert_allclose(found, hand, rtol=1e-12)


def test_a_neocloud_pays_the_premium_within_its_secured_interest():
    plain, own = economy(), by_class(guarantee__premium=0.02)
    built = as_shipped("guarantee")

    @jax.jit
    def service(e):
        state, dues = neocloud_opening(e), neocloud_dues(e, built.grid)
        quarters = drive(e, built.grid, quiet(built).shocks)
        quarter, due = jax.tree.map(lambda x: x[0], (quarters, dues))
        guarantee, clouds = Guarantee.build(e), Neoclouds.build(e)
        terms = neocloud_terms(e, built.grid, clouds, guarantee)
        return service_due(
            quarter, terms, due, guarantee, state, state.draws, state.issues
        )

    without, found = service(plain), service(own)
    hand = 0.02 * 0.7 * 0.25 * np.asarray(plain.stack("neoclouds", "ddtl"))
    hand = hand + 0.02 * 0.7 * 0.25 * np.asarray(plain.stack("neoclouds", "oem"))
    assert hand.sum() > 0.0
    assert without.premium is None
    np.testing.assert_allclose(found.premium, hand, rtol=1e-12)
    paid = found.interest_secured - without.interest_secured
    np.testing.assert_allclose(paid, hand, rtol=1e-12)
    np.testing.assert_allclose(
        found.interest_unsecured, without.interest_unsecured, rtol=0.0
    )


def test_a_premium_for_what_nobody_signed_is_refused(tmp_path):
    stories = CONFIGS / "scenarios"
    charged, believed = (
        (stories / f"guarantee_{name}.toml").read_text(encoding="utf-8")
        for name in ("premium", "implicit")
    )
    text = charged + believed[believed.index("[guarantee.implicit]") :]
    path = tmp_path / "both.toml"
    path.write_text(text.replace("../base.toml", str(CONFIGS / "base.toml")))
    (message,) = errors(path)
    assert "guarantee.premium_bps: got 55 beside guarantee.implicit" in message
    assert "expected no premium" in message
