"""Hyperscalers: build themselves, rent from others, pay with cash flow, then borrow."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.bottlenecks.priority import Allotment, built
from engine.drivers import Drivers
from engine.economy import Economy
from engine.grid import DT, TimeGrid
from engine.numerics import ratio_above
from engine.once import computed_once
from engine.survival import headroom
from engine.vehicles.acquisitions import AcquisitionFlows, Acquisitions
from engine.vehicles.hyperscaler_funding import (
    FundingFlows,
    FundingState,
    HyperscalerFunding,
    Rungs,
)
from engine.vehicles.power import FIGURE, dearer


class HyperscalerState(eqx.Module):
    """Cash and bonds issued since `as_of` [USD bn]; what the funding by cost holds."""

    cash: Float[Array, "hyperscaler ..."]
    bonds: Float[Array, "hyperscaler ..."]
    funding: FundingState | None
    acquired: Float[Array, "hyperscaler ..."] | None = None
    """Cost of neoclouds bought that is not yet earned back [USD bn]."""


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
    funding: FundingFlows | None
    """None where bonds are the only rung."""
    acquisitions: AcquisitionFlows | None = None
    """None where nobody buys failed neoclouds."""

    @property
    def owed(self) -> Float[Array, "hyperscaler ..."]:
        """Debt, and what is owed to lessors off the balance sheet."""
        return (
            self.debt if self.funding is None else self.debt + self.funding.obligation
        )

    @property
    def net_debt(self) -> Float[Array, "hyperscaler ..."]:
        """What is owed, less cash and what was bought, at cost."""
        net = self.owed - self.cash
        return net if self.acquisitions is None else net - self.acquisitions.held


class Hyperscalers(eqx.Module):
    """Parameters by hyperscaler."""

    ocf: Float[Array, "hyperscaler ..."]
    """Operating cash flow at `as_of` before interest paid and earned."""
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
    funding: HyperscalerFunding | None
    acquisitions: Acquisitions | None = None
    power: Float[Array, "hyperscaler ..."] | None = None
    """Power's part of AI revenue at `power.price`; None where nobody tells it."""

    @staticmethod
    def build(economy: Economy) -> "Hyperscalers":
        """Assembles the hyperscalers from the figures."""

        def stack(key: str) -> Float[Array, "hyperscaler ..."]:
            return economy.stack("hyperscalers", key)

        return Hyperscalers(
            ocf=before_interest(economy),
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
            funding=HyperscalerFunding.build(economy),
            acquisitions=Acquisitions.build(economy),
            power=(
                economy.stack("hyperscalers", FIGURE, missing=0.0)
                if economy.states("hyperscalers", FIGURE)
                else None
            ),
        )

    @staticmethod
    def opening(economy: Economy) -> HyperscalerState:
        """Cash at `as_of`, no new bonds."""
        cash = economy.stack("hyperscalers", "cash")
        return HyperscalerState(
            cash=cash,
            bonds=jnp.zeros_like(cash),
            funding=HyperscalerFunding.opening(economy),
            acquired=Acquisitions.opening(economy),
        )

    def buying(self, state: HyperscalerState) -> Float[Array, "..."] | None:
        """What they can pay for failed neoclouds this quarter, if they buy any."""
        if self.acquisitions is None:
            return None
        spare = jnp.maximum(state.cash - self.minimum_cash, 0.0)
        return self.acquisitions.share * jnp.sum(spare, axis=0)

    def supply_spread(self, state: HyperscalerState) -> Float[Array, "..."] | None:
        """What their bonds add to spreads of investment grade (M16), if anything."""
        if self.funding is None or state.funding is None:
            return None
        return self.funding.supply_spread(state.funding)

    @computed_once
    def __call__(
        self,
        quarter: Drivers,
        planned: Float[Array, "hyperscaler ..."],
        rent: Float[Array, "hyperscaler ..."],
        from_labs: Float[Array, "hyperscaler ..."],
        state: HyperscalerState,
        chips: Allotment | None = None,
        bought: Float[Array, "..."] | None = None,
    ) -> tuple[HyperscalerFlows, HyperscalerState]:
        """Pays rent, interest and capex; what of payouts isn't kept is cut first.

        `planned` capex of the quarter, `rent` to the economy's vehicles, `from_labs`
        what labs paid for cloud capacity, `bought` the price of failed neoclouds
        [USD bn]; `chips` that are to be had for capex.
        """
        core = self.ocf * (1.0 + self.growth) ** quarter.years
        ai = self.ai_margin * self.ai_revenue * (quarter.revenue - self.observed)
        operating = (core + ai) * DT + self.lab_margin * from_labs
        rise = dearer(self.power, quarter.power)
        if rise is not None:
            sold = self.ai_revenue * quarter.revenue * DT + from_labs
            operating = operating - rise * sold
        annual = jnp.maximum(4.0 * operating, 1e-6)
        debt = self.legacy_debt + state.bonds
        capex = built(chips, planned * quarter.response)
        rungs = self._rungs(quarter, annual, capex, state)
        if rungs is None:
            rate = (
                quarter.ten_year
                + self.spread * quarter.spread_factor
                + self.spread_slope * ratio_above(debt, annual)
            )
            capacity = jnp.maximum(self.limit * annual - debt, 0.0) * self.access
        else:
            rate, capacity = rungs.bond_rate, rungs.bonds + rungs.leases
        interest = (self.legacy_debt * self.coupon + state.bonds * rate) * DT
        dues = capex + rent + interest
        if rungs is not None:
            dues = dues + rungs.interest + rungs.returned
        earned = state.cash * quarter.short * DT
        before, acquired = self._buy(bought, state)
        spare = before - self.minimum_cash
        flow = operating + earned - dues
        # Cash beyond four times the minimum goes to shareholders as well.
        idle = jnp.maximum(spare + flow - 3.0 * self.minimum_cash, 0.0)
        usual = self.payout * operating
        wanted = jnp.maximum(usual, idle)
        kept = jnp.minimum(self.payout_kept * usual, spare + flow + capacity)
        payout = jnp.maximum(jnp.minimum(wanted, spare + flow), jnp.maximum(kept, 0.0))
        gap = payout - spare - flow
        if self.funding is None or rungs is None:
            issued = borrowed = jnp.clip(gap, 0.0, capacity)
        else:
            issued, leased = self.funding.split(gap, rungs)
            borrowed = issued + leased
        # Beyond the limit the builder builds less, then draws on minimum cash.
        cut = jnp.clip(gap - borrowed, 0.0, capex)
        cash = before + flow - payout + borrowed + cut
        funding = funding_state = None
        if self.funding is not None and rungs is not None:
            funding, funding_state = self.funding.after(
                issued,
                borrowed - issued,
                jnp.maximum(state.cash - cash, 0.0),
                jnp.maximum(usual - payout, 0.0),
                cut,
                annual,
                rungs,
            )
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
            funding=funding,
            acquisitions=acquired,
        )
        return flows, HyperscalerState(
            cash=cash,
            bonds=state.bonds + issued,
            funding=funding_state,
            acquired=None if acquired is None else acquired.held,
        )

    def _buy(
        self, price: Float[Array, "..."] | None, state: HyperscalerState
    ) -> tuple[Float[Array, "hyperscaler ..."], AcquisitionFlows | None]:
        """Cash once failed neoclouds are paid for: out of spare cash, never a due."""
        if self.acquisitions is None or price is None or state.acquired is None:
            return state.cash, None
        spare = state.cash - self.minimum_cash
        found = self.acquisitions.settle(price, spare, state.acquired)
        return state.cash + found.net, found

    def _rungs(
        self,
        quarter: Drivers,
        annual: Float[Array, "hyperscaler ..."],
        capex: Float[Array, "hyperscaler ..."],
        state: HyperscalerState,
    ) -> Rungs | None:
        """Bonds and leases by cost, where the config has them."""
        if self.funding is None or state.funding is None:
            return None
        return self.funding.rungs(
            quarter,
            self.spread,
            self.spread_slope,
            self.limit,
            self.access,
            annual,
            self.legacy_debt + state.bonds,
            state.bonds,
            capex,
            state.funding,
        )


def before_interest(economy: Economy) -> Float[Array, " hyperscaler"]:
    """Operating cash flow at `as_of` before interest paid and earned [USD bn/year].

    What is reported is after both; the quarters book them row by row.
    """

    def stack(key: str) -> Float[Array, " hyperscaler"]:
        return economy.stack("hyperscalers", key)

    paid = stack("legacy_debt") * stack("coupon")
    return stack("ocf") + paid - stack("cash") * economy["rates.short"]


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
