"""The chip vendor: sells to all, backs the neocloud it owns a part of (M14)."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.drivers import Drivers
from engine.economy import Economy
from engine.grid import DT


class VendorState(eqx.Module):
    """Cash [USD bn]."""

    cash: Float[Array, "..."]


class VendorFlows(eqx.Module):
    """One quarter of the vendor [USD bn]."""

    sales: Float[Array, "..."]
    profit: Float[Array, "..."]
    earned: Float[Array, "..."]
    backstop: Float[Array, "..."]
    payout: Float[Array, "..."]
    stake: Float[Array, "..."]
    cash: Float[Array, "..."]


class Vendor(eqx.Module):
    """Parameters of the vendor."""

    chip: Float[Array, "..."]
    margin: Float[Array, "..."]
    payout: Float[Array, "..."]
    outside: Float[Array, "..."]
    stake: Float[Array, "..."]

    @staticmethod
    def build(economy: Economy) -> "Vendor":
        """Assembles the vendor from the figures."""
        return Vendor(
            chip=economy.only("vendor", "chip"),
            margin=economy.only("vendor", "margin"),
            payout=economy.only("vendor", "payout"),
            outside=economy.only("vendor", "outside_sales"),
            stake=economy.only("vendor", "stake"),
        )

    @staticmethod
    def opening(economy: Economy) -> VendorState:
        """Cash at `as_of`."""
        return VendorState(cash=economy.only("vendor", "cash"))

    def __call__(
        self,
        quarter: Drivers,
        capex: Float[Array, "..."],
        backstop: Float[Array, "..."],
        equity: Float[Array, "..."],
        state: VendorState,
    ) -> tuple[VendorFlows, VendorState]:
        """Sells its part of the economy's `capex`, pays the `backstop`.

        `equity` is the market value of the neocloud whose stake it holds [USD bn].
        """
        sales = self.chip * capex + self.outside * quarter.response * DT
        profit = self.margin * sales
        earned = state.cash * quarter.short * DT
        payout = self.payout * jnp.maximum(profit, 0.0)
        cash = state.cash + profit + earned - backstop - payout
        flows = VendorFlows(
            sales=sales,
            profit=profit,
            earned=earned,
            backstop=backstop,
            payout=payout,
            stake=self.stake * equity,
            cash=cash,
        )
        return flows, VendorState(cash=cash)
