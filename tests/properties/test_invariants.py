"""Money is conserved, books balance and seniority holds, whatever the scenario."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.funds.holders import Holders
from engine.metrics.residuals import residuals
from tests.properties.runs import STORIES, batch, built, run, run_with

TOLERANCE = 1e-10


def worst(result):
    return {name: float(jnp.max(values)) for name, values in result.residuals.items()}


def first_quarter():
    return jax.tree.map(lambda series: series[0], run("slow").record)


def recomputed(record):
    """Residuals of a quarter that began at the opening balances."""
    _, economy, state, _ = built("slow")
    holders = Holders.build(economy)
    return {k: float(v) for k, v in residuals(record, state, holders).items()}


def test_the_three_invariants_hold_in_512_scenarios():
    found = worst(batch("base", 512))
    assert set(found) == {"cash", "balance_sheet", "seniority"}
    assert max(found.values()) <= TOLERANCE, found


@pytest.mark.parametrize("story", STORIES)
def test_the_three_invariants_hold_in_the_stories(story):
    assert max(worst(run(story)).values()) <= TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("story", ["base", "disproved"])
def test_the_three_invariants_hold_in_10_000_scenarios(story):
    n = 20 * 256  # of each story, from another seed: 10,240 in all
    found = worst(batch(story, n, seed=7))
    assert max(found.values()) <= TOLERANCE, found


@pytest.mark.parametrize("story", ["base", "disproved"])
def test_cash_is_conserved_in_single_precision(story):
    found = run(story, dtype=jnp.float32).residuals
    assert float(found["cash"]) <= 1e-5
    assert float(found["seniority"]) <= 1e-5


def test_the_worst_quarter_is_what_a_run_reports():
    result = run("slow")
    for name, series in result.record.residuals.items():
        assert series.shape == result.record.system.spread.shape
        assert float(jnp.max(series)) == float(result.residuals[name])


def test_no_scenario_reports_a_number_that_is_none():
    result = batch("base", 512)
    for name, values in (result.metrics | result.losses | result.distances).items():
        assert np.all(np.isfinite(values)), name


def add(where, amount):
    def tamper(record):
        return eqx.tree_at(where, record, where(record) + amount)

    return tamper


def pay_the_junior_first(record):
    """Secured creditors short while unsecured interest is paid."""
    owed = record.clouds.arrears_secured + record.clouds.interest_unsecured
    return eqx.tree_at(lambda r: r.clouds.arrears_secured, record, owed)


TAMPERED = {
    "a neocloud finds cash": ("cash", add(lambda r: r.clouds.cash, 0.01)),
    "a lab forgets a payment": ("cash", add(lambda r: r.labs.paid, 0.01)),
    "an SPV pays rent twice": ("cash", add(lambda r: r.spvs.cfads, 0.01)),
    "a hyperscaler hides capex": ("cash", add(lambda r: r.hyperscalers.capex, -0.01)),
    "the hybrid cloud invents debt": ("cash", add(lambda r: r.hybrid.borrowed, 0.01)),
    "the vendor pays too little": ("cash", add(lambda r: r.vendor.payout, -0.01)),
    "a fund keeps a fee": ("cash", add(lambda r: r.fund.fee, 0.01)),
    "a loss is booked twice": ("balance_sheet", add(lambda r: r.classes.loss, 0.01)),
    "a loss has no holder": ("balance_sheet", add(lambda r: r.investors.outside, -0.1)),
    "a balance grows by itself": (
        "balance_sheet",
        add(lambda r: r.classes.balance, 0.01),
    ),
    "a claim vanishes": ("balance_sheet", add(lambda r: r.classes.failed, -0.01)),
    "books do not balance": ("balance_sheet", add(lambda r: r.clouds.book_gap, 0.01)),
    "the junior is paid first": ("seniority", pay_the_junior_first),
    "recovery above the claim": (
        "seniority",
        add(lambda r: r.clouds.recovery_unsecured, 1.0),
    ),
    "recovery above the pool": ("seniority", add(lambda r: r.clouds.pool, -20.0)),
}


@pytest.mark.parametrize("case", TAMPERED)
def test_the_residual_rises_when_a_record_is_tampered_with(case):
    invariant, tamper = TAMPERED[case]
    record = first_quarter()
    before = recomputed(record)
    found = recomputed(tamper(record))
    assert before[invariant] <= TOLERANCE
    assert found[invariant] > 1e4 * TOLERANCE, found


def test_an_extreme_economy_still_balances():
    """Everything fails at once: no access, free fall, a rate shock."""
    harsh = {
        "access__level": 0.0,
        "adoption__stall_level": 0.0,
        "shifts__rate_future": 0.1,
        "physics__delay": 1.3,
    }
    found = worst(run_with("disproved", **harsh))
    assert max(found.values()) <= TOLERANCE, found
