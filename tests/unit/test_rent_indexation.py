"""Rents that follow the short rate: by hand, who pays, slopes, absent elsewhere."""

import jax
import jax.numpy as jnp
import pytest

from engine.config import ConfigError, load
from engine.contracts.rent_indexation import rent_index
from engine.contracts.tenancy import Tenancies, TenancyFlows, tenancy_dates
from engine.drivers import drive
from engine.drivers.sampling import N_FACTORS
from engine.jump import HardDefault
from engine.market import Prices
from engine.vehicles.spv import Spvs
from tests.config_files import CONFIGS

INDEX = 5.0


def indexing(folder, deal="vantage", value=INDEX):
    """The chain, but for the index of one SPV's rent."""
    path = folder / "indexed.toml"
    told = 'source = "choice: a test", date = "2026Q3", confidence = "choice"'
    path.write_text(
        f'extends = "{CONFIGS / "chain.toml"}"\n[spvs.{deal}]\n'
        f"rent_rate_indexation_x = {{ value = {value}, {told}, bounds = [-20, 20] }}\n",
        encoding="utf-8",
    )
    return path


def built(path):
    economy, _, grid = load(path).build(jnp.float64)
    return economy, grid


def due(economy, grid, short, at=30):
    """Rent due of the fully let SPVs in model quarter `at`."""
    dates = tenancy_dates(economy, grid, short)
    now = jax.tree.map(lambda x: x[at], dates)
    n = now.running.shape[0]
    row, none = jnp.ones(n), jnp.zeros(n)
    flows = TenancyFlows(none, none, none, row, none, none, none, none, none)
    return Spvs.build(economy).due(now, flows)[0]


def test_a_tenant_pays_the_move_of_the_rate_since_as_of(tmp_path):
    economy, grid = built(indexing(tmp_path))
    plain, _ = built(CONFIGS / "chain.toml")
    place = economy.members("spvs").index("vantage")
    struck = float(economy["rates.short"])
    # 120 bp above the rate at as_of, five to one: 6 % more rent.
    short = jnp.full(grid.n_model, struck + 0.012)
    before, after = due(plain, grid, short), due(economy, grid, short)
    assert float(before[place]) > 0.01
    assert float(after[place] / before[place]) == pytest.approx(1.06, rel=1e-12)
    others = [i for i in range(len(before)) if i != place]
    assert [float(after[i]) for i in others] == [float(before[i]) for i in others]
    # A rent struck at other rates counts from those.
    economy = economy.replace({"shifts.rate_all": jnp.asarray(0.012)})
    assert rent_index(economy, short).min() == pytest.approx(1.0, abs=1e-12)


def test_the_slope_by_the_rate_is_that_of_finite_differences(tmp_path):
    economy, grid = built(indexing(tmp_path))

    def rent(rate):
        return jnp.sum(due(economy, grid, jnp.full(grid.n_model, rate)))

    at = jnp.asarray(0.05)
    finite = float(rent(at + 1e-3) - rent(at - 1e-3)) / 2e-3
    assert float(jax.grad(rent)(at)) == pytest.approx(finite, rel=1e-9)
    place = economy.members("spvs").index("vantage")
    plain, _ = built(CONFIGS / "chain.toml")
    base = float(due(plain, grid, jnp.full(grid.n_model, 0.05))[place])
    assert finite == pytest.approx(INDEX * base, rel=1e-9)


def test_a_dearer_rent_makes_leaving_more_likely_by_its_index(tmp_path):
    path = indexing(tmp_path)
    (economy, grid), (plain, _) = built(path), built(CONFIGS / "chain.toml")
    drivers = drive(economy, grid, jnp.zeros((grid.n_model, N_FACTORS)))
    quarter = jax.tree.map(lambda x: x[30], drivers)
    rise = jnp.full(grid.n_model, economy["rates.short"] + 0.02)
    nil, ahead = jnp.asarray(0.0), jnp.full(16, 0.9)
    prices = Prices(
        utilisation=nil, level=jnp.asarray(0.9), spot=nil, marginal_cost=nil,
        shell=jnp.asarray(0.9), shell_ahead=ahead, additions=nil, in_service=nil,
    )  # fmt: skip

    def renewal(figures):
        layer, rent = Tenancies.build(figures), Spvs.build(figures).rent
        dates = tenancy_dates(figures, grid, rise)
        now = jax.tree.map(lambda x: x[30], dates)
        opened = layer.opening()
        return layer(quarter, prices, now, rent, HardDefault(), opened)[0].renewal

    place = economy.members("spvs").index("vantage")
    before, after = renewal(plain)[place], renewal(economy)[place]
    # 200 bp at five to one: rents are 1.1 of what they were, all else the same.
    assert float((1.0 + before) / (1.0 + after)) == pytest.approx(1.1, rel=1e-9)


def test_an_economy_without_an_index_has_nothing_of_it():
    economy, grid = built(CONFIGS / "chain.toml")
    short = jnp.full(grid.n_model, 0.04)
    assert rent_index(economy, short) is None
    assert tenancy_dates(economy, grid, short).index is None


def test_an_index_beyond_its_bounds_is_refused(tmp_path):
    with pytest.raises(ConfigError) as error:
        load(indexing(tmp_path, value=-1.0))
    told = "\n".join(error.value.messages)
    assert "rent_rate_indexation_x: got -1.0, expected 0 to 10" in told
