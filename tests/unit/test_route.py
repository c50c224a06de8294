"""Bank or private credit by price: the published risk weights, and a loan by hand."""

import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.credit.route import LEAST_PD, bank_rate, irb_weight, route
from engine.economy import Economy
from tests.properties.runs import as_shipped

# Basel Framework CRE99.2, corporate exposures, LGD 45 %, 2.5 years: PD % to weight %.
PUBLISHED = {
    0.05: 19.65,
    0.10: 29.65,
    0.25: 49.47,
    0.50: 69.61,
    1.00: 92.32,
    2.00: 114.86,
    5.00: 149.86,
    10.0: 193.09,
    20.0: 238.23,
}


@pytest.mark.parametrize(("pd", "weight"), PUBLISHED.items())
def test_risk_weights_are_the_published_ones(pd, weight):
    found = 100.0 * float(irb_weight(pd / 100.0, 0.45, 2.5))
    assert found == pytest.approx(weight, abs=0.006)


def test_a_bank_adds_what_its_capital_asks_beyond_funding():
    # 4 % funding, 0.5 % loss, weight 0.8, 12 % capital at 16 %: 4 + 0.5 + 0.096·12.
    found = float(bank_rate(0.04, 0.005, 0.8, 0.12, 0.16))
    assert found == pytest.approx(0.04 + 0.005 + 0.8 * 0.12 * 0.12)


def test_a_probability_outside_its_range_is_refused():
    with pytest.raises(ValueError, match="pd must be between 0 and 1"):
        irb_weight(0.0, 0.45, 2.5)


def members(n, **changed):
    """Flows of one quarter, all alike."""
    figures = {"headroom": 10.0, "alive": 1.0, "spend": 0.0, "recovery": 0.7}
    figures |= {"secured": 4.0, "loan": 4.0, "takeout": 0.0}
    figures |= {"lent_secured": 1.0, "lent_loan": 1.0, "lent_takeout": 0.0}
    figures |= changed
    figures["recovery_secured"] = figures["recovery"]
    return types.SimpleNamespace(**{k: jnp.full((1, n), v) for k, v in figures.items()})


def price(figures, **changed):
    economy = Economy(
        {
            **as_shipped("base").economy.figures,
            **{k: jnp.asarray(v) for k, v in figures.items()},
        },
        as_shipped("base").economy.blueprint,
    )
    n, k = len(economy.members("neoclouds")), len(economy.members("spvs"))
    record = types.SimpleNamespace(
        clouds=members(n, **changed),
        spvs=members(k, **changed),
        drivers=types.SimpleNamespace(short=jnp.asarray([0.04])),
        moved=None,
    )
    return route(record, economy)


FIGURES = {
    "route.bank_funding_spread": 0.006,
    "route.capital_ratio": 0.12,
    "route.bank_hurdle": 0.16,
    "route.output_floor": 0.725,
    "route.weight_building": 1.3,
    "route.least_lgd": 0.2,
    "route.maturity": 2.5,
    "route.private_margin": 0.045,
    "route.single_name": 0.02,
    "route.width": 0.005,
    "banks.cet1": 1600.0,
    "marks.hazard_slope": 0.1,
    "marks.hazard_reference": 0.75,
}


def test_a_safe_loan_by_hand():
    found = price(FIGURES)
    # Far from default the floors bind: 0.05 % a year, 72.5 % of a weight of one.
    loss = LEAST_PD * 0.3
    bank = 0.046 + loss + 0.725 * 0.12 * (0.16 - 0.046)
    private = 0.04 + 0.045 + loss
    np.testing.assert_allclose(found.weight, 0.725, rtol=1e-12)
    np.testing.assert_allclose(found.bank, bank, rtol=1e-12)
    np.testing.assert_allclose(found.private, private, rtol=1e-12)
    by_price = 1.0 / (1.0 + np.exp(-(private - bank) / 0.005))
    np.testing.assert_allclose(found.by_price, by_price, rtol=1e-12)


def test_building_weighs_more_and_risk_weighs_most():
    built, building = price(FIGURES), price(FIGURES, spend=1.0)
    n = len(as_shipped("base").economy.members("neoclouds"))
    np.testing.assert_allclose(building.weight[0, n], 0.725 * 1.3, rtol=1e-12)
    np.testing.assert_allclose(building.weight[0, 0], built.weight[0, 0], rtol=1e-12)
    risky = price(FIGURES, headroom=0.0)
    expected = float(irb_weight(1.0 - np.exp(-0.075), 0.3, 2.5))
    np.testing.assert_allclose(risky.weight, expected, rtol=1e-12)
    assert np.all(risky.bank - built.bank > risky.private - built.private)


def test_the_single_name_limit_leaves_room_exactly():
    # Banks hold 40 % of CoreWeave's secured debt: 40 % of what stood before the draw.
    held = 0.4 * (4.0 - 1.0)
    found = price({**FIGURES, "route.single_name": (held + 0.25) / 1600.0})
    assert float(found.room[0, 0]) == pytest.approx(0.25)
    assert float(found.bank_share[0, 0]) == pytest.approx(0.25)
    none = price({**FIGURES, "route.single_name": 0.0})
    assert float(none.bank_share[0, 0]) == 0.0


def test_gradient_of_the_price_is_finite_at_the_floors():
    def bank(hurdle):
        return jnp.sum(
            bank_rate(0.046, 0.001, irb_weight(LEAST_PD, 0.2, 5.0), 0.12, hurdle)
        )

    assert np.isfinite(float(jax.grad(bank)(0.16)))
