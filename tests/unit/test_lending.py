"""Choice of money as a state: by hand, at its limits, and over random paths."""

import dataclasses
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.credit.neocloud_flows import NeocloudFlows
from engine.credit.route import Lenders
from engine.credit.spv import SpvFlows
from engine.economy import Economy
from engine.funds.holders import ClassFlows, Holders
from engine.funds.lending import Lending
from engine.layers import Layers, opening_state, paths
from engine.metrics.residuals import moved_gaps
from tests.helpers import filled
from tests.properties.runs import as_shipped

CET1 = 1611.0
FIGURES = {
    "lending.by_price": 1.0,
    "lending.bank_advance": 0.75,
    "lending.owner_cost": 0.15,
    "lending.sector": 0.9,
    "route.single_name": 0.9,
    "banks.cet1": CET1,
}


def economy(**changed):
    figures = {**FIGURES, **{k.replace("__", "."): v for k, v in changed.items()}}
    own = as_shipped("base").economy
    more = {k: jnp.asarray(v, jnp.float64) for k, v in figures.items()}
    return Economy(own.figures | more, own.blueprint)


def lending(**changed):
    """The layer, its opening state and the shares of the figures."""
    e = economy(**changed)
    holders = Holders.build(e)
    layer = Lending.build(e, holders)
    return layer, layer.opening(e), holders


def sizes():
    e = as_shipped("base").economy
    return len(e.members("neoclouds")), len(e.members("spvs"))


def quarter(balance, rng=None, **fixed):
    """Flows of a quarter by class that began at `balance`; what is not given is 0."""
    n, k = sizes()
    size, part = 2 * (n + k), {}
    for name in ("repaid", "failed", "drawn", "in_kind", "recovery", "new"):
        share = fixed.get(name, 0.0 if rng is None else rng.uniform(0.0, 0.4, size))
        part[name] = jnp.broadcast_to(jnp.asarray(share, jnp.float64), (size,))
    drawn = part["drawn"] * balance + part["new"]
    drawn = drawn.at[n : 2 * n].set(0.0)
    lent = drawn + part["in_kind"] * balance
    failed = part["failed"] * balance
    repaid = part["repaid"] * (balance - failed)
    lost = (1.0 - part["recovery"]) * failed
    flows = filled(
        ClassFlows,
        jnp.zeros(size),
        interest=0.02 * balance,
        repaid=repaid,
        lent=lent,
        failed=failed,
        loss=0.7 * lost,
        claimed=0.3 * lost,
        balance=balance - failed - repaid + lent,
    )
    one, head = jnp.ones(n), jnp.asarray(10.0 if rng is None else rng.uniform(0, 1, k))
    clouds = filled(
        NeocloudFlows,
        jnp.zeros(n),
        alive=one,
        drawn_box=drawn[:n],
        headroom=one,
        recovery_secured=one,
        recovery_unsecured=one,
    )
    spvs = filled(
        SpvFlows,
        jnp.zeros(k),
        alive=jnp.ones(k),
        draw=drawn[2 * n : 2 * n + k],
        lent_takeout=drawn[2 * n + k :],
        loan=flows.balance[2 * n : 2 * n + k],
        headroom=jnp.broadcast_to(head, (k,)),
        recovery=jnp.ones(k),
        spend=jnp.ones(k),
    )
    return flows, clouds, spvs


def settled(layer, state, balance, receivable=0.0, rng=None, **fixed):
    flows, clouds, spvs = quarter(balance, rng, **fixed)
    paid = 0.25 * receivable
    owing = flows.failed - flows.loss - flows.claimed
    flows = dataclasses.replace(
        flows, recovered=paid + 0.0 * balance, receivable=receivable - paid + owing
    )
    quoted = jnp.zeros_like(balance)
    moved, after = layer(jnp.asarray(0.04), clouds, spvs, flows, None, quoted, state)
    return flows, moved, after


def test_without_its_table_there_is_neither_layer_nor_state():
    own = as_shipped("base")
    assert own.state.lending is None
    holders = Holders.build(own.economy)
    assert Lending.build(own.economy, holders) is None


def test_a_dollar_of_private_money_competes_with_the_banks_and_the_owners():
    lenders = Lenders.build(economy())
    asked = lenders.ask(*(jnp.asarray(x) for x in (0.04, 10.0, 1.0, 1.0)))
    package = 0.75 * float(asked.bank) + 0.25 * 0.15
    advantage = (float(asked.private) - package) / float(lenders.width)
    expected = 1.0 / (1.0 + np.exp(-advantage))
    assert float(lenders.choose(asked)) == pytest.approx(expected, rel=1e-12)
    # Where owners' money is dear enough, nobody goes to the bank.
    dear = Lenders.build(economy(lending__owner_cost=0.4))
    assert float(dear.choose(asked)) < 1e-4


@pytest.mark.parametrize("by_price", [0.0, 1.0])
def test_the_figures_own_split_moves_nothing_to_the_last_bit(by_price):
    """With nothing chosen by price; or all, at the very shares of the figures."""
    e, grid = economy(lending__by_price=by_price), as_shipped("base").grid
    layers, state = Layers.build(e, grid), opening_state(e, grid)
    layer, own = layers.lending, state.lending
    if by_price > 0.0:
        # Halves and quarters divide without rounding.
        half = jnp.full_like(layer.bank, 0.5)
        layer = Lending(
            layer.lenders, half, 2.0 * half, layer.by_price, 0.0 * half, *limits(layer)
        )
        own = own.__class__(own.bank, own.receivable, half, own.gap, own.margin)
    dated = jax.tree.map(lambda x: x[3], paths(e, grid, jnp.zeros((grid.n_model, 3))))
    money = jnp.asarray(0.9)
    terms = layers.cloud_terms, layers.spv_terms
    *routed, quoted = layer.offer(
        money,
        *terms,
        dated.dues,
        dated.loans,
        dated.spvs,
        state.clouds,
        state.spvs,
        None,
        own,
    )
    for before, after in zip(
        jax.tree.leaves(terms), jax.tree.leaves(tuple(routed)), strict=True
    ):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(quoted, 0.0)
    balance = jnp.full_like(layer.bank, 8.0)
    _, moved, after = settled(
        layer, own, balance, drawn=0.25, failed=0.25, recovery=0.5
    )
    assert all(np.all(np.asarray(x) == 0.0) for x in jax.tree.leaves(moved))
    np.testing.assert_array_equal(after.bank, 0.0)


def limits(layer):
    return layer.single, layer.sector


def test_shares_sum_to_one_and_claims_roll_forward_over_random_paths():
    n, k = sizes()
    rng = np.random.default_rng(5)
    layer, opening, holders = lending(route__single_name=0.02, lending__sector=0.1)
    unsecured = slice(n, 2 * n)
    nothing = jnp.zeros_like(opening.bank)
    run = jax.jit(
        lambda c, v, f, s: layer(jnp.asarray(0.04), c, v, f, None, nothing, s)
    )
    for _ in range(10):
        state = opening
        balance = jnp.asarray(rng.uniform(0.0, 60.0, 2 * (n + k)))
        receivable = jnp.zeros_like(balance)
        for _ in range(24):
            flows, clouds, spvs = quarter(balance, rng)
            owing = flows.failed - flows.loss - flows.claimed
            flows = dataclasses.replace(
                flows,
                recovered=0.25 * receivable,
                receivable=0.75 * receivable + owing,
            )
            moved, after = run(clouds, spvs, flows, state)
            record = types.SimpleNamespace(
                moved=moved, classes=flows, private=flows, agency=None
            )
            before = types.SimpleNamespace(
                lending=state, classes=types.SimpleNamespace(receivable=receivable)
            )
            for gap, size in moved_gaps(record, before, holders, balance):
                np.testing.assert_allclose(
                    gap / jnp.maximum(size, 1.0), 0.0, atol=1e-13
                )
            bank, fund = holders.bank + after.bank, holders.fund - after.bank
            others = sum(
                getattr(holders, x)
                for x in ("bond_fund", "insurer", "pension", "outside")
            )
            np.testing.assert_allclose(bank + fund + others, 1.0, rtol=1e-14)
            assert float(jnp.min(bank)) >= -1e-15
            assert float(jnp.min(fund)) >= -1e-15
            np.testing.assert_array_equal(after.bank[unsecured], 0.0)
            state, balance, receivable = after, flows.balance, flows.receivable
        assert float(jnp.max(jnp.abs(state.bank))) > 0.01


def test_a_share_moves_by_new_lending_alone():
    layer, state, _ = lending()
    balance = jnp.full_like(layer.bank, 8.0)
    _, _, state = settled(layer, state, balance, drawn=0.5)
    assert float(jnp.max(jnp.abs(state.bank))) > 0.05
    # Interest, repayment, default, interest that is not paid: all pro rata.
    _, moved, after = settled(
        layer, state, balance, repaid=0.3, failed=0.2, in_kind=0.1, recovery=0.5
    )
    np.testing.assert_array_equal(after.bank, state.bank)
    np.testing.assert_allclose(moved.lent, state.bank * 0.8, rtol=1e-12)
    np.testing.assert_allclose(moved.repaid, state.bank * 0.3 * 6.4, rtol=1e-12)


def test_the_single_name_limit_binds_exactly():
    limit = 9.0
    layer, state, holders = lending(route__single_name=limit / CET1)
    balance = jnp.full_like(layer.bank, 8.0)
    flows, moved, _ = settled(layer, state, balance, new=40.0)
    held = np.asarray(holders.bank * flows.balance + moved.balance)
    wanted = np.asarray(layer.both * state.choice * 40.0 + holders.bank * 8.0)
    n, _ = sizes()
    chosen = np.arange(len(held)) // n != 1
    bound = chosen & (wanted > limit)
    assert bound.any()
    assert (~bound & chosen).any()
    np.testing.assert_allclose(held[bound], limit, rtol=1e-14)
    free = chosen & ~bound
    np.testing.assert_allclose(held[free], wanted[free], rtol=1e-12)


def test_the_limit_of_the_sector_binds_exactly_and_pro_rata():
    layer, state, holders = lending(lending__sector=30.0 / CET1)
    balance = jnp.full_like(layer.bank, 8.0)
    flows, moved, _ = settled(layer, state, balance, new=40.0)
    n, _ = sizes()
    held = np.asarray(holders.bank * flows.balance + moved.balance)
    assert held.sum() == pytest.approx(30.0, rel=1e-14)
    lent = np.asarray(holders.bank * flows.lent + moved.lent)
    wanted = np.asarray(layer.both * state.choice)
    chosen = (np.arange(len(lent)) // n != 1) & (wanted > 0.0)
    ratio = lent[chosen] / wanted[chosen]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-12)


def test_the_offer_blends_advance_and_margin():
    e, grid = economy(), as_shipped("base").grid
    layers, state = Layers.build(e, grid), opening_state(e, grid)
    dated = jax.tree.map(lambda x: x[3], paths(e, grid, jnp.zeros((grid.n_model, 3))))
    money = jnp.asarray(1.0)
    terms = layers.cloud_terms, layers.spv_terms
    own = state.lending
    clouds, spvs, quoted = layers.lending.offer(
        money,
        *terms,
        dated.dues,
        dated.loans,
        dated.spvs,
        state.clouds,
        state.spvs,
        None,
        own,
    )
    # CoreWeave's boxes: banks have 40 and funds 45 of 100; no limit binds.
    moved = 0.85 * float(own.choice[0]) - 0.4
    assert float(quoted[0]) == pytest.approx(moved, rel=1e-12)
    # A private lender's advance is a/(1 - .4 x .25); a bank's three quarters of it.
    alone = float(terms[0].advance[0]) / (1.0 - 0.4 * 0.25)
    blend = alone * (1.0 - (0.4 + moved) * 0.25)
    assert float(clouds.advance[0]) == pytest.approx(blend, rel=1e-12)
    margin = float(terms[0].box_margin[0]) + moved * float(own.gap[0])
    assert float(clouds.box_margin[0]) == pytest.approx(margin, rel=1e-12)
    # The drawn loan's margin is that of what was drawn so far: not yet moved.
    np.testing.assert_array_equal(spvs.margin, terms[1].margin)


def test_gradient_of_what_banks_lend():
    layer, _, _ = lending()
    balance = jnp.full_like(layer.bank, 8.0)

    def lent(cost):
        own, opening, _ = lending(lending__owner_cost=cost)
        _, moved, _ = settled(own, opening, balance, drawn=0.5)
        return jnp.sum(moved.lent)

    slope = float(jax.grad(lent)(0.15))
    step = 1e-5
    numeric = float(lent(0.15 + step) - lent(0.15 - step)) / (2.0 * step)
    assert slope == pytest.approx(numeric, rel=1e-6)
    assert slope < 0.0
