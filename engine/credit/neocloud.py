"""A neocloud's quarter: service, ladder, refinancing, new contracts, default.

docs/model.md section 5, "Neocloud, in order". Everything is the average living member;
what leaves the vehicle is weighted by the alive share outside.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.bottlenecks.chips import delivered_part
from engine.bottlenecks.priority import Allotment, built
from engine.contracts import indexation, termination
from engine.credit.box_covenants import examine_boxes
from engine.credit.box_pools import (
    draws_open_apart,
    examine_pools,
    pools,
    sweep_pools,
)
from engine.credit.guarantee import Guarantee
from engine.credit.ladder import Rungs, climb
from engine.credit.neocloud_flows import NeocloudFlows
from engine.credit.neocloud_orders import offered, resuming, unit_cost
from engine.credit.neocloud_service import service_due
from engine.credit.neocloud_terms import NeocloudDues, NeocloudState, NeocloudTerms
from engine.credit.neocloud_value import (
    estate,
    liquidation,
    market_cap,
    running_on,
)
from engine.credit.window import Window
from engine.credit.workout import resolve
from engine.drivers import Drivers
from engine.grid import DT
from engine.jump import AbstractDefaultRule
from engine.market import Prices, aged, newest
from engine.numerics import ratio_above
from engine.once import computed_once, once
from engine.survival import HIGHEST, headroom, survive
from engine.vehicles.neocloud import Earnings, NeocloudPaths, Operations


@computed_once
def divide(
    quarter: Drivers,
    prices: Prices,
    window: Window,
    terms: NeocloudTerms,
    dues: NeocloudDues,
    paths: NeocloudPaths,
    guarantee: Guarantee,
    operations: Operations,
    earnings: Earnings,
    contracts: Float[Array, "vintage neocloud ..."],
    rule: AbstractDefaultRule,
    state: NeocloudState,
    allotment: Allotment | None = None,
) -> tuple[NeocloudFlows, NeocloudState]:
    """Divides the quarter's cash among lenders, capex and owners.

    `contracts` is the register of signed revenue, aged into this quarter; `allotment`
    the chips to be had, None where that is all that is ordered.
    """
    draws, issues = aged(state.draws), aged(state.issues)
    service = service_due(quarter, terms, dues, guarantee, state, draws, issues)
    scheduled, bullets = service.scheduled, service.bullets
    resumed = resuming(terms, state.deferred_capex)
    committed = once(built(allotment, dues.committed + resumed))
    allowed = draws_open_apart(terms.pools, terms.boxes, state.tested, state.pools)
    advance = terms.advance * window.loans * allowed
    own = once(1.0 - advance)
    run_rate = earnings.run_rate
    room = once(terms.leverage_limit * run_rate)
    refinanced = window.open * jnp.minimum(
        bullets, jnp.maximum(room - (state.debt - bullets), 0.0)
    )
    capacity = once(
        Rungs(
            notes=window.open
            * jnp.minimum(terms.notes_per_quarter, jnp.maximum(room - state.debt, 0.0)),
            revolver=jnp.maximum(terms.revolver - state.revolver, 0.0),
            roll=guarantee.covered.of("secured", guarantee.rolling)
            * (scheduled + bullets - refinanced),
            deferral=own * terms.deferrable * committed,
            equity=terms.equity_capacity * state.market_cap * window.open,
            minimum_cash=terms.minimum_cash,
        )
    )
    earned = state.cash * quarter.short * DT
    owed = once(service.interest + scheduled + bullets)
    firm = owed + own * (1.0 - terms.deferrable) * committed
    due = firm + jnp.maximum(-earnings.cash_ebitda, 0.0)
    sources = (
        state.cash
        + earned
        + jnp.maximum(earnings.cash_ebitda, 0.0)
        + refinanced
        + capacity.notes
        + capacity.revolver
        + capacity.roll
        + capacity.equity
    )

    spare = state.cash - terms.minimum_cash
    gap = owed - refinanced + own * committed - earnings.cash_ebitda - earned - spare
    drawn, unpaid = climb(gap, capacity)
    # Beyond the ladder a member builds less than it must, then falls into arrears.
    stopped = jnp.minimum(unpaid, own * (1.0 - terms.deferrable) * committed)
    arrears = unpaid - stopped
    # The junior goes unpaid first: by rank, not pro rata.
    junior = jnp.minimum(arrears, service.interest_unsecured + bullets - refinanced)
    senior = arrears - junior
    deferred = (drawn.deferral + stopped) / jnp.maximum(own, 1e-6)

    cheque = capacity.equity - drawn.equity
    whole = examine_boxes(
        terms.boxes,
        earnings.cash_ebitda,
        service.interest_secured + scheduled,
        cheque,
        state.reach,
    )
    parts = pools(
        terms.pools,
        dues.built,
        paths,
        operations,
        earnings,
        prices.level,
        (
            service.interest_opening + service.ddtl + service.oem,
            state.ddtl + state.oem,
        ),
        (service.interest_box + service.box, state.box),
    )
    test, pool_test = examine_pools(
        terms.pools, terms.boxes, parts, whole, cheque, state.reach, state.pools
    )
    g = jnp.minimum(headroom(sources, due), test.headroom)
    alive, worst = survive(
        state.alive, state.worst, g, terms.dispersion, terms.is_cohort, rule
    )
    pool, workout = resolve(
        terms.workout,
        liquidation(prices, terms, state),
        running_on(terms, dues, operations, earnings, contracts, state),
        window.buyers,
        state.alive,
        alive,
        terms.is_cohort,
        rule,
    )
    default = estate(pool, terms, state)
    raised = drawn.equity + test.cure

    excess = once(jnp.maximum(-gap, 0.0))
    revolver_repaid = jnp.minimum(state.revolver, excess)
    rolled_repaid = jnp.minimum(state.rolled, excess - revolver_repaid)
    free = excess - revolver_repaid - rolled_repaid + test.cure
    ddtl, box = state.ddtl - service.ddtl, state.box - service.box
    swept_ddtl, swept_box = sweep_pools(
        terms.pools, terms.boxes, test, pool_test, free, ddtl, box
    )
    swept, box = swept_ddtl + swept_box, box - swept_box
    free = once(free - swept)
    wanted = offered(quarter, terms, paths, guarantee, contracts)
    cost = once(unit_cost(prices, terms))
    prepaid_per_unit = terms.prepayment * terms.term
    need = jnp.maximum(cost * own - prepaid_per_unit, 0.1 * cost)
    # It signs what it has chips for.
    most = delivered_part(None if allotment is None else allotment.share, wanted)
    signed = once(jnp.minimum(most, terms.signing * free / need))
    prepayment = prepaid_per_unit * signed

    capex = once(committed - deferred + cost * signed)
    drawn_box = advance * capex
    issued = refinanced + drawn.notes
    box_margin = terms.box_margin * quarter.spread_factor + window.spread
    note_coupon = (
        quarter.ten_year + terms.note_spread * quarter.spread_factor + window.spread
    )
    new_notes = state.new_notes - service.new_notes + issued + junior
    rolled = state.rolled - rolled_repaid + drawn.roll + senior
    revolver = state.revolver - revolver_repaid + drawn.revolver
    cash = (
        state.cash
        + earned
        + earnings.cash_ebitda
        - owed
        + issued
        + drawn.revolver
        + drawn.roll
        + raised
        + arrears
        - swept
        - revolver_repaid
        - rolled_repaid
        - (capex - drawn_box)
        + prepayment
    )
    chips = state.chips * jnp.exp(-terms.collateral_decay * DT) + terms.pledged * capex
    wear = state.ppe * jnp.minimum(DT / terms.depreciation, 1.0)
    ppe = state.ppe - wear + capex
    deferred_revenue = state.deferred_revenue - earnings.prepaid + prepayment
    new = NeocloudState(
        alive=alive,
        worst=worst,
        cash=cash,
        deferred_capex=state.deferred_capex - resumed + deferred,
        deferred_revenue=deferred_revenue,
        backstop_left=state.backstop_left - earnings.backstop,
        ddtl=ddtl - swept_ddtl,
        oem=state.oem - service.oem,
        notes=state.notes - service.notes,
        converts=state.converts - service.converts,
        box=box + drawn_box,
        new_notes=new_notes,
        revolver=revolver,
        rolled=rolled,
        box_margin=ratio_above(
            box * state.box_margin + drawn_box * box_margin,
            box + drawn_box,
            state.box_margin,
        ),
        note_coupon=ratio_above(
            (state.new_notes - service.new_notes) * state.note_coupon
            + (issued + junior) * note_coupon,
            new_notes,
            state.note_coupon,
        ),
        contracts=newest(contracts, signed),
        struck=indexation.signing(state.struck, quarter.short),
        freed=termination.signing(operations.left, prices.level),
        unpowered=operations.unpowered,
        draws=newest(draws, drawn_box),
        issues=newest(issues, issued),
        chips=chips,
        market_cap=state.market_cap,
        ownership=state.ownership,
        ppe=ppe,
        book_equity=state.book_equity
        + earnings.ebitda
        + earned
        - service.interest
        - wear
        + raised,
        tested=test.dscr,
        reach=test.reach,
        pools=None if pool_test is None else pool_test.state,
    )
    late = None if allotment is None else allotment.left
    cap = market_cap(quarter, terms, dues, run_rate, new, late)
    paid_in = raised / (1.0 - terms.equity_discount)
    ownership = state.ownership * ratio_above(
        state.market_cap, state.market_cap + paid_in, 1.0
    )
    price = alive * ownership * cap / terms.market_cap
    equity_g = jnp.clip(price / terms.equity_price - 1.0, -1.0, HIGHEST)
    new = eqx.tree_at(lambda s: (s.market_cap, s.ownership), new, (cap, ownership))
    flows = NeocloudFlows(
        revenue=operations.sold * DT,
        ebitda=earnings.ebitda,
        cash_ebitda=earnings.cash_ebitda,
        billed=operations.billed,
        receipts=earnings.receipts,
        backstop=earnings.backstop,
        costs=earnings.costs,
        prepaid=earnings.prepaid,
        interest_secured=service.interest_secured,
        interest_unsecured=service.interest_unsecured,
        repaid_secured=scheduled + revolver_repaid + rolled_repaid + swept,
        repaid_unsecured=bullets,
        lent_secured=drawn_box + drawn.revolver + drawn.roll + senior,
        lent_unsecured=issued + junior,
        scheduled=scheduled,
        repaid_revolver=revolver_repaid,
        repaid_rolled=rolled_repaid,
        drawn_box=drawn_box,
        drawn_revolver=drawn.revolver,
        rolled=drawn.roll,
        issued=drawn.notes,
        refinanced=refinanced,
        maturing=bullets,
        raised=raised,
        capex=capex,
        deferred=deferred,
        signed=signed,
        prepayment=prepayment,
        arrears_secured=senior,
        arrears_unsecured=junior,
        earned=earned,
        headroom=g,
        secured_headroom=jnp.maximum(g, default.headroom),
        equity_headroom=jnp.minimum(equity_g, g),
        dscr=ratio_above(
            earnings.cash_ebitda, service.interest + scheduled, 1.0 + HIGHEST
        ),
        box_dscr=whole.dscr,
        covenant=test.headroom,
        draws_open=allowed,
        swept=swept,
        pools=None if pool_test is None else pool_test.flows,
        cure=test.cure,
        price=price,
        market_cap=cap,
        alive=alive,
        failing=state.alive - alive,
        claim_secured=state.secured,
        claim_unsecured=state.unsecured,
        recovery_secured=default.secured,
        recovery_unsecured=default.unsecured,
        pool=default.pool,
        secured=new.secured,
        unsecured=new.unsecured,
        cash=cash,
        premium=service.premium,
        book_gap=cash + ppe - new.debt - deferred_revenue - new.book_equity,
        workout=workout,
        unpowered=operations.unpowered,
    )
    return flows, new
