"""Flip values of the classification, against runs on both sides of them."""

import functools

import numpy as np
import pytest

from calibration.flips import flips
from calibration.moved import Moved, Story
from engine.metrics import CLASSIFICATIONS
from tests.properties.runs import as_shipped, built, run, run_with

STORIES = ("base", "slow")
BOUNDS = {
    "criteria.systemic_cet1": (0.0, 1.0),
    "contagion.equity_pass": (0.0, 0.20),
    "neoclouds.coreweave.capex_per_revenue": (0.5, 10.0),
    "access.level": (0.0, 1.0),
    "power.price": (1.0, 500.0),
}
RANGES = {"neoclouds.coreweave.capex_per_revenue": (2.4, 3.3)}


@functools.cache
def moved():
    own = as_shipped("base")
    stories = {name: Story.of(as_shipped(name).economy, own.grid) for name in STORIES}
    return Moved(own.economy, own.grid, stories, BOUNDS)


@functools.cache
def found():
    return {(x.story, x.key): x for x in flips(moved(), BOUNDS, RANGES)}


@pytest.mark.slow
@pytest.mark.parametrize("story", STORIES)
def test_nothing_moved_is_the_story_itself(story):
    result, same = run(story), moved().run([(story, {})])
    assert int(same["classification"][0]) == int(result.classification)
    lost = float(result.metrics["system.credit_loss"])
    assert same["system.credit_loss"][0] == pytest.approx(lost, rel=1e-9)
    for name, value in result.margins.items():
        assert same[name][0] == pytest.approx(float(value), rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("story", STORIES)
def test_a_threshold_flips_at_its_reading(story):
    investors = run(story).record.investors
    lost = float((investors.bank_direct + investors.bank_lines).sum())
    reading = lost / float(built(story).economy["banks.cet1"])
    flip = found()[story, "criteria.systemic_cet1"].below
    assert flip.value == pytest.approx(reading, rel=1e-6)
    assert CLASSIFICATIONS[flip.after] == "systemic"
    assert found()[story, "criteria.systemic_cet1"].above is None


@pytest.mark.slow
def test_the_class_differs_on_the_two_sides_of_a_flip():
    rows, expected = [], []
    for (story, key), x in found().items():
        for flip in (x.below, x.above):
            if flip is None:
                continue
            away = np.sign(flip.value - x.at) * 1e-5 * abs(flip.value)
            rows += [
                (story, {key: flip.value - away}),
                (story, {key: flip.value + away}),
            ]
            expected += [x.classification, flip.after]
    assert len(rows) >= 8
    codes = moved().run(rows)["classification"].astype(int)
    assert codes.tolist() == expected


@pytest.mark.slow
def test_the_engine_says_the_same_at_a_flip():
    flip = found()["base", "neoclouds.coreweave.capex_per_revenue"].below
    assert flip.status == "ok"
    for factor, code in ((1 + 1e-5, 1), (1 - 1e-5, 0)):
        value = {"neoclouds__coreweave__capex_per_revenue": flip.value * factor}
        assert int(run_with("base", **value).classification) == code


@pytest.mark.slow
def test_a_count_of_quarters_flips_at_a_jump():
    """Markets are shut in whole quarters: the distance to four has no zero."""
    assert found()["slow", "access.level"].below.status == "at_jump"


@pytest.mark.slow
def test_a_figure_that_decides_nothing_has_no_flip():
    x = found()["base", "power.price"]
    assert x.below is None
    assert x.above is None


def test_a_key_that_is_no_scalar_is_refused():
    own = as_shipped("base")
    story = {"base": Story.of(own.economy, own.grid)}
    with pytest.raises(ValueError, match="scalar"):
        Moved(own.economy, own.grid, story, ["adoption.history"])
