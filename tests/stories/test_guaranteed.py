"""The guarantee over a batch: rarer and later default, the loss, and who pays."""

import functools

import numpy as np
import pytest

from calibration.guaranteed import (
    CHUNK,
    VARIANTS,
    Estimate,
    Guaranteed,
    compare,
    variants,
)
from engine.config import load
from tests.config_files import CONFIGS
from tests.properties.runs import as_shipped, built, run


@functools.cache
def batch():
    own = as_shipped("base")
    return Guaranteed(own.economy, own.grid, CHUNK)


@functools.cache
def found():
    stories = {name: as_shipped(name).economy for name in ("slow", "disproved")}
    return compare(batch(), stories, 2031.75)


def test_a_ratio_of_means_by_hand():
    x, y = np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 9.0])
    ratio = Estimate.ratio(y, x)
    assert ratio.value == pytest.approx(2.5)
    gaps = y - 2.5 * x  # −0.5, −1, 1.5
    assert ratio.standard_error == pytest.approx(np.std(gaps, ddof=1) / 2 / 3**0.5)
    assert Estimate.ratio(y, 0.0 * x) is None


def test_a_part_of_a_block_is_refused():
    own = as_shipped("base")
    with pytest.raises(ValueError, match="multiple of 256"):
        Guaranteed(own.economy, own.grid, 100)


def test_an_agency_buys_only_in_its_own_variants():
    own = load(CONFIGS / "scenarios" / "agency.toml").build()[0]
    found = variants(own)
    assert set(found) == {*VARIANTS, "agency", "agency_full"}
    bought = {name for name in own.figures if "agency.buys" in name}
    assert len(bought) == 4
    for name, figures in found.items():
        idle = {key for key, value in figures.items() if key in bought and value == 0.0}
        assert idle == (bought if name in VARIANTS else set())
        assert set(figures) <= set(own.figures)
    assert variants(as_shipped("base").economy) is VARIANTS


@pytest.mark.slow
def test_the_guarantee_makes_default_in_slow_rarer_and_later():
    slow = found()["slow"]
    none, full = (slow[v]["default_probability"] for v in ("none", "full"))
    gap = none.value - full.value
    assert gap > 3 * (none.standard_error + full.standard_error)
    assert gap > 0.5
    later = slow["full"]["years_later"]
    assert later.value - 3 * later.standard_error > 1.0


@pytest.mark.slow
def test_without_extension_hardly_any_default_is_avoided():
    """The rarer default hinges on the extension, not on cheaper or larger debt."""
    slow = found()["slow"]
    assert slow["without_extension"]["default_probability"].value > 0.9
    assert slow["extension_only"]["default_probability"].value < 0.2


@pytest.mark.slow
def test_in_slow_the_guaranteed_loss_is_larger():
    ratio = found()["slow"]["full"]["ratio"]
    assert ratio.value - 3 * ratio.standard_error > 1.0


@pytest.mark.slow
def test_in_disproved_it_is_larger_only_without_extension():
    """Refuted with extension (docs/results.md): later, but as large."""
    disproved = found()["disproved"]
    with_it = disproved["full"]["ratio"]
    assert abs(with_it.value - 1.0) < 3 * with_it.standard_error
    without = disproved["without_extension"]["ratio"]
    assert without.value - 3 * without.standard_error > 1.0
    later = disproved["full"]["years_later"]
    assert later.value - 3 * later.standard_error > 1.0


@pytest.mark.slow
@pytest.mark.parametrize("story", ["slow", "disproved"])
def test_claims_are_paid_only_where_the_effect_is_on(story):
    for variant in VARIANTS:
        row = found()[story][variant]
        pays = variant not in ("none", "without_claims", "extension_only")
        assert (row["expected_claims_bn"].value > 1.0) == pays
        assert (row["fair_premium_per_year"] is not None) == pays
        if pays:
            assert row["subsidy_bn"].value < row["expected_claims_bn"].value
            assert 0.0 < row["fair_premium_per_year"].value < 0.1


@pytest.mark.slow
def test_claims_never_exceed_what_was_guaranteed():
    own = as_shipped("disproved")
    columns = batch().run(own.economy, "full")
    peak = columns["government.guaranteed_peak"]
    # A loan drawn anew after a default may be lost as well: by scenario, not in sum.
    assert np.all(columns["government.loss"] <= 1.05 * peak)


def test_the_metrics_of_the_guarantee_by_hand():
    own, result = built("guarantee"), run("guarantee")
    record = result.record
    n = len(own.economy.members("neoclouds"))
    balance = np.asarray(record.classes.balance)
    covered = balance.sum(axis=1) - balance[:, n : 2 * n].sum(axis=1)
    rate = float(own.economy["rates.ten_year"])
    worth = (1 + rate) ** (-0.25 * np.arange(1, len(covered) + 1))
    metrics = result.metrics
    assert float(metrics["government.guaranteed_peak"]) == pytest.approx(covered.max())
    assert float(metrics["government.guaranteed_value"]) == pytest.approx(
        0.25 * covered @ worth
    )
    claims = np.asarray(record.investors.government)
    assert float(metrics["government.claims_value"]) == pytest.approx(claims @ worth)


def test_without_a_guarantee_nothing_is_guaranteed():
    assert float(run("slow").metrics["government.guaranteed_peak"]) == 0.0
