"""Signs by re-solved limit states: what a rate point or a chip's decay moves."""

import pytest

from tests.properties.runs import break_even, limit_states

NET_BORROWERS = (
    "neocloud_equity",
    "neocloud_unsecured",
    "neocloud_secured",
    "hybrid_cloud",
    "bank_spv",
    "tenant_spv",
)
MIDPOINT = 2028.8


@pytest.mark.parametrize("layer", NET_BORROWERS)
@pytest.mark.parametrize("basis_points", [50, 100])
def test_a_higher_future_rate_raises_no_limit_state_of_a_borrower(layer, basis_points):
    base = limit_states("base", adoption__midpoint=MIDPOINT)
    dearer = limit_states(
        "base", adoption__midpoint=MIDPOINT, shifts__rate_future=basis_points / 1e4
    )
    assert dearer[layer] <= base[layer] + 1e-12


def test_a_higher_rate_lowers_what_borrows_now():
    base = limit_states("base")
    dearer = limit_states("base", shifts__rate_future=0.01)
    for layer in ("neocloud_unsecured", "hybrid_cloud", "bank_spv", "fund"):
        assert dearer[layer] < base[layer] - 1e-3, layer


def test_who_holds_more_cash_than_debt_gains():
    base = limit_states("base")
    dearer = limit_states("base", shifts__rate_future=0.01)
    assert dearer["hyperscaler"] > base["hyperscaler"]


@pytest.mark.parametrize("layer", ["neocloud_equity", "neocloud_unsecured"])
@pytest.mark.parametrize("shift", ["shifts__rate_future", "shifts__rate_all"])
def test_a_higher_rate_makes_the_break_even_midpoint_no_later(layer, shift):
    base = break_even(layer, 2029.4, 2032.0)
    dearer = break_even(layer, 2029.4, 2032.0, **{shift: 0.01})
    assert -0.6 < dearer - base < 0.0


def test_more_debt_from_the_start_makes_the_break_even_midpoint_earlier():
    """The same contracts, more to serve: opening debt and later draws."""
    layer = "neocloud_unsecured"
    base = break_even(layer, 2029.4, 2032.0)
    assert break_even(layer, 2029.4, 2032.0, shifts__leverage_all=0.1) < base - 0.3


@pytest.mark.parametrize("story", ["base", "slow", "disproved"])
def test_hyperion_is_flat_in_the_price_of_aging_chips(story):
    slow, fast = (limit_states(story, market__chip_decay=d) for d in (0.13, 0.20))
    assert fast["tenant_spv"] == pytest.approx(slow["tenant_spv"], abs=0.002)


def test_coreweave_is_not_flat_in_the_price_of_aging_chips():
    slow, fast = (limit_states("base", market__chip_decay=d) for d in (0.13, 0.30))
    assert fast["neocloud_unsecured"] < slow["neocloud_unsecured"] - 0.05
    layer = "neocloud_unsecured"
    base = break_even(layer, 2029.4, 2032.0)
    assert break_even(layer, 2029.4, 2032.0, market__chip_decay=0.3) < base - 1.0


def test_less_access_fails_no_later():
    base = break_even("neocloud_unsecured", 2029.4, 2032.0)
    shut = break_even("neocloud_unsecured", 2028.8, 2032.0, access__level=0.7)
    assert shut < base
