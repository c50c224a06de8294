"""What must hold in every capital structure: random ones, up to 8 ranks, 50 issuers."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.credit.structure import (
    Covenants,
    Paths,
    Periods,
    Reserve,
    Rows,
    Support,
    Sweep,
    Terms,
    Tier,
    divide_many,
    pad,
)

ISSUERS, N_ROWS, PERIODS = 50, 8, Periods(10, 4)
solve = jax.jit(divide_many, static_argnums=3)
seeds = st.integers(0, 2**32 - 1)


def fill(module, **fields):
    """A module with an issuer axis: its annotations are those of one issuer."""
    new = object.__new__(module)
    for name, value in fields.items():
        object.__setattr__(new, name, value)
    return new


def replace(tree, **changes):
    names = [field.name for field in dataclasses.fields(tree)]
    return fill(type(tree), **{n: getattr(tree, n) for n in names} | changes)


def random_deals(seed, n_rows=N_ROWS):
    """Rows of any shape, also such as no kind produces, with all clauses in force."""
    rng = np.random.default_rng(seed)
    n = PERIODS.n
    row, path = (ISSUERS, n_rows), (ISSUERS, n_rows, n)

    def some(shape, share, values):
        return np.where(rng.random(shape) < share, values, 0.0)

    ranks = rng.integers(1, n_rows + 1, (ISSUERS, 1))
    deferrable = some(row, 0.2, 1.0)
    subordinated = some(row, 0.2, 1.0)
    residual = np.zeros(row)
    residual[:, -1] = 1.0
    subordinated[:, -1] = 1.0
    draw = some(path, 0.15, rng.uniform(0, 20, path))
    limit = np.where(rng.random((*row, 1)) < 0.15, rng.uniform(0, 30, (*row, 1)), 0.0)
    rank = rng.integers(0, ranks, row).astype(float)
    rank = np.where(subordinated > 0, rank + n_rows, rank)
    rows = fill(
        Rows,
        rank=rank,
        opening=some(row, 0.8, rng.uniform(0, 100, row)),
        is_debt=1.0 - residual,
        deferrable=deferrable,
        subordinated=subordinated,
        residual=residual,
        stoppable=some(row, 0.5, 1.0),
        swept=some(row, 0.7, 1.0),
        protected=some(row, 0.3, 1.0),
        toggle_margin=np.full(row, 0.002),
        rate=rng.uniform(0, 0.04, path) * (1 - residual[..., None]),
        accrual=np.where(rng.random(path) < 0.1, 0.5, 1.0),
        in_kind=some(path, 0.1, rng.random(path)),
        repay=some(path, 0.4, rng.uniform(0, 0.5, path)) * (1 - residual[..., None]),
        draw=draw,
        limit=limit * np.ones(n) * (1 - subordinated[..., None]),
        fee=some(path, 0.3, 0.002),
        called=some(path, 0.05, rng.random(path)) * (1 - subordinated[..., None]),
        price=rng.uniform(1.0, 1.1, path),
        converting=some(path, 0.03, rng.random(path)),
    )
    one = (ISSUERS,)
    size = np.sum(rows.opening, axis=1, keepdims=True)
    cfads = rng.uniform(-0.02, 0.35, (ISSUERS, n)) * size
    paths = fill(
        Paths,
        cfads=cfads,
        plan=cfads,
        spend=some((ISSUERS, n), 0.2, rng.uniform(0, 20, (ISSUERS, n))),
        index=rng.uniform(0, 0.06, (ISSUERS, n)),
        value=rng.uniform(0, 1.5, (ISSUERS, n)) * size,
        parity=rng.uniform(0, 2, (ISSUERS, n)),
    )

    def tier(low, leverage, ltv):
        return fill(
            Tier,
            dscr=some(one, 0.5, low),
            icr=some(one, 0.2, low),
            leverage=np.where(rng.random(one) < 0.4, leverage, 1e4),
            ltv=np.where(rng.random(one) < 0.4, ltv, 1e4),
            liquidity=some(one, 0.2, low),
        )

    terms = fill(
        Terms,
        reserve=fill(
            Reserve,
            years=some(one, 0.5, rng.uniform(0, 1, one)),
            rank=rng.integers(0, 4, one).astype(float),
            opening=some(one, 0.5, rng.uniform(0, 10, one)),
            starts=np.zeros(one),
        ),
        sweep=fill(
            Sweep,
            share=rng.uniform(0, 0.5, one),
            leverage=np.array([[2.0, 5.0]] * ISSUERS),
            shares=np.array([[0.5, 0.9]] * ISSUERS),
            starts=np.zeros(one),
            minimum_cash=rng.uniform(0, 5, one),
        ),
        covenants=fill(
            Covenants,
            lock_up=tier(1.2, 3.0, 1.5),
            trap=tier(1.1, 4.0, 2.0),
            default=tier(0.3, 4.0, 2.5),
            starts=rng.uniform(0, 1, one),
            trap_years=rng.uniform(0, 1, one),
        ),
        support=fill(
            Support,
            capacity=some(one, 0.5, rng.uniform(0, 60, one)),
            cures=rng.integers(0, 3, one).astype(float),
        ),
        cash=rng.uniform(0, 10, one),
        cash_yield=rng.uniform(0, 1, one),
    )
    return jax.tree.map(jnp.asarray, (rows, terms, paths))


@pytest.fixture(scope="module")
def some_default_and_some_do_not():
    table = solve(*random_deals(0), PERIODS)
    alive = np.asarray(table.alive[:, -1])
    assert 5 < alive.sum() < 45  # else the properties below would say little
    return table


def scale_of(paths, rows):
    return float(jnp.max(jnp.abs(paths.cfads)) + jnp.max(rows.opening)) * N_ROWS


@given(seeds)
def test_cash_is_conserved(seed):
    rows, terms, paths = random_deals(seed)
    table = solve(rows, terms, paths, PERIODS)
    scale = scale_of(paths, rows)
    np.testing.assert_allclose(table.residual, 0, atol=1e-13 * scale)
    # Claims roll forward: what was owed, lent and added is paid, converted or owed.
    flows, state = table.flows, table.state
    before = jnp.concatenate([rows.opening[:, None], state.balance[:, :-1]], axis=1)
    owed = jnp.concatenate(
        [jnp.zeros_like(before[:, :1]), state.arrears[:, :-1]], axis=1
    )
    coupon = (before * jnp.moveaxis(rows.accrual, 2, 1) + owed) * jnp.moveaxis(
        rows.rate, 2, 1
    )
    added = flows.draws + flows.revolved + coupon
    paid = (flows.interest + flows.principal + flows.repaid_line + flows.called) + (
        flows.swept + flows.cured
    )
    firm = (1 - rows.subordinated) * (1 - rows.deferrable)
    left = before + owed + added - paid - flows.converted
    got = state.balance + state.arrears
    gap = jnp.where(firm[:, None] > 0, got - left, 0.0)
    unpaid_fees = jnp.maximum(gap, 0.0)
    np.testing.assert_allclose(gap, unpaid_fees, atol=1e-12 * scale)


@given(seeds)
def test_no_junior_is_paid_while_a_senior_is_short(seed):
    rows, terms, paths = random_deals(seed)
    table = solve(rows, terms, paths, PERIODS)
    tolerance = 1e-12 * scale_of(paths, rows)
    senior_short = table.state.arrears > tolerance
    is_senior = rows.rank[:, :, None] < rows.rank[:, None, :]  # [issuer, senior, row]
    blocked = jnp.any(senior_short[..., None] & is_senior[:, None], axis=2)
    flows = table.flows
    paid = flows.fees + flows.interest + flows.principal
    assert not np.any(blocked & (paid > tolerance))
    anybody = jnp.any(senior_short, axis=2)
    behind = flows.repaid_line + flows.called + flows.swept + flows.distributed
    behind = behind + flows.cured
    assert not np.any(anybody & (jnp.sum(behind, axis=2) > tolerance))
    # An estate: by rank, never above the claim.
    recovered = flows.recovered - rows.residual[:, None] * flows.recovered
    lacks = flows.claims - recovered > tolerance
    blocked = jnp.any(lacks[..., None] & is_senior[:, None], axis=2)
    assert not np.any(blocked & (recovered > tolerance))
    assert np.all(recovered <= flows.claims + tolerance)


@given(seeds)
def test_default_is_absorbing(seed):
    rows, terms, paths = random_deals(seed)
    table = solve(rows, terms, paths, PERIODS)
    alive = np.asarray(table.alive)
    assert np.all((alive == 0) | (alive == 1))
    assert np.all(np.diff(alive, axis=1) <= 0)
    before = np.concatenate([np.ones((ISSUERS, 1)), alive[:, :-1]], axis=1)
    gone = before == 0
    assert np.all(np.asarray(table.paid)[gone] == 0)
    assert np.all(np.asarray(table.lent)[gone] == 0)
    assert np.all(np.asarray(table.losses)[gone] == 0)


@given(seeds)
def test_nothing_moves_when_nothing_is_due_to_the_last_bit(seed):
    rows, terms, paths = random_deals(seed)
    zero = jnp.zeros_like(rows.rate)
    rows = replace(
        rows, rate=zero, repay=zero, draw=zero, fee=zero, called=zero, converting=zero
    )
    still = jnp.zeros_like(paths.cfads)
    paths = replace(paths, cfads=still, spend=still, index=still)
    rows = replace(rows, limit=zero)
    reserve = replace(terms.reserve, opening=jnp.zeros(ISSUERS))
    sweep = replace(terms.sweep, minimum_cash=terms.cash)
    covenants = jax.tree.map(lambda x: x, Terms().covenants)
    covenants = jax.tree.map(lambda x: jnp.broadcast_to(x, (ISSUERS,)), covenants)
    terms = replace(terms, reserve=reserve, sweep=sweep, covenants=covenants)
    table = solve(rows, terms, paths, PERIODS)
    np.testing.assert_array_equal(
        table.state.balance, np.repeat(rows.opening[:, None], PERIODS.n, 1)
    )
    np.testing.assert_array_equal(
        table.state.cash, np.repeat(terms.cash[:, None], PERIODS.n, 1)
    )
    for name in ("arrears", "reserve", "trapped"):
        np.testing.assert_array_equal(getattr(table.state, name), 0)
    np.testing.assert_array_equal(table.paid, 0)
    np.testing.assert_array_equal(table.alive, 1)


@given(seeds, st.integers(0, N_ROWS - 2))
def test_moving_a_claim_up_never_helps_those_it_overtakes(seed, chosen):
    rows, terms, paths = random_deals(seed)
    # The reserve serves everybody: whom it serves is another clause than rank.
    terms = replace(terms, reserve=replace(terms.reserve, rank=jnp.full(ISSUERS, 99.0)))
    before = solve(rows, terms, paths, PERIODS)
    firm = rows.subordinated[:, chosen] == 0
    rank = rows.rank.at[:, chosen].set(jnp.where(firm, -1.0, rows.rank[:, chosen]))
    after = solve(replace(rows, rank=rank), terms, paths, PERIODS)
    overtaken = jnp.arange(N_ROWS)[None] != chosen
    tolerance = 1e-11 * scale_of(paths, rows)
    flows_before, flows_after = before.flows, after.flows
    for name in ("fees", "interest", "principal", "recovered"):
        gain = getattr(flows_after, name)[:, 0] - getattr(flows_before, name)[:, 0]
        helped = overtaken & firm[:, None] & (gain > tolerance)
        # The owners are nobody's senior: what they get is what all others leave.
        assert not np.any(helped & (rows.residual == 0)), name
        own = gain[:, chosen]
        assert np.all(jnp.where(firm, own, 0.0) >= -tolerance), name


@given(seeds, st.integers(0, N_ROWS - 2))
def test_a_claim_split_in_two_halves_changes_nothing(seed, chosen):
    # Seven rows, and an eighth that is empty or the other half of one of them.
    rows, terms, paths = random_deals(seed, N_ROWS - 1)
    amounts = ("opening", "draw", "limit", "residual")
    whole = np.arange(N_ROWS - 1) == chosen

    def halves(name):
        leaf = getattr(rows, name)
        mask = whole.reshape((1, N_ROWS - 1) + (1,) * (leaf.ndim - 2))
        first = leaf * jnp.where(mask, 0.5, 1.0) if name in amounts else leaf
        return jnp.concatenate([first, first[:, chosen : chosen + 1]], axis=1)

    names = [f.name for f in dataclasses.fields(Rows)]
    split = fill(Rows, **{name: halves(name) for name in names})
    padded = jax.vmap(lambda r: pad(r, N_ROWS))(rows)
    one = solve(padded, terms, paths, PERIODS)
    two = solve(split, terms, paths, PERIODS)
    tolerance = 1e-10 * scale_of(paths, rows)
    np.testing.assert_array_equal(one.alive, two.alive)
    np.testing.assert_allclose(one.state.cash, two.state.cash, atol=tolerance)
    for name in ("paid", "lent", "losses"):
        x, y = (np.asarray(getattr(table, name)) for table in (one, two))
        joined = y[..., :-1] + whole * y[..., -1:]
        np.testing.assert_allclose(x[..., :-1], joined, atol=tolerance, err_msg=name)


@given(seeds)
def test_a_deal_of_half_the_size_is_half_the_deal(seed):
    rows, terms, paths = random_deals(seed)
    # Liquidity tests are stated in money and scale with it.
    half = replace(
        rows, opening=rows.opening / 2, draw=rows.draw / 2, limit=rows.limit / 2
    )
    flows = replace(
        paths, cfads=paths.cfads / 2, spend=paths.spend / 2, value=paths.value / 2
    )
    tests = terms.covenants
    tests = replace(
        tests,
        **{
            name: replace(tier, liquidity=tier.liquidity / 2)
            for name in ("lock_up", "trap", "default")
            for tier in [getattr(tests, name)]
        },
    )
    less = replace(
        terms,
        reserve=replace(terms.reserve, opening=terms.reserve.opening / 2),
        sweep=replace(terms.sweep, minimum_cash=terms.sweep.minimum_cash / 2),
        support=replace(terms.support, capacity=terms.support.capacity / 2),
        covenants=tests,
        cash=terms.cash / 2,
    )
    one, two = solve(rows, terms, paths, PERIODS), solve(half, less, flows, PERIODS)
    np.testing.assert_array_equal(one.alive, two.alive)
    np.testing.assert_allclose(
        one.paid, 2 * two.paid, atol=1e-12 * scale_of(paths, rows)
    )


def test_the_random_deals_are_worth_testing(some_default_and_some_do_not):
    flows = some_default_and_some_do_not.flows
    names = "revolved cure supported called swept cured distributed reserve_out"
    for name in names.split():
        assert np.any(np.asarray(getattr(flows, name)) > 0), name
