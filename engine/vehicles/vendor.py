"""Chip vendors: sell to all, back and part-own neoclouds and chip vehicles (M14)."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.drivers import Drivers
from engine.economy import Economy
from engine.grid import DT
from engine.once import computed_once
from engine.vehicles.neocloud import backing


class VendorState(eqx.Module):
    """Cash [USD bn]."""

    cash: Float[Array, "vendor ..."]


class VendorFlows(eqx.Module):
    """One quarter of the vendors [USD bn]."""

    sales: Float[Array, "vendor ..."]
    profit: Float[Array, "vendor ..."]
    earned: Float[Array, "vendor ..."]
    backstop: Float[Array, "vendor ..."]
    guarantees: Float[Array, "vendor ..."]
    """Paid under residual value guarantees."""
    dividends: Float[Array, "vendor ..."]
    """Its part of what SPVs distribute, less what their owners put in."""
    payout: Float[Array, "vendor ..."]
    stake: Float[Array, "vendor ..."]
    cash: Float[Array, "vendor ..."]


class Vendor(eqx.Module):
    """Parameters by vendor, and whom each backs."""

    chip: Float[Array, "vendor ..."]
    margin: Float[Array, "vendor ..."]
    payout: Float[Array, "vendor ..."]
    outside: Float[Array, "vendor ..."]
    stake: Float[Array, "vendor ..."]
    backs: Float[Array, "vendor neocloud ..."]
    """1 where the vendor backs the neocloud and owns `stake` of it."""
    guarantees: Float[Array, "vendor spv ..."]
    """1 where the vendor owes the SPV's residual value guarantee."""
    equity: Float[Array, "spv ..."]
    """Share of the SPV's equity that its guarantor owns."""

    @staticmethod
    def build(economy: Economy) -> "Vendor":
        """Assembles the vendors from the figures."""
        stake = economy.stack("vendor", "stake")
        guarantees = [
            economy.where("spvs", "guarantor", name)
            for name in economy.members("vendor")
        ]
        return Vendor(
            chip=economy.stack("vendor", "chip"),
            margin=economy.stack("vendor", "margin"),
            payout=economy.stack("vendor", "payout"),
            outside=economy.stack("vendor", "outside_sales"),
            stake=stake,
            backs=backing(economy),
            guarantees=jnp.asarray(guarantees, dtype=stake.dtype),
            equity=economy.stack("spvs", "vendor_equity"),
        )

    @staticmethod
    def opening(economy: Economy) -> VendorState:
        """Cash at `as_of`."""
        return VendorState(cash=economy.stack("vendor", "cash"))

    @computed_once
    def __call__(
        self,
        quarter: Drivers,
        capex: Float[Array, "..."],
        backstop: Float[Array, "neocloud ..."],
        market_caps: Float[Array, "neocloud ..."],
        distributed: Float[Array, "spv ..."],
        called: Float[Array, "spv ..."],
        state: VendorState,
    ) -> tuple[VendorFlows, VendorState]:
        """Sells its part of the economy's `capex`, pays what it has guaranteed.

        `backstop` is what unsold capacity asks for, `market_caps` the value of the
        neoclouds, `distributed` what SPVs pay their owners net of what these put in,
        `called` what falls due under residual value guarantees [USD bn].
        """
        sales = self.chip * capex + self.outside * quarter.response * DT
        profit = self.margin * sales
        earned = state.cash * quarter.short * DT
        payout = self.payout * jnp.maximum(profit, 0.0)
        paid = jnp.sum(self.backs * backstop[None], axis=1)
        guarantees = jnp.sum(self.guarantees * called[None], axis=1)
        dividends = jnp.sum(self.guarantees * (self.equity * distributed)[None], axis=1)
        cash = state.cash + profit + earned - paid - guarantees + dividends - payout
        flows = VendorFlows(
            sales=sales,
            profit=profit,
            earned=earned,
            backstop=paid,
            guarantees=guarantees,
            dividends=dividends,
            payout=payout,
            stake=self.stake * jnp.sum(self.backs * market_caps[None], axis=1),
            cash=cash,
        )
        return flows, VendorState(cash=cash)
