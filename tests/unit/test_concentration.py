import functools

import jax
import numpy as np
import pytest

from engine.funds.holders import HOLDERS
from engine.metrics.concentration import look_through, tenant_weights
from tests.properties.runs import built


@functools.cache
def found():
    own = built("base")
    return jax.jit(look_through)(own.economy, own.state)


def test_every_vehicle_is_let_to_somebody():
    names, weights = tenant_weights(built("base").economy)
    np.testing.assert_allclose(np.asarray(weights).sum(axis=1), 1.0, atol=1e-12)
    assert {"openai", "meta", "oracle", "other tenants"} <= set(names)
    assert np.asarray(weights).min() >= 0.0


def test_exposures_add_up_to_the_debt_of_all_vehicles():
    state = built("base").state
    debt = float(state.clouds.secured.sum() + state.clouds.unsecured.sum())
    debt += float(state.spvs.debt.sum())
    assert float(found().exposure.sum()) == pytest.approx(debt, rel=1e-12)


def test_one_cell_by_hand():
    """Banks to Meta: their share of CoreWeave's boxes and notes times Meta's share."""
    own = built("base")
    economy, state = own.economy, own.state

    def share(key):
        return float(economy[key])

    expected = 0.0
    for i, cloud in enumerate(economy.members("neoclouds")):
        meta = share(f"neoclouds.{cloud}.customers.meta")
        for kind in ("secured", "unsecured"):
            balance = float(getattr(state.clouds, kind)[i])
            held = share(f"neoclouds.{cloud}.holders_{kind}.bank")
            expected += held * meta * balance
    for i, spv in enumerate(economy.members("spvs")):
        if economy.blueprint.choice(f"spvs.{spv}.tenant") == "meta":
            loan = float(state.spvs.debt[i] - state.spvs.takeout[i])
            expected += share(f"spvs.{spv}.holders_notes.bank") * loan
    at = found().holders.index("bank"), found().tenants.index("meta")
    assert float(found().exposure[at]) == pytest.approx(expected, rel=1e-12)


def test_concentration_lies_between_spread_and_single():
    n = len(found().tenants)
    index = np.asarray(found().herfindahl)
    assert np.all((index >= 1 / n - 1e-12) & (index <= 1.0))
    mix = np.asarray(found().exposure)
    mix = mix / mix.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(index, (mix**2).sum(axis=1), rtol=1e-12)


def test_overlap_is_symmetric_and_whole_with_oneself():
    common = np.asarray(found().common)
    np.testing.assert_allclose(common, common.T, atol=1e-14)
    np.testing.assert_allclose(np.diag(common), 1.0, rtol=1e-12)
    assert common.min() >= 0.0


def test_funds_hold_what_their_investors_are_exposed_to():
    assert found().by_fund.shape[0] == 2
    assert set(found().holders) < {*HOLDERS}
