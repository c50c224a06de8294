"""Every credit loss from its origin to its final holder, on the shipped stories."""

import dataclasses
import functools

import jax.numpy as jnp
import numpy as np
import pytest

from engine.metrics import FINANCED, NEVER
from engine.metrics.chain import paths_of, unpaid_by_customers
from scripts._chain import chain
from tests.properties.runs import STORIES, built, run

TOLERANCE = 1e-10


@functools.cache
def chained(story):
    own = built(story)
    return chain(own.economy, own.grid, run(story))


def booked(story):
    """What the record booked at each final holder, independently of the chain."""
    investors = run(story).record.investors
    losses = np.asarray(investors.losses).sum(axis=0)
    return {
        "pension": losses[0],
        "insurer": losses[1],
        "outside": float(investors.outside.sum()),
        "bank": float((investors.bank_direct + investors.bank_lines).sum()),
        "government": float(investors.government.sum()),
    }


@pytest.mark.parametrize("story", STORIES)
def test_the_chain_adds_up_to_what_was_lost(story):
    found = chained(story)
    lost = float(run(story).metrics["system.credit_loss"])
    assert lost > 1.0
    assert found["total_bn"] == pytest.approx(lost, rel=TOLERANCE)
    assert abs(found["residual"]) < TOLERANCE
    for key in ("by_origin", "by_holder", "by_final"):
        assert sum(found[key].values()) == pytest.approx(lost, rel=TOLERANCE)


@pytest.mark.parametrize("story", STORIES)
def test_every_final_holder_bears_what_it_booked(story):
    found, total = chained(story), chained(story)["total_bn"]
    for name, value in booked(story).items():
        gap = found["by_final"].get(name, 0.0) - value
        assert abs(gap) < TOLERANCE * total, name


@pytest.mark.parametrize("story", STORIES)
def test_every_instrument_and_every_holder_hands_on_what_it_receives(story):
    own, found = built(story), chained(story)
    lost = run(story).record.classes
    by_class = np.asarray(lost.loss + lost.claimed).sum(axis=0)
    rows = found["rows"]
    families = own.economy.members("neoclouds"), own.economy.members("spvs")
    names = [(v, k) for k in ("secured", "unsecured") for v in families[0]]
    names += [(v, k) for k in ("notes", "takeout") for v in families[1]]
    for (vehicle, kind), value in zip(names, by_class, strict=True):
        mine = [
            x["loss_bn"]
            for x in rows
            if (x["vehicle"], x["instrument"]) == (vehicle, kind)
        ]
        assert abs(sum(mine) - value) < TOLERANCE * found["total_bn"]
    fund = float(run(story).record.fund.credit_loss.sum())
    assert abs(found["by_holder"].get("fund", 0.0) - fund) < (
        TOLERANCE * found["total_bn"]
    )


@pytest.mark.parametrize("story", STORIES)
def test_no_loss_of_the_chain_is_negative(story):
    assert all(row["loss_bn"] > 0.0 for row in chained(story)["rows"])
    known = set(paths_of(built(story).economy))
    assert {(r["holder"], r["final"]) for r in chained(story)["rows"]} <= known


def test_in_base_nobody_left_anything_unpaid():
    """Vehicles fail on what they built without a contract, not on a customer."""
    assert set(chained("base")["by_origin"]) == {"coreweave", "rest_of_neoclouds"}
    assert chained("base")["commitments"] == []


def test_in_slow_openai_is_the_only_customer_behind_a_loss_of_lenders():
    found = chained("slow")["by_origin"]
    assert 0.1 < found["openai"] / chained("slow")["total_bn"] < 0.3
    assert "anthropic" not in found
    assert "anthropic" in chained("disproved")["by_origin"]


def test_what_a_customer_left_unpaid_bounds_what_it_is_blamed_for():
    own = built("disproved")
    unpaid = unpaid_by_customers(run("disproved").record, own.economy, own.grid)
    for name, value in chained("disproved")["by_origin"].items():
        if name in unpaid:
            assert value <= float(unpaid[name].sum()) * (1 + 1e-9)


@pytest.mark.parametrize("story", STORIES)
def test_leaks_are_what_the_metrics_say(story):
    metrics, found = run(story).metrics, chained(story)["leaks"]
    for leak, metric in (("bank", "leak_bank"), ("public", "leak_public")):
        value = float(metrics[f"system.{metric}"])
        assert found[leak]["total_bn"] == pytest.approx(value, rel=TOLERANCE)
        assert sum(found[leak]["parts_bn"].values()) == pytest.approx(value)
        assert found[leak]["open"] == (value > 1.0)


@pytest.mark.parametrize("story", STORIES)
def test_a_leak_reaches_half_before_most_of_it(story):
    first = min(
        float(date) for layer, date in run(story).failures.items() if layer in FINANCED
    )
    assert chained(story)["first_failure"]["date"] == first < NEVER
    for leak in chained(story)["leaks"].values():
        assert leak["quarters_to_half"] <= leak["quarters_to_most"]


def test_speed_counts_from_the_first_failure_by_hand():
    """Slow, leak 2: quarters in which the cumulated sales reach one half."""
    found = chained("slow")
    sales = np.asarray(run("slow").record.investors.forced_sales).sum(axis=1).cumsum()
    ends = np.asarray(built("slow").grid.modelled(built("slow").grid.ends))
    reached = ends[int(np.searchsorted(sales, 0.5 * sales[-1]))]
    quarters = (reached - found["first_failure"]["date"]) * 4
    assert found["leaks"]["public"]["quarters_to_half"] == quarters


def test_a_leak_that_is_smaller_than_the_threshold_is_closed():
    own = built("slow", "criteria.leak_open_usd_bn=50.0")
    found = chain(own.economy, own.grid, run("slow"))["leaks"]
    assert found["bank"]["open"]
    assert not found["public"]["open"]


def test_without_a_failure_there_is_no_speed():
    own, result = built("slow"), run("slow")
    calm = {k: jnp.full_like(x, NEVER) for k, x in result.failures.items()}
    found = chain(own.economy, own.grid, dataclasses.replace(result, failures=calm))
    assert found["first_failure"] == {"layer": None, "date": None}
    assert found["leaks"]["bank"]["quarters_to_half"] is None
    assert found["leaks"]["bank"]["status"] == "no_event"
