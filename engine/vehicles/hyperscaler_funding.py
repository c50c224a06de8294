r"""How hyperscalers fund a gap: bonds or leases off the balance sheet, by cost.

Cash above the minimum comes first. What is still missing, $G$, is split between new
bonds $b$ and new leases $l$ so that next year's cost of all new money is least:

$$ C(b, l) = (B' + b)\,\Big(r^b + κ\,(D^a + b + ωl)\Big)
   + l\,\Big(r^l + \tfrac12 κ^l l\Big), \qquad b + l = G, $$

$r^b$ the rate of bonds at no leverage, $B'$ the bonds issued since `as_of` (they follow
the market), $D^a$ adjusted debt (bonds, debt at `as_of` and ω times what is leased),
κ the slope of the spread per unit of debt, $r^l$ a lessor's rate and $κ^l$ its rise
with use. One more dollar of bonds so costs its own rate and what it adds to that of
the others. Both marginal costs are linear: the split is piecewise linear in the gap.

Lessors are outside the economy: they pay for equipment or buy it, and are paid a rent
that returns the obligation with interest at the rate it was signed at. New bonds of all
hyperscalers weigh on investment grade while the market digests them (M16).
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.drivers import Drivers
from engine.economy import Economy
from engine.grid import DT
from engine.numerics import ratio_above

TABLE = "hyperscaler_funding"
"""The config's table; without it bonds are the only rung."""


class FundingState(eqx.Module):
    """Leased since `as_of` and its average rate; new bonds that the market digests."""

    obligation: Float[Array, "hyperscaler ..."]
    lease_rate: Float[Array, "hyperscaler ..."]
    supply: Float[Array, "..."]


class FundingFlows(eqx.Module):
    """One quarter's funding [USD bn], costs per year."""

    from_cash: Float[Array, "hyperscaler ..."]
    leased: Float[Array, "hyperscaler ..."]
    """Equipment that lessors outside paid for."""
    lease_paid: Float[Array, "hyperscaler ..."]
    """Rent to them: interest and what it returns of the obligation."""
    lease_interest: Float[Array, "hyperscaler ..."]
    payout_cut: Float[Array, "hyperscaler ..."]
    capex_cut: Float[Array, "hyperscaler ..."]
    bond_cost: Float[Array, "hyperscaler ..."]
    """Of the last dollar of bonds."""
    lease_cost: Float[Array, "hyperscaler ..."]
    """Of the last dollar of leases."""
    obligation: Float[Array, "hyperscaler ..."]
    leverage: Float[Array, "hyperscaler ..."]
    """Adjusted debt over a year's operating cash flow."""
    supply_spread: Float[Array, "..."]
    """What the supply of bonds adds to spreads of investment grade [1/year]."""


class Rungs(eqx.Module):
    """What a quarter offers before the gap is known [USD bn], rates per year."""

    bonds: Float[Array, "hyperscaler ..."]
    leases: Float[Array, "hyperscaler ..."]
    """Capacity of either."""
    bond_rate: Float[Array, "hyperscaler ..."]
    """Of the first dollar of bonds."""
    lease_rate: Float[Array, "hyperscaler ..."]
    steepness: Float[Array, "hyperscaler ..."]
    """κ: rise of the bond rate per unit of debt."""
    lease_steepness: Float[Array, "hyperscaler ..."]
    outstanding: Float[Array, "hyperscaler ..."]
    adjusted: Float[Array, "hyperscaler ..."]
    interest: Float[Array, "hyperscaler ..."]
    """On leases, this quarter."""
    returned: Float[Array, "hyperscaler ..."]
    """Of the obligation, this quarter."""
    before: FundingState


class HyperscalerFunding(eqx.Module):
    """Terms of bonds and leases beyond a hyperscaler's own spread."""

    supply_slope: Float[Array, "..."]
    """Rise of the spread per USD bn of undigested bonds."""
    supply_opening: Float[Array, "..."]
    digested: Float[Array, "..."]
    premium: Float[Array, "..."]
    premium_rise: Float[Array, "..."]
    """Of the premium, from the first lease of a quarter to the last."""
    share: Float[Array, "..."]
    """Most leases of a quarter over planned capex."""
    returned: Float[Array, "..."]
    weight: Float[Array, "..."]
    """Of leases in adjusted debt."""

    @staticmethod
    def build(economy: Economy) -> "HyperscalerFunding | None":
        """Assembles the terms; none where the config has no such table."""
        if f"{TABLE}.lease" not in economy.figures:
            return None

        def figure(key: str) -> Float[Array, "..."]:
            return economy[f"{TABLE}.{key}"]

        return HyperscalerFunding(
            supply_slope=figure("supply_spread") / figure("supply_reference"),
            supply_opening=figure("supply"),
            digested=jnp.minimum(DT / figure("digestion"), 1.0),
            premium=figure("lease_premium"),
            premium_rise=figure("lease_premium_rise"),
            share=figure("lease"),
            returned=jnp.minimum(DT / figure("lease_life"), 1.0),
            weight=figure("lease_weight"),
        )

    @staticmethod
    def opening(economy: Economy) -> FundingState | None:
        """Nothing leased; the market digests what was issued by `as_of`."""
        if f"{TABLE}.lease" not in economy.figures:
            return None
        none = jnp.zeros_like(economy.stack("hyperscalers", "cash"))
        return FundingState(
            obligation=none, lease_rate=none, supply=economy[f"{TABLE}.supply"]
        )

    def supply_spread(self, state: FundingState) -> Float[Array, "..."]:
        """Beyond what spreads at `as_of` hold; with less supply they do not narrow."""
        return self.supply_slope * jnp.maximum(state.supply - self.supply_opening, 0.0)

    def rungs(
        self,
        quarter: Drivers,
        spread: Float[Array, "hyperscaler ..."],
        slope: Float[Array, "hyperscaler ..."],
        limit: Float[Array, "hyperscaler ..."],
        access: Float[Array, "..."],
        annual: Float[Array, "hyperscaler ..."],
        debt: Float[Array, "hyperscaler ..."],
        outstanding: Float[Array, "hyperscaler ..."],
        planned: Float[Array, "hyperscaler ..."],
        state: FundingState,
    ) -> Rungs:
        """Capacities and rates on start-of-quarter balances.

        `annual` operating cash flow, `debt` on the balance sheet, of which bonds
        `outstanding` since `as_of`, `planned` capex of the quarter [USD bn].
        """
        adjusted = debt + self.weight * state.obligation
        room = jnp.maximum(limit * annual - adjusted, 0.0) * access
        leases = jnp.minimum(self.share * planned * access, room)
        steepness = slope / annual
        plain = quarter.ten_year + spread * quarter.spread_factor
        most = self.share * planned
        return Rungs(
            bonds=room,
            leases=leases,
            bond_rate=plain + self.supply_spread(state) + steepness * adjusted,
            lease_rate=plain + self.premium,
            steepness=steepness,
            lease_steepness=ratio_above(self.premium_rise, most),
            outstanding=outstanding,
            adjusted=adjusted,
            interest=state.obligation * state.lease_rate * DT,
            returned=state.obligation * self.returned,
            before=state,
        )

    def split(
        self, gap: Float[Array, "hyperscaler ..."], rungs: Rungs
    ) -> tuple[Float[Array, "hyperscaler ..."], Float[Array, "hyperscaler ..."]]:
        """Bonds issued and leases signed; what neither can carry stays open."""
        wanted = jnp.maximum(gap, 0.0)
        outside = 1.0 - self.weight
        dearer = (
            rungs.bond_rate
            - rungs.lease_rate
            + rungs.steepness * (outside * rungs.outstanding + (1.0 + outside) * wanted)
        )
        steep = rungs.lease_steepness + 2.0 * outside * rungs.steepness
        cheapest = ratio_above(dearer, steep, least=1e-12)
        # Beyond what bonds can carry leases are signed whatever they cost.
        least = wanted - rungs.bonds
        leased = jnp.clip(
            jnp.maximum(cheapest, least), 0.0, jnp.minimum(rungs.leases, wanted)
        )
        return jnp.minimum(wanted - leased, rungs.bonds), leased

    def after(
        self,
        issued: Float[Array, "hyperscaler ..."],
        leased: Float[Array, "hyperscaler ..."],
        from_cash: Float[Array, "hyperscaler ..."],
        payout_cut: Float[Array, "hyperscaler ..."],
        capex_cut: Float[Array, "hyperscaler ..."],
        annual: Float[Array, "hyperscaler ..."],
        rungs: Rungs,
    ) -> tuple[FundingFlows, FundingState]:
        """Marginal costs, obligations and supply at the end of the quarter."""
        state = rungs.before
        kept = state.obligation - rungs.returned
        obligation = kept + leased
        signed_at = rungs.lease_rate + 0.5 * rungs.lease_steepness * leased
        rate = ratio_above(kept * state.lease_rate + leased * signed_at, obligation)
        new = rungs.outstanding + issued
        supply = state.supply * (1.0 - self.digested) + jnp.sum(issued, axis=0)
        adding = issued + self.weight * leased
        flows = FundingFlows(
            from_cash=from_cash,
            leased=leased,
            lease_paid=rungs.interest + rungs.returned,
            lease_interest=rungs.interest,
            payout_cut=payout_cut,
            capex_cut=capex_cut,
            bond_cost=rungs.bond_rate + rungs.steepness * (adding + new),
            lease_cost=rungs.lease_rate
            + rungs.lease_steepness * leased
            + self.weight * rungs.steepness * new,
            obligation=obligation,
            leverage=(rungs.adjusted + adding - self.weight * rungs.returned) / annual,
            supply_spread=self.supply_spread(state),
        )
        return flows, FundingState(
            obligation=obligation, lease_rate=rate, supply=supply
        )
