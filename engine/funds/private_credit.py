"""The private-credit fund cohort: smoothed marks, a bank line, a gate, fees (M10)."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.drivers import Drivers
from engine.economy import Economy
from engine.funds.holders import ClassFlows
from engine.grid import DT
from engine.numerics import normal_cdf, ratio_above, safe_log
from engine.survival import headroom


class FundState(eqx.Module):
    """Balance sheet and record of the cohort [USD bn]."""

    marked: Float[Array, "..."]
    """AI assets as reported: smoothed marks."""
    other: Float[Array, "..."]
    line: Float[Array, "..."]
    index: Float[Array, "..."]
    """NAV per share against `as_of`."""
    peak: Float[Array, "..."]
    absorbed: Float[Array, "..."]
    """Cumulated loss on lines that banks bear."""


class FundFlows(eqx.Module):
    """One quarter of the cohort [USD bn]."""

    value: Float[Array, "..."]
    """AI assets at true marks."""
    nav: Float[Array, "..."]
    income: Float[Array, "..."]
    fee: Float[Array, "..."]
    line_interest: Float[Array, "..."]
    ordinary_loss: Float[Array, "..."]
    distributed: Float[Array, "..."]
    """Income paid to investors, or called from them where negative."""
    called: Float[Array, "..."]
    """Net lending called from investors, or principal returned where negative."""
    drawn: Float[Array, "..."]
    """Net lending that the bank line finances."""
    margin_call: Float[Array, "..."]
    sold: Float[Array, "..."]
    redeemed: Float[Array, "..."]
    requests: Float[Array, "..."]
    credit_loss: Float[Array, "..."]
    line_loss: Float[Array, "..."]
    gate_headroom: Float[Array, "..."]
    line_share: Float[Array, "..."]
    """Expected shortfall on lines, per unit."""
    openness: Float[Array, "..."]
    line: Float[Array, "..."]
    index: Float[Array, "..."]


class PrivateCredit(eqx.Module):
    """Terms of the cohort's funds."""

    shares: Float[Array, "class ..."]
    line_spread: Float[Array, "..."]
    maximum_advance: Float[Array, "..."]
    opacity: Float[Array, "..."]
    other_yield: Float[Array, "..."]
    other_loss: Float[Array, "..."]
    fee: Float[Array, "..."]
    sale_discount: Float[Array, "..."]
    liquidation: Float[Array, "..."]
    dispersion: Float[Array, "..."]
    base_requests: Float[Array, "..."]
    request_slope: Float[Array, "..."]
    gate: Float[Array, "..."]
    redeemable: Float[Array, "..."]
    lending_slope: Float[Array, "..."]

    @staticmethod
    def build(economy: Economy, shares: Float[Array, "class ..."]) -> "PrivateCredit":
        """Assembles the cohort; `shares` are its holdings by class."""

        def figure(key: str) -> Float[Array, "..."]:
            return economy[f"funds.private_credit.{key}"]

        return PrivateCredit(
            shares=shares,
            line_spread=figure("line_spread"),
            maximum_advance=figure("maximum_advance"),
            opacity=figure("opacity_half_life"),
            other_yield=figure("other_yield"),
            other_loss=figure("other_loss"),
            fee=figure("fee"),
            sale_discount=figure("sale_discount"),
            liquidation=figure("liquidation"),
            dispersion=figure("cover_dispersion"),
            base_requests=figure("base_requests"),
            request_slope=figure("request_slope"),
            gate=figure("gate"),
            redeemable=figure("redeemable"),
            lending_slope=figure("lending_slope"),
        )

    def opening(self, economy: Economy, value: Float[Array, "class ..."]) -> FundState:
        """Holdings at `as_of`; `value` is that of each class at market [USD bn]."""
        marked = jnp.sum(self.shares * value, axis=0)
        one = jnp.ones_like(marked)
        return FundState(
            marked=marked,
            other=economy["funds.private_credit.other_assets"],
            line=economy["funds.private_credit.line"],
            index=one,
            peak=one,
            absorbed=jnp.zeros_like(marked),
        )

    def _shortfall(
        self, value: Float[Array, "..."], line: Float[Array, "..."]
    ) -> Float[Array, "..."]:
        """Expected loss per unit of line when cover is lognormal across funds."""
        cover = safe_log(value * self.liquidation / jnp.maximum(line, 1e-6), -10.0)
        sigma = self.dispersion
        tail = normal_cdf(-cover / sigma) - jnp.exp(
            cover + sigma**2 / 2.0
        ) * normal_cdf(-cover / sigma - sigma)
        return jnp.maximum(tail, 0.0)

    def __call__(
        self,
        quarter: Drivers,
        flows: ClassFlows,
        price: Float[Array, "class ..."],
        state: FundState,
    ) -> tuple[FundFlows, FundState]:
        """Collects, marks, meets margin calls and redemptions up to the gate."""
        held = self.shares
        value = jnp.sum(held * (flows.balance * price + flows.receivable), axis=0)
        net = jnp.sum(held * (flows.lent - flows.repaid - flows.recovered), axis=0)
        loss = jnp.sum(held * flows.loss, axis=0)
        claimed = jnp.sum(held * flows.claimed, axis=0)
        carried = state.marked + net - loss - claimed
        smoothing = 1.0 - jnp.exp2(-DT / self.opacity)
        marked = carried + (value - carried) * smoothing

        # The line finances its share of net lending, and shrinks with repayment.
        leverage = ratio_above(state.line, state.marked + state.other)
        drawn = leverage * (net - claimed)
        line = state.line + drawn
        margin_call = jnp.clip(
            line - self.maximum_advance * (marked + state.other), 0.0, line
        )
        sold = jnp.minimum(margin_call / (1.0 - self.sale_discount), state.other)
        line = line - sold * (1.0 - self.sale_discount)
        share = self._shortfall(value + state.other - sold, line)
        absorbed = jnp.maximum(state.absorbed, share * line)

        nav_before = jnp.maximum(state.marked + state.other - state.line, 1.0)
        gain = marked - (state.marked + net - claimed) - sold * self.sale_discount
        index = jnp.maximum(state.index * (1.0 + gain / nav_before), 0.0)
        peak = jnp.maximum(state.peak, index)
        fallen = jnp.maximum(1.0 - ratio_above(index, peak, 1.0), 0.0)
        requests = self.base_requests + self.request_slope * fallen
        nav = jnp.maximum(marked + state.other - sold - line, 0.0)
        wanted = jnp.minimum(requests, self.gate) * nav * self.redeemable
        redeemed = jnp.minimum(wanted, state.other - sold)

        # In normal times new money replaces ordinary redemptions.
        subscribed = jnp.minimum(redeemed, self.base_requests * nav * self.redeemable)

        income = (
            jnp.sum(held * flows.interest, axis=0) + state.other * self.other_yield * DT
        )
        fee = self.fee * nav_before * DT
        line_interest = state.line * (quarter.short + self.line_spread) * DT
        # Ordinary losses come out of income, so that principal is kept whole.
        other_loss = state.other * self.other_loss * DT
        out = FundFlows(
            value=value,
            nav=nav,
            income=income,
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
            credit_loss=loss,
            line_loss=absorbed - state.absorbed,
            gate_headroom=headroom(self.gate, requests),
            line_share=share,
            openness=jnp.clip(1.0 - self.lending_slope * (1.0 - index), 0.0, 1.0),
            line=line,
            index=index,
        )
        other = state.other - sold - redeemed + subscribed
        return out, FundState(
            marked=marked,
            other=other,
            line=line,
            index=index,
            peak=peak,
            absorbed=absorbed,
        )
