"""A premium for the guarantee: who pays, what it brings in, when it can be fair."""

import dataclasses
import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import engine
from engine.economy import Economy
from engine.metrics.residuals import premium_cash
from tests.properties.runs import built, quiet, run

pytestmark = pytest.mark.slow


@jax.jit
def simulate(economy, grid, scenario):
    state = engine.opening_state(economy, grid)
    return engine.simulate(economy, state, grid, scenario)


@functools.cache
def charged(story, premium, notes=1.0):
    """A story of the central chain at a premium [1/year]; one program serves all."""
    own = built(story)
    figures = {"guarantee.premium": premium, "guarantee.classes.notes": notes}
    figures = {k: jnp.asarray(v, jnp.float64) for k, v in figures.items()}
    economy = Economy({**own.economy.figures, **figures}, own.economy.blueprint)
    return simulate(economy, own.grid, quiet(own))


def government(result):
    names = ("claims_value", "guaranteed_value", "premium", "premium_value", "subsidy")
    return [float(result.metrics[f"government.{name}"]) for name in names]


@pytest.mark.parametrize("story", ["guarantee", "disproved_guarantee"])
def test_a_premium_of_zero_changes_nothing(story):
    found, plain = charged(story, 0.0).metrics, run(story).metrics
    added = {f"government.{x}" for x in ("premium", "premium_value", "subsidy")}
    assert set(found) - set(plain) == added
    for name, value in plain.items():
        np.testing.assert_allclose(found[name], value, 1e-9, 1e-9, err_msg=name)
    assert found["government.premium"] == 0.0
    assert found["government.subsidy"] == found["government.claims_value"]


def test_the_premium_is_paid_on_what_is_covered_at_the_start_of_the_quarter():
    rate, part, own = 0.01, 0.5, built("guarantee")
    record = charged("guarantee", rate, part).record
    clouds, spvs = record.clouds, record.spvs
    covered = float(own.economy["guarantee.coverage"] * own.economy["guarantee.claims"])
    for alive, before, paid, share in (
        (clouds.alive, clouds.claim_secured, clouds.premium, 1.0),
        (spvs.alive, spvs.claim_loan, spvs.premium_loan, part),
        (spvs.alive, spvs.claim_takeout, spvs.premium_takeout, 1.0),
    ):
        hand = 0.25 * rate * covered * share * np.asarray(before)
        assert (np.asarray(alive) * hand).sum() > 0.0
        np.testing.assert_allclose(paid, hand, rtol=1e-12, atol=1e-15)
    received = np.asarray(record.classes.premium).sum()
    assert float(charged("guarantee", rate, part).metrics["government.premium"]) == (
        pytest.approx(received, rel=1e-12)
    )


@pytest.mark.parametrize("premium", [0.005, 0.04])
@pytest.mark.parametrize("story", ["guarantee", "disproved_guarantee"])
def test_cash_balance_and_seniority_hold_with_a_premium(story, premium):
    for notes in (1.0, 0.5):
        for name, value in charged(story, premium, notes).residuals.items():
            assert float(value) < 1e-10, name


def test_a_premium_that_lenders_keep_is_a_gap_in_cash():
    record = charged("guarantee", 0.01).record
    gap, paid = premium_cash(jax.tree.map(lambda x: x[4], record))
    assert abs(float(gap)) < 1e-12 * float(paid)
    classes = record.classes
    kept = dataclasses.replace(classes, interest=classes.interest + classes.premium)
    kept = dataclasses.replace(record, classes=kept)
    gap, paid = premium_cash(jax.tree.map(lambda x: x[4], kept))
    assert float(gap) == pytest.approx(-float(classes.premium[4].sum()))


def test_a_class_without_cover_pays_nothing_and_gets_nothing():
    own, result = (
        built("disproved_guarantee"),
        charged("disproved_guarantee", 0.01, 0.0),
    )
    n, m = len(own.economy.members("neoclouds")), len(own.economy.members("spvs"))
    loans, classes = slice(2 * n, 2 * n + m), result.record.classes
    assert np.all(np.asarray(classes.premium)[:, loans] == 0.0)
    assert np.all(np.asarray(classes.claimed)[:, loans] == 0.0)
    assert np.asarray(classes.loss)[:, loans].sum() > 0.0
    whole = charged("disproved_guarantee", 0.01).metrics
    peak = "government.guaranteed_peak"
    assert result.metrics[peak] < whole[peak]


def test_a_higher_premium_lowers_the_borrowers_headroom():
    series = [
        np.asarray(charged("guarantee", x).record.clouds.headroom)[0]
        for x in (0.0, 0.005, 0.01, 0.02)
    ]
    for low, high in itertools.pairwise(series):
        assert np.all(high <= low)
        assert np.any(high < low)


def test_in_slow_the_fair_premium_pays_for_the_guarantee():
    claims, years, *_ = government(charged("guarantee", 0.0))
    fair = claims / years
    first = government(charged("guarantee", fair))
    # The charge moves claims and balances: to first order only.
    assert abs(first[4]) < 0.1 * first[0]
    for _ in range(3):
        claims, _, _, received, _ = government(charged("guarantee", fair))
        fair = fair * claims / received
    claims, _, _, received, subsidy = government(charged("guarantee", fair))
    assert subsidy == pytest.approx(claims - received, abs=1e-9)
    assert abs(subsidy) < 1e-3 * claims
    assert 0.0095 < fair < 0.0110


def test_in_disproved_no_premium_pays_for_the_guarantee():
    """Refuted there: what is charged makes more fail than it pays for."""
    claims, years, *_ = government(charged("disproved_guarantee", 0.0))
    assert government(charged("disproved_guarantee", claims / years))[4] > 0.4 * claims
    for premium in (0.005, 0.01, 0.02, 0.04, 0.1, 0.2):
        subsidy = government(charged("disproved_guarantee", premium))[4]
        assert subsidy > 0.4 * claims, premium
