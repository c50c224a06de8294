"""Every kind and every clause of a capital structure against numbers by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.credit import amortise
from engine.credit.structure import (
    KINDS,
    Contract,
    Covenants,
    Paths,
    Periods,
    Reserve,
    Support,
    Sweep,
    Terms,
    Tier,
    assemble,
    divide,
    divide_many,
    pad,
    time_to_breach,
)
from engine.jump import RampDefault

YEARS = Periods(8, 1)
NO_SWEEP = Sweep(leverage=[1.0, 2.0], shares=[0.0, 0.0])
solve = jax.jit(divide, static_argnums=3)


def build(kind, **clauses):
    own = {k: v for k, v in clauses.items() if k in KINDS[kind].__dataclass_fields__}
    common = {k: v for k, v in clauses.items() if k not in own}
    return KINDS[kind](
        contract=Contract(**{"rank": 0.0, "amount": 100.0} | common), **own
    )


EQUITY = {"dates": [], "amounts": [], "share": 1.0}


def run(instruments, cfads=30.0, terms=None, periods=YEARS, index=0.0, **paths):
    flows = jnp.full(periods.n, cfads) if np.ndim(cfads) == 0 else jnp.array(cfads)
    rate = jnp.full(periods.n, index) if np.ndim(index) == 0 else jnp.array(index)
    given = Paths.of(flows, rate, **{k: jnp.array(v) for k, v in paths.items()})
    # One number of rows and bands, so that the whole file compiles once.
    rows = pad(assemble(instruments, given, periods), 3)
    table = solve(
        rows, Terms(sweep=NO_SWEEP) if terms is None else terms, given, periods
    )
    np.testing.assert_allclose(table.residual, 0, atol=1e-11)
    return table


@pytest.mark.parametrize("kind", ["level", "linear", "bullet"])
@pytest.mark.parametrize("grace", [0, 2])
def test_plain_loans_are_those_of_the_schedule(kind, grace):
    loan = build(kind, coupon=0.07, tenor=8.0, grace=float(grace))
    table = run([loan], cfads=200.0)
    schedule = amortise(100.0, 0.07, 8, kind, grace)
    np.testing.assert_allclose(
        table.flows.principal[:, 0], schedule.principal, rtol=1e-12, atol=1e-12
    )
    np.testing.assert_allclose(
        table.flows.interest[:, 0], schedule.interest, rtol=1e-12
    )


def test_floating_coupon_floor_margin_and_step_up():
    index = [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.0, 0.0]
    loan = build(
        "bullet",
        coupon=0.02,
        floats=1.0,
        floor=0.025,
        step=0.005,
        step_from=4.5,
        tenor=8.0,
    )
    interest = run([loan], 200.0, index=index).flows.interest[:, 0]
    rates = (
        np.maximum(index, 0.025) + 0.02 + np.array([0, 0, 0, 0, 0.5, 1, 1, 1]) * 0.005
    )
    np.testing.assert_allclose(interest, 100 * rates, rtol=1e-13)


def test_real_tenor_is_continuous_and_splits_a_bullet():
    table = run([build("bullet", coupon=0.1, tenor=3.25)], 200.0)
    # Three quarters at the end of year three, one at the end of year four.
    np.testing.assert_allclose(table.flows.principal[2:4, 0], [75, 25], rtol=1e-12)
    np.testing.assert_allclose(table.flows.interest[3, 0], 25 * 0.1 * 0.25, rtol=1e-12)


def test_sculpted_loan_has_the_cover_that_its_size_says():
    plan = jnp.array([10.0, 14, 9, 20, 16, 12, 18, 11])
    rate, target = 0.06, 1.3
    debt = float(jnp.sum(plan / target * 1.06 ** -(jnp.arange(8.0) + 1)))
    table = run([build("sculpted", amount=debt, coupon=rate, tenor=8.0)], plan)
    np.testing.assert_allclose(table.flows.tests.dscr, target, rtol=1e-12)
    np.testing.assert_allclose(table.state.balance[-1, 0], 0, atol=1e-11)


def test_balloon_pays_level_down_to_its_residual():
    table = run([build("balloon", coupon=0.05, tenor=5.0, residual=0.4)], 200.0)
    level = amortise(60.0, 0.05, 5, "level")
    np.testing.assert_allclose(
        table.state.balance[:4, 0], 40 + level.balance[1:], rtol=1e-12
    )
    np.testing.assert_allclose(
        table.flows.principal[4, 0], 40 + level.principal[-1], rtol=1e-12
    )
    np.testing.assert_allclose(table.state.balance[4:, 0], 0, atol=1e-12)


def test_delayed_draws_have_their_own_maturities_and_a_fee_until_they_are_drawn():
    facility = build(
        "delayed_draw",
        coupon=0.08,
        tenor=3.0,
        grace=2.0,
        dates=[1.0, 3.0, 6.0],
        amounts=[10.0, 20.0, 40.0],
        availability=4.0,
        fee=0.01,
    )
    table = run([facility])
    draws = np.zeros((8, 3))
    draws[0, 0], draws[2, 1] = 10, 20  # the third comes after the availability
    np.testing.assert_allclose(table.flows.draws[:, :3], draws, atol=1e-12)
    assert table.flows.principal[3, 0] == pytest.approx(10)
    assert table.flows.principal[5, 1] == pytest.approx(20)
    fees = np.zeros((8, 3))
    fees[0, 0], fees[:3, 1] = 0.1, 0.2
    np.testing.assert_allclose(table.flows.fees[:, :3], fees, atol=1e-12)


def test_a_failed_lock_up_test_stops_draws():
    facility = build(
        "delayed_draw",
        rank=1.0,
        coupon=0.0,
        tenor=30.0,
        dates=[3.0, 5.0],
        amounts=[10.0, 10.0],
        availability=6.0,
        fee=0.0,
        grace=30.0,
    )
    senior = build("bullet", coupon=0.1, tenor=30.0)
    tests = Covenants(lock_up=Tier(dscr=1.2))
    cfads = [20.0, 11.0, 20, 20, 20, 20, 20, 20]
    table = run([senior, facility], cfads, Terms(sweep=NO_SWEEP, covenants=tests))
    # The test of year 2 fails (1.1), so the draw at the end of year 3 does not happen.
    np.testing.assert_allclose(table.flows.draws[:, 1], 0, atol=1e-12)
    assert table.flows.draws[4, 2] == 10


def test_revolver_fills_the_gap_and_is_repaid_first():
    line = build(
        "revolver", amount=0.0, rank=1.0, coupon=0.05, tenor=9.0, limit=15.0, fee=0.01
    )
    loan = build("bullet", coupon=0.1, tenor=20.0)
    table = run(
        [loan, line, build("equity", amount=0.0, rank=9.0, **EQUITY)],
        [5.0, 8, 12, 30, 30, 30, 30, 30],
    )
    fee = 0.01 * 15
    first = 10 + fee - 5
    second = 10 + 0.01 * (15 - first) + 0.05 * first - 8
    np.testing.assert_allclose(table.flows.revolved[:2, 1], [first, second], rtol=1e-12)
    drawn = first + second
    spare = 12 - 10 - 0.05 * drawn - 0.01 * (15 - drawn)
    np.testing.assert_allclose(table.flows.repaid_line[2, 1], spare, rtol=1e-11)
    np.testing.assert_allclose(table.state.balance[3:, 1], 0, atol=1e-12)
    assert np.all(table.alive == 1)


@pytest.mark.parametrize(("parity", "cash"), [(0.9, 100.0), (1.0, 0.0), (1.5, 0.0)])
def test_convertible_needs_cash_only_where_shares_are_worth_less(parity, cash):
    note = build("convertible", coupon=0.0, tenor=4.0)
    table = run([note], 200.0, parity=np.full(8, parity))
    np.testing.assert_allclose(table.flows.principal[3, 0], cash, atol=1e-12)
    np.testing.assert_allclose(table.flows.converted[3, 0], 100 - cash, atol=1e-12)


def test_oem_instalments_start_after_a_holiday_that_bears_interest():
    table = run([build("oem", coupon=0.1, tenor=5.0, grace=2.0)], 200.0)
    np.testing.assert_allclose(table.flows.interest[:2, 0], 0, atol=1e-14)
    schedule = amortise(121.0, 0.1, 3, "level")
    np.testing.assert_allclose(
        table.flows.principal[2:5, 0], schedule.principal, rtol=1e-12
    )


def test_preferred_dividend_accumulates_behind_the_lock_up():
    loan = build("bullet", coupon=0.1, tenor=30.0)
    preferred = build("preferred", amount=50.0, rank=5.0, coupon=0.12)
    owners = build("equity", amount=0.0, rank=9.0, **EQUITY)
    terms = Terms(sweep=NO_SWEEP, covenants=Covenants(lock_up=Tier(dscr=1.5)))
    table = run([loan, preferred, owners], [14.0, 18.0, 40, 40, 40, 40, 40, 40], terms)
    # Year 1 is locked up: 6 is added; year 2 pays 12 % of 56 out of 4 + 8.
    np.testing.assert_allclose(table.flows.in_kind[0, 1], 6, rtol=1e-13)
    np.testing.assert_allclose(table.flows.interest[1, 1], 0.12 * 56, rtol=1e-13)
    np.testing.assert_allclose(table.flows.distributed[1, 2], 12 - 6.72, rtol=1e-12)


def test_toggle_pays_in_kind_at_a_margin_when_cash_is_short():
    loan = build("bullet", coupon=0.1, tenor=30.0)
    toggle = build(
        "bullet",
        rank=1.0,
        amount=50.0,
        coupon=0.12,
        tenor=30.0,
        toggle=1.0,
        toggle_margin=0.01,
    )
    table = run([loan, toggle], [13.0, 40, 40, 40, 40, 40, 40, 40])
    # 3 of 6 is paid; the other half accrues at 13 % instead of 12 %.
    np.testing.assert_allclose(table.flows.interest[0, 1], 3, rtol=1e-13)
    np.testing.assert_allclose(table.flows.in_kind[0, 1], 25 * 0.13, rtol=1e-13)
    assert np.all(table.alive == 1)


def test_payment_in_kind_by_contract_until_a_date():
    loan = build("bullet", coupon=0.1, tenor=8.0, in_kind=1.0, in_kind_until=2.0)
    table = run([loan], 200.0)
    np.testing.assert_allclose(table.flows.interest[:3, 0], [0, 0, 12.1], atol=1e-12)
    assert table.flows.principal[7, 0] == pytest.approx(121)


def test_reserve_holds_the_service_ahead_and_pays_when_cash_is_short():
    loan = build("level", coupon=0.05, tenor=8.0)
    service = 100 * 0.05 / (1 - 1.05**-8)
    cfads = np.full(8, 2 * service)
    cfads[3] = 0.4 * service
    terms = Terms(sweep=NO_SWEEP, reserve=Reserve(years=1.0))
    table = run([loan, build("equity", amount=0.0, rank=9.0, **EQUITY)], cfads, terms)
    np.testing.assert_allclose(table.state.reserve[:3], service, rtol=1e-12)
    np.testing.assert_allclose(table.state.reserve[3], 0.4 * service, rtol=1e-11)
    np.testing.assert_allclose(table.state.reserve[4:7], service, rtol=1e-11)
    np.testing.assert_allclose(table.state.reserve[7], 0, atol=1e-11)
    assert np.all(table.alive == 1)


def test_sweep_follows_the_leverage_grid():
    loan = build("bullet", coupon=0.0, tenor=30.0)
    sweep = Sweep(share=0.0, leverage=[2.0, 3.0], shares=[0.5, 1.0])
    table = run(
        [loan, build("equity", amount=0.0, rank=9.0, **EQUITY)],
        25.0,
        Terms(sweep=sweep),
    )
    balances = [100.0]
    for _ in range(8):
        leverage = balances[-1] / 25
        share = 1.0 if leverage >= 3 else 0.5 if leverage >= 2 else 0.0
        balances.append(balances[-1] - share * 25)
    np.testing.assert_allclose(table.state.balance[:, 0], balances[1:], rtol=1e-12)


def test_trap_holds_cash_then_prepays_and_releases():
    loan = build("bullet", coupon=0.1, tenor=30.0)
    tests = Covenants(trap=Tier(dscr=1.5), trap_years=2.0)
    owners = build("equity", amount=0.0, rank=9.0, **EQUITY)
    cfads = [12.0, 20.0, 12.0, 12.0, 30.0, 30.0, 30.0, 30.0]
    table = run([loan, owners], cfads, Terms(sweep=NO_SWEEP, covenants=tests))
    np.testing.assert_allclose(table.state.trapped[:3], [2, 0, 2], atol=1e-12)
    np.testing.assert_allclose(table.flows.distributed[1, 1], 12, rtol=1e-12)
    np.testing.assert_allclose(table.flows.swept[3, 0], 4, rtol=1e-12)
    np.testing.assert_allclose(table.state.balance[3, 0], 96, rtol=1e-12)


def test_equity_cures_are_counted_and_limited():
    loan = build("bullet", coupon=0.1, tenor=30.0)
    owners = build("equity", amount=0.0, rank=9.0, **EQUITY)
    tests = Covenants(default=Tier(dscr=1.2))
    terms = Terms(
        sweep=NO_SWEEP, covenants=tests, support=Support(capacity=100.0, cures=2.0)
    )
    cfads = [20.0, 11, 20, 11, 20, 11, 20, 20]
    table = run([loan, owners], cfads, terms, value=np.full(8, 60.0))
    np.testing.assert_allclose(table.flows.cure[1:4], [1, 0, 1], rtol=1e-12)
    np.testing.assert_allclose(table.alive, [1, 1, 1, 1, 1, 0, 0, 0])
    # No third cure: the lenders take the assets and the cash that was left.
    np.testing.assert_allclose(table.paid[5, 0], 60, rtol=1e-12)
    np.testing.assert_allclose(table.losses[5, 0], 110 - 60, rtol=1e-12)
    np.testing.assert_allclose(table.paid[6:], 0, atol=0)


def test_recovery_is_by_rank_and_pro_rata_within_it():
    rows = [
        build("bullet", rank=2.0, coupon=0.1, tenor=9.0),
        build("bullet", rank=1.0, coupon=0.1, tenor=9.0),
        build("bullet", rank=2.0, amount=50.0, coupon=0.1, tenor=9.0),
    ]
    table = run(rows, 0.0, value=np.full(8, 160.0))
    np.testing.assert_allclose(table.alive, 0, atol=0)
    np.testing.assert_allclose(table.paid[0], [50 * 2 / 3, 110, 50 / 3], rtol=1e-12)


def test_call_is_at_make_whole_before_and_at_its_price_after_the_call_date():
    flat = {"coupon": 0.08, "tenor": 8.0, "call_at": 3.0, "make_whole": 0.005}
    owners = build("equity", amount=0.0, rank=9.0, **EQUITY)
    early = run([build("bullet", call_from=5.0, **flat), owners], 200.0, index=0.04)
    flows = np.append(np.full(4, 8.0), 108.0)
    price = np.sum(flows / 1.045 ** np.arange(1, 6))
    np.testing.assert_allclose(early.flows.called[2, 0], 100, rtol=1e-12)
    np.testing.assert_allclose(early.flows.premium[2, 0], price - 100, rtol=1e-12)
    late = run([build("bullet", call_from=1.0, call_price=1.02, **flat), owners], 200.0)
    np.testing.assert_allclose(late.flows.premium[2, 0], 2, rtol=1e-11)


def test_construction_is_paid_from_draws():
    loan = build(
        "delayed_draw",
        coupon=0.1,
        tenor=30.0,
        grace=30.0,
        dates=[1.0, 2.0],
        amounts=[60.0, 46.0],
        availability=2.0,
        fee=0.0,
    )
    owners = build("equity", amount=40.0, rank=9.0, **EQUITY)
    table = run(
        [loan, owners],
        [0.0, 0, 20, 20, 20, 20, 20, 20],
        Terms(sweep=NO_SWEEP, cash=40.0),
        spend=[100.0, 40.0, 0, 0, 0, 0, 0, 0],
    )
    np.testing.assert_allclose(table.state.cash[:2], [0, 0], atol=1e-12)
    np.testing.assert_allclose(table.state.balance[1, :2], [60, 46], rtol=1e-12)
    assert np.all(table.alive == 1)


def test_issuers_of_different_size_share_one_vmap():
    cfads = jnp.array([[30.0] * 8, [60.0] * 8])
    paths = jax.vmap(Paths.of)(cfads, jnp.zeros((2, 8)))
    first, second = (jax.tree.map(lambda x, i=i: x[i], paths) for i in (0, 1))
    one = [build("level", coupon=0.05, tenor=7.0)]
    two = [
        build("linear", coupon=0.04, tenor=6.0),
        build("bullet", rank=1.0, coupon=0.1, tenor=5.5),
    ]
    own = Terms(sweep=NO_SWEEP, reserve=Reserve(years=0.5))
    rows = [pad(assemble(one, first, YEARS), 3), pad(assemble(two, second, YEARS), 3)]
    both = jax.tree.map(lambda a, b: jnp.stack([a, b]), *rows)
    terms = jax.tree.map(lambda x: jnp.stack([x, x]), own)
    table = jax.jit(divide_many, static_argnums=3)(both, terms, paths, YEARS)
    for i, path in enumerate([first, second]):
        alone = solve(rows[i], own, path, YEARS)
        np.testing.assert_allclose(table.paid[i], alone.paid, atol=1e-12)
        np.testing.assert_allclose(table.state.cash[i], alone.state.cash, atol=1e-12)


def test_time_to_breach_interpolates_between_tests():
    years = time_to_breach(jnp.array([0.5, 0.1, -0.1, 0.2, 0.3]), 0.25)
    np.testing.assert_allclose(years, [0.375, 0.125, 0.0, 0.25, 0.0], atol=1e-15)


def everything(x, rule=None):
    periods = Periods(12, 2)
    cfads = x["scale"] * jnp.linspace(20.0, 40.0, 12)
    paths = Paths.of(
        cfads,
        jnp.full(12, 0.04) + x["rate"],
        value=jnp.full(12, 90.0),
        parity=jnp.full(12, 0.8),
    )
    rows = assemble(
        [
            build("level", coupon=0.02, floats=1.0, tenor=4.3),
            build(
                "balloon", rank=1.0, amount=40.0, coupon=0.08, tenor=5.1, residual=0.3
            ),
            build(
                "revolver",
                rank=1.0,
                amount=0.0,
                coupon=0.05,
                tenor=5.6,
                limit=20.0,
                fee=0.01,
            ),
            build("bullet", rank=2.0, amount=30.0, coupon=0.11, tenor=5.7, toggle=1.0),
            build("preferred", rank=3.0, amount=20.0, coupon=0.12),
            build("equity", rank=4.0, amount=10.0, **EQUITY),
        ],
        paths,
        periods,
    )
    terms = Terms(
        reserve=Reserve(years=0.5, rank=0.0),
        sweep=Sweep(share=0.25, leverage=[2.0], shares=[0.5]),
        covenants=Covenants(lock_up=Tier(dscr=1.1), trap=Tier(dscr=1.05)),
        support=Support(capacity=5.0),
        cash=x["cash"],
    )
    return divide(rows, terms, paths, periods, rule)


def test_gradient_agrees_with_differences_and_is_finite_in_default():
    weights = jnp.arange(1.0, 7.0)

    @jax.jit
    @jax.value_and_grad
    def paid(x):
        received = jnp.sum(everything(x, RampDefault(x["width"])).paid, axis=0)
        return jnp.sum(received * weights)

    at = {"scale": 1.03, "rate": 0.001, "cash": 3.0, "width": 0.3}
    at = {name: jnp.array(value) for name, value in at.items()}
    _, exact = paid(at)
    for name, value in at.items():
        (up, _), (down, _) = (paid(at | {name: value + h}) for h in (1e-5, -1e-5))
        difference = (up - down) / 2e-5
        np.testing.assert_allclose(exact[name], difference, rtol=1e-5, atol=1e-4)
    for scale in (0.0, 0.3, 1.0):
        _, slope = paid(at | {"scale": jnp.array(scale), "width": jnp.array(1e-6)})
        assert all(jnp.all(jnp.isfinite(x)) for x in jax.tree.leaves(slope))
    assert paid._cache_size() == 1  # a new figure does not recompile


def too_short():
    rows = assemble([build("level", tenor=3.0)], Paths.of(jnp.ones(8)), YEARS)
    return divide(rows, Terms(), Paths.of([1.0, 2.0]), YEARS)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Periods(0, 4), "n must be a whole number above 0, got 0"),
        (lambda: assemble([], Paths.of(jnp.ones(8)), YEARS), "at least one instrument"),
        (lambda: build("level", amount=-1.0), "amount must be non-negative, got -1.0"),
        (lambda: build("level", in_kind=2.0), r"in_kind must be in \[0, 1\], got 2.0"),
        (too_short, r"paths.cfads must have 8 periods, got \(2,\)"),
    ],
)
def test_nonsense_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
