"""The three invariants, recomputed from what was reported: cash, balance, seniority.

Each is the largest violation over quarters, entities and relations, relative to the
size of what should agree. Rounding leaves 1e-12 in float64; a missing flow does not.
"""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy
from engine.funds.holders import HOLDERS, Holders


def _relative(gap: Float[Array, "..."], size: Float[Array, "..."]) -> Float[Array, ""]:
    return jnp.max(jnp.abs(gap) / jnp.maximum(jnp.abs(size), 1.0))


def _change(
    stock: Float[Array, "quarter ..."], opening: Float[Array, "..."]
) -> Float[Array, "quarter ..."]:
    return stock - jnp.concatenate([opening[None], stock[:-1]])


def cash(record: Any, state: Any, economy: Economy) -> Float[Array, ""]:
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
    vendor_uses = vendor.profit + vendor.earned - vendor.backstop - vendor.payout
    gaps = [
        (_change(labs.cash, state.labs.cash) - lab_uses, labs.paid),
        (_change(hyper.cash, state.hyperscalers.cash) - hyper_uses, hyper.operating),
        (_change(hybrid.cash, state.hybrid.cash) - hybrid_uses, hybrid.receipts),
        (_change(clouds.cash, state.clouds.cash) - cloud_uses, clouds.secured),
        (_change(spvs.cash, state.spvs.cash) - spv_uses, spvs.loan),
        (_change(vendor.cash, state.vendor.cash) - vendor_uses, vendor.cash),
    ]
    # What all holders together receive is what the vehicles pay.
    holders = Holders.build(economy, jnp.zeros_like(state.system.spread))
    shares = sum(getattr(holders, name) for name in HOLDERS)
    received = record.classes.interest + record.classes.repaid
    gaps.append((received * (shares - 1.0), received))
    fund, income = record.fund, record.classes.interest
    kept = fund.income - fund.fee - fund.line_interest - fund.ordinary_loss
    gaps.append((fund.distributed - kept, fund.income))
    gaps.append((record.bond.interest - jnp.sum(holders.bond_fund * income, 1), kept))
    return jnp.max(jnp.stack([_relative(gap, size) for gap, size in gaps]))


def balance_sheet(record: Any, state: Any) -> Float[Array, ""]:
    """Assets = liabilities + equity by two routes; a loss is booked once."""
    clouds, spvs, classes = record.clouds, record.spvs, record.classes
    opening = jnp.concatenate(
        [
            state.clouds.secured,
            state.clouds.unsecured,
            state.spvs.loan + state.spvs.arrears,
            state.spvs.takeout,
        ]
    )
    rolled = classes.lent - classes.repaid - classes.failed
    owed = _change(classes.balance, opening) - rolled
    lost = jnp.sum(classes.failed, axis=1)
    resolved = jnp.sum(classes.loss + classes.claimed, axis=1)
    owing = _change(classes.receivable, state.classes.receivable) + classes.recovered
    booked = (
        jnp.sum(record.investors.losses, axis=1)
        + record.investors.outside
        + record.investors.bank_direct
        + record.investors.bank_lines
        + record.investors.government
    )
    gaps = [
        (clouds.book_gap, clouds.secured + clouds.unsecured),
        (spvs.book_gap, spvs.loan),
        (owed, classes.balance),
        (lost - resolved - jnp.sum(owing, axis=1), lost),
        (booked - resolved, resolved),
    ]
    return jnp.max(jnp.stack([_relative(gap, size) for gap, size in gaps]))


def seniority(record: Any) -> Float[Array, ""]:
    """No junior paid while a senior is short; recovery within claim and assets."""
    clouds, spvs = record.clouds, record.spvs
    junior = jnp.minimum(
        clouds.arrears_secured,
        clouds.interest_unsecured
        + clouds.repaid_unsecured
        - clouds.refinanced
        - clouds.arrears_unsecured,
    )
    over_claim = jnp.maximum(
        jnp.maximum(clouds.recovery_secured, clouds.recovery_unsecured) - 1.0,
        spvs.recovery.max() - 1.0,
    )
    over_pool = clouds.recovery_secured * clouds.claim_secured - clouds.pool
    before_senior = jnp.minimum(
        1.0 - clouds.recovery_secured, clouds.pool - clouds.claim_secured
    )
    gaps = [
        (jnp.maximum(junior, 0.0), clouds.secured),
        (spvs.junior_while_short, spvs.loan),
        (jnp.maximum(over_claim, 0.0), clouds.secured),
        (jnp.maximum(over_pool, 0.0), clouds.claim_secured),
        (jnp.maximum(before_senior, 0.0), clouds.claim_secured),
    ]
    return jnp.max(jnp.stack([_relative(gap, size) for gap, size in gaps]))


def residuals(record: Any, state: Any, economy: Economy) -> dict[str, Float[Array, ""]]:
    """Largest relative violation of each invariant."""
    return {
        "cash": cash(record, state, economy),
        "balance_sheet": balance_sheet(record, state),
        "seniority": seniority(record),
    }
