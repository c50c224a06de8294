r"""Who runs the fleet, and what cash idling a gigawatt would save each owner.

An output, not a rule: nothing in the step reads it; `engine.metrics.idle` ranks the
owners. docs/model.md, section 9 (Idling).
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.contracts.tenancy import TenancyFlows
from engine.credit.neocloud_flows import NeocloudFlows
from engine.credit.spv import SpvFlows
from engine.economy import Economy
from engine.grid import DT
from engine.market import Prices
from engine.numerics import ratio_above
from engine.survival import HIGHEST
from engine.vehicles.hybrid import HybridFlows


class IdlingFlows(eqx.Module):
    """Gigawatts in use by owner; below, what idling saves [USD bn per GW-year].

    What hyperscalers, and all who own what they run, save is `running`; the tenants of
    SPVs save `rent` as well.
    """

    spvs: Float[Array, "..."]
    neoclouds: Float[Array, "..."]
    hybrid: Float[Array, "..."]
    running: Float[Array, "..."]
    rent: Float[Array, "..."]
    """Rent that tenants could save: at renewal dates only, else it is sunk."""
    neocloud_cost: Float[Array, "..."]
    hybrid_cost: Float[Array, "..."]


class Idling(eqx.Module):
    """Gigawatts behind SPVs, and what owners pay to run one."""

    shells: Float[Array, "spv ..."]
    variable: Float[Array, "neocloud ..."]
    hybrid_variable: Float[Array, "..."]
    price: Float[Array, "..."]

    @staticmethod
    def build(economy: Economy) -> "Idling":
        """Counts an SPV's gigawatts by what its shell cost, the vehicle's share."""
        shells = economy.stack("spvs", "asset_cost") * economy.stack(
            "spvs", "ownership"
        )
        return Idling(
            shells=shells / economy["market.shell_cost"],
            variable=economy.stack("neoclouds", "variable"),
            hybrid_variable=economy.only("hybrid", "variable"),
            price=economy["market.reference_price"],
        )

    def __call__(
        self,
        prices: Prices,
        tenancies: TenancyFlows,
        spvs: SpvFlows,
        clouds: NeocloudFlows,
        hybrid: HybridFlows,
    ) -> IdlingFlows:
        """Counts capacity in use by what it earns, and what idling it would save."""
        let = self.shells * tenancies.let * spvs.alive
        rented = jnp.sum(jnp.where(spvs.rent > 0.0, let, 0.0), axis=0)
        rent = spvs.alive * spvs.rent
        renewing = tenancies.renewal_due < HIGHEST
        rents = jnp.sum(jnp.where(renewing, rent, 0.0), axis=0) / DT
        sold = clouds.alive * clouds.revenue / DT
        total = jnp.sum(sold, axis=0)
        paid = jnp.sum(self.variable * sold, axis=0)
        return IdlingFlows(
            spvs=rented,
            neoclouds=total / self.price,
            hybrid=hybrid.receipts / (self.price * DT),
            running=prices.marginal_cost,
            rent=ratio_above(rents, rented),
            neocloud_cost=ratio_above(paid, total) * self.price,
            hybrid_cost=self.hybrid_variable * self.price,
        )
