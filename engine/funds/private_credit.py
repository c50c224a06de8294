"""Private-credit cohorts by type: smoothed marks, bank lines, gates, discounts (M10).

A cohort is the funds of one type and concentration in AI. All have the same terms, of
which a type without a line, a gate or a market price has the neutral value.
"""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.drivers import Drivers
from engine.economy import Economy
from engine.funds.holders import INSTRUMENTS, ClassFlows
from engine.funds.lending import Moved
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


class FundState(eqx.Module):
    """Balance sheet and record of every cohort [USD bn]."""

    marked: Float[Array, "cohort ..."]
    """AI assets as reported: smoothed marks."""
    other: Float[Array, "cohort ..."]
    line: Float[Array, "cohort ..."]
    index: Float[Array, "cohort ..."]
    """NAV per share against `as_of`."""
    peak: Float[Array, "cohort ..."]
    absorbed: Float[Array, "cohort ..."]
    """Cumulated loss on lines that banks bear."""
    waiting: Float[Array, "cohort ..."]
    """Requests not yet met, as a share of redeemable capital."""
    lends: Float[Array, "cohort ..."]
    """Share of what all cohorts have lent at `as_of`: its weight in lending."""


class FundFlows(eqx.Module):
    """One quarter of every cohort [USD bn]."""

    value: Float[Array, "cohort ..."]
    """AI assets at true marks."""
    nav: Float[Array, "cohort ..."]
    income: Float[Array, "cohort ..."]
    interest: Float[Array, "cohort ..."]
    """Of the AI assets, part of income."""
    fee: Float[Array, "cohort ..."]
    line_interest: Float[Array, "cohort ..."]
    ordinary_loss: Float[Array, "cohort ..."]
    distributed: Float[Array, "cohort ..."]
    """Income paid to investors, or called from them where negative."""
    called: Float[Array, "cohort ..."]
    """Net lending called from investors, or principal returned where negative."""
    drawn: Float[Array, "cohort ..."]
    """Net lending that the bank line finances."""
    margin_call: Float[Array, "cohort ..."]
    sold: Float[Array, "cohort ..."]
    redeemed: Float[Array, "cohort ..."]
    requests: Float[Array, "cohort ..."]
    """New requests and the queue, as a share of redeemable capital."""
    waiting: Float[Array, "cohort ..."]
    credit_loss: Float[Array, "cohort ..."]
    line_loss: Float[Array, "cohort ..."]
    gate_headroom: Float[Array, "cohort ..."]
    line_share: Float[Array, "cohort ..."]
    """Expected shortfall on lines, per unit."""
    lending: Float[Array, "cohort ..."]
    """Openness of the cohort as a lender."""
    openness: Float[Array, "..."]
    """Openness of all cohorts, by what they lend."""
    line: Float[Array, "cohort ..."]
    index: Float[Array, "cohort ..."]
    discount: Float[Array, "cohort ..."]
    """Of the market price to net asset value; 0 where there is no price."""


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
        )

    def opening(self, economy: Economy, value: Float[Array, "class ..."]) -> FundState:
        """Holdings at `as_of`; `value` is that of each class at market [USD bn]."""
        marked = jnp.sum(self.shares * value[None], axis=1)
        one, none = jnp.ones_like(marked), jnp.zeros_like(marked)
        alike = one / marked.shape[0]
        return FundState(
            marked=marked,
            other=economy.cohort_figures("other_assets"),
            line=economy.cohort_figures("line", NEUTRAL["line"]),
            index=one,
            peak=one,
            absorbed=none,
            waiting=none,
            lends=ratio_above(marked, jnp.sum(marked, axis=0)[None], alike),
        )

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
        state: FundState,
        other_price: Float[Array, "..."] | None = None,
        other_moved: Float[Array, "..."] | None = None,
    ) -> tuple[FundFlows, FundState]:
        """Collects, marks, meets margin calls and redemptions up to the gate.

        `other_price` is that of a unit of other assets where public markets move it,
        `other_moved` its change since the last quarter.
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

        # The line finances its share of net lending, and shrinks with repayment.
        leverage = ratio_above(state.line, state.marked + other)
        drawn = leverage * (net - claimed)
        line, assets = state.line + drawn, marked + other
        over = jnp.maximum(line - self.covenant * assets, 0.0) * self.cure
        due = jnp.maximum(line - self.maximum_advance * assets, over)
        margin_call = jnp.clip(due, 0.0, line)
        sold = jnp.minimum(margin_call / (1.0 - self.sale_discount), other)
        line = line - sold * (1.0 - self.sale_discount)
        left = other - sold
        share = self._shortfall(value + left, line)
        # Banks bear what the shortfall asks of a loss; the rest is asked of later ones.
        line_loss = jnp.clip(share * line - state.absorbed, 0.0, loss)

        nav_before = jnp.maximum(state.marked + other - state.line, 1.0)
        gain = marked - (state.marked + net - claimed) - sold * self.sale_discount
        if other_moved is not None:
            gain = gain + state.other * other_moved
        index = jnp.maximum(state.index * (1.0 + gain / nav_before), 0.0)
        peak = jnp.maximum(state.peak, index)
        fallen = jnp.maximum(1.0 - ratio_above(index, peak, 1.0), 0.0)
        nav = jnp.maximum(marked + left - line, 0.0)

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
        lag = 1.0 - ratio_above(jnp.maximum(value + left - line, 0.0), nav, 1.0)
        discount = jnp.clip(self.discount + self.discount_slope * lag, 0.0, 0.95)
        room = jnp.maximum(self.closing_discount - self.discount, 1e-3)
        issuing = jnp.clip((self.closing_discount - discount) / room, 0.0, 1.0)
        falling = 1.0 - self.lending_slope * (1.0 - index)
        lending = jnp.clip(falling, 0.0, 1.0) * issuing

        income = interest + state.other * self.other_yield * DT
        fee = self.fee * nav_before * DT
        line_interest = state.line * (quarter.short + self.line_spread) * DT
        # Ordinary losses come out of income, so that principal is kept whole.
        other_loss = state.other * self.other_loss * DT
        kept = left - redeemed + subscribed
        if other_price is not None:
            kept = kept / other_price
        out = FundFlows(
            value=value,
            nav=nav,
            income=income,
            interest=interest,
            fee=fee,
            line_interest=line_interest,
            ordinary_loss=other_loss,
            distributed=income - fee - line_interest - other_loss,
            called=net - claimed - drawn,
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
        )
        return out, FundState(
            marked=marked,
            other=kept,
            line=line,
            index=index,
            peak=peak,
            absorbed=state.absorbed + line_loss,
            waiting=waiting,
            lends=state.lends,
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
