"""Supply of chips: what is delivered, to whom first, and who waits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.bottlenecks.capacity import Capacity
from engine.bottlenecks.chips import delivered_part, ship
from engine.bottlenecks.priority import Allotment, PerBuyer, Priority, built
from engine.chip_orders import ChipOrders
from engine.config import load
from engine.grid import DT
from engine.layers import opening_state
from engine.market import Market
from native import compile_kernel
from tests.config_files import CONFIGS, PROVENANCE, errors, retold
from tests.properties.runs import as_shipped

ORDERED = (5.0, 1.0, 8.0, 0.0, 0.0, 2.0)


def run(supply, growth=0.0):
    """Delivered, its share and what is on order at the end of every quarter."""
    vendors = Capacity(jnp.asarray(supply), jnp.asarray(growth))
    on_order, rows = jnp.asarray(0.0), []
    for t, ordered in enumerate(ORDERED):
        now = ship(vendors, jnp.asarray(t * DT), jnp.asarray(ordered), on_order)
        on_order = now.on_order
        rows.append(jnp.stack(now))
    return jnp.stack(rows)


def test_supply_by_hand():
    # 2 GW a quarter: of 5, 2 are delivered and 3 wait beside the next one.
    delivered, share, on_order = np.asarray(run(8.0)).T
    np.testing.assert_allclose(delivered, [2.0, 2.0, 2.0, 2.0, 2.0, 2.0])
    np.testing.assert_allclose(on_order, [3.0, 2.0, 8.0, 6.0, 4.0, 4.0])
    np.testing.assert_allclose(share, 2.0 / np.array([5, 4, 10, 8, 6, 6]))


@pytest.mark.parametrize("supply", [0.1, 3.0, 8.0, 20.0, 1e4])
def test_what_is_ordered_is_delivered_or_waits(supply):
    delivered, _, on_order = np.asarray(run(supply, 0.2)).T
    total = np.cumsum(delivered) + on_order
    np.testing.assert_allclose(np.cumsum(ORDERED), total, rtol=1e-12)
    supplies = supply * 1.2 ** (DT * np.arange(len(ORDERED))) * DT
    assert (delivered <= supplies * (1.0 + 1e-12)).all()


def test_with_ample_supply_exactly_what_is_ordered_is_delivered():
    delivered, share, on_order = np.asarray(run(1e4)).T
    assert (delivered == ORDERED).all()
    assert (share == 1.0).all()
    assert (on_order == 0.0).all()


def test_without_a_table_there_is_nothing():
    five = jnp.asarray(5.0)
    assert ship(None, five, five, None) == (five, None, None)
    assert delivered_part(None, five) is five
    assert built(None, five) is five


def buyers(clouds, hyperscalers, hybrid):
    return PerBuyer(jnp.asarray(clouds), jnp.asarray(hyperscalers), jnp.asarray(hybrid))


def priority(stated):
    """Ranks as `Priority.build` makes them of the figures."""
    return Priority(
        tuple(
            jax.tree.map(lambda x, k=rank: jnp.where(x == k, 1.0, 0.0), stated)
            for rank in (1, 2, 3)
        )
    )


DEMAND = buyers([10.0, 20.0], [30.0, 40.0], 20.0)
RANKS = buyers([1.0, 2.0], [2.0, 3.0], 2.0)


def test_priority_by_hand():
    # Half of 120: rank 1 has its 10, rank 2 has 50 of its 70, rank 3 nothing.
    shares = priority(RANKS).shares(DEMAND, jnp.asarray(0.5))
    np.testing.assert_allclose(shares.clouds, [1.0, 5.0 / 7.0])
    np.testing.assert_allclose(shares.hyperscalers, [5.0 / 7.0, 0.0], atol=1e-15)
    np.testing.assert_allclose(shares.hybrid, 5.0 / 7.0)


def everyone(of: PerBuyer):
    return np.concatenate([of.clouds, of.hyperscalers, np.atleast_1d(of.hybrid)])


@pytest.mark.parametrize("seed", range(30))
def test_priority_divides_what_there_is(seed):
    """Nobody gets more than it asks, all together what is there, the first the most."""
    rng = np.random.default_rng(seed)
    # Orders of some buyers and of whole ranks may be nothing.
    sizes = rng.exponential(1.0, 9) * (rng.random(9) < 0.7)
    ranks = rng.integers(1, 4, 9).astype(float)
    demand = buyers(sizes[:4], sizes[4:8], sizes[8])
    stated = buyers(ranks[:4], ranks[4:8], ranks[8])
    for share in (0.0, 0.2, rng.random(), 1.0):
        given = everyone(priority(stated).shares(demand, jnp.asarray(share)))
        assert (given >= 0.0).all()
        assert (given <= 1.0).all()
        np.testing.assert_allclose(given @ sizes, share * sizes.sum(), atol=1e-12)
        asking = sizes > 1e-9
        if share == 1.0:
            assert (given == 1.0).all()
        for first, last in ((1, 2), (2, 3), (1, 3)):
            ahead, behind = given[(ranks == first) & asking], given[ranks == last]
            if len(ahead) and len(behind[sizes[ranks == last] > 1e-9]):
                assert ahead.min() >= behind[sizes[ranks == last] > 1e-9].max() - 1e-12
        best = ranks[asking].min() if asking.any() else 1.0
        # Who is first is never worse off than were all served alike.
        assert (given[asking & (ranks == best)] >= share - 1e-12).all()


def test_one_rank_is_pro_rata():
    equal = buyers([2.0, 2.0], [2.0, 2.0], 2.0)
    given = everyone(priority(equal).shares(DEMAND, jnp.asarray(0.3)))
    np.testing.assert_allclose(given, 0.3, rtol=1e-14)


def test_what_is_not_built_waits():
    ordered, waiting = jnp.asarray(10.0), jnp.asarray(4.0)
    share = jnp.asarray(0.25)
    allotment = Allotment(share, waiting, (1.0 - share) * (ordered + waiting))
    assert float(built(allotment, ordered)) == 3.5
    assert float(built(allotment, ordered) + allotment.left) == 14.0


@pytest.mark.parametrize("column", [0, 1, 2])
def test_derivative_by_supply_against_differences(column):
    def total(supply):
        return jnp.sum(run(supply, 0.1)[:, column])

    step = 1e-5
    slope = (total(8.0 + step) - total(8.0 - step)) / (2.0 * step)
    assert abs(slope) > 0.1
    np.testing.assert_allclose(jax.grad(total)(8.0), slope, rtol=1e-7)


def test_derivatives_of_priority_against_differences():
    def given(x):
        demand = buyers([x[0], 20.0], [x[1], 40.0], 20.0)
        shares = priority(RANKS).shares(demand, x[2])
        return jnp.sum(
            jnp.concatenate(
                [shares.clouds**2, shares.hyperscalers, shares.hybrid[None]]
            )
        )

    point, step = jnp.asarray([10.0, 30.0, 0.5]), 1e-6
    slopes = [
        (given(point + step * e) - given(point - step * e)) / (2.0 * step)
        for e in jnp.eye(3)
    ]
    assert min(abs(float(s)) for s in slopes) > 1e-3
    np.testing.assert_allclose(jax.grad(given)(point), slopes, rtol=1e-7)


def test_without_the_table_none_of_it_is_in_the_program():
    chain = as_shipped("base")
    assert ChipOrders.build(chain.economy) is None
    assert Market.build(chain.economy).chips is None
    assert chain.state.chips is None
    assert chain.state.fleet.on_order is None


def test_ranks_come_from_the_figures():
    path = CONFIGS / "scenarios" / "chip_shortage.toml"
    economy, _, _ = load(path).build(jnp.float64)
    of = Priority.build(economy)
    first = economy.members("neoclouds").index("coreweave")
    assert of.ranks[0].clouds[first] == 1.0
    everybody = sum(everyone(rank) for rank in of.ranks)
    assert (everybody == 1.0).all()
    assert everyone(of.ranks[0]).sum() == 1.0
    assert everyone(of.ranks[2]).sum() == 0.0


def test_in_single_precision_nothing_is_double(tmp_path):
    """The C kernel refuses a program of two precisions."""
    path = CONFIGS / "scenarios" / "chip_shortage.toml"
    economy, _, _ = load(path).build(jnp.float32)
    demand = jax.tree.map(lambda x: x.astype(jnp.float32), DEMAND)

    def served(economy, share):
        ranks = Priority.build(economy).ranks
        two = [PerBuyer(r.clouds[:2], r.hyperscalers[:2], r.hybrid) for r in ranks]
        return {"hybrid": Priority(tuple(two)).shares(demand, share).hybrid}

    half = jnp.asarray(0.5, jnp.float32)
    kernel = compile_kernel(served, (economy,), half, tmp_path, np.float32)
    found = kernel(np.full(2, 0.5, np.float32))["hybrid"]
    np.testing.assert_allclose(found, served(economy, half)["hybrid"], rtol=1e-6)


def test_a_rank_is_whole(tmp_path):
    found = errors(
        retold(tmp_path, "chip_shortage"),
        ("neoclouds.coreweave.chip_priority_rank=1.5",),
    )
    assert len(found) == 1
    assert "neoclouds.coreweave.chip_priority_rank: got 1.5" in found[0]
    assert "expected a whole rank from 1 (first) to 3" in found[0]


def test_a_rank_without_a_shortage_is_refused(tmp_path):
    path = tmp_path / "ranked.toml"
    path.write_text(
        f'extends = "{CONFIGS / "chain.toml"}"\n[hybrid.oracle]\n'
        f"chip_priority_rank = {{ value = 1.0, {PROVENANCE}, bounds = [1, 3] }}\n",
        encoding="utf-8",
    )
    found = errors(path)
    assert len(found) == 1
    assert "hybrid.oracle.chip_priority_rank: got 1 and no market.chips" in found[0]


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The reference run of the chain with the shortage, at any supply."""
    from engine import reference_scenario, simulate

    folder = tmp_path_factory.mktemp("chips")
    economy, _, grid = load(retold(folder, "chip_shortage")).build(jnp.float64)

    @jax.jit
    def of(supply):
        changed = economy.replace({"market.chips.supply": supply})
        scenario = reference_scenario(changed, grid)
        return simulate(changed, opening_state(changed, grid), grid, scenario)

    return of


@pytest.mark.slow
def test_ample_supply_changes_nothing(told):
    from engine import reference_scenario, simulate

    economy, state, grid = load(CONFIGS / "chain.toml").build(jnp.float64)
    plain = jax.jit(simulate)(economy, state, grid, reference_scenario(economy, grid))
    ample = told(jnp.asarray(1e4))
    for name, value in plain.metrics.items():
        np.testing.assert_allclose(ample.metrics[name], value, rtol=1e-12, atol=1e-12)
    assert float(ample.metrics["system.late_capex"]) == 0.0


@pytest.mark.slow
def test_orders_are_kept_through_a_shortage(told):
    """By buyer ordered = built + gained by the queue; capex is within what is built."""
    record = told(jnp.asarray(12.0)).record
    chips = record.chips

    def before(waiting):
        return jnp.concatenate([jnp.zeros_like(waiting[:1]), waiting[:-1]])

    for name, capex in (
        ("hyperscalers", record.hyperscalers.capex),
        ("hybrid", record.hybrid.capex - record.hybrid.overflow.capex),
    ):
        ordered, waiting = getattr(chips.ordered, name), getattr(chips.waiting, name)
        promised = getattr(chips.share, name) * (ordered + before(waiting))
        gained = waiting - before(waiting)
        np.testing.assert_allclose(ordered, promised + gained, atol=1e-9)
        assert (capex <= promised + 1e-9).all()
        assert float(jnp.max(waiting)) > 1.0
    # The market's fleet is what is delivered.
    grown = 1.2 ** (np.asarray(record.drivers.years))
    assert (record.prices.additions <= 12.0 * grown * DT + 1e-9).all()
    assert all(float(jnp.max(x)) < 1e-9 for x in record.residuals.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nvidia.sold", "system.late_capex"])
def test_derivative_of_a_run_by_supply_against_differences(told, name):
    def of(supply):
        return told(supply).metrics[name]

    point, step = jnp.asarray(12.0), 1e-5
    _, slope = jax.jvp(of, (point,), (jnp.ones_like(point),))
    differences = (of(point + step) - of(point - step)) / (2.0 * step)
    assert abs(float(slope)) > 1.0
    np.testing.assert_allclose(slope, differences, rtol=1e-5)
