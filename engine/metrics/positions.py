r"""Which layer are you in? The cash flows of one position from `as_of` to its horizon.

A position is bought at `as_of` (debt and funds at what they are worth there, shares at
their market value), receives what the record says until `criteria.return_horizon`, and
is then worth what is left: debt and recoveries still due at par, a fund at its net
asset value, shares at the model's price. What has no price (a manager's fees, the
vendor's profit, the taxpayer's claims) has flows but no entry.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from engine.credit.guarantee import opening_debt_scale
from engine.economy import Economy
from engine.funds.holders import Holders
from engine.funds.private_credit import PrivateCredit
from engine.grid import DT, TimeGrid
from engine.metrics.layers import spvs_of
from engine.metrics.returns import irr
from engine.numerics import ratio_above

POSITIONS = (
    "vendor_equity",
    "neocloud_equity",
    "neocloud_converts",
    "neocloud_unsecured",
    "neocloud_secured",
    "spv_notes",
    "bank_loan",
    "fund_investor",
    "fund_manager",
    "bond_fund",
    "bank",
    "insurer",
    "pension",
    "taxpayer",
)

ENTRYLESS = ("vendor_equity", "fund_manager", "taxpayer")
"""Positions without a price in the model."""


class Position(eqx.Module):
    """One position: entry, net flow of every quarter, worth at the horizon [USD bn]."""

    entry: Float[Array, ""]
    received: Float[Array, " quarter"]
    paid_in: Float[Array, " quarter"]
    final: Float[Array, ""]
    loss: Float[Array, ""]
    """Booked losses over the holding period; of shares, the fall of their value."""


class Payoff(eqx.Module):
    """What a position makes: money multiple, value, yearly return and its status."""

    moic: Float[Array, ""]
    """Received and left over entry and paid in; 0 without an entry."""
    value: Float[Array, ""]
    """Present value at the ten-year rate of `as_of`, entry included [USD bn]."""
    irr: Float[Array, ""]
    """Internal rate of return [1/year]."""
    status: Int[Array, ""]
    """Of the return: see `IRR_STATUS`."""
    loss: Float[Array, ""]


def positions(
    record: Any, state: Any, economy: Economy, grid: TimeGrid
) -> dict[str, Position]:
    """Every position of a single run; `state` is the opening state of its figures."""
    ends = grid.modelled(grid.ends)
    inside = ends <= economy["criteria.return_horizon"] + 1e-6
    last = jnp.sum(inside.astype(int)) - 1
    classes, fund = record.private, record.fund
    n, k = len(economy.members("neoclouds")), len(economy.members("spvs"))
    clouds, spvs = state.clouds, state.spvs
    opening = jnp.concatenate(
        [clouds.secured, clouds.unsecured, spvs.debt - spvs.takeout, spvs.takeout]
    )

    nothing = jnp.zeros_like(ends)
    none = jnp.zeros_like(ends[0])

    def kept(flow: Float[Array, " quarter"]) -> Float[Array, " quarter"]:
        return jnp.where(inside, flow, 0.0)

    def lender(held: Float[Array, " class"], paper: Any = classes) -> Position:
        """Debt at par: it is marked nowhere, so that a loss is what is not paid."""

        def by(flow: Float[Array, "quarter class"]) -> Float[Array, " quarter"]:
            return jnp.sum(held[None] * flow, axis=1)

        returned = paper.repaid + paper.recovered + paper.claimed
        return Position(
            # Holdings at `as_of` are the figures'.
            entry=jnp.sum(held * opening) if paper is classes else none,
            received=kept(by(paper.interest + returned)),
            paid_in=kept(by(paper.lent)),
            final=by(paper.balance + paper.receivable)[last],
            loss=jnp.sum(kept(by(paper.loss))),
        )

    def only(*indices: int) -> Float[Array, " class"]:
        return jnp.isin(jnp.arange(2 * (n + k)), jnp.asarray(indices)).astype(
            opening.dtype
        )

    def first(members: tuple[bool, ...]) -> int:
        return members.index(True)

    holders = Holders.build(economy)
    notes = first(spvs_of(economy, "tenant_spv"))
    loan = first(spvs_of(economy, "bank_spv"))
    price = record.clouds.price[:, 0]
    neocloud = economy.members("neoclouds")[0]
    cap = economy[f"neoclouds.{neocloud}.market_cap"]
    # All vendors as one.
    vendor = jax.tree.map(lambda x: jnp.sum(x, axis=1), record.vendor)

    net_assets = PrivateCredit.build(economy, holders.fund).net_assets(state.fund)

    def through_funds(owned: Float[Array, " cohort"]) -> Position:
        """A share of every cohort of private-credit funds."""

        def mine(flow: Float[Array, "quarter cohort"]) -> Float[Array, " quarter"]:
            return jnp.sum(owned[None] * flow, axis=1)

        lost = fund.credit_loss - fund.line_loss
        # The net asset value is struck before the redemptions of its quarter.
        return Position(
            entry=jnp.sum(owned * net_assets),
            received=kept(mine(fund.distributed + fund.redeemed)),
            paid_in=kept(mine(fund.called)),
            final=mine(fund.nav - fund.redeemed)[last],
            loss=jnp.sum(kept(mine(lost))),
        )

    fund_investor = through_funds(jnp.ones_like(state.fund.line))
    direct = lender(holders.bank)
    if record.moved is not None:
        beyond = lender(jnp.ones_like(opening), record.moved)
        direct = _together(direct, (jnp.ones_like(none), beyond))
    lines = jnp.cumsum(record.investors.bank_lines)
    line_start, line = jnp.sum(state.fund.line), jnp.sum(fund.line, axis=1)
    line_flow = jnp.sum(fund.line_interest, axis=1) - jnp.diff(
        line, prepend=line_start[None]
    )
    # Subscription lines and NAV loans are written down when a loss is booked.
    beside, written = fund.owed_beside, jnp.cumsum(fund.lost_beside)
    line_flow = line_flow + fund.service_beside - fund.lent_beside
    borrowed = jnp.sum(state.fund.marked + state.fund.other - net_assets)
    bank = Position(
        entry=direct.entry + borrowed,
        received=direct.received + kept(line_flow),
        paid_in=direct.paid_in,
        # What a line's collateral will not cover is lost to the bank.
        final=direct.final + (line + beside - lines + written)[last],
        loss=direct.loss + lines[last],
    )
    bond = lender(holders.bond_fund)
    found = {
        "vendor_equity": Position(
            none,
            kept(vendor.profit + vendor.earned),
            kept(vendor.backstop + vendor.guarantees - vendor.dividends),
            vendor.stake[last],
            jnp.sum(kept(vendor.backstop + vendor.guarantees)),
        ),
        "neocloud_equity": Position(
            cap,
            nothing,
            nothing,
            price[last] * cap,
            cap * jnp.maximum(1.0 - price[last], 0.0),
        ),
        "neocloud_converts": _converts(record, economy, grid, neocloud, inside),
        "neocloud_unsecured": lender(only(n)),
        "neocloud_secured": lender(only(0)),
        "spv_notes": lender(only(2 * n + notes, 2 * n + k + notes)),
        "bank_loan": lender(only(2 * n + loan, 2 * n + k + loan)),
        "fund_investor": fund_investor,
        "fund_manager": Position(none, kept(fund.to_managers), nothing, none, none),
        "bond_fund": bond,
        "bank": bank,
        "taxpayer": _taxpayer(record, inside, last),
    }
    one = jnp.ones_like(none)
    for name, held in (("insurer", holders.insurer), ("pension", holders.pension)):
        found[name] = _together(
            lender(held),
            (one, through_funds(economy.cohort_figures(f"investors.{name}"))),
            (economy[f"funds.bond.investors.{name}"], bond),
        )
    return {name: found[name] for name in POSITIONS}


def _taxpayer(record: Any, inside: Bool[Array, " quarter"], last: Any) -> Position:
    """Who pays claims, and owns the agency where there is one."""
    claims, agency = record.investors.government, record.agency
    none = jnp.zeros_like(claims[0])
    paid, received, capital = claims, jnp.zeros_like(claims), none
    if agency is not None:
        # Of a credit loss of the agency's it pays what it pays in, carry included.
        paid = claims - agency.public_loss + agency.injected
        received, capital = agency.dividend, agency.capital[last]
    return Position(
        none,
        jnp.where(inside, received, 0.0),
        jnp.where(inside, paid, 0.0),
        capital,
        jnp.sum(jnp.where(inside, claims, 0.0)),
    )


def _together(own: Position, *parts: tuple[Array, Position]) -> Position:
    """A holder's own paper and its shares of funds."""

    def total(name: str) -> Array:
        found = getattr(own, name)
        for share, part in parts:
            found = found + share * getattr(part, name)
        return found

    return Position(
        total("entry"),
        total("received"),
        total("paid_in"),
        total("final"),
        total("loss"),
    )


def _converts(
    record: Any,
    economy: Economy,
    grid: TimeGrid,
    name: str,
    inside: Bool[Array, " quarter"],
) -> Position:
    """The first neocloud's convertibles, which rank with its notes.

    Read as debt: the right to convert is not valued (it is out of the money wherever
    the shares have fallen).
    """
    clouds, key = record.clouds, f"neoclouds.{name}"
    scale = opening_debt_scale(economy)
    start = economy[f"{key}.convertibles"] * scale
    due = (
        grid.modelled(
            grid.bullets(
                economy[f"{key}.convertibles_bullets.dates"],
                economy[f"{key}.convertibles_bullets.amounts"],
            )
        )
        * scale
    )
    before = jnp.maximum(start - (jnp.cumsum(due) - due), 0.0)
    paid = jnp.minimum(before, due)
    coupon = economy[f"{key}.convertibles_coupon"] + economy["shifts.rate_all"]
    alive, failing = clouds.alive[:, 0], clouds.failing[:, 0]
    recovery = clouds.recovery_unsecured[:, 0]
    claim = failing * before
    awaited = recovery * claim
    share = jnp.minimum(DT / economy[f"{key}.recovery_lag"], 1.0)
    # Receivable after t: what awaits from every earlier default, less what came in.
    steps = jnp.arange(before.shape[0]).astype(before.dtype)
    gone = steps[:, None] - steps[None]
    left = jnp.where(gone >= 0.0, (1.0 - share) ** jnp.maximum(gone, 0), 0.0)
    receivable = jnp.sum(left * awaited[None], axis=1)
    earlier = jnp.concatenate([jnp.zeros_like(receivable[:1]), receivable[:-1]])
    received = alive * (before * coupon * DT + paid) + share * earlier
    last = jnp.sum(inside.astype(int)) - 1
    return Position(
        entry=start,
        received=jnp.where(inside, received, 0.0),
        paid_in=jnp.zeros_like(received),
        final=(alive * (before - paid) + receivable)[last],
        loss=jnp.sum(jnp.where(inside, claim - awaited, 0.0)),
    )


def payoff(
    position: Position,
    rate: Float[Array, ""],
    last: Int[Array, ""],
    with_return: bool = True,
) -> Payoff:
    """Multiple, value and return; `rate` per year, `last` the horizon's quarter.

    Without return the rate is 0: a root search has no place in a derivative.
    """
    n = position.received.shape[0]
    at_end = jnp.where(jnp.arange(n) == last, position.final, 0.0)
    net = position.received - position.paid_in + at_end
    steps = jnp.arange(1, n + 1).astype(net.dtype)
    value = jnp.sum(net * (1.0 + rate) ** (-DT * steps)) - position.entry
    put_in = position.entry + jnp.sum(position.paid_in)
    back = jnp.sum(position.received) + position.final
    has_entry = position.entry > 0.0
    yearly, status = jnp.zeros_like(value), jnp.ones((), int)
    if with_return:
        found = irr(jnp.concatenate([-position.entry[None], net]))
        yearly = jnp.where(has_entry, (1.0 + found.rate) ** 4 - 1.0, 0.0)
        status = jnp.where(has_entry, found.status, 1)
    return Payoff(
        moic=jnp.where(has_entry, ratio_above(back, put_in), 0.0),
        value=value,
        irr=yearly,
        status=status,
        loss=position.loss,
    )
