"""One period of a capital structure, as a recipe (docs/capital-structures.md)."""

import equinox as eqx
import jax.numpy as jnp

from engine._types import Scalar, Values
from engine.credit.covenants import cure_due
from engine.credit.structure.covenants import (
    Tests,
    cover,
    debt_beyond,
    tier_headroom,
)
from engine.credit.structure.ranking import (
    PerRow,
    Ranking,
    pay,
    pay_by_rank,
    protected,
)
from engine.credit.structure.rows import Rows
from engine.credit.structure.terms import Terms, bands
from engine.jump import AbstractDefaultRule, jump
from engine.numerics import ratio_above, safe_divide
from engine.survival import headroom

ROUNDING = 1e-9
"""A cure that lacks no more of what it must repay lands on the threshold [1]."""


class State(eqx.Module):
    """Balances at a period's end; of the average living issuer [USD bn]."""

    balance: PerRow
    arrears: PerRow
    drawn: PerRow
    cash: Scalar
    reserve: Scalar
    trapped: Scalar
    trapped_for: Scalar
    """Years since the trap tier was last passed."""
    support: Scalar
    cures: Scalar
    open: Scalar
    """1 where lines with a draw-stop may be drawn."""
    alive: Scalar


class Now(eqx.Module):
    """What is given by period (leading axis) or in one; by row from `rate` on."""

    cfads: Values
    spend: Values
    yearly: Values
    """CFADS of the last year, or what there was of it, annualised."""
    earned: Values
    """Yield on accounts [1/period]."""
    value: Values
    parity: Values
    tested: Values
    sweeping: Values
    reserving: Values
    rate: Values
    accrual: Values
    in_kind: Values
    repay: Values
    draw: Values
    limit: Values
    fee: Values
    called: Values
    price: Values
    converting: Values
    ahead: Values
    """Service to be reserved, per unit of balance at the period's end."""


class Flows(eqx.Module):
    """Every line of one period [USD bn], of the average living issuer."""

    cfads: Scalar
    earned: Scalar
    spend: Scalar
    draws: PerRow
    revolved: PerRow
    cure: Scalar
    """Owners' money for DSCR, and for debt beyond leverage and LTV."""
    supported: Scalar
    fees: PerRow
    interest: PerRow
    principal: PerRow
    in_kind: PerRow
    converted: PerRow
    repaid_line: PerRow
    """Revolving lines cleaned down from excess cash."""
    called: PerRow
    premium: PerRow
    """Above par, for what is called, and of protected rows swept or cured."""
    swept: PerRow
    cured: PerRow
    """Repaid by owners so that debt passes the default tier."""
    distributed: PerRow
    reserve_in: Scalar
    reserve_out: Scalar
    trapped_in: Scalar
    service: Scalar
    headroom: Scalar
    tests: Tests
    lock_up: Scalar
    trap: Scalar
    default: Scalar
    failing: Scalar
    recovered: PerRow
    claims: PerRow


def step(
    order: Ranking,
    rows: Rows,
    committed: PerRow,
    revolving: PerRow,
    terms: Terms,
    rule: AbstractDefaultRule,
    dt: float,
    state: State,
    now: Now,
) -> tuple[State, Flows]:
    """Accrues, draws, pays, sweeps, tests and distributes."""
    senior = 1.0 - rows.subordinated
    firm = senior * (1.0 - rows.deferrable)

    # Accrual. What is in arrears bears the coupon too.
    converted = state.balance * now.converting * jump(now.parity - 1.0, rule)
    carried = state.balance - converted
    coupon = (state.balance * now.accrual + state.arrears) * now.rate
    by_contract = coupon * now.in_kind
    interest = coupon - by_contract
    undrawn = jnp.maximum(committed - state.drawn, 0.0)
    fees = now.fee * (undrawn + jnp.maximum(now.limit - state.balance, 0.0))
    principal = now.repay * carried
    draws = now.draw * (1.0 - rows.stoppable * (1.0 - state.open))

    # What must be paid, and what there is to pay it from.
    spend = now.spend + jnp.maximum(-now.cfads, 0.0)
    must = (fees * senior, interest * firm, (principal + state.arrears) * senior)
    due = must[0] + must[1] + must[2]
    total = spend + jnp.sum(due)
    scheduled = (fees + interest + principal) * firm * rows.is_debt
    refinanced = jnp.maximum(jnp.sum(draws * rows.is_debt) - now.spend, 0.0)
    service = jnp.maximum(jnp.sum(scheduled) - refinanced, 0.0)
    inflow = jnp.maximum(now.cfads, 0.0)
    needed = now.tested * cure_due(now.cfads, service, terms.covenants.default.dscr)
    cure = jnp.minimum(needed, state.support) * jnp.minimum(state.cures, 1.0)
    covered = safe_divide(cure, needed)
    end = carried - principal + draws + by_contract
    target = now.reserving * jnp.sum(end * order.served * now.ahead)
    released = jnp.maximum(state.reserve - target, 0.0)
    earned = now.earned * (state.cash + state.reserve + state.trapped)
    pot = state.cash + earned + inflow + jnp.sum(draws) + cure + released

    # The ladder: trapped cash, reserve (for whom it serves), lines, owners.
    first = protected(order, spend, due)
    kept_reserve = state.reserve - released
    room = revolving * jnp.maximum(now.limit - carried, 0.0)
    owners = state.support - cure
    usable = jnp.clip(first - pot - state.trapped, 0.0, kept_reserve)
    sources = pot + state.trapped + usable + jnp.sum(room) + owners
    g = headroom(sources, total)
    gap = jnp.maximum(total - pot, 0.0)
    untrapped = jnp.minimum(gap, state.trapped)
    used = jnp.clip(first - pot - untrapped, 0.0, kept_reserve)
    gap = jnp.maximum(gap - untrapped - used, 0.0)
    revolved = pay_by_rank(order, gap, room)
    gap = jnp.maximum(gap - jnp.sum(revolved), 0.0)
    supported = jnp.minimum(gap, owners)
    pot = pot + untrapped + used + jnp.sum(revolved) + supported

    # The waterfall: firm claims by rank, reserve, interest that may be deferred.
    paid = pay(order, pot, spend, *must)
    rest = paid.remainder
    reserve = kept_reserve - used
    topped = jnp.clip(target - reserve, 0.0, jnp.maximum(rest, 0.0))
    rest = rest - topped
    soft = interest * rows.deferrable * senior
    soft_paid = pay_by_rank(order, rest, soft)
    rest = rest - jnp.sum(soft_paid)
    arrears = jnp.sum(jnp.stack(must), axis=0) - (
        paid.fees + paid.interest + paid.principal
    )
    balance = carried - principal * senior + draws + revolved + by_contract

    # Owners may repay debt beyond leverage or LTV, at the price of its protection.
    sweepable = rows.swept * rows.is_debt * senior
    price = 1.0 + rows.protected * jnp.maximum(now.price - 1.0, 0.0)
    debt = jnp.sum((balance + arrears) * rows.is_debt)
    default_tier = terms.covenants.default
    beyond = now.tested * debt_beyond(default_tier, debt, now.yearly, now.value)
    wanted = pay_by_rank(order, beyond, sweepable * balance)
    cost = jnp.sum(wanted * price)
    for_debt = jnp.minimum(cost, owners - supported) * jnp.minimum(state.cures, 1.0)
    cured = wanted * safe_divide(for_debt, cost)
    lowered = safe_divide(jnp.sum(cured), beyond)
    balance, debt = balance - cured, debt - jnp.sum(cured)

    # Tests, before anything is swept or distributed.
    line = jnp.sum(revolving * jnp.maximum(now.limit - balance, 0.0))
    tests = Tests(
        dscr=cover(now.cfads + cure, service),
        icr=cover(now.cfads, jnp.sum(interest * firm * rows.is_debt)),
        leverage=ratio_above(debt, jnp.maximum(now.yearly, 0.0), 0.0),
        ltv=ratio_above(debt, now.value, 0.0),
        liquidity=rest + line,
    )
    covenants = terms.covenants
    lock_up = tier_headroom(covenants.lock_up, tests, now.tested)
    trap = tier_headroom(covenants.trap, tests, now.tested)
    # A cure lands on the threshold: rounding must not let it fail there.
    lifted = jnp.maximum(tests.dscr, covenants.default.dscr)
    is_lowered = lowered >= 1.0 - ROUNDING
    after_cure = tests._replace(
        dscr=jnp.where(covered >= 1.0, lifted, tests.dscr),
        leverage=jnp.where(
            is_lowered,
            jnp.minimum(tests.leverage, default_tier.leverage),
            tests.leverage,
        ),
        ltv=jnp.where(is_lowered, jnp.minimum(tests.ltv, default_tier.ltv), tests.ltv),
    )
    default = tier_headroom(covenants.default, after_cure, now.tested)
    alive = state.alive * jump(jnp.minimum(g, default), rule)
    passes_lock, passes_trap = jump(lock_up, rule), jump(trap, rule)

    # Excess cash: clean-down of lines, calls, the sweep.
    floor = jnp.minimum(jnp.maximum(terms.sweep.minimum_cash, 0.0), rest)
    excess = rest - floor
    cleaned = pay_by_rank(order, excess, revolving * balance)
    balance = balance - cleaned
    excess = excess - jnp.sum(cleaned)
    call_paid = pay_by_rank(order, excess, now.called * balance * now.price)
    called = call_paid / now.price
    balance = balance - called
    excess = excess - jnp.sum(call_paid)
    levels, steps = bands(terms.sweep)
    above = jump(ratio_above(tests.leverage - levels, levels, 0.0), rule)
    share = now.sweeping * (terms.sweep.share + jnp.sum(steps * above))
    sweep_paid = pay_by_rank(order, share * excess, sweepable * balance * price)
    swept = sweep_paid / price
    balance = balance - swept
    excess = excess - jnp.sum(sweep_paid)

    # Trap and lock-up decide what may leave.
    available = excess + state.trapped - untrapped
    held = (1.0 - passes_trap) * available
    trapped_for = (state.trapped_for + dt) * (1.0 - passes_trap)
    ripe = jnp.clip((trapped_for - covenants.trap_years) / dt + 1.0, 0.0, 1.0)
    trap_paid = pay_by_rank(order, held * ripe, sweepable * balance * price)
    prepaid = trap_paid / price
    balance = balance - prepaid
    trapped = held - jnp.sum(trap_paid)
    free = passes_trap * available
    leaving = passes_lock * free
    junior = rows.subordinated
    below = pay(
        order,
        leaving,
        jnp.zeros_like(leaving),
        fees * junior,
        interest * junior,
        principal * junior,
    )
    distributed = rows.residual * jnp.maximum(below.remainder, 0.0)
    cash = floor + (free - leaving) + below.remainder - jnp.sum(distributed)

    # What was not paid in cash is added: by contract, by choice, or behind a lock-up.
    unpaid = soft - soft_paid + (interest * junior - below.interest)
    unpaid = unpaid + (fees * junior - below.fees)
    toggled = safe_divide(unpaid, interest) * state.balance * now.accrual
    toggled = unpaid + toggled * rows.toggle_margin
    balance = balance + toggled - below.principal

    # Were it to default now: absolute priority on what there is.
    owed = state.balance + state.arrears + coupon
    claims = jnp.where(rows.residual > 0.0, 0.0, owed)
    estate = now.value + state.cash + state.reserve + state.trapped
    recovered = pay_by_rank(order, estate, claims)
    left = jnp.maximum(estate - jnp.sum(recovered), 0.0)

    new = State(
        balance=balance,
        arrears=arrears,
        drawn=state.drawn + draws,
        cash=cash,
        reserve=reserve + topped,
        trapped=trapped,
        trapped_for=trapped_for,
        support=owners - supported - for_debt,
        cures=jnp.maximum(state.cures - jnp.maximum(covered, lowered), 0.0),
        open=passes_lock,
        alive=alive,
    )
    flows = Flows(
        cfads=now.cfads,
        earned=earned,
        spend=paid.spend - jnp.maximum(-now.cfads, 0.0),
        draws=draws,
        revolved=revolved,
        cure=cure + for_debt,
        supported=supported,
        fees=paid.fees + below.fees,
        interest=paid.interest + soft_paid + below.interest,
        principal=paid.principal + below.principal,
        in_kind=by_contract + toggled,
        converted=converted,
        repaid_line=cleaned,
        called=called,
        premium=(call_paid - called)
        + (sweep_paid - swept)
        + (trap_paid - prepaid)
        + cured * (price - 1.0),
        swept=swept + prepaid,
        cured=cured,
        distributed=distributed,
        reserve_in=topped,
        reserve_out=released + used,
        trapped_in=trapped - state.trapped,
        service=service,
        headroom=g,
        tests=tests,
        lock_up=lock_up,
        trap=trap,
        default=default,
        failing=state.alive - alive,
        recovered=recovered + rows.residual * left,
        claims=claims,
    )
    return new, flows
