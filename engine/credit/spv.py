"""An SPV's quarter: construction, service, take-out, reserve, distribution, default.

docs/model.md section 5, "SPV, in order". Everything is the average living member.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.credit.covenants import cover as cover_of
from engine.credit.guarantee import Guarantee, with_premium
from engine.credit.schedule import level_service
from engine.credit.spv_covenants import divide_excess, examine_spv
from engine.credit.spv_terms import SpvDates, SpvState, SpvTerms
from engine.credit.waterfall import waterfall
from engine.credit.window import Window
from engine.drivers import Drivers
from engine.grid import DT
from engine.jump import AbstractDefaultRule
from engine.numerics import annuity_factor, ratio_above
from engine.once import computed_once, once
from engine.survival import HIGHEST, headroom, survive
from engine.vehicles.construction import Building
from engine.vehicles.spv import SpvEarnings, SpvPaths


class SpvFlows(eqx.Module):
    """One quarter of the average living member [USD bn], and who is alive."""

    rent: Float[Array, "spv ..."]
    costs: Float[Array, "spv ..."]
    cfads: Float[Array, "spv ..."]
    owed: Float[Array, "spv ..."]
    spend: Float[Array, "spv ..."]
    equity: Float[Array, "spv ..."]
    sponsor: Float[Array, "spv ..."]
    interest_loan: Float[Array, "spv ..."]
    interest_takeout: Float[Array, "spv ..."]
    interest_arrears: Float[Array, "spv ..."]
    """Part of the loan's interest that is paid on arrears."""
    capitalised: Float[Array, "spv ..."]
    draw: Float[Array, "spv ..."]
    scheduled: Float[Array, "spv ..."]
    """Scheduled principal of the loan; the rest of what it repays is the take-out's."""
    residual: Float[Array, "spv ..."]
    """Due at the last attempt, or to pass an extension's test, beyond the take-out."""
    rolled: Float[Array, "spv ..."]
    reserve: Float[Array, "spv ..."]
    """What the debt service reserve should hold."""
    reserved: Float[Array, "spv ..."]
    """What it holds; part of `cash`."""
    trapped: Float[Array, "spv ..."]
    """In the trap account; part of `cash`."""
    swept: Float[Array, "spv ..."]
    """Debt prepaid from excess or trapped cash."""
    swept_takeout: Float[Array, "spv ..."]
    """Of it, the take-out's."""
    cure: Float[Array, "spv ..."]
    """Put in to cover the default tier; part of `sponsor`."""
    covenant: Float[Array, "spv ..."]
    """Headroom of the default tier; the highest where there is none."""
    repaid_loan: Float[Array, "spv ..."]
    repaid_takeout: Float[Array, "spv ..."]
    lent_loan: Float[Array, "spv ..."]
    lent_takeout: Float[Array, "spv ..."]
    arrears: Float[Array, "spv ..."]
    distributed: Float[Array, "spv ..."]
    earned: Float[Array, "spv ..."]
    dscr: Float[Array, "spv ..."]
    headroom: Float[Array, "spv ..."]
    coverage: Float[Array, "spv ..."]
    takeout_capacity: Float[Array, "spv ..."]
    takeout_rate: Float[Array, "spv ..."]
    alive: Float[Array, "spv ..."]
    failing: Float[Array, "spv ..."]
    claim_loan: Float[Array, "spv ..."]
    claim_takeout: Float[Array, "spv ..."]
    recovery: Float[Array, "spv ..."]
    security: Float[Array, "spv ..."]
    """What a sale now would leave over the claim, per unit of claim."""
    guaranteed: Float[Array, "spv ..."]
    """What a vendor's guarantee would pay of the claim, were the vehicle to default."""
    covered: Float[Array, "spv ..."]
    loan: Float[Array, "spv ..."]
    takeout: Float[Array, "spv ..."]
    cash: Float[Array, "spv ..."]
    book_gap: Float[Array, "spv ..."]
    junior_while_short: Float[Array, "spv ..."]
    building: Building | None = None
    """Overruns and damages; what is guaranteed of them is part of `equity`."""
    premium_loan: Float[Array, "spv ..."] | None = None
    """What lenders hand on to the guarantor, of interest paid and capitalised."""
    premium_takeout: Float[Array, "spv ..."] | None = None
    extension_fee: Float[Array, "spv ..."] | None = None
    """Part of the loan's interest; None without clauses on extensions."""
    past: Float[Array, "spv ..."] | None = None
    """Of what is owed and distributed, what owners are paid past the vehicle."""


@computed_once
def _takeout(
    quarter: Drivers,
    window: Window,
    terms: SpvTerms,
    guarantee: Guarantee,
    cfads: Float[Array, "spv ..."],
) -> tuple[Float[Array, "spv ..."], Float[Array, "spv ..."]]:
    """Debt a new lender would carry, and its rate: value and cover, the lower."""
    rate = (
        quarter.ten_year + terms.takeout_margin * quarter.spread_factor + window.spread
    )
    value = 4.0 * cfads / (quarter.ten_year + terms.cap_spread + window.spread)
    served = with_premium(rate, guarantee.rate("takeout"))
    annuity = DT * annuity_factor(served * DT, terms.takeout_tenor / DT)
    covered = 4.0 * cfads / terms.takeout_dscr * annuity
    return jnp.minimum(terms.takeout_ltv * value, covered), rate


@computed_once
def divide_spv(
    quarter: Drivers,
    window: Window,
    terms: SpvTerms,
    dates: SpvDates,
    paths: SpvPaths,
    guarantee: Guarantee,
    earnings: SpvEarnings,
    rule: AbstractDefaultRule,
    state: SpvState,
) -> tuple[SpvFlows, SpvState]:
    """Divides the quarter's cash among builders, lenders and owners."""
    rate = terms.coupon + terms.floats * (quarter.short + terms.margin)
    if terms.extension is not None and dates.extended is not None:
        rate = rate + terms.extension.rise(dates.extended)
    level = level_service(state.loan, rate * DT, dates.remaining)
    principal = terms.amortises * paths.started * level.principal
    fees = [guarantee.due("notes", x) for x in (state.loan, state.arrears)]
    interest = with_premium(state.loan * rate * DT, fees[0])
    risk = paths.building
    waits = 1.0 - paths.started
    if risk is not None:
        waits = waits - risk.late
    capitalised = terms.drawn * waits * interest
    late = with_premium(
        state.arrears * (quarter.short + guarantee.spread) * DT, fees[1]
    )
    second = level_service(
        state.takeout, state.takeout_rate * DT, dates.remaining_takeout
    )

    fee = guarantee.due("takeout", state.takeout)
    interest_takeout = with_premium(second.interest, fee)

    draw = terms.drawn * terms.ltc * paths.spend
    paid_in = terms.drawn * (paths.spend - draw) + paths.equity
    capacity, takeout_rate = _takeout(quarter, window, terms, guarantee, earnings.cfads)
    room = jnp.maximum(capacity - state.takeout, 0.0)
    outstanding = state.loan - principal
    taken = jnp.minimum(dates.takeout * outstanding, room) * window.loans
    left = jnp.maximum(outstanding - taken, 0.0)
    residual = dates.final * left
    longer = None
    if terms.extension is not None and dates.extending is not None:
        longer = terms.extension.begin(
            dates.extending, left, state.takeout + taken, earnings.cfads
        )
        residual = residual + longer.curtailed
    attempt = jnp.clip(
        ratio_above(
            room * window.loans + state.cash + state.sponsor, state.loan, 1.0 + HIGHEST
        )
        - 1.0,
        -1.0,
        HIGHEST,
    )
    coverage = jnp.where(
        dates.takeout > 0.0, jnp.maximum(state.coverage, attempt), state.coverage
    )

    earned = state.cash * terms.account_rate(quarter.short) * DT
    own_spend = (1.0 - terms.drawn) * paths.spend
    coupons = interest - capitalised + late + interest_takeout
    repayments = principal + residual + second.principal
    # A fee is no service: it comes once, and cover is of what comes every quarter.
    loan_interest = interest - capitalised + late
    coupons_due = coupons
    if longer is not None:
        loan_interest, coupons_due = (x + longer.fee for x in (loan_interest, coupons))
    past = None if terms.to_owners is None else terms.to_owners * earnings.put
    owed = earnings.owed if past is None else earnings.owed - past
    income = earnings.cfads + owed + earned + paths.equity
    if risk is not None:
        # Builders, and a tenant that may set off against rent, are first.
        own_spend = own_spend + risk.beyond + risk.credited
        income = income + risk.received
    due = once(own_spend + coupons_due + repayments)
    roll = guarantee.covered.of("notes", guarantee.rolling) * principal
    sources = state.cash + income + state.sponsor + roll

    # The ladder: trapped cash, the reserve, the sponsor.
    pot = state.cash - state.reserve - state.trapped + income
    untrapped = jnp.clip(due - pot, 0.0, state.trapped)
    pot = pot + untrapped
    used = jnp.clip(due - pot, 0.0, state.reserve)
    pot = once(pot + used)
    called = jnp.clip(due - pot, 0.0, state.sponsor)
    rolled = jnp.clip(due - pot - called, 0.0, roll)
    # Spend that no draw touches has a batch axis of one.
    ranks = jnp.broadcast_arrays(own_spend, coupons_due, repayments)
    claims = jnp.stack(ranks)
    paid, rest = waterfall(pot + called + rolled, claims)
    short = jnp.sum(claims - paid, axis=0)
    service = coupons + principal + second.principal
    cover = cover_of(earnings.cfads, service)
    dscr = cover.ratio
    free = jnp.clip(
        (dscr - terms.lock_low) / (terms.lock_high - terms.lock_low), 0.0, 1.0
    )
    test = examine_spv(
        terms.covenants,
        paths.started,
        earnings.cfads,
        service,
        cover,
        state.sponsor - called,
        state.reach,
    )
    sponsor = called + test.cure
    g = jnp.minimum(headroom(sources, due), test.headroom)
    alive, worst = survive(
        state.alive, state.worst, g, terms.dispersion, terms.is_cohort, rule
    )

    target = terms.reserve * service
    kept = state.reserve - used
    there = rest + kept + test.cure
    reserve = kept + paths.started * (jnp.minimum(target, there) - kept)
    # Something above the target is only there when nothing senior is short.
    loan = outstanding - taken - residual
    takeout = state.takeout - second.principal
    excess = divide_excess(
        terms.covenants,
        dates.sweeping,
        free,
        dscr,
        paths.started * jnp.maximum(there - target, 0.0),
        state.trapped - untrapped,
        loan,
        takeout,
    )
    swept = excess.swept_loan + excess.swept_takeout
    cash = there + state.trapped - untrapped - swept - excess.distributed

    loan = loan - excess.swept_loan + draw + capitalised
    old_takeout = takeout - excess.swept_takeout
    takeout = old_takeout + taken
    # A guarantee given to the owners never enters the vehicle's accounts.
    distributed = excess.distributed if past is None else excess.distributed + past
    arrears = state.arrears + rolled + short
    asset, put_in = state.asset + paths.spend, paid_in + sponsor
    if risk is not None:
        asset, paid_in = asset + risk.overrun, paid_in + risk.guaranteed
        put_in = put_in + risk.guaranteed + risk.received - risk.credited
    claim = state.debt
    proceeds = state.cash + earnings.collateral * terms.foreclosure
    pool = proceeds + earnings.backed
    recovered = jnp.minimum(pool, claim)
    new = SpvState(
        alive=alive,
        worst=worst,
        cash=cash,
        loan=loan,
        takeout=takeout,
        takeout_rate=ratio_above(
            old_takeout * state.takeout_rate + taken * takeout_rate,
            takeout,
            state.takeout_rate,
        ),
        arrears=arrears,
        sponsor=state.sponsor - sponsor,
        reserve=reserve,
        trapped=excess.trapped,
        reach=test.reach,
        coverage=coverage,
        asset=asset,
        book_equity=state.book_equity
        + earnings.cfads
        + earnings.owed
        + earned
        - coupons_due
        - capitalised
        + put_in
        - distributed,
    )
    flows = SpvFlows(
        rent=earnings.from_tenant + earnings.relet,
        costs=earnings.costs,
        cfads=earnings.cfads,
        owed=earnings.owed,
        spend=paths.spend,
        equity=paid_in,
        sponsor=sponsor,
        interest_loan=loan_interest,
        interest_takeout=interest_takeout,
        interest_arrears=late,
        capitalised=capitalised,
        draw=draw,
        scheduled=principal,
        residual=residual,
        rolled=rolled,
        reserve=target,
        reserved=reserve,
        trapped=excess.trapped,
        swept=swept,
        swept_takeout=excess.swept_takeout,
        cure=test.cure,
        covenant=test.headroom,
        repaid_loan=principal + residual + taken + excess.swept_loan,
        repaid_takeout=second.principal + excess.swept_takeout,
        lent_loan=draw + capitalised + rolled + short,
        lent_takeout=taken,
        arrears=rolled + short,
        distributed=distributed,
        earned=earned,
        dscr=dscr,
        headroom=g,
        coverage=coverage,
        takeout_capacity=capacity,
        takeout_rate=takeout_rate,
        alive=alive,
        failing=state.alive - alive,
        claim_loan=state.loan + state.arrears,
        claim_takeout=state.takeout,
        recovery=ratio_above(recovered, claim, 1.0),
        security=jnp.clip(ratio_above(pool, claim, 1.0 + HIGHEST) - 1.0, -1.0, HIGHEST),
        guaranteed=recovered - jnp.minimum(proceeds, claim),
        covered=earnings.covered,
        loan=loan + arrears,
        takeout=takeout,
        cash=cash,
        book_gap=cash + new.asset - new.debt - new.book_equity,
        junior_while_short=jnp.minimum(
            excess.distributed + swept + jnp.maximum(rest, 0.0), short
        ),
        building=risk,
        premium_loan=None if fees[0] is None else with_premium(fees[0], fees[1]),
        premium_takeout=fee,
        extension_fee=None if longer is None else longer.fee,
        past=past,
    )
    return flows, new
