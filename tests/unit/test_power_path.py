"""A price of power that moves: by hand, both routes to a slope, flat is none."""

import jax
import jax.numpy as jnp
import pytest

from engine.drivers import drive
from engine.layers import Layers, opening_state, paths
from tests.config_files import CONFIGS, PROVENANCE, errors, stating
from tests.unit.test_power import CLAUSES, PRICE, built, earned

# Flat to 2027, then half dearer by 2029 and on: chain's first quarter is 2026Q4.
DATES, RISING, FLAT = [2027.0, 2029.0], [1.0, 1.5], [1.0, 1.0]
EARLY, LATE = 0, 20


def moving(folder, values, listed=None, **changed):
    """Chain with CoreWeave's clauses on power and a path of its price.

    Oracle and Meta, who sell at list prices, pay the part `listed` of them for it.
    """
    path = stating(folder, CLAUSES | changed)
    path_x = f"dates = {DATES}, values = {values}, {PROVENANCE}, bounds = [0.1, 10.0]"
    lines = ["[power]", f"path_x = {{ {path_x} }}"]
    if listed is not None:
        share = f"value = {listed}, {PROVENANCE}, bounds = [-1.0, 2.0]"
        for name in ("hybrid.oracle", "hyperscalers.meta"):
            lines += [f"[{name}]", f"power_cost_share = {{ {share} }}"]
    text = path.read_text(encoding="utf-8")
    path.write_text("\n".join([text, *lines, ""]), encoding="utf-8")
    return path


def test_who_is_open_to_the_price_bears_its_rise(tmp_path):
    economy, grid = built(moving(tmp_path, RISING))
    early, late = (earned(economy, grid, quarter) for quarter in (EARLY, LATE))
    # 50 dearer over 80 at signing: on a quarter of 12 % of 17 it costs, and 0.4 of it
    # comes back on the 14 that are signed.
    rise = PRICE * 0.5 / 80.0
    collected = float(economy["neoclouds.coreweave.collected"])
    back = 0.4 * 0.12 * rise * 14.0 * 0.25 * collected
    cost = 0.25 * 0.12 * rise * 17.0 * 0.25
    assert float(late[1] - early[1]) == pytest.approx(back, rel=1e-9)
    assert float(late[0] - early[0]) == pytest.approx(back - cost, rel=1e-9)


def test_a_flat_path_is_none_to_the_last_bit(tmp_path):
    with_path = earned(*built(moving(tmp_path, FLAT)), LATE)
    without = earned(*built(stating(tmp_path, CLAUSES)), LATE)
    assert with_path.tolist() == without.tolist()


def test_who_bought_all_of_its_power_ahead_pays_what_it_agreed(tmp_path):
    whole = {"ppa_share": 1.0, "power_pass_through_share": 0.0}
    economy, grid = built(moving(tmp_path, RISING, **whole))
    early, late = (earned(economy, grid, quarter) for quarter in (EARLY, LATE))
    assert early.tolist() == late.tolist()


def test_the_slope_by_the_path_is_that_of_finite_differences(tmp_path):
    economy, grid = built(moving(tmp_path, RISING))

    def ebitda(last):
        values = jnp.stack([jnp.asarray(1.0), last])
        return earned(economy.replace({"power.path.values": values}), grid, LATE)[0]

    at = jnp.asarray(1.5)
    finite = float(ebitda(at + 1e-2) - ebitda(at - 1e-2)) / 2e-2
    assert float(jax.grad(ebitda)(at)) == pytest.approx(finite, rel=1e-9)
    assert finite != 0.0


def test_running_a_gigawatt_costs_what_power_costs_that_quarter(tmp_path):
    economy, grid = built(moving(tmp_path, RISING))
    market = Layers.build(economy, grid).market
    drivers = drive(economy, grid, jnp.zeros((grid.n_model, 3)))
    then = jax.tree.map(lambda path: path[LATE], drivers)
    used = 8760 * float(economy["power.load"] * economy["power.pue"]) / 1e6
    own = used * PRICE * 1.5 + float(economy["market.opex"])
    assert float(market.running_cost(then)) == pytest.approx(own, rel=1e-12)


def at_list_prices(economy, grid):
    """Costs of Oracle and cash earned by hyperscalers in the late quarter."""
    layers = Layers.build(economy, grid)
    state = opening_state(economy, grid)
    nothing = jnp.zeros((grid.n_model, 3))
    at = jax.tree.map(lambda path: path[LATE], paths(economy, grid, nothing))
    prices, _ = layers.market(at.drivers, jnp.asarray(1.0), state.fleet)
    honoured, one = jnp.asarray([0.5, 1.0]), jnp.asarray(1.0)
    hybrid, _ = layers.hybrid(
        at.drivers, prices, at.hybrid, honoured, 0.0 * one, one, state.hybrid
    )
    scalers, _ = layers.hyperscalers(
        at.drivers,
        at.capex,
        0.0 * at.capex,
        jnp.full_like(at.capex, 3.0),
        state.hyperscalers,
    )
    again = layers.hybrid.renewal * at.hybrid.lapsed * jnp.minimum(prices.level, 1.0)
    due = float(at.hybrid.backlog + again)
    sold = economy["hyperscalers.meta.ai_revenue"] * at.drivers.revenue / 4.0 + 3.0
    return float(hybrid.costs), due, scalers.operating, float(sold)


def test_clouds_at_list_prices_bear_the_rise_of_all_that_they_run(tmp_path):
    dear = at_list_prices(*built(moving(tmp_path, RISING, listed=0.2)))
    same = at_list_prices(*built(moving(tmp_path, FLAT, listed=0.2)))
    # Half dearer: a tenth of a dollar more for each dollar due, paid or not.
    assert dear[0] - same[0] == pytest.approx(0.1 * dear[1], rel=1e-9)
    lost = same[2] - dear[2]
    assert float(lost[0]) == pytest.approx(0.1 * dear[3], rel=1e-9)
    assert float(lost[1]) == 0.0


@pytest.mark.parametrize(
    ("share", "expected"),
    [(1.2, "got 1.2, expected a share of at most 1"), (-0.1, "got -0.1, expected 0")],
)
def test_a_cost_of_power_beyond_revenue_is_refused_once(tmp_path, share, expected):
    told = errors(moving(tmp_path, RISING, listed=share))
    assert len(told) == 2
    assert all(f"power_cost_share: {expected}" in message for message in told)


def test_a_cost_of_power_without_a_path_is_refused(tmp_path):
    path = moving(tmp_path, RISING, listed=0.2)
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(x for x in lines if "path_x" not in x))
    told = errors(path)
    assert len(told) == 2
    assert all("got a figure, expected power.path_x beside it" in x for x in told)


def test_without_a_path_the_price_stands_still():
    economy, grid = built(CONFIGS / "chain.toml")
    assert drive(economy, grid, jnp.zeros((grid.n_model, 3))).power is None
