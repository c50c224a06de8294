"""The three invariants, recomputed from what was reported: cash, balance, seniority.

Each is the largest violation of a quarter over entities and relations, relative to the
size of what should agree. Rounding leaves 1e-12 in float64; a missing flow does not.
They are taken inside the scan: kept paths of every flow would cost more than the model.
"""

import functools
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.funds.holders import HOLDERS, Holders


def _largest(
    gaps: list[tuple[Float[Array, "..."], Float[Array, "..."]]], n_batch: int
) -> Float[Array, "..."]:
    """Largest gap relative to its size, over entities."""

    def largest(gap: Float[Array, "..."], size: Float[Array, "..."]):
        relative = jnp.abs(gap) / jnp.maximum(jnp.abs(size), 1.0)
        return jnp.max(relative, axis=tuple(range(relative.ndim - n_batch)))

    return functools.reduce(jnp.maximum, [largest(*pair) for pair in gaps])


def cash(
    record: Any, state: Any, holders: Holders, n_batch: int
) -> Float[Array, "..."]:
    """Sources = uses of every entity, and payers' payments = payees' receipts."""
    labs, hyper, hybrid = record.labs, record.hyperscalers, record.hybrid
    clouds, spvs, vendor = record.clouds, record.spvs, record.vendor
    lab_uses = labs.margin + labs.interest + labs.raised - labs.paid
    hyper_uses = (
        hyper.operating
        + hyper.earned
        + hyper.issued
        - hyper.capex
        - hyper.rent
        - hyper.interest
        - hyper.payout
    )
    if hyper.funding is not None:
        hyper_uses = hyper_uses + hyper.funding.leased - hyper.funding.lease_paid
    if hyper.acquisitions is not None:
        hyper_uses = hyper_uses + hyper.acquisitions.returned - hyper.acquisitions.paid
    hybrid_uses = (
        hybrid.core
        + hybrid.receipts
        - hybrid.costs
        + hybrid.earned
        + hybrid.equity
        + hybrid.borrowed
        - hybrid.capex
        - hybrid.payout
        - hybrid.interest
        - hybrid.matured
    )
    cloud_uses = (
        clouds.cash_ebitda
        + clouds.earned
        + clouds.lent_secured
        + clouds.lent_unsecured
        + clouds.raised
        + clouds.prepayment
        - clouds.interest_secured
        - clouds.interest_unsecured
        - clouds.repaid_secured
        - clouds.repaid_unsecured
        - clouds.capex
    )
    spv_uses = (
        spvs.cfads
        + spvs.owed
        + spvs.earned
        + spvs.equity
        + spvs.sponsor
        + spvs.lent_loan
        - spvs.capitalised
        + spvs.lent_takeout
        - spvs.interest_loan
        - spvs.interest_takeout
        - spvs.repaid_loan
        - spvs.repaid_takeout
        - spvs.spend
        - spvs.distributed
    )
    if spvs.building is not None:
        risk = spvs.building
        spv_uses = spv_uses + risk.received - risk.credited - risk.overrun
    vendor_uses = (
        vendor.profit
        + vendor.earned
        + vendor.dividends
        - vendor.backstop
        - vendor.guarantees
        - vendor.payout
    )
    gaps = [
        (labs.cash - state.labs.cash - lab_uses, labs.paid),
        (hyper.cash - state.hyperscalers.cash - hyper_uses, hyper.operating),
        (hybrid.cash - state.hybrid.cash - hybrid_uses, hybrid.receipts),
        (clouds.cash - state.clouds.cash - cloud_uses, clouds.secured),
        (spvs.cash - state.spvs.cash - spv_uses, spvs.loan),
        (vendor.cash - state.vendor.cash - vendor_uses, vendor.cash),
    ]
    # What all holders together receive is what the vehicles pay.
    shares = sum(getattr(holders, name) for name in HOLDERS)
    received = record.private.interest + record.private.repaid
    gaps.append((received * (shares - 1.0), received))
    if record.classes.premium is not None:
        gaps.append(premium_cash(record))
    if clouds.workout is not None and hyper.acquisitions is not None:
        gaps += purchases(clouds.workout, hyper.acquisitions)
    if record.agency is not None:
        gaps += agency_cash(record, state)
    fund, income = record.fund, record.private.interest
    kept = fund.income - fund.fee - fund.line_interest - fund.ordinary_loss
    if fund.incentive is not None:
        kept = kept - fund.incentive.fee
    others = []
    if fund.nav_loan is not None:
        others.append(fund.nav_loan.repaid)
    if fund.calls is not None:
        others.append(fund.calls.interest)
        gaps.extend(_calls(record, holders))
    if others:
        # Only some cohorts have other lenders: of all together.
        paid = sum(jnp.sum(flow, axis=0) for flow in others)
        left = jnp.sum(fund.distributed - kept, axis=0) + paid
        gaps.append((left, jnp.sum(fund.income, axis=0)))
    else:
        gaps.append((fund.distributed - kept, fund.income))
    # What the cohorts have together is what funds hold.
    of_funds = jnp.sum(holders.fund * income, axis=0)
    if record.moved is not None:
        of_funds = of_funds - jnp.sum(record.moved.interest, axis=0)
    gaps.append((jnp.sum(fund.interest, axis=0) - of_funds, of_funds))
    gaps.append(
        (record.bond.interest - jnp.sum(holders.bond_fund * income, axis=0), of_funds)
    )
    if record.public is not None:
        # What institutions get for public assets is what buyers pay, market by market.
        paid = jnp.sum(record.public.paid, axis=0)
        gaps.append((jnp.sum(record.public.proceeds, axis=0) - paid, paid))
    return _largest(gaps, n_batch)


def purchases(workout: Any, acquisitions: Any) -> list[tuple[Array, Array]]:
    """What estates get is what buyers pay, within what they can."""
    received = jnp.sum(workout.paid, axis=0)
    beyond = jnp.maximum(received - workout.capacity, 0.0)
    return [
        (jnp.sum(acquisitions.paid, axis=0) - received, received),
        (beyond, workout.capacity),
    ]


def premium_cash(record: Any) -> tuple[Array, Array]:
    """What vehicles pay within coupons is what lenders and the guarantor get."""
    clouds, spvs, classes = record.clouds, record.spvs, record.classes
    of_clouds = clouds.interest_secured + clouds.interest_unsecured
    of_spvs = spvs.interest_loan + spvs.capitalised + spvs.interest_takeout
    paid = jnp.sum(clouds.alive * of_clouds, axis=0)
    paid = paid + jnp.sum(spvs.alive * of_spvs, axis=0)
    received = jnp.sum(classes.interest + classes.premium, axis=0)
    return paid - received, paid


def agency_cash(record: Any, state: Any) -> list[tuple[Array, Array]]:
    """The agency's new debt is what it pays less what it receives.

    What it and private holders are paid, net of what they lend, is what vehicles pay.
    """
    agency, classes, private = record.agency, record.classes, record.private
    received = agency.interest + agency.repaid + agency.recovered + agency.claimed
    paid = agency.bought + agency.kept
    borrowed = jnp.sum(paid - received, axis=0) + agency.funding + agency.dividend
    borrowed = borrowed - agency.injected
    of_all = classes.interest + classes.repaid + classes.recovered + classes.claimed
    of_private = private.interest + private.repaid + private.recovered
    of_private = of_private + private.claimed - private.lent
    apart = of_private + received - paid
    return [
        (agency.debt - state.agency.debt - borrowed, agency.debt),
        (apart - (of_all - classes.lent), of_all),
    ]


def agency_books(record: Any) -> list[tuple[Array, Array]]:
    """The agency's assets are its debt and capital; no class is owned twice."""
    agency, classes = record.agency, record.classes
    assets = jnp.sum(agency.loans + agency.receivable, axis=0)
    beyond = jnp.maximum(agency.loans - classes.balance, -agency.loans)
    return [
        (assets - agency.debt - agency.capital, assets),
        (jnp.maximum(beyond, 0.0), classes.balance),
        (jnp.maximum(-agency.capital, 0.0), assets),
    ]


def _calls(record: Any, holders: Holders) -> list[tuple[Array, Array]]:
    """What investors, lines and sales pay is what vehicles and the line get."""
    fund, calls, classes = record.fund, record.fund.calls, record.private
    paid = jnp.sum(calls.paid, axis=0)
    # Whoever is due something got it, or is short of it.
    received = calls.repaid + calls.lent + calls.overdrawn
    sources = paid + (calls.missing - calls.short) + calls.swept
    lent = classes.lent - classes.repaid - classes.recovered - classes.claimed
    of_funds = jnp.sum(holders.fund * lent, axis=0)
    if record.moved is not None:
        moved = record.moved
        theirs = moved.lent - moved.repaid - moved.recovered - moved.claimed
        of_funds = of_funds - jnp.sum(theirs, axis=0)
    # Sales for calls and what the line lends pay loans; what it is repaid does not.
    beside = calls.drawn - calls.repaid + calls.raised
    put_in = jnp.sum(fund.called + fund.drawn, axis=0) + jnp.sum(beside, axis=0)
    return [(received - sources, paid), (put_in - of_funds, of_funds)]


def _lines(record: Any, state: Any) -> list[tuple[Array, Array]]:
    """Balances beside bank lines, and commitments, roll forward."""
    fund, gaps = record.fund, []
    if fund.calls is not None:
        calls, before = fund.calls, state.fund.calls
        line = before.line + calls.drawn - calls.repaid - calls.loss
        gaps.append((calls.line - line, before.line))
        left = jnp.sum(before.undrawn - calls.paid, axis=0)
        gaps.append((calls.undrawn - left, left))
    if fund.nav_loan is not None:
        loan, before = fund.nav_loan, state.fund.nav_loan
        left = before + loan.interest - loan.repaid - loan.loss
        gaps.append((loan.balance - left, before))
    return gaps


def balance_sheet(
    record: Any, state: Any, holders: Holders, n_batch: int
) -> Float[Array, "..."]:
    """Assets = liabilities + equity by two routes; a loss is booked once."""
    clouds, spvs, classes = record.clouds, record.spvs, record.classes
    alive_clouds, alive_spvs = state.clouds.alive, state.spvs.alive
    opening = jnp.concatenate(
        [
            alive_clouds * state.clouds.secured,
            alive_clouds * state.clouds.unsecured,
            alive_spvs * (state.spvs.loan + state.spvs.arrears),
            alive_spvs * state.spvs.takeout,
        ]
    )
    rolled = classes.lent - classes.repaid - classes.failed
    owed = classes.balance - opening - rolled
    lost = jnp.sum(classes.failed, axis=0)
    resolved = jnp.sum(classes.loss + classes.claimed, axis=0)
    owing = classes.receivable - state.classes.receivable + classes.recovered
    booked = (
        jnp.sum(record.investors.losses, axis=0)
        + record.investors.outside
        + record.investors.bank_direct
        + record.investors.bank_lines
        + record.investors.government
    )
    if record.agency is not None:
        booked = booked + record.agency.own_loss
    gaps = [
        (clouds.book_gap, clouds.secured + clouds.unsecured),
        (spvs.book_gap, spvs.loan),
        (owed, classes.balance),
        (lost - resolved - jnp.sum(owing, axis=0), lost),
        (booked - resolved, resolved),
        *_lines(record, state),
    ]
    if record.agency is not None:
        gaps += agency_books(record)
    if record.moved is not None:
        gaps += moved_gaps(record, state, holders, opening)
    hyper, before = record.hyperscalers, state.hyperscalers
    if hyper.funding is not None:
        funding, opened = hyper.funding, before.funding.obligation
        returned = funding.lease_paid - funding.lease_interest
        rolled = opened + funding.leased - returned
        gaps.append((funding.obligation - rolled, hyper.debt))
    if hyper.acquisitions is not None:
        bought = hyper.acquisitions
        rolled = before.acquired + bought.paid - bought.returned
        gaps.append((bought.held - rolled, hyper.debt))
    return _largest(gaps, n_batch)


def moved_gaps(
    record: Any, state: Any, holders: Holders, opening: Float[Array, "class ..."]
) -> list[tuple[Float[Array, "..."], Float[Array, "..."]]]:
    """Banks' claims roll forward like the classes', and no share leaves zero to one."""
    moved, before, classes = record.moved, state.lending, record.private
    owed = state.classes.receivable
    if record.agency is not None:
        opening = opening - state.agency.loans
        owed = owed - state.agency.receivable
    rolled = before.bank * opening + moved.lent - moved.repaid - moved.failed
    due = before.receivable * owed - moved.recovered
    due = due + moved.failed - moved.loss - moved.claimed
    of_banks = holders.bank * classes.balance + moved.balance
    of_funds = holders.fund * classes.balance - moved.balance
    return [
        (moved.balance - rolled, classes.balance),
        (moved.receivable - due, classes.receivable),
        (jnp.maximum(-of_banks, 0.0), classes.balance),
        (jnp.maximum(-of_funds, 0.0), classes.balance),
    ]


def seniority(record: Any, n_batch: int) -> Float[Array, "..."]:
    """No junior paid while a senior is short; recovery within claim and assets."""
    clouds, spvs = record.clouds, record.spvs
    junior = jnp.minimum(
        clouds.arrears_secured,
        clouds.interest_unsecured
        + clouds.repaid_unsecured
        - clouds.refinanced
        - clouds.arrears_unsecured,
    )
    over_claim = jnp.maximum(clouds.recovery_secured, clouds.recovery_unsecured) - 1.0
    over_pool = clouds.recovery_secured * clouds.claim_secured - clouds.pool
    before_senior = jnp.minimum(
        1.0 - clouds.recovery_secured, clouds.pool - clouds.claim_secured
    )
    gaps = [
        (jnp.maximum(junior, 0.0), clouds.secured),
        (spvs.junior_while_short, spvs.loan),
        (jnp.maximum(over_claim, 0.0), clouds.secured),
        (jnp.maximum(spvs.recovery - 1.0, 0.0), spvs.loan),
        (jnp.maximum(over_pool, 0.0), clouds.claim_secured),
        (jnp.maximum(before_senior, 0.0), clouds.claim_secured),
    ]
    if record.fund.calls is not None:
        # No loan is paid from calls or sales while the line is short.
        calls = record.fund.calls
        gaps.append((jnp.minimum(calls.short, calls.lent), calls.due))
    return _largest(gaps, n_batch)


def residuals(
    record: Any, state: Any, holders: Holders
) -> dict[str, Float[Array, "..."]]:
    """Largest relative violation of each invariant; the quarter began at `state`."""
    n_batch = state.system.spread.ndim
    return {
        "cash": cash(record, state, holders, n_batch),
        "balance_sheet": balance_sheet(record, state, holders, n_batch),
        "seniority": seniority(record, n_batch),
    }
