"""Small exact solutions of published models of clearing, fire sales and fund fees."""

import jax.numpy as jnp
import numpy as np
import pytest

from engine.contagion import clear, fire_sale
from engine.funds import distribute

pytestmark = pytest.mark.peers


def test_eisenberg_noe_chain():
    # 0 owes 1 owes 2, 10 each; only 0 has assets, 4: everybody passes 4 on.
    network = jnp.zeros((3, 3)).at[0, 1].set(10.0).at[1, 2].set(10.0)
    result = clear(network, [4.0, 0.0, 0.0])
    np.testing.assert_allclose(result.payments, [4, 4, 0], atol=1e-12)
    np.testing.assert_array_equal(result.defaults, [True, True, False])
    np.testing.assert_allclose(result.equity, [0, 0, 4], atol=1e-12)


def test_eisenberg_noe_cycle_with_outside_creditors():
    # Each owes 8 to the next and 2 outside; a shortfall runs round the circle.
    # p0 = 1 + .8 p2, p1 = .8 p0, p2 = .8 p1 (all in default): p0 = 1/(1 − .512).
    network = 8.0 * jnp.roll(jnp.eye(3), 1, axis=1)
    result = clear(network, [1.0, 0.0, 0.0], 2.0)
    p0 = 1 / (1 - 0.8**3)
    np.testing.assert_allclose(
        result.payments, [p0, 0.8 * p0, 0.64 * p0], rtol=0, atol=1e-12
    )
    assert bool(jnp.all(result.defaults))


def test_eisenberg_noe_partial_cycle():
    # 0 owes 1 and 2 half each of 20, 1 owes 0 and 2; firm 2 has no debts.
    # Firm 0: p0 = 2 + p1/2, capped at 20; firm 1 owes 8: p1 = min(8, 1 + p0/2).
    network = jnp.array([[0.0, 10.0, 10.0], [4.0, 0.0, 4.0], [0.0, 0.0, 0.0]])
    result = clear(network, [2.0, 1.0, 0.0])
    p0, p1 = 10 / 3, 8 / 3
    np.testing.assert_allclose(result.payments, [p0, p1, 0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(result.equity, [0, 0, (p0 + p1) / 2], atol=1e-12)


def test_the_greatest_vector_is_chosen_where_there_are_several():
    # Nothing but mutual claims: any 0 ≤ t ≤ 1 of full payment clears; full is greatest.
    result = clear(jnp.array([[0.0, 1.0], [1.0, 0.0]]), [0.0, 0.0])
    np.testing.assert_array_equal(result.payments, [1, 1])
    assert not bool(jnp.any(result.defaults))


def test_rogers_veraart_cycle_with_default_costs():
    # As the first cycle with α = .5, β = .9: p0 = .5 + .9·.8 p2, p1 = .72 p0, …
    network = 8.0 * jnp.roll(jnp.eye(3), 1, axis=1)
    result = clear(network, [1.0, 0.0, 0.0], 2.0, alpha=0.5, beta=0.9)
    p0 = 0.5 / (1 - 0.72**3)
    np.testing.assert_allclose(
        result.payments, [p0, 0.72 * p0, 0.72**2 * p0], rtol=0, atol=1e-12
    )


def test_rogers_veraart_costs_start_a_default_that_otherwise_would_not_be():
    # 0 is short by 1 of 10; without costs 1 still has 9 + 1 = 10 and pays in full.
    network = jnp.zeros((3, 3)).at[0, 1].set(10.0).at[1, 2].set(10.0)
    assets = [9.0, 1.0, 0.0]
    np.testing.assert_array_equal(clear(network, assets).defaults, [True, False, False])
    costly = clear(network, assets, alpha=0.9, beta=0.5)
    np.testing.assert_array_equal(costly.defaults, [True, True, False])
    p0 = 0.9 * 9
    np.testing.assert_allclose(
        costly.payments, [p0, 0.9 * 1 + 0.5 * p0, 0], rtol=0, atol=1e-12
    )


def test_seniority_ranks():
    # Firm 0 owes 5 senior to 1 and 10 junior to 2, has 8: 5 and 3.
    network = jnp.zeros((2, 3, 3)).at[0, 0, 1].set(5.0).at[1, 0, 2].set(10.0)
    result = clear(network, [8.0, 0.0, 0.0])
    np.testing.assert_allclose(result.payments, [[5, 0, 0], [3, 0, 0]], atol=1e-12)
    np.testing.assert_allclose(result.equity, [0, 5, 3], atol=1e-12)
    # Outsiders stand with the most senior: 5 + 5 there, so 8 is shared 4 : 4.
    result = clear(network, [8.0, 0.0, 0.0], [5.0, 0.0, 0.0])
    np.testing.assert_allclose(result.payments, [[8, 0, 0], [0, 0, 0]], atol=1e-12)
    np.testing.assert_allclose(result.equity, [0, 4, 0], atol=1e-12)


def test_seniority_in_a_cycle():
    # 0 and 1 owe each other 4 senior; 0 owes 1 also 6 junior; outside assets 1 and 0.
    # 1 needs 4 and gets at least 4 from 0: solvent. 0 has 1 + 4 = 5: pays 4, then 1.
    network = jnp.zeros((2, 2, 2)).at[0, 0, 1].set(4.0).at[0, 1, 0].set(4.0)
    network = network.at[1, 0, 1].set(6.0)
    result = clear(network, [1.0, 0.0])
    np.testing.assert_allclose(result.payments, [[4, 4], [1, 0]], rtol=0, atol=1e-12)
    np.testing.assert_allclose(result.equity, [0, 1], rtol=0, atol=1e-12)


def test_greenwood_landier_thesmar_one_bank_one_asset():
    # Bank of size a, leverage b, impact l, shock f: sale a·b·|f|, second-round loss
    # a²·b·l·|f|, over equity a/(1 + b): AV = a·b·(1 + b)·l·|f|.
    a, b, impact, f = 100.0, 9.0, 1e-4, -0.1
    result = fire_sale([[1.0]], [a], [b], [impact], [f])
    np.testing.assert_allclose(result.direct_loss, [10], rtol=1e-12)
    np.testing.assert_allclose(result.price_impact, [impact * a * b * f], rtol=1e-12)
    vulnerability = a * b * (1 + b) * impact * 0.1
    np.testing.assert_allclose(
        result.aggregate_vulnerability, vulnerability, rtol=1e-12
    )
    np.testing.assert_allclose(result.systemicness, [vulnerability], rtol=1e-12)


def test_greenwood_landier_thesmar_matrix_formula():
    rng = np.random.default_rng(1)
    weights = rng.dirichlet(np.ones(4), 3)
    assets, leverage = rng.uniform(50, 500, 3), rng.uniform(5, 20, 3)
    impact, shock = rng.uniform(0, 1e-4, 4), rng.uniform(-0.3, 0, 4)
    a, b, l_matrix = np.diag(assets), np.diag(leverage), np.diag(impact)
    second = a @ weights @ l_matrix @ weights.T @ a @ b @ weights @ shock
    equity = np.sum(assets / (1 + leverage))
    result = fire_sale(*map(jnp.array, (weights, assets, leverage, impact, shock)))
    np.testing.assert_allclose(result.second_round_loss, -second, rtol=1e-12)
    np.testing.assert_allclose(
        result.aggregate_vulnerability, -second.sum() / equity, rtol=1e-12
    )
    ones = np.ones(3)
    for bank in range(3):
        only = np.diag(np.eye(3)[bank])
        share = (
            ones @ a @ weights @ l_matrix @ weights.T @ a @ only @ b @ weights @ shock
        )
        np.testing.assert_allclose(
            result.systemicness[bank], -share / equity, rtol=1e-12
        )


def test_fund_waterfall_with_a_full_catch_up():
    # 100 in, 8 %, five years, 200 back: profit 100, all tiers full: GP 20, LP 180.
    paid_in = jnp.zeros(6).at[0].set(100.0)
    lp, gp = distribute(paid_in, jnp.zeros(6).at[5].set(200.0), 0.08, 0.2, 1.0)
    np.testing.assert_allclose([lp[5], gp[5]], [180, 20], rtol=0, atol=1e-9)


def test_fund_waterfall_stops_inside_the_catch_up():
    hurdle = 100 * 1.08**5
    paid_in = jnp.zeros(6).at[0].set(100.0)
    lp, gp = distribute(paid_in, jnp.zeros(6).at[5].set(150.0), 0.08, 0.2, 0.8)
    np.testing.assert_allclose(gp[5], 0.8 * (150 - hurdle), rtol=0, atol=1e-9)
    np.testing.assert_allclose(lp[5], hurdle + 0.2 * (150 - hurdle), atol=1e-9)


def test_fund_waterfall_over_several_calls_and_distributions():
    paid_in = jnp.array([60.0, 40.0, 0.0, 0.0, 0.0])
    paid_out = jnp.array([0.0, 0.0, 50.0, 80.0, 40.0])
    lp, gp = distribute(paid_in, paid_out, 0.1, 0.2, 1.0)
    after_2 = (60 * 1.1 + 40) * 1.1 - 50  # hurdle account 66.6
    last_of_hurdle = after_2 * 1.1  # 73.26 of the 80 in period 3
    preferred = 50 + last_of_hurdle - 100
    catch_up = min(80 - last_of_hurdle, preferred / 4)
    rest = 80 - last_of_hurdle - catch_up
    gp_3 = catch_up + 0.2 * rest
    np.testing.assert_allclose(gp, [0, 0, 0, gp_3, 8], rtol=0, atol=1e-9)
    np.testing.assert_allclose(lp + gp, paid_out, rtol=0, atol=1e-12)
