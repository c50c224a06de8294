"""Private-credit cohorts by type: smoothed marks, bank lines, gates, discounts (M10).

A cohort is the funds of one type and concentration in AI. All have the same terms, of
which a type without a line, a gate or a market price has the neutral value.
"""

import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.drivers import Drivers
from engine.economy import Economy
from engine.funds.carry import Incentive
from engine.funds.cohorts import FundFlows, FundState
from engine.funds.commitments import Book, Commitments
from engine.funds.holders import INSTRUMENTS, ClassFlows
from engine.funds.lending import Moved
from engine.funds.nav_facility import NavFacility
from engine.grid import DT
from engine.numerics import normal_cdf, ratio_above, safe_log
from engine.once import computed_once
from engine.survival import headroom

NEUTRAL = {
    "line": 0.0,
    "line_spread": 0.0,
    "maximum_advance": 1.0,
    "covenant_cover": 0.0,
    "sale_discount": 0.0,
    "liquidation": 1.0,
    "cover_dispersion": 1.0,
    "base_requests": 0.0,
    "request_slope": 0.0,
    "gate": 1.0,
    "redeemable": 0.0,
    "carry_over": 0.0,
    "discount": 0.0,
    "discount_slope": 0.0,
    "closing_discount": 1.0,
}
"""Terms of a type that has none: no line, nobody redeems, no market price."""


class PrivateCredit(eqx.Module):
    """Terms of every cohort's funds."""

    shares: Float[Array, "cohort class ..."]
    """By the figures."""
    parts: Float[Array, "cohort class ..."]
    """Of what all cohorts hold of a class."""
    line_spread: Float[Array, "cohort ..."]
    maximum_advance: Float[Array, "cohort ..."]
    covenant: Float[Array, "cohort ..."]
    """Largest line over assets that the covenant allows."""
    cure: Float[Array, "cohort ..."]
    """Repaid per unit that the line stands above it, so that it holds again."""
    opacity: Float[Array, "cohort ..."]
    other_yield: Float[Array, "cohort ..."]
    other_loss: Float[Array, "cohort ..."]
    fee: Float[Array, "cohort ..."]
    sale_discount: Float[Array, "cohort ..."]
    liquidation: Float[Array, "cohort ..."]
    dispersion: Float[Array, "cohort ..."]
    base_requests: Float[Array, "cohort ..."]
    request_slope: Float[Array, "cohort ..."]
    gate: Float[Array, "cohort ..."]
    redeemable: Float[Array, "cohort ..."]
    carry_over: Float[Array, "cohort ..."]
    lending_slope: Float[Array, "cohort ..."]
    discount: Float[Array, "cohort ..."]
    discount_slope: Float[Array, "cohort ..."]
    closing_discount: Float[Array, "cohort ..."]
    commitments: Commitments | None = None
    incentive: Incentive | None = None
    nav_facility: NavFacility | None = None

    @staticmethod
    def build(economy: Economy, shares: Float[Array, "class ..."]) -> "PrivateCredit":
        """Assembles the cohorts; `shares` is what they hold together, by class."""

        def stack(key: str) -> Float[Array, "cohort ..."]:
            return economy.cohort_figures(key, NEUTRAL.get(key))

        parts = cohort_shares(economy)
        sale_discount = stack("sale_discount")
        sold_for = 1.0 - sale_discount
        cover = stack("covenant_cover")
        # Without a covenant any line is allowed.
        covenant = jnp.where(cover > 0.0, 1.0 / (1.0 + cover), 1e6)
        return PrivateCredit(
            shares=parts * shares[None],
            parts=parts,
            line_spread=stack("line_spread"),
            maximum_advance=stack("maximum_advance"),
            covenant=covenant,
            cure=sold_for / jnp.maximum(sold_for - covenant, 0.05),
            opacity=stack("opacity_half_life"),
            other_yield=stack("other_yield"),
            other_loss=stack("other_loss"),
            fee=stack("fee"),
            sale_discount=sale_discount,
            liquidation=stack("liquidation"),
            dispersion=stack("cover_dispersion"),
            base_requests=stack("base_requests"),
            request_slope=stack("request_slope"),
            gate=stack("gate"),
            redeemable=stack("redeemable"),
            carry_over=stack("carry_over"),
            lending_slope=stack("lending_slope"),
            discount=stack("discount"),
            discount_slope=stack("discount_slope"),
            closing_discount=stack("closing_discount"),
            commitments=Commitments.build(economy),
            incentive=Incentive.build(economy),
            nav_facility=NavFacility.build(economy),
        )

    def opening(self, economy: Economy, value: Float[Array, "class ..."]) -> FundState:
        """Holdings at `as_of`; `value` is that of each class at market [USD bn]."""
        marked = jnp.sum(self.shares * value[None], axis=1)
        one, none = jnp.ones_like(marked), jnp.zeros_like(marked)
        alike = one / marked.shape[0]
        calls, loan = self.commitments, self.nav_facility
        opened = FundState(
            marked=marked,
            other=economy.cohort_figures("other_assets"),
            line=economy.cohort_figures("line", NEUTRAL["line"]),
            index=one,
            peak=one,
            absorbed=none,
            waiting=none,
            lends=ratio_above(marked, jnp.sum(marked, axis=0)[None], alike),
            calls=None if calls is None else calls.opening(),
            nav_loan=None if loan is None else loan.start,
        )
        if self.incentive is None:
            return opened
        accounts = self.incentive.opening(self.net_assets(opened))
        return dataclasses.replace(opened, incentive=accounts)

    def net_assets(
        self, state: FundState, other_price: Float[Array, "..."] | None = None
    ) -> Float[Array, "cohort ..."]:
        """Assets less everything borrowed [USD bn]; other assets at their price."""
        other = state.other if other_price is None else state.other * other_price
        net = state.marked + other - state.line
        if self.commitments is not None and state.calls is not None:
            net = net - self.commitments.members.spread(state.calls.line)
        if self.nav_facility is not None and state.nav_loan is not None:
            net = net - self.nav_facility.members.spread(state.nav_loan)
        return net

    def _shortfall(
        self, value: Float[Array, "cohort ..."], line: Float[Array, "cohort ..."]
    ) -> Float[Array, "cohort ..."]:
        """Expected loss per unit of line when cover is lognormal across funds."""
        cover = safe_log(value * self.liquidation / jnp.maximum(line, 1e-6), -10.0)
        sigma = self.dispersion
        tail = normal_cdf(-cover / sigma) - jnp.exp(
            cover + sigma**2 / 2.0
        ) * normal_cdf(-cover / sigma - sigma)
        return jnp.maximum(tail, 0.0)

    @computed_once
    def __call__(
        self,
        quarter: Drivers,
        flows: ClassFlows,
        moved: Moved | None,
        price: Float[Array, "class ..."],
        charged: Float[Array, "institution ..."],
        state: FundState,
        other_price: Float[Array, "..."] | None = None,
        other_moved: Float[Array, "..."] | None = None,
    ) -> tuple[FundFlows, FundState]:
        """Collects, calls, marks, meets margin calls and redemptions up to the gate.

        **Arguments:** `charged`, use of each institution's buffer at the start;
        `other_price`, of a unit of other assets where public markets move it;
        `other_moved`, its change since the last quarter.
        """
        held = self.shares

        def own(
            of: Callable[[ClassFlows | Moved], Float[Array, "class ..."]],
        ) -> Float[Array, "cohort ..."]:
            figures = jnp.sum(held * of(flows)[None], axis=1)
            if moved is None:
                return figures
            # What went to banks instead, each cohort bears by its part.
            return figures - jnp.sum(self.parts * of(moved)[None], axis=1)

        value = own(lambda x: x.balance * price + x.receivable)
        net = own(lambda x: x.lent - x.repaid - x.recovered)
        loss, claimed = own(lambda x: x.loss), own(lambda x: x.claimed)
        interest = own(lambda x: x.interest)
        carried = state.marked + net - loss - claimed
        smoothing = 1.0 - jnp.exp2(-DT / self.opacity)
        marked = carried + (value - carried) * smoothing

        other = state.other
        if other_price is not None:
            other = state.other * other_price

        # The line finances its share of net lending, and shrinks with repayment; where
        # it exceeds what is left, all that comes back is the bank's.
        assets_before = jnp.maximum(state.marked + other, 1e-6)
        drawn = jnp.minimum(state.line / assets_before, 1.0) * (net - claimed)
        line = state.line + drawn
        called, bearable = net - claimed - drawn, loss
        sold_for = 1.0 - self.sale_discount
        calls = call_state = beside = None
        if self.commitments is not None and state.calls is not None:
            callers = self.commitments.members
            calls, call_state = self.commitments(
                Book(*(callers.pick(x) for x in (called, other, sold_for))),
                charged,
                quarter.short,
                callers.pick(loss),
                state.calls,
            )
            beside = self.commitments.of_all(calls)
            drawn, line = drawn + beside.overdrawn, line + beside.overdrawn
            called = callers.merge(calls.called, called)
            other, bearable = other - beside.sold, loss - beside.loss
        assets = marked + other
        over = jnp.maximum(line - self.covenant * assets, 0.0) * self.cure
        due = jnp.maximum(line - self.maximum_advance * assets, over)
        margin_call = jnp.clip(due, 0.0, line)
        sold = jnp.minimum(margin_call / sold_for, other)
        line = line - sold * sold_for
        left = other - sold
        share = self._shortfall(value + left, line)
        # Banks bear what the shortfall asks of a loss; the rest is asked of later ones.
        line_loss = jnp.clip(share * line - state.absorbed, 0.0, bearable)
        absorbed = state.absorbed + line_loss

        income = interest + state.other * self.other_yield * DT
        nav_before = jnp.maximum(self.net_assets(state, other_price), 1.0)
        fee = self.fee * nav_before * DT
        line_interest = state.line * (quarter.short + self.line_spread) * DT
        # Ordinary losses come out of income, so that principal is kept whole.
        other_loss = state.other * self.other_loss * DT
        distributed = income - fee - line_interest - other_loss
        holds, owes = marked + left, line
        if beside is not None:
            owes, sold = owes + beside.line, sold + beside.sold
            distributed = distributed - beside.interest
        gain = marked - (state.marked + net - claimed) - sold * self.sale_discount
        if other_moved is not None:
            gain = gain + state.other * other_moved

        loan = incentive = accounts = owed = None
        if self.nav_facility is not None and state.nav_loan is not None:
            owed = self.nav_facility.owed(state.nav_loan, quarter.short)
        if self.incentive is not None and state.incentive is not None:
            managed, worth = holds, holds - owes
            if beside is not None:
                managed = managed + beside.undrawn
            if self.nav_facility is not None and owed is not None:
                worth = worth - self.nav_facility.members.spread(owed)
            incentive, accounts = self.incentive(
                distributed, called, nav_before, worth, managed, state.incentive
            )
            distributed = distributed - incentive.fee
        if (
            self.nav_facility is not None
            and state.nav_loan is not None
            and owed is not None
        ):
            borrowers = self.nav_facility.members
            loan = self.nav_facility(
                state.nav_loan,
                owed,
                borrowers.pick(distributed),
                borrowers.pick(holds - owes),
                borrowers.pick(bearable - line_loss),
            )
            repaid, lost = map(borrowers.spread, (loan.repaid, loan.loss))
            gain = gain + borrowers.spread(state.nav_loan - loan.balance)
            distributed, line_loss = distributed - repaid, line_loss + lost
            owes = owes + borrowers.spread(loan.balance)
            accounts = None if accounts is None else accounts.keeping(repaid)
        if beside is not None:
            gain, line_loss = gain + beside.loss, line_loss + beside.loss
        index = jnp.maximum(state.index * (1.0 + gain / nav_before), 0.0)
        peak = jnp.maximum(state.peak, index)
        fallen = jnp.maximum(1.0 - ratio_above(index, peak, 1.0), 0.0)
        nav = jnp.maximum(holds - owes, 0.0)

        # Who waits asks again; the others ask anew.
        asked = self.base_requests + self.request_slope * fallen
        requests = asked + jnp.maximum(1.0 - asked, 0.0) * state.waiting
        liquid = nav * self.redeemable
        redeemed = jnp.minimum(jnp.minimum(requests, self.gate) * liquid, left)
        waiting = self.carry_over * jnp.clip(
            requests - ratio_above(redeemed, liquid), 0.0, 1.0
        )
        # In normal times new money replaces ordinary redemptions.
        subscribed = jnp.minimum(redeemed, self.base_requests * liquid)

        # A market price sees through smoothed marks, and shares are issued near NAV.
        lag = 1.0 - ratio_above(jnp.maximum(value + left - owes, 0.0), nav, 1.0)
        discount = jnp.clip(self.discount + self.discount_slope * lag, 0.0, 0.95)
        room = jnp.maximum(self.closing_discount - self.discount, 1e-3)
        issuing = jnp.clip((self.closing_discount - discount) / room, 0.0, 1.0)
        falling = 1.0 - self.lending_slope * (1.0 - index)
        lending = jnp.clip(falling, 0.0, 1.0) * issuing

        kept = left - redeemed + subscribed
        if other_price is not None:
            kept = kept / other_price
        if self.commitments is not None and calls is not None:
            callers = self.commitments.members
            reached = callers.pick(lending) * calls.reach
            lending = callers.merge(reached, lending)
        out = FundFlows(
            value=value,
            nav=nav,
            income=income,
            interest=interest,
            fee=fee,
            line_interest=line_interest,
            ordinary_loss=other_loss,
            distributed=distributed,
            called=called,
            drawn=drawn,
            margin_call=margin_call,
            sold=sold,
            redeemed=redeemed - subscribed,
            requests=requests,
            waiting=waiting,
            credit_loss=loss,
            line_loss=line_loss,
            gate_headroom=headroom(self.gate, requests),
            line_share=share,
            lending=lending,
            openness=jnp.sum(state.lends * lending, axis=0),
            line=line,
            index=index,
            discount=discount,
            calls=calls,
            incentive=incentive,
            nav_loan=loan,
        )
        return out, FundState(
            marked=marked,
            other=kept,
            line=line,
            index=index,
            peak=peak,
            absorbed=absorbed,
            waiting=waiting,
            lends=state.lends,
            calls=call_state,
            incentive=accounts,
            nav_loan=None if loan is None else loan.balance,
        )


def cohort_shares(economy: Economy) -> Float[Array, "cohort class"]:
    """Share of every cohort in what funds hold of each class."""
    families = ("neoclouds", "neoclouds", "spvs", "spvs")
    columns = [
        jnp.broadcast_to(
            economy.cohort_figures(f"holdings.{instrument}")[:, None],
            (len(economy.cohorts()), len(economy.members(family))),
        )
        for instrument, family in zip(INSTRUMENTS, families, strict=True)
    ]
    return jnp.concatenate(columns, axis=1)
