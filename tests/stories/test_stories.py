"""What the shipped configs say, from cash flows alone: no rule names an order."""

import numpy as np
import pytest

import engine
from engine.metrics import CLASSIFICATIONS
from tests.properties.runs import (
    FINANCED,
    NEVER,
    STORIES,
    as_shipped,
    batch,
    built,
    run,
    simulate,
)

HORIZON = 2031.75


def metric(story, name, *overrides):
    return float(run(story, *overrides).metrics[name])


def failure(story, layer):
    return float(run(story).failures[layer])


# ── Base ─────────────────────────────────────────────────────────────────────────────


def test_base_hyperscalers_spend_their_cash_flow_of_2026():
    """Reported totals of the four, leases included: capex is about all of it."""
    totals = built("base").config.reported_totals
    assert set(totals) == {"meta", "microsoft", "alphabet", "amazon"}
    capex = sum(t["capex"] for t in totals.values())
    operating = sum(t["operating_cash_flow"] for t in totals.values())
    assert capex / operating == pytest.approx(1.0, abs=0.10)


@pytest.mark.parametrize("lab", ["openai", "anthropic"])
def test_base_labs_honour_their_commitments(lab):
    assert metric("base", f"{lab}.lowest_honoured") == 1.0
    assert failure("base", "lab") == NEVER


def test_base_has_no_default_of_a_financed_layer_before_the_horizon():
    found = {layer: failure("base", layer) for layer in FINANCED}
    assert min(found.values()) > HORIZON, found


# ── Slow ─────────────────────────────────────────────────────────────────────────────


def test_slow_labs_cut_first():
    failures = run("slow").failures
    first = min(float(date) for date in failures.values())
    assert failure("slow", "lab") == first
    assert failure("slow", "lab") < min(failure("slow", layer) for layer in FINANCED)


@pytest.mark.parametrize("story", ["slow", "disproved"])
def test_neocloud_equity_then_unsecured_fail_first_of_the_financed(story):
    dates = {layer: failure(story, layer) for layer in FINANCED}
    equity, unsecured = dates["neocloud_equity"], dates["neocloud_unsecured"]
    rest = [dates[layer] for layer in ("neocloud_secured", "bank_spv")]
    assert equity < NEVER
    assert equity <= unsecured <= min(rest)
    assert equity < unsecured
    if story == "slow":  # in disproved Meta walks away before CoreWeave defaults
        assert unsecured <= dates["tenant_spv"]
    assert equity <= min(dates.values())


def test_slow_widens_spreads_and_bank_financed_spvs_meet_dearer_money():
    record, base = run("slow").record, run("base").record
    until = 20  # quarters to the horizon
    assert float(base.system.spread[:until].max()) < 1e-4
    assert float(record.system.spread[:until].max()) > 0.01
    names = built("slow").economy.members("spvs")
    i = names.index("vantage")

    def paid(record):
        taken = np.asarray(record.spvs.lent_takeout[:, i])
        return np.average(np.asarray(record.spvs.takeout_rate[:, i]), weights=taken)

    assert paid(record) > paid(base) + 0.005


@pytest.mark.parametrize(
    "rule", ["adaptive", pytest.param("driver", marks=pytest.mark.slow)]
)
def test_slow_hyperion_stands(rule):
    overrides = () if rule == "adaptive" else (f"expectations.rule={rule}",)
    result = run("slow", *overrides)
    assert float(result.failures["tenant_spv"]) == NEVER
    assert float(result.metrics["hyperion.alive"]) == 1.0
    assert float(result.metrics["hyperion.let"]) == 1.0
    assert float(result.metrics["hyperion.credit_loss"]) == 0.0


def test_slow_funds_lose_heavily():
    assert failure("slow", "fund") < NEVER
    assert failure("base", "fund") == NEVER
    lost = metric("slow", "private_credit.credit_loss")
    assert lost > 10 * metric("base", "private_credit.credit_loss")
    assert metric("slow", "private_credit.lowest_index") < 0.9


@pytest.mark.parametrize("story", STORIES)
def test_no_story_is_systemic(story):
    result = run(story)
    assert CLASSIFICATIONS[int(result.classification)] == "expensive_failure"
    assert min(float(d) for d in result.distances.values()) > 0.0


# ── Disproved ────────────────────────────────────────────────────────────────────────


def test_disproved_non_renewal_gets_into_the_money():
    """The mark of the tenant's option; at a renewal date itself it is out again."""
    i = built("disproved").economy.members("spvs").index("hyperion")
    assert float(run("disproved").record.tenancies.renewal[:, i].min()) < 0.0
    assert float(run("base").record.tenancies.renewal[:, i].min()) > 0.0
    assert metric("disproved", "hyperion.lowest_renewal") > 0.0


def test_disproved_fails_nowhere_later_than_slow():
    for layer, date in run("disproved").failures.items():
        assert float(date) <= failure("slow", layer), layer


REFUTED = ("neocloud_unsecured",)
"""Losses that are smaller in disproved: less was lent by then (docs/results.md)."""


def test_disproved_loses_no_less_in_a_layer_than_slow():
    slow, disproved = run("slow").losses, run("disproved").losses
    for layer in slow:
        if layer not in REFUTED:
            assert float(disproved[layer]) >= float(slow[layer]) - 1e-9, layer


def test_what_the_figures_refute_is_small():
    slow, disproved = run("slow").losses, run("disproved").losses
    for layer in REFUTED:
        gap = float(disproved[layer] - slow[layer])
        assert -0.2 < gap < 0.0, f"{layer}: {gap}: correct docs/results.md"


def test_disproved_loses_more_in_total():
    lost = metric("disproved", "system.credit_loss")
    assert lost > metric("slow", "system.credit_loss")
    assert lost > metric("base", "system.credit_loss")


@pytest.mark.parametrize("name", ["system.leak_public", "private_credit.margin_calls"])
def test_disproved_leaks_into_public_markets(name):
    assert metric("disproved", name) > 1.5 * metric("base", name) > 0.0
    assert metric("disproved", name) > metric("slow", name)


# ── Guarantee with extension ─────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("without", "guaranteed"),
    [("slow", "guarantee"), ("disproved", "disproved_guarantee")],
)
def test_the_guarantee_buys_time_and_makes_the_loss_larger(without, guaranteed):
    for layer in ("neocloud_unsecured", "neocloud_secured"):
        assert failure(guaranteed, layer) > failure(without, layer) + 1.0
    lost = metric(guaranteed, "system.credit_loss")
    assert lost / metric(without, "system.credit_loss") > 1.0


def test_the_guarantee_moves_the_loss_to_the_government():
    assert metric("guarantee", "bank.loss") < 0.1 < metric("slow", "bank.loss")
    assert metric("slow", "government.loss") == 0.0
    paid = metric("disproved_guarantee", "government.loss")
    assert paid > 0.5 * metric("disproved_guarantee", "system.credit_loss")


def defaults_by_horizon(story, n):
    return np.asarray(batch(story, n).failures["neocloud_unsecured"]) <= HORIZON + 1e-6


def test_the_guarantee_lowers_the_default_probability_of_slow():
    without, with_it = (defaults_by_horizon(s, 256) for s in ("slow", "guarantee"))
    assert with_it.mean() < without.mean() - 0.5
    assert not np.any(with_it & ~without)


def ratio_of_means(without, guaranteed, n=256):
    """Mean loss with over without, and its standard error (paired scenarios)."""
    x = np.asarray(batch(without, n).metrics["system.credit_loss"])
    y = np.asarray(batch(guaranteed, n).metrics["system.credit_loss"])
    ratio = y.mean() / x.mean()
    return ratio, np.std(y - ratio * x) / np.sqrt(n) / x.mean()


def test_the_guarantee_loses_more_in_slow_over_a_batch():
    ratio, error = ratio_of_means("slow", "guarantee")
    assert ratio - 3 * error > 1.0
    assert ratio == pytest.approx(1.27, abs=4 * error)


def test_over_a_batch_the_guaranteed_failure_of_disproved_is_as_large():
    """Refuted (docs/results.md): in the mean the two losses are the same."""
    ratio, error = ratio_of_means("disproved", "disproved_guarantee")
    assert error < 0.02
    assert abs(ratio - 1.0) < 3 * error


@pytest.mark.slow
@pytest.mark.parametrize("story", STORIES)
def test_the_story_as_shipped_is_the_story_tested_here(story):
    _, economy, state, grid = as_shipped(story)
    scenario = engine.reference_scenario(economy, grid)
    shipped = simulate(economy, state, grid, scenario)
    for name, value in run(story).metrics.items():
        assert float(shipped.metrics[name]) == pytest.approx(float(value), rel=1e-9)


@pytest.mark.slow
def test_hyperion_falls_where_tenants_take_todays_rent_for_ever():
    """Reported, not asserted by the model: static expectations (docs/results.md)."""
    static = run("slow", "expectations.rule=static")
    assert float(static.failures["tenant_spv"]) == 2029.5
    assert float(static.metrics["hyperion.credit_loss"]) == 0.0
