"""Indexed contracts: by hand, slopes by two routes, absent where not stated."""

import jax
import jax.numpy as jnp
import pytest

from engine.config import ConfigError, load
from engine.contracts.indexation import (
    Indexation,
    contract_prices,
    register,
    signing,
)
from engine.grid import DT
from engine.market import VINTAGES, aged, newest
from engine.vehicles.neocloud import neocloud_paths
from tests.config_files import CONFIGS, stating

INDEX = {"cpi_indexation_share": 0.5, "rate_indexation_x": 2.0}


def built(path):
    economy, _, grid = load(path).build(jnp.float64)
    return economy, grid


def test_prices_follow_both_indices_from_their_own_signing(tmp_path):
    economy, grid = built(stating(tmp_path, INDEX))
    index = Indexation.build(economy)
    assert index is not None
    cpi, then = float(economy["macro.cpi"]), float(economy["rates.short"])
    n = index.rate.shape[0]
    nothing, short = jnp.zeros((VINTAGES, n)), jnp.asarray(0.055)
    # 3 a year signed at 5 %, a year and a quarter ago; 10 a year from before as_of.
    contracts, struck = nothing.at[5].set(3.0), register(economy, nothing)
    struck = signing(struck, jnp.asarray(0.05))
    for _ in range(4):
        struck = signing(struck, jnp.asarray(0.01))
    since = neocloud_paths(economy, grid).indexed[7]
    prices = contract_prices(index, since, struck, short)
    more = prices.rise(jnp.full(n, 10.0), contracts)
    old = (1.0 + cpi / 2) ** (7.5 * DT) * (1.0 + 2.0 * (0.055 - then)) - 1.0
    new = (1.0 + cpi / 2) ** 1.25 * (1.0 + 2.0 * 0.005) - 1.0
    assert float(more[0]) == pytest.approx(10.0 * old + 3.0 * new, rel=1e-12)
    # Who states none beside one who does is left as it is.
    assert more[1:].tolist() == [0.0] * (n - 1)


def test_the_slope_by_the_short_rate_is_that_of_finite_differences(tmp_path):
    economy, grid = built(stating(tmp_path, INDEX))
    index, since = Indexation.build(economy), neocloud_paths(economy, grid).indexed[3]
    n = index.rate.shape[0]
    contracts = newest(jnp.zeros((VINTAGES, n)), jnp.full(n, 4.0))
    struck = jnp.full((VINTAGES, n), 0.03)

    def more(short):
        prices = contract_prices(index, since, struck, short)
        return prices.rise(jnp.full(n, 7.0), aged(contracts))[0]

    at = jnp.asarray(0.04)
    finite = float(more(at + 1e-3) - more(at - 1e-3)) / 2e-3
    assert float(jax.grad(more)(at)) == pytest.approx(finite, rel=1e-9)
    assert finite > 2.0 * 11.0  # twice what is indexed, and dearer by consumer prices


def test_an_economy_without_an_index_has_nothing_of_it():
    economy, grid = built(CONFIGS / "chain.toml")
    assert Indexation.build(economy) is None
    assert neocloud_paths(economy, grid).indexed is None
    assert register(economy, jnp.zeros((VINTAGES, 1))) is None
    assert signing(None, jnp.asarray(0.04)) is None
    assert contract_prices(None, None, None, jnp.asarray(0.04)) is None


def test_an_index_beyond_its_bounds_is_refused(tmp_path):
    wrong = {"cpi_indexation_share": 1.5, "rate_indexation_x": -1.0}
    with pytest.raises(ConfigError) as error:
        load(stating(tmp_path, wrong))
    told = "\n".join(error.value.messages)
    assert "cpi_indexation_share: got 1.5, expected a share of at most 1" in told
    assert "rate_indexation_x: got -1.0, expected 0 to 10" in told
