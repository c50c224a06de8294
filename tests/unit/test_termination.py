"""Customers that leave contracts early: by hand, both ways, absent where not stated."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.config import ConfigError, load
from engine.contracts.indexation import ContractPrices
from engine.contracts.termination import Freed, Termination, leave, signing
from engine.grid import DT
from engine.jump import HardDefault
from engine.market import VINTAGES
from engine.vehicles.neocloud import Neoclouds
from tests.config_files import CONFIGS, stating

TERMS = {"minimum_term_years": 2.0, "termination_share": 0.7}
SHARE = TERMS["termination_share"]


def built(path):
    return load(path).build(jnp.float64)[0]


def held(economy, age, revenue, level):
    """A contract of CoreWeave's of that age, signed at a price level."""
    n = economy.stack("neoclouds", "cash").shape[0]
    nothing = jnp.zeros((VINTAGES, n))
    contracts = nothing.at[age, 0].set(revenue)
    # As at the start of the quarter: a quarter younger.
    freed = Freed(contracts=nothing, levels=nothing.at[age - 1].set(level))
    return contracts, freed


def by_hand(economy, age, level, price=1.0):
    """Cost of staying and of leaving, per dollar signed a year, and the payment.

    `level` is the market's over that at signing, `price` the contract's over its own.
    """
    deal = {
        key: float(economy[f"neoclouds.coreweave.{key}"])
        for key in ("delivery", "term", "valuation_rate", "prepayment")
    }
    decay = float(economy["market.chip_decay"])
    begin = deal["delivery"] + float(economy["physics.delay"])
    live = [
        max(0.0, min((k + 1) * DT, begin + deal["term"]) - max(k * DT, begin)) / DT
        for k in range(VINTAGES)
    ]
    left = value = market = 0.0
    for k in range(age, VINTAGES):
        q = (1.0 + deal["valuation_rate"]) ** (-(k - age) * DT)
        left += live[k] * DT
        value += live[k] * DT * q
        market += live[k] * DT * q * np.exp(-decay * max(0.0, k * DT - begin))
    early = deal["prepayment"]
    stay, payment = (price - early) * value, SHARE * price * left
    return stay, payment - early * left + level * market, payment


@pytest.mark.parametrize("price", [None, 0.7, 1.3])
@pytest.mark.parametrize("level", [0.2, 0.5, 0.8, 1.1, 1.4, 2.0])
def test_customers_leave_where_payment_and_market_cost_less(tmp_path, level, price):
    economy = built(stating(tmp_path, TERMS))
    clouds, age = Neoclouds.build(economy), 14
    contracts, freed = held(economy, age, 3.0, 1.25)
    indexed = price and ContractPrices(
        jnp.ones(contracts.shape[1]), jnp.full_like(contracts, price)
    )
    kept, left = leave(
        clouds.termination, jnp.asarray(level), contracts, indexed, freed, HardDefault()
    )
    stay, go, payment = by_hand(economy, age, level / 1.25, price or 1.0)
    leaves = go < stay
    assert float(kept[age, 0]) == (0.0 if leaves else 3.0)
    assert float(left.payment[0]) == pytest.approx(3.0 * payment * leaves, rel=1e-12)
    served = age * DT - float(economy["neoclouds.coreweave.delivery"])
    decay = float(economy["market.chip_decay"])
    price = min(1.0, level / 1.25 * np.exp(-decay * served))
    assert float(left.sold[0]) == pytest.approx(3.0 * price * leaves, rel=1e-12)


def test_it_depends_on_the_market_and_on_the_contract_s_own_price(tmp_path):
    economy = built(stating(tmp_path, TERMS))

    def leaves(level, price):
        stay, go, _ = by_hand(economy, 14, level, price)
        return bool(go < stay)

    assert leaves(0.16, 1.0)
    assert not leaves(1.6, 1.0)
    # An index that made a contract dearer than the market drives its customer away.
    assert not leaves(0.5, 1.0)
    assert leaves(0.5, 1.3)


def test_nobody_leaves_within_the_minimum_term(tmp_path):
    economy = built(stating(tmp_path, TERMS | {"termination_share": 0.4}))
    clouds = Neoclouds.build(economy)
    for age in range(1, VINTAGES):
        contracts, freed = held(economy, age, 1.0, 1.0)
        kept, _ = leave(
            clouds.termination, jnp.asarray(0.01), contracts, None, freed, HardDefault()
        )
        served = age * DT - float(economy["neoclouds.coreweave.delivery"])
        may = served >= 2.0 and float(clouds.live[age, 0]) > 0.0
        assert float(kept[age, 0]) == (0.0 if may else 1.0), age


def test_who_owes_all_that_is_left_never_leaves(tmp_path):
    economy = built(stating(tmp_path, TERMS | {"termination_share": 1.0}))
    terms = Neoclouds.build(economy).termination
    assert bool(jnp.all((terms.saved - terms.sunk) * terms.may <= 1e-12))


def test_what_was_left_is_sold_at_market_and_new_contracts_at_their_level(tmp_path):
    economy = built(stating(tmp_path, TERMS))
    clouds = Neoclouds.build(economy)
    contracts, freed = held(economy, 14, 3.0, 1.25)
    _, left = leave(
        clouds.termination, jnp.asarray(0.2), contracts, None, freed, HardDefault()
    )
    then = signing(left, jnp.asarray(2.0))
    assert float(then.levels[0, 0]) == 1.5
    _, later = leave(
        clouds.termination, jnp.asarray(0.2), contracts * 0.0, None, then, HardDefault()
    )
    decay = float(economy["market.chip_decay"])
    ratio = float(later.sold[0] / left.sold[0])
    assert ratio == pytest.approx(np.exp(-decay * DT), rel=1e-12)
    assert float(later.payment[0]) == 0.0
    # The slope of what is sold, by the market's price.
    at = jnp.asarray(0.2)

    def sold(level):
        args = (clouds.termination, level, contracts, None, freed, HardDefault())
        return leave(*args)[1].sold[0]

    finite = float(sold(at + 1e-3) - sold(at - 1e-3)) / 2e-3
    assert float(jax.grad(sold)(at)) == pytest.approx(finite, rel=1e-9)


def test_who_states_no_payment_has_no_customer_that_leaves(tmp_path):
    economy = built(stating(tmp_path, TERMS))
    assert not bool(Neoclouds.build(economy).termination.may[:, 1:].any())
    plain = built(CONFIGS / "chain.toml")
    assert Neoclouds.build(plain).termination is None
    nothing = jnp.zeros((VINTAGES, 1))
    assert Freed.opening(plain, nothing) is None
    assert Termination.build(plain, nothing, nothing) is None
    assert signing(None, jnp.asarray(1.0)) is None


@pytest.mark.parametrize(
    ("clauses", "expected"),
    [
        ({"termination_share": 0.4}, "minimum_term_years: missing, expected a figure"),
        (TERMS | {"termination_share": 1.2}, "termination_share: got 1.2, expected"),
        (TERMS | {"termination_share": 0.01}, "termination_share: got 0.01, expected"),
        (TERMS | {"minimum_term_years": -1.0}, "got -1.0, expected 0 or more"),
    ],
)
def test_half_a_clause_and_impossible_terms_are_refused(tmp_path, clauses, expected):
    with pytest.raises(ConfigError) as error:
        load(stating(tmp_path, clauses))
    told = "\n".join(error.value.messages)
    assert expected in told, told
