"""Reserves, sweeps, traps, cures, calls and default of a capital structure, by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.credit.structure import (
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
from tests.capital_structures import EQUITY, NO_SWEEP, YEARS, build, run, solve


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


def bullet(**clauses):
    return build("bullet", **{"coupon": 0.1, "tenor": 30.0} | clauses)


@pytest.mark.parametrize(
    ("test", "path", "kept"),
    [({"leverage": 5.0}, {}, 80.0), ({"ltv": 0.8}, {"value": np.full(8, 90.0)}, 72.0)],
)
def test_owners_repay_debt_beyond_leverage_or_value_exactly(test, path, kept):
    owners = build("equity", amount=0.0, rank=9.0, **EQUITY)
    terms = Terms(
        sweep=NO_SWEEP,
        covenants=Covenants(default=Tier(**test)),
        support=Support(capacity=50.0, cures=2.0),
    )
    # 16 a year on 100: five turns of leverage are 80.
    table = run([bullet(), owners], 16.0, terms, **path)
    np.testing.assert_allclose(table.flows.cured[0, 0], 100 - kept, rtol=1e-12)
    np.testing.assert_allclose(table.flows.cure[0], 100 - kept, rtol=1e-12)
    np.testing.assert_allclose(table.state.balance[0, 0], kept, rtol=1e-12)
    np.testing.assert_allclose(table.flows.cured[1:], 0, atol=0)
    np.testing.assert_allclose(table.flows.interest[1, 0], 0.1 * kept, rtol=1e-12)
    np.testing.assert_allclose(table.alive, 1)
    # The owners' money is lent to the deal, and one cure is gone.
    np.testing.assert_allclose(table.lent[0, 1], 100 - kept, rtol=1e-12)
    np.testing.assert_allclose(table.state.cures[0], 1.0, atol=1e-12)


def test_a_cure_that_owners_cannot_pay_or_may_not_is_none():
    owners = build("equity", amount=0.0, rank=9.0, **EQUITY)
    tests = Covenants(default=Tier(leverage=5.0))
    short = Terms(
        sweep=NO_SWEEP, covenants=tests, support=Support(capacity=12.0, cures=2.0)
    )
    table = run([bullet(), owners], 16.0, short)
    np.testing.assert_allclose(table.flows.cured[0, 0], 12.0, rtol=1e-12)
    assert float(table.flows.default[0]) == pytest.approx(80 / 88 - 1)
    np.testing.assert_allclose(table.alive, 0)
    none = Terms(sweep=NO_SWEEP, covenants=tests, support=Support(capacity=50.0))
    table = run([bullet(), owners], 16.0, none)
    np.testing.assert_allclose(table.flows.cured, 0, atol=0)
    np.testing.assert_allclose(table.alive, 0)


def test_dscr_and_leverage_of_one_period_are_one_cure():
    owners = build("equity", amount=0.0, rank=9.0, **EQUITY)
    tests = Covenants(default=Tier(dscr=1.2, leverage=5.0))
    terms = Terms(
        sweep=NO_SWEEP, covenants=tests, support=Support(capacity=90.0, cures=1.0)
    )
    # CFADS of 11 lacks 1 of 1.2 times 10, and carries 55 of the 100.
    table = run([bullet(), owners], [11.0] + [20.0] * 7, terms)
    np.testing.assert_allclose(table.flows.cure[0], 1.0 + 45.0, rtol=1e-12)
    np.testing.assert_allclose(table.state.balance[0, 0], 55.0, rtol=1e-12)
    np.testing.assert_allclose(table.state.cures[0], 0.0, atol=1e-12)
    np.testing.assert_allclose(table.alive, 1)


def test_a_protected_loan_is_swept_and_cured_at_its_call_price():
    owners = build("equity", amount=0.0, rank=9.0, **EQUITY)
    clauses = {"protected": 1.0, "call_price": 1.25}
    everything = Sweep(share=1.0, leverage=[1.0, 2.0], shares=[1.0, 1.0])
    table = run([bullet(**clauses), owners], 20.0, Terms(sweep=everything))
    # 10 of excess cash are 8 of principal and 2 of premium.
    np.testing.assert_allclose(table.flows.swept[0, 0], 8.0, rtol=1e-12)
    np.testing.assert_allclose(table.flows.premium[0, 0], 2.0, rtol=1e-12)
    np.testing.assert_allclose(table.state.cash, 0, atol=1e-12)
    cured = Terms(
        sweep=NO_SWEEP,
        covenants=Covenants(default=Tier(leverage=5.0)),
        support=Support(capacity=50.0, cures=1.0),
    )
    table = run([bullet(**clauses), owners], 16.0, cured)
    np.testing.assert_allclose(table.flows.cured[0, 0], 20.0, rtol=1e-12)
    np.testing.assert_allclose(table.flows.premium[0, 0], 5.0, rtol=1e-12)
    np.testing.assert_allclose(table.flows.cure[0], 25.0, rtol=1e-12)
    np.testing.assert_allclose(table.alive, 1)


def test_a_trap_pays_a_protected_loan_its_price():
    tests = Covenants(trap=Tier(dscr=1.5), trap_years=1.0)
    owners = build("equity", amount=0.0, rank=9.0, **EQUITY)
    loan = bullet(protected=1.0, call_price=1.25)
    table = run([loan, owners], 12.0, Terms(sweep=NO_SWEEP, covenants=tests))
    np.testing.assert_allclose(table.flows.swept[0, 0], 2.0 / 1.25, rtol=1e-12)
    np.testing.assert_allclose(table.flows.premium[0, 0], 0.4, rtol=1e-12)
    np.testing.assert_allclose(table.state.trapped[0], 0, atol=1e-12)


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


def test_the_slope_of_a_cure_is_that_of_differences():
    owners = build("equity", amount=0.0, rank=9.0, **EQUITY)

    def repaid(most):
        terms = Terms(
            sweep=NO_SWEEP,
            covenants=Covenants(default=Tier(leverage=most)),
            support=Support(capacity=50.0, cures=2.0),
        )
        loan = bullet(protected=1.0, call_price=1.25)
        paths = Paths.of(jnp.full(8, 16.0), jnp.zeros(8))
        table = solve(
            pad(assemble([loan, owners], paths, YEARS), 3), terms, paths, YEARS
        )
        return table.flows.cure[0]

    at = jnp.asarray(5.0)
    finite = float(repaid(at + 1e-4) - repaid(at - 1e-4)) / 2e-4
    assert float(jax.grad(repaid)(at)) == pytest.approx(finite, rel=1e-7)
    # A turn of leverage is 16 of debt, at 1.25.
    assert finite == pytest.approx(-20.0, rel=1e-7)
