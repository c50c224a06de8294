"""Cash flows and payoffs of the positions, against other routes to the same numbers."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from calibration.payoffs import _judged
from engine.metrics.criteria import lender_return
from engine.metrics.positions import (
    ENTRYLESS,
    POSITIONS,
    Position,
    payoff,
    positions,
)
from tests.properties.runs import built, run

HORIZON = 28  # quarters to 2033.75


@functools.cache
def held(story):
    own = built(story)
    of = jax.jit(positions)
    return of(run(story).record, own.state, own.economy, own.grid)


def test_a_payoff_by_hand():
    quarters = jnp.zeros(8)
    loan = Position(
        entry=jnp.asarray(100.0),
        received=quarters.at[:4].set(2.0),
        paid_in=quarters.at[1].set(50.0),
        final=jnp.asarray(150.0),
        loss=jnp.asarray(0.0),
    )
    made = payoff(loan, jnp.asarray(0.0), jnp.asarray(3))
    assert float(made.moic) == pytest.approx(158.0 / 150.0)
    assert float(made.value) == pytest.approx(8.0)
    # 100 out; 2, −48, 2, 152 back: NPV is zero at the rate found.
    rate = (1.0 + float(made.irr)) ** 0.25 - 1.0
    flows = np.array([-100.0, 2.0, -48.0, 2.0, 152.0])
    assert flows @ (1.0 + rate) ** -np.arange(5) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("story", ["base", "slow", "guarantee"])
@pytest.mark.parametrize(
    ("name", "index"), [("neocloud_secured", 0), ("neocloud_unsecured", 1)]
)
def test_a_lender_s_value_is_its_return_criterion(story, name, index):
    own, record = built(story), run(story).record
    n = len(own.economy.members("neoclouds"))
    clouds = own.state.clouds
    opening = (clouds.secured, clouds.unsecured)[index][0]
    ends = own.grid.modelled(own.grid.ends)
    inside = (ends <= 2033.75 + 1e-6).astype(ends.dtype)
    assert int(inside.sum()) == HORIZON
    classes = jnp.zeros(record.classes.loss.shape[1]).at[index * n].set(1.0)
    rate = jnp.asarray(0.07)
    ratio = float(lender_return(record, opening, classes, rate, inside))
    made = payoff(held(story)[name], rate, jnp.asarray(HORIZON - 1), with_return=False)
    worth = 1.07 ** (-0.25 * np.arange(1, len(ends) + 1))
    put_in = float(opening) + float(held(story)[name].paid_in @ worth)
    assert float(made.value) == pytest.approx(ratio * put_in, rel=1e-9)


@pytest.mark.parametrize("story", ["base", "slow"])
def test_fees_are_earned_whatever_happens(story):
    fund = run(story).record.fund
    assert fund.incentive is None  # the chain pays managers a fee alone
    fees = np.asarray(fund.fee)[:HORIZON].sum()
    manager = held(story)["fund_manager"]
    assert float(manager.received.sum()) == pytest.approx(fees)
    assert float(manager.loss) == 0.0


def test_a_slow_fall_costs_investors_far_more_of_theirs_than_managers():
    def worth(name, story):
        position = held(story)[name]
        return float(position.received.sum() + position.final - position.paid_in.sum())

    kept = {
        name: worth(name, "slow") / worth(name, "base")
        for name in ("fund_manager", "neocloud_equity", "neocloud_unsecured")
    }
    assert kept["fund_manager"] > 0.85
    assert kept["neocloud_equity"] == pytest.approx(0.0, abs=1e-6)
    assert kept["neocloud_unsecured"] < 0.5


@pytest.mark.parametrize("story", ["slow", "guarantee"])
def test_losses_within_the_horizon_are_what_was_booked(story):
    record, found = run(story).record, held(story)
    investors = record.investors
    booked = np.asarray(investors.losses)[:HORIZON].sum(axis=0)
    assert float(found["pension"].loss) == pytest.approx(booked[0], abs=1e-9)
    assert float(found["insurer"].loss) == pytest.approx(booked[1], abs=1e-9)
    bank = np.asarray(investors.bank_direct + investors.bank_lines)[:HORIZON].sum()
    assert float(found["bank"].loss) == pytest.approx(bank, abs=1e-9)
    claims = np.asarray(investors.government)[:HORIZON].sum()
    assert float(found["taxpayer"].loss) == pytest.approx(claims, abs=1e-9)


def test_converts_lose_what_notes_of_their_rank_lose():
    """One rank, one recovery: the loss per claim is that of the whole class."""
    record, found = run("slow").record, held("slow")
    quarter = int(np.argmax(np.asarray(record.clouds.failing[:, 0]) > 0))
    recovery = float(record.clouds.recovery_unsecured[quarter, 0])
    claim = float(built("slow").economy["neoclouds.coreweave.convertibles"])
    assert float(found["neocloud_converts"].loss) == pytest.approx(
        (1 - recovery) * claim, rel=1e-9
    )


def test_every_position_is_there_and_what_has_no_price_has_no_entry():
    assert set(held("base")) == set(POSITIONS)
    for name, position in held("base").items():
        assert (float(position.entry) == 0.0) == (name in ENTRYLESS), name


@pytest.mark.parametrize(
    ("slopes", "status", "value"),
    [
        ((2.0, 2.0, 2.0, 2.0), "ok", 2.0),
        ((2.0, 0.0, 2.0, 0.0), "at_kink", None),
        ((5.0, 2.0, 10.0, 2.0), "at_jump", None),
        ((0.0, 0.0, 0.0, 0.0), "ok", 0.0),
    ],
)
def test_an_exposure_has_a_value_where_it_is_smooth(slopes, status, value):
    found = _judged(np.array(slopes), 1e-9)
    assert found.status == status
    assert found.value == value
