"""A neocloud's quarter: service, ladder, refinancing, new contracts, default.

docs/model.md section 5, "Neocloud, in order". Everything is the average living member;
what leaves the vehicle is weighted by the alive share outside.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.credit.guarantee import Guarantee
from engine.credit.ladder import Rungs, climb
from engine.credit.neocloud_terms import NeocloudDues, NeocloudState, NeocloudTerms
from engine.credit.window import Window
from engine.drivers import Drivers
from engine.grid import DT
from engine.jump import AbstractDefaultRule
from engine.market import Prices, aged, newest
from engine.numerics import ratio_above
from engine.survival import HIGHEST, headroom, survive
from engine.vehicles.neocloud import Earnings, NeocloudPaths, Operations


class NeocloudFlows(eqx.Module):
    """One quarter of the average living member [USD bn], and who is alive."""

    revenue: Float[Array, "neocloud ..."]
    ebitda: Float[Array, "neocloud ..."]
    cash_ebitda: Float[Array, "neocloud ..."]
    billed: Float[Array, "neocloud ..."]
    receipts: Float[Array, "neocloud ..."]
    backstop: Float[Array, "neocloud ..."]
    costs: Float[Array, "neocloud ..."]
    prepaid: Float[Array, "neocloud ..."]
    interest_secured: Float[Array, "neocloud ..."]
    interest_unsecured: Float[Array, "neocloud ..."]
    repaid_secured: Float[Array, "neocloud ..."]
    repaid_unsecured: Float[Array, "neocloud ..."]
    lent_secured: Float[Array, "neocloud ..."]
    lent_unsecured: Float[Array, "neocloud ..."]
    scheduled: Float[Array, "neocloud ..."]
    repaid_revolver: Float[Array, "neocloud ..."]
    repaid_rolled: Float[Array, "neocloud ..."]
    drawn_box: Float[Array, "neocloud ..."]
    drawn_revolver: Float[Array, "neocloud ..."]
    rolled: Float[Array, "neocloud ..."]
    issued: Float[Array, "neocloud ..."]
    """New notes, refinancing apart."""
    refinanced: Float[Array, "neocloud ..."]
    maturing: Float[Array, "neocloud ..."]
    raised: Float[Array, "neocloud ..."]
    capex: Float[Array, "neocloud ..."]
    deferred: Float[Array, "neocloud ..."]
    signed: Float[Array, "neocloud ..."]
    prepayment: Float[Array, "neocloud ..."]
    arrears_secured: Float[Array, "neocloud ..."]
    arrears_unsecured: Float[Array, "neocloud ..."]
    earned: Float[Array, "neocloud ..."]
    headroom: Float[Array, "neocloud ..."]
    secured_headroom: Float[Array, "neocloud ..."]
    equity_headroom: Float[Array, "neocloud ..."]
    dscr: Float[Array, "neocloud ..."]
    price: Float[Array, "neocloud ..."]
    market_cap: Float[Array, "neocloud ..."]
    alive: Float[Array, "neocloud ..."]
    failing: Float[Array, "neocloud ..."]
    claim_secured: Float[Array, "neocloud ..."]
    claim_unsecured: Float[Array, "neocloud ..."]
    recovery_secured: Float[Array, "neocloud ..."]
    recovery_unsecured: Float[Array, "neocloud ..."]
    pool: Float[Array, "neocloud ..."]
    secured: Float[Array, "neocloud ..."]
    unsecured: Float[Array, "neocloud ..."]
    cash: Float[Array, "neocloud ..."]
    book_gap: Float[Array, "neocloud ..."]


class _Service(eqx.Module):
    """Debt service due this quarter [USD bn]."""

    interest_secured: Float[Array, "neocloud ..."]
    interest_unsecured: Float[Array, "neocloud ..."]
    ddtl: Float[Array, "neocloud ..."]
    oem: Float[Array, "neocloud ..."]
    box: Float[Array, "neocloud ..."]
    notes: Float[Array, "neocloud ..."]
    converts: Float[Array, "neocloud ..."]
    new_notes: Float[Array, "neocloud ..."]

    @property
    def interest(self) -> Float[Array, "neocloud ..."]:
        return self.interest_secured + self.interest_unsecured

    @property
    def scheduled(self) -> Float[Array, "neocloud ..."]:
        return self.ddtl + self.oem + self.box

    @property
    def bullets(self) -> Float[Array, "neocloud ..."]:
        return self.notes + self.converts + self.new_notes


class _Default(eqx.Module):
    """What a default of this quarter would recover."""

    pool: Float[Array, "neocloud ..."]
    secured: Float[Array, "neocloud ..."]
    unsecured: Float[Array, "neocloud ..."]
    headroom: Float[Array, "neocloud ..."]


def _service(
    quarter: Drivers,
    terms: NeocloudTerms,
    dues: NeocloudDues,
    guarantee: Guarantee,
    state: NeocloudState,
    draws: Float[Array, "vintage neocloud ..."],
    issues: Float[Array, "vintage neocloud ..."],
) -> _Service:
    secured = (
        state.ddtl * terms.ddtl_coupon
        + state.oem * terms.oem_coupon
        + state.box * (quarter.short + state.box_margin)
        + state.revolver * (quarter.short + terms.revolver_margin)
        + state.rolled * (quarter.short + guarantee.spread)
    )
    unsecured = (
        state.notes * terms.notes_coupon
        + state.converts * terms.converts_coupon
        + state.new_notes * state.note_coupon
    )
    return _Service(
        interest_secured=secured * DT,
        interest_unsecured=unsecured * DT,
        ddtl=jnp.minimum(state.ddtl, dues.ddtl),
        oem=jnp.minimum(state.oem, dues.oem),
        box=jnp.minimum(state.box, jnp.sum(terms.repaying * draws, axis=0)),
        notes=jnp.minimum(state.notes, dues.notes),
        converts=jnp.minimum(state.converts, dues.converts),
        new_notes=jnp.minimum(
            state.new_notes, jnp.sum(terms.maturing * issues, axis=0)
        ),
    )


def _recovery(prices: Prices, terms: NeocloudTerms, state: NeocloudState) -> _Default:
    """Absolute priority: pledged chips to the secured, the rest to the unsecured."""
    pool = state.chips * terms.fire_sale * jnp.minimum(prices.level, 1.0)
    claim = state.secured
    to_secured = jnp.minimum(pool, claim)
    rest = pool - to_secured + state.cash + terms.other_assets
    return _Default(
        pool=pool,
        secured=ratio_above(to_secured, claim, 1.0),
        unsecured=ratio_above(jnp.minimum(rest, state.unsecured), state.unsecured, 1.0),
        headroom=jnp.clip(ratio_above(pool, claim, 1.0 + HIGHEST) - 1.0, -1.0, HIGHEST),
    )


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
) -> tuple[NeocloudFlows, NeocloudState]:
    """Divides the quarter's cash among lenders, capex and owners.

    `contracts` is the register of signed revenue, aged into this quarter.
    """
    draws, issues = aged(state.draws), aged(state.issues)
    service = _service(quarter, terms, dues, guarantee, state, draws, issues)
    scheduled, bullets = service.scheduled, service.bullets
    resuming = state.deferred_capex * jnp.minimum(DT / terms.resume, 1.0)
    committed = dues.committed + resuming
    advance = terms.advance * window.open
    own = 1.0 - advance
    run_rate = 4.0 * earnings.ebitda
    room = terms.leverage_limit * run_rate
    refinanced = window.open * jnp.minimum(
        bullets, jnp.maximum(room - (state.debt - bullets), 0.0)
    )
    capacity = Rungs(
        notes=window.open
        * jnp.minimum(terms.notes_per_quarter, jnp.maximum(room - state.debt, 0.0)),
        revolver=jnp.maximum(terms.revolver - state.revolver, 0.0),
        roll=guarantee.rolling * (scheduled + bullets - refinanced),
        deferral=own * terms.deferrable * committed,
        equity=terms.equity_capacity * state.market_cap * window.open,
        minimum_cash=terms.minimum_cash,
    )
    earned = state.cash * quarter.short * DT
    owed = service.interest + scheduled + bullets
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
    g = headroom(sources, due)
    alive, worst = survive(
        state.alive, state.worst, g, terms.dispersion, terms.is_cohort, rule
    )
    default = _recovery(prices, terms, state)

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

    excess = jnp.maximum(-gap, 0.0)
    revolver_repaid = jnp.minimum(state.revolver, excess)
    rolled_repaid = jnp.minimum(state.rolled, excess - revolver_repaid)
    free = excess - revolver_repaid - rolled_repaid
    expired = paths.expiring + jnp.sum(terms.ending * contracts, axis=0)
    offered = (
        (terms.growth * quarter.money_growth * DT + terms.rebook * expired)
        * jnp.clip(quarter.ratio, 0.0, 1.0)
        * (1.0 + guarantee.volume)
    )
    cost = terms.capex_per_revenue / jnp.clip(prices.level, 0.5, 1.5)
    prepaid_per_unit = terms.prepayment * terms.term
    need = jnp.maximum(cost * own - prepaid_per_unit, 0.1 * cost)
    signed = jnp.minimum(offered, terms.signing * free / need)
    prepayment = prepaid_per_unit * signed

    capex = committed - deferred + cost * signed
    drawn_box = advance * capex
    issued = refinanced + drawn.notes
    box_margin = terms.box_margin * quarter.spread_factor + window.spread
    note_coupon = (
        quarter.ten_year + terms.note_spread * quarter.spread_factor + window.spread
    )
    box = state.box - service.box + drawn_box
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
        + drawn.equity
        + arrears
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
        deferred_capex=state.deferred_capex - resuming + deferred,
        deferred_revenue=deferred_revenue,
        backstop_left=state.backstop_left - earnings.backstop,
        ddtl=state.ddtl - service.ddtl,
        oem=state.oem - service.oem,
        notes=state.notes - service.notes,
        converts=state.converts - service.converts,
        box=box,
        new_notes=new_notes,
        revolver=revolver,
        rolled=rolled,
        box_margin=ratio_above(
            (state.box - service.box) * state.box_margin + drawn_box * box_margin,
            box,
            state.box_margin,
        ),
        note_coupon=ratio_above(
            (state.new_notes - service.new_notes) * state.note_coupon
            + (issued + junior) * note_coupon,
            new_notes,
            state.note_coupon,
        ),
        contracts=newest(contracts, signed),
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
        + drawn.equity,
    )
    cap = _market_cap(quarter, terms, dues, run_rate, new)
    paid_in = drawn.equity / (1.0 - terms.equity_discount)
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
        repaid_secured=scheduled + revolver_repaid + rolled_repaid,
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
        raised=drawn.equity,
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
        book_gap=cash + ppe - new.debt - deferred_revenue - new.book_equity,
    )
    return flows, new


def _market_cap(
    quarter: Drivers,
    terms: NeocloudTerms,
    dues: NeocloudDues,
    run_rate: Float[Array, "neocloud ..."],
    state: NeocloudState,
) -> Float[Array, "neocloud ..."]:
    """Contracted value plus a multiple of run-rate EBITDA, less what is owed."""
    value = dues.legacy_value + jnp.sum(terms.remaining * state.contracts, axis=0)
    multiple = terms.multiple_floor + (
        terms.multiple - terms.multiple_floor
    ) * jnp.clip(quarter.ratio, 0.0, 1.0)
    return jnp.maximum(
        terms.valuation_margin * value
        + multiple * run_rate
        - (state.debt - state.cash)
        - dues.committed_left
        - state.deferred_capex,
        0.0,
    )
