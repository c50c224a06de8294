"""Hyperscalers: build themselves, rent from others, pay with cash flow, then bonds."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.drivers import Drivers
from engine.economy import Economy
from engine.grid import DT, TimeGrid
from engine.numerics import ratio_above
from engine.once import computed_once
from engine.survival import headroom


class HyperscalerState(eqx.Module):
    """Cash and bonds issued since `as_of` [USD bn]."""

    cash: Float[Array, "hyperscaler ..."]
    bonds: Float[Array, "hyperscaler ..."]


class HyperscalerFlows(eqx.Module):
    """One quarter of the hyperscalers [USD bn]."""

    operating: Float[Array, "hyperscaler ..."]
    capex: Float[Array, "hyperscaler ..."]
    rent: Float[Array, "hyperscaler ..."]
    interest: Float[Array, "hyperscaler ..."]
    earned: Float[Array, "hyperscaler ..."]
    payout: Float[Array, "hyperscaler ..."]
    issued: Float[Array, "hyperscaler ..."]
    headroom: Float[Array, "hyperscaler ..."]
    cash: Float[Array, "hyperscaler ..."]
    debt: Float[Array, "hyperscaler ..."]


class Hyperscalers(eqx.Module):
    """Parameters by hyperscaler."""

    ocf: Float[Array, "hyperscaler ..."]
    growth: Float[Array, "hyperscaler ..."]
    ai_margin: Float[Array, "hyperscaler ..."]
    ai_revenue: Float[Array, "hyperscaler ..."]
    lab_margin: Float[Array, "hyperscaler ..."]
    payout: Float[Array, "hyperscaler ..."]
    payout_kept: Float[Array, "hyperscaler ..."]
    """Share of the usual payout that bonds pay for before it is cut."""
    legacy_debt: Float[Array, "hyperscaler ..."]
    coupon: Float[Array, "hyperscaler ..."]
    spread: Float[Array, "hyperscaler ..."]
    spread_slope: Float[Array, "hyperscaler ..."]
    limit: Float[Array, "hyperscaler ..."]
    minimum_cash: Float[Array, "hyperscaler ..."]
    observed: Float[Array, "..."]
    access: Float[Array, "..."]

    @staticmethod
    def build(economy: Economy) -> "Hyperscalers":
        """Assembles the hyperscalers from the figures."""

        def stack(key: str) -> Float[Array, "hyperscaler ..."]:
            return economy.stack("hyperscalers", key)

        return Hyperscalers(
            ocf=stack("ocf"),
            growth=stack("ocf_growth"),
            ai_margin=stack("ai_margin"),
            ai_revenue=stack("ai_revenue"),
            lab_margin=stack("lab_margin"),
            payout=stack("payout"),
            payout_kept=stack("payout_kept"),
            legacy_debt=stack("legacy_debt"),
            coupon=stack("coupon") + economy["shifts.rate_all"],
            spread=stack("spread"),
            spread_slope=stack("spread_slope"),
            limit=stack("debt_limit"),
            minimum_cash=stack("minimum_cash"),
            observed=economy["adoption.history"][-1],
            access=jnp.clip(economy["access.level"], 0.0, 1.0),
        )

    @staticmethod
    def opening(economy: Economy) -> HyperscalerState:
        """Cash at `as_of`, no new bonds."""
        cash = economy.stack("hyperscalers", "cash")
        return HyperscalerState(cash=cash, bonds=jnp.zeros_like(cash))

    @computed_once
    def __call__(
        self,
        quarter: Drivers,
        planned: Float[Array, "hyperscaler ..."],
        rent: Float[Array, "hyperscaler ..."],
        from_labs: Float[Array, "hyperscaler ..."],
        state: HyperscalerState,
    ) -> tuple[HyperscalerFlows, HyperscalerState]:
        """Pays rent, interest and capex; what of payouts isn't kept is cut first.

        `planned` capex of the quarter, `rent` to the economy's vehicles, `from_labs`
        what labs paid for cloud capacity [USD bn].
        """
        core = self.ocf * (1.0 + self.growth) ** quarter.years
        ai = self.ai_margin * self.ai_revenue * (quarter.revenue - self.observed)
        operating = (core + ai) * DT + self.lab_margin * from_labs
        annual = jnp.maximum(4.0 * operating, 1e-6)
        debt = self.legacy_debt + state.bonds
        rate = (
            quarter.ten_year
            + self.spread * quarter.spread_factor
            + self.spread_slope * ratio_above(debt, annual)
        )
        interest = (self.legacy_debt * self.coupon + state.bonds * rate) * DT
        capex = planned * quarter.response
        dues = capex + rent + interest
        capacity = jnp.maximum(self.limit * annual - debt, 0.0) * self.access
        earned = state.cash * quarter.short * DT
        spare = state.cash - self.minimum_cash
        flow = operating + earned - dues
        # Cash beyond four times the minimum goes to shareholders as well.
        idle = jnp.maximum(spare + flow - 3.0 * self.minimum_cash, 0.0)
        wanted = jnp.maximum(self.payout * operating, idle)
        kept = jnp.minimum(
            self.payout_kept * self.payout * operating, spare + flow + capacity
        )
        payout = jnp.maximum(jnp.minimum(wanted, spare + flow), jnp.maximum(kept, 0.0))
        gap = payout - spare - flow
        issued = jnp.clip(gap, 0.0, capacity)
        # Beyond the bond limit the builder builds less, then draws on minimum cash.
        cut = jnp.clip(gap - issued, 0.0, capex)
        cash = state.cash + flow - payout + issued + cut
        flows = HyperscalerFlows(
            operating=operating,
            capex=capex - cut,
            rent=rent,
            interest=interest,
            earned=earned,
            payout=payout,
            issued=issued,
            headroom=headroom(spare + operating + capacity, dues),
            cash=cash,
            debt=debt + issued,
        )
        return flows, HyperscalerState(cash=cash, bonds=state.bonds + issued)


def planned_capex(
    economy: Economy, grid: TimeGrid
) -> Float[Array, "quarter hyperscaler"]:
    """Planned capex by model quarter [USD bn]."""
    paths = [
        grid.path(
            economy[f"hyperscalers.{name}.capex.dates"],
            economy[f"hyperscalers.{name}.capex.values"],
        )
        for name in economy.members("hyperscalers")
    ]
    return grid.modelled(jnp.stack(paths, axis=1)) * DT
