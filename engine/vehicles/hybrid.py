"""The hybrid cloud (Oracle): a corporate balance sheet behind leased capacity."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from engine.bottlenecks.priority import Allotment, built
from engine.drivers import Drivers
from engine.economy import Economy
from engine.grid import DT, TimeGrid
from engine.market import Prices
from engine.once import computed_once
from engine.survival import HIGHEST
from engine.vehicles.overflow import Overflow, OverflowFlows, OverflowState
from engine.vehicles.power import FIGURE, dearer


class HybridPaths(eqx.Module):
    """Dated figures by model quarter (leading axis) or in one quarter [USD bn]."""

    backlog: Float[Array, "..."]
    """Revenue of remaining performance obligations, per quarter."""
    lapsed: Float[Array, "..."]
    """Backlog revenue against its highest quarter so far."""
    rent: Float[Array, "..."]
    capex: Float[Array, "..."]
    equity: Float[Array, "..."]
    maturing: Float[Array, "..."]
    legacy_debt: Float[Array, "..."]
    """Legacy debt at the start of the quarter."""


class HybridState(eqx.Module):
    """Cash and debt raised since `as_of` [USD bn]."""

    cash: Float[Array, "..."]
    debt: Float[Array, "..."]
    overflow: OverflowState


class HybridFlows(eqx.Module):
    """One quarter of the hybrid cloud [USD bn]; leverage is net debt over EBITDA."""

    receipts: Float[Array, "..."]
    costs: Float[Array, "..."]
    core: Float[Array, "..."]
    ebitda: Float[Array, "..."]
    capex: Float[Array, "..."]
    interest: Float[Array, "..."]
    earned: Float[Array, "..."]
    equity: Float[Array, "..."]
    payout: Float[Array, "..."]
    matured: Float[Array, "..."]
    borrowed: Float[Array, "..."]
    leverage: Float[Array, "..."]
    headroom: Float[Array, "..."]
    cash: Float[Array, "..."]
    debt: Float[Array, "..."]
    overflow: OverflowFlows


class Hybrid(eqx.Module):
    """Parameters of the hybrid cloud."""

    labs: Float[Array, "lab ..."]
    core: Float[Array, "..."]
    growth: Float[Array, "..."]
    renewal: Float[Array, "..."]
    variable: Float[Array, "..."]
    fixed: Float[Array, "..."]
    payout: Float[Array, "..."]
    legacy_coupon: Float[Array, "..."]
    spread: Float[Array, "..."]
    contagion_pass: Float[Array, "..."]
    target_cash: Float[Array, "..."]
    trigger: Float[Array, "..."]
    overflow: Overflow
    power: Float[Array, "..."] | None = None
    """Power's part of cloud revenue at `power.price`; None where it is not told."""

    @staticmethod
    def build(economy: Economy) -> "Hybrid":
        """Assembles the hybrid cloud from the figures."""

        def figure(key: str) -> Float[Array, "..."]:
            return economy.only("hybrid", key)

        return Hybrid(
            labs=jnp.stack([figure(f"customers.{n}") for n in economy.members("labs")]),
            core=figure("core_ebitda"),
            growth=figure("core_growth"),
            renewal=figure("renewal"),
            variable=figure("variable"),
            fixed=figure("fixed"),
            payout=figure("payout"),
            legacy_coupon=figure("legacy_coupon") + economy["shifts.rate_all"],
            spread=figure("spread"),
            contagion_pass=figure("contagion_pass"),
            target_cash=figure("target_cash"),
            trigger=figure("trigger"),
            overflow=Overflow.build(economy),
            power=figure(FIGURE) if economy.states("hybrid", FIGURE) else None,
        )

    @staticmethod
    def opening(economy: Economy) -> HybridState:
        """Cash at `as_of`, no new debt."""
        cash = economy.only("hybrid", "cash")
        overflow = Overflow.build(economy).opening()
        return HybridState(cash=cash, debt=jnp.zeros_like(cash), overflow=overflow)

    @computed_once
    def __call__(
        self,
        quarter: Drivers,
        prices: Prices,
        paths: HybridPaths,
        honoured: Float[Array, "lab ..."],
        contagion: Float[Array, "..."],
        openness: Float[Array, "..."],
        state: HybridState,
        supply: Float[Array, "..."] | None = None,
        chips: Allotment | None = None,
    ) -> tuple[HybridFlows, HybridState]:
        """Earns, builds, and borrows what is missing; debt above target is repaid.

        It takes on customers of failed neoclouds while its leverage allows. `supply`
        is what bonds of hyperscalers add to the spread (M16), `chips` what it gets of
        those that its plan needs; customers of failed neoclouds come with theirs.
        """
        served = state.overflow.served * DT
        renewed = self.renewal * paths.lapsed * jnp.minimum(prices.level, 1.0)
        unpaid = jnp.sum(self.labs * (1.0 - honoured), axis=0)
        receipts = paths.backlog * (1.0 - unpaid) + renewed
        receipts = receipts + jnp.sum(served[:-1] * honoured, axis=0) + served[-1]
        due = paths.backlog + renewed + jnp.sum(served, axis=0)
        costs = self.variable * receipts + self.fixed * due + paths.rent
        rise = dearer(self.power, quarter.power)
        costs = costs if rise is None else costs + rise * due
        core = self.core * (1.0 + self.growth) ** quarter.years * DT
        ebitda = core + receipts - costs
        rate = (
            quarter.ten_year
            + self.spread * quarter.spread_factor
            + self.contagion_pass * contagion
        )
        if supply is not None:
            rate = rate + supply
        interest = (paths.legacy_debt * self.legacy_coupon + state.debt * rate) * DT
        earned = state.cash * quarter.short * DT
        owed = paths.legacy_debt + state.debt
        overflow, serving = self.overflow.take(
            prices.level, ebitda, owed - state.cash, openness, state.overflow
        )
        capex = built(chips, paths.capex * quarter.response) + overflow.capex
        payout = self.payout * DT
        flow = (
            ebitda + earned + paths.equity - capex - payout - interest - paths.maturing
        )
        debt = jnp.maximum(state.debt - (state.cash + flow - self.target_cash), 0.0)
        borrowed = debt - state.debt
        cash = state.cash + flow + borrowed
        total = paths.legacy_debt - paths.maturing + debt
        net = jnp.maximum(total - cash, 1e-6)
        annual = 4.0 * ebitda
        ratio = jnp.clip(self.trigger * annual / net - 1.0, -1.0, HIGHEST)
        flows = HybridFlows(
            receipts=receipts,
            costs=costs,
            core=core,
            ebitda=ebitda,
            capex=capex,
            interest=interest,
            earned=earned,
            equity=paths.equity,
            payout=payout,
            matured=paths.maturing,
            borrowed=borrowed,
            leverage=net / jnp.maximum(annual, 1e-6),
            headroom=ratio,
            cash=cash,
            debt=total,
            overflow=overflow,
        )
        after = OverflowState(served=serving, seeking=jnp.zeros_like(serving))
        return flows, HybridState(cash=cash, debt=debt, overflow=after)

    def met(
        self,
        billed: Float[Array, "neocloud ..."],
        failing: Float[Array, "neocloud ..."],
        state: HybridState,
    ) -> HybridState:
        """The state once customers of what failed this quarter come to ask."""
        seeking = self.overflow.freed(billed, failing)
        overflow = OverflowState(served=state.overflow.served, seeking=seeking)
        return HybridState(cash=state.cash, debt=state.debt, overflow=overflow)


def hybrid_paths(economy: Economy, grid: TimeGrid) -> HybridPaths:
    """Dated figures of the hybrid cloud by model quarter."""

    def figure(key: str) -> Float[Array, "..."]:
        return economy.only("hybrid", key)

    backlog = grid.schedule(figure("rpo.edges"), figure("rpo.amounts"))
    highest = lax.cummax(backlog)
    maturing = grid.schedule(
        figure("legacy_maturities.edges"), figure("legacy_maturities.amounts")
    )
    owed = figure("legacy_debt") - (jnp.cumsum(maturing) - maturing)
    return HybridPaths(
        backlog=grid.modelled(backlog),
        lapsed=grid.modelled(highest - backlog),
        rent=grid.modelled(grid.path(figure("rent.dates"), figure("rent.values"))) * DT,
        capex=grid.modelled(grid.path(figure("capex.dates"), figure("capex.values")))
        * DT,
        equity=grid.modelled(
            grid.schedule(figure("equity.edges"), figure("equity.amounts"))
        ),
        maturing=grid.modelled(maturing),
        legacy_debt=grid.modelled(owed),
    )
