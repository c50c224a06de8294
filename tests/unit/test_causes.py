"""What bound when a vehicle failed: planted quarters, one for each cause."""

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from calibration.events import pinning_event
from engine.credit.waterfall import waterfall
from engine.metrics.causes import CAUSES, cloud_default, spv_default
from engine.metrics.criteria import _accelerated
from engine.survival import HIGHEST, headroom

CLOUD = dict.fromkeys(
    (
        "cash cash_ebitda earned lent_secured lent_unsecured raised prepayment "
        "interest_secured interest_unsecured repaid_secured repaid_unsecured capex "
        "issued drawn_revolver rolled cure scheduled maturing refinanced"
    ).split(),
    0.0,
)
SPV = dict.fromkeys(
    (
        "equity spend draw interest_loan interest_takeout scheduled repaid_takeout "
        "swept_takeout residual arrears rolled cfads owed earned sponsor cure"
    ).split(),
    0.0,
)


def flows(figures):
    return SimpleNamespace(**{k: np.array([[v]]) for k, v in figures.items()})


def cloud(committed=0.0, cash=0.0, covenant=HIGHEST, **x):
    """A neocloud that begins the quarter with `cash` and ends it with what is left."""
    x = CLOUD | x
    owed = x["interest_secured"] + x["interest_unsecured"]
    owed += x["scheduled"] + x["maturing"] + committed + max(-x["cash_ebitda"], 0.0)
    there = cash + x["earned"] + max(x["cash_ebitda"], 0.0) + x["refinanced"]
    there += x["issued"] + x["drawn_revolver"] + x["rolled"] + x["raised"]
    g = float(headroom(jnp.asarray(there), jnp.asarray(owed)))
    # As the engine reports it: what is repaid, lent and spent, and what cash is then.
    x["repaid_secured"], x["repaid_unsecured"] = x["scheduled"], x["maturing"]
    x["lent_secured"] = x["drawn_revolver"] + x["rolled"]
    x["lent_unsecured"] = x["issued"] + x["refinanced"]
    x["cash"] = cash + x["cash_ebitda"] + x["earned"] + x["lent_secured"]
    x["cash"] += x["lent_unsecured"] + x["raised"] - x["interest_secured"]
    x["cash"] -= x["interest_unsecured"] + x["repaid_secured"] + x["repaid_unsecured"]
    found = flows(x | {"headroom": min(g, covenant), "covenant": covenant})
    return cloud_default(found, 0, 0)


def spv(drawn=True, cash=0.0, covenant=HIGHEST, **x):
    """An SPV that begins the quarter with `cash`; what is short is in arrears."""
    x = SPV | x
    own = 0.0 if drawn else x["spend"]
    paid_in = x["equity"] - (x["spend"] - x["draw"] if drawn else 0.0)
    coupons = x["interest_loan"] + x["interest_takeout"]
    repaid = x["scheduled"] + x["residual"] + x["repaid_takeout"]
    pot = cash + x["cfads"] + x["owed"] + x["earned"] + paid_in + x["sponsor"]
    claims = jnp.asarray([own, coupons, repaid])
    paid, _ = waterfall(jnp.asarray(pot), claims)
    x["arrears"] = float(jnp.sum(claims - paid))
    found = flows(x | {"headroom": min(-0.1, covenant), "covenant": covenant})
    return spv_default(found, drawn, 0, 0)


def test_a_neoclouds_first_unmet_due_by_rank_is_the_cause():
    debt = {
        "interest_secured": 1.0,
        "scheduled": 2.0,
        "interest_unsecured": 0.5,
        "maturing": 1.5,
    }
    by_cash = {
        0.5: "interest",
        1.5: "principal",
        3.2: "interest",
        3.6: "maturity",
        5.2: "construction",
    }
    for cash, name in by_cash.items():
        found = cloud(cash=cash, committed=1.0, **debt)
        assert found.name == name, cash
        assert found.missing == pytest.approx(6.0 - cash)
        assert found.dues["construction"] == pytest.approx(1.0)
        assert sum(found.dues.values()) == pytest.approx(6.0)


def test_what_is_refinanced_is_neither_due_nor_a_source_for_other_dues():
    found = cloud(cash=0.8, interest_secured=1.0, maturing=3.0, refinanced=3.0)
    assert found.name == "interest"
    assert (found.dues["maturity"], found.missing) == (0.0, pytest.approx(0.2))


def test_a_neocloud_that_loses_money_fails_for_that():
    found = cloud(cash=0.4, cash_ebitda=-0.5, interest_secured=1.0)
    assert found.name == "operating_loss"
    # Nothing at all is there: the headroom says no more than that.
    assert cloud(cash=0.0, cash_ebitda=-0.5, interest_secured=1.0).name == (
        "operating_loss"
    )


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"drawn": False, "spend": 2.0, "cash": 1.5}, "construction"),
        ({"cfads": 0.4}, "interest"),
        ({"cfads": 0.4, "cash": 0.5, "sponsor": 0.2}, "principal"),
        ({"cfads": 1.6, "sponsor": 3.0}, "residual"),
        ({"cfads": 1.6, "covenant": -0.3}, "covenant"),
    ],
)
def test_an_spvs_first_unmet_due_by_rank_is_the_cause(changed, name):
    dues = {"interest_loan": 1.0, "scheduled": 0.5, "residual": 20.0}
    found = spv(**(dues | changed))
    assert found.name == name
    if name != "covenant":
        owed = sum(found.dues.values())
        assert owed - sum(found.sources.values()) == pytest.approx(found.missing)
        assert found.sources["cash"] == pytest.approx(changed.get("cash", 0.0))


def test_the_smaller_headroom_is_the_cause():
    dues = {"interest_secured": 1.0, "cash": 0.5}
    assert cloud(covenant=-0.6, **dues).name == "covenant"
    assert cloud(covenant=-0.4, **dues).name == "interest"


def test_every_cause_has_a_meaning():
    found = {spv(cfads=0.4, interest_loan=1.0).name, cloud(interest_secured=1.0).name}
    assert found <= set(CAUSES)


def test_an_acceleration_is_dated_where_the_vehicle_dies_of_it():
    alive = jnp.asarray([[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    # The second dies of its dues; that its covenant is lower later means nothing.
    covenant = jnp.asarray([[0.2, 0.2], [-0.3, 0.1], [-0.5, -1.0]])
    room = jnp.asarray([[0.2, 0.2], [-0.3, -0.2], [-0.5, -1.0]])
    record = SimpleNamespace(alive=alive, covenant=covenant, headroom=room)
    np.testing.assert_array_equal(
        _accelerated(record), [[False, False], [True, False], [False, False]]
    )


def test_a_jump_at_an_acceleration_is_called_after_the_covenant():
    names = ("x", "bank_spv", "coreweave.covenant", "coreweave.default")
    never = 9999.0
    before = np.array([never, never, never, 2034.75])
    after = np.array([2031.25, 2031.5, 2031.25, 2031.25])
    for criterion in ("x", "bank_spv"):
        event = pinning_event(names, before, after, criterion)
        assert event is not None
        assert (event.name, event.before, event.after) == (
            "coreweave.covenant",
            None,
            2031.25,
        )
    # Where dues are not paid, the covenant's date does not move.
    after[2] = never
    event = pinning_event(names, before, after, "bank_spv")
    assert event is not None
    assert event.name == "x"
