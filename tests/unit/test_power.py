"""Clauses on power: by hand, by both routes to a derivative, and absent from base."""

import jax
import jax.numpy as jnp
import pytest

from engine.config import ConfigError, load
from engine.drivers import drive
from engine.economy import Economy
from engine.grid import TimeGrid
from engine.market import VINTAGES, Prices
from engine.vehicles.neocloud import NeocloudPaths, Neoclouds
from tests.config_files import CONFIGS, stating

CLAUSES = {
    "power_cost_share": 0.12,
    "power_signed_usd_per_mwh": 80.0,
    "ppa_share": 0.75,
    "ppa_price_usd_per_mwh": 70.0,
    "power_pass_through_share": 0.4,
}
PRICE = 100.0


def built(path, price=PRICE):
    economy, _, grid = load(path).build(jnp.float64)
    return economy.replace({"power.price": jnp.asarray(price)}), grid


def earned(economy: Economy, grid: TimeGrid, quarter: int = 0) -> jax.Array:
    """EBITDA and bill of CoreWeave on 10 of old, 4 of new contracts, 3 expired."""
    drivers = drive(economy, grid, jnp.zeros((grid.n_model, 3)))
    drivers = jax.tree.map(lambda path: path[quarter], drivers)
    clouds = Neoclouds.build(economy)
    n = clouds.collected.shape[0]
    row, none = jnp.ones(n), jnp.zeros(n)
    # The market pays 1 for what a chip earned when new.
    nil = jnp.asarray(0.0)
    prices = Prices(
        utilisation=nil,
        level=jnp.asarray(1e3),
        spot=nil,
        marginal_cost=nil,
        shell=nil,
        shell_ahead=jnp.zeros(1),
        additions=nil,
        in_service=nil,
    )
    paths = NeocloudPaths(
        legacy=10.0 * row, expiring=none, tail=3.0 * row, lease=none, backstop=none
    )
    age = jnp.argmax(clouds.live[:, 0])
    contracts = jnp.zeros((VINTAGES, n)).at[age, :].set(4.0)
    operations = clouds.operate(drivers, prices, paths, contracts, none, None, None)
    honoured = jnp.ones(clouds.labs.shape[1])
    result = clouds.earn(drivers, operations, paths, honoured, none, none)
    return jnp.stack([result.ebitda[0], operations.billed[0], operations.sold[0]])


def test_customers_and_the_seller_bear_their_shares(tmp_path):
    economy, grid = built(stating(tmp_path, CLAUSES))
    plain = earned(*built(CONFIGS / "chain.toml"))
    with_clauses = earned(economy, grid)
    # Power is a quarter dearer than at signing: 12 % of revenue becomes 15 %. Of the
    # 14 signed customers bear 0.4 of that; 3 at market are priced by the market.
    collected = float(economy["neoclouds.coreweave.collected"])
    passed = 0.4 * 0.12 * 0.25 * 14.0 * 0.25 * collected
    # 0.75 of the power at 70 over 80, the rest at 100 over 80: 0.96875 of its cost.
    saved = 0.12 * (1.0 - 0.96875) * 17.0 * 0.25
    assert float(plain[2]) == pytest.approx(17.0)
    assert float(with_clauses[2]) == float(plain[2])
    assert float(with_clauses[1] - plain[1]) == pytest.approx(passed, rel=1e-9)
    assert float(with_clauses[0] - plain[0]) == pytest.approx(passed + saved, rel=1e-9)


@pytest.mark.parametrize(("hedged", "passed_on"), [(0.0, 0.0), (0.75, 0.4), (1.0, 0.0)])
def test_the_margin_is_exposed_to_what_is_neither_hedged_nor_passed_on(
    tmp_path, hedged, passed_on
):
    clauses = CLAUSES | {"ppa_share": hedged, "power_pass_through_share": passed_on}
    economy, grid = built(stating(tmp_path, clauses))

    def ebitda(price):
        return earned(economy.replace({"power.price": price}), grid)[0]

    at = jnp.asarray(PRICE)
    slope = float(jax.grad(ebitda)(at))
    finite = float(ebitda(at + 1.0) - ebitda(at - 1.0)) / 2.0
    collected = float(economy["neoclouds.coreweave.collected"])
    open_to = passed_on * 14.0 * collected - (1.0 - hedged) * 17.0
    assert slope == pytest.approx(0.12 / 80.0 * open_to * 0.25, abs=1e-12)
    assert slope == pytest.approx(finite, abs=1e-9)


def test_a_config_without_the_clause_has_nothing_of_it():
    assert Neoclouds.build(built(CONFIGS / "chain.toml")[0]).power is None


def test_who_states_none_beside_one_who_does_is_left_as_it_is(tmp_path):
    power = Neoclouds.build(built(stating(tmp_path, CLAUSES))[0]).power
    assert power is not None
    for part in jax.tree.leaves(power):
        assert part.tolist()[1:] == [0.0] * (len(part) - 1)
        assert float(part[0]) != 0.0


def test_half_a_clause_and_impossible_shares_are_refused_in_one_pass(tmp_path):
    wrong = {"ppa_share": 1.5, "power_signed_usd_per_mwh": 0.0}
    with pytest.raises(ConfigError) as error:
        load(stating(tmp_path, wrong))
    told = "\n".join(error.value.messages)
    for key, expected in (
        ("power_cost_share", "missing, expected a figure beside"),
        ("ppa_price_usd_per_mwh", "missing, expected a figure beside"),
        ("ppa_share", "got 1.5, expected a share of at most 1"),
        ("power_signed_usd_per_mwh", "got 0.0, expected above 0"),
    ):
        assert any(key in m and expected in m for m in error.value.messages), told
