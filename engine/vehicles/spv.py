"""SPVs: one project, one tenant. What they build, what rent they strike and collect."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.contracts.tenancy import TenancyDates, TenancyFlows
from engine.drivers import rate_shift
from engine.economy import Economy
from engine.grid import DT, TimeGrid
from engine.market import Prices
from engine.numerics import annuity_factor


class SpvPaths(eqx.Module):
    """Construction spend and deferred equity by model quarter [USD bn]."""

    spend: Float[Array, "..."]
    equity: Float[Array, "..."]
    started: Float[Array, "..."]
    """Share of the quarter after rent start."""


class SpvEarnings(eqx.Module):
    """Rent and cash available for debt service of the quarter [USD bn]."""

    from_tenant: Float[Array, "spv ..."]
    relet: Float[Array, "spv ..."]
    costs: Float[Array, "spv ..."]
    cfads: Float[Array, "spv ..."]
    owed: Float[Array, "spv ..."]
    """Residual value guarantee or damages, the vehicle's share."""


class Spvs(eqx.Module):
    """Operating parameters by SPV; `rent` is annual, for the whole asset."""

    rent: Float[Array, "spv ..."]
    ownership: Float[Array, "spv ..."]
    operating_cost: Float[Array, "spv ..."]
    asset_cost: Float[Array, "spv ..."]

    @staticmethod
    def build(economy: Economy) -> "Spvs":
        """Assembles the SPVs from the figures."""
        rents = [contract_rent(economy, name) for name in economy.members("spvs")]
        return Spvs(
            rent=jnp.stack(rents),
            ownership=economy.stack("spvs", "ownership"),
            operating_cost=economy.stack("spvs", "operating_cost"),
            asset_cost=economy.stack("spvs", "asset_cost"),
        )

    def earn(
        self, prices: Prices, dates: TenancyDates, tenancy: TenancyFlows
    ) -> SpvEarnings:
        """Collects contract rent from the tenant and market rent for what is re-let."""
        rent = self.ownership * self.rent * DT * dates.running * dates.escalation
        from_tenant = rent * tenancy.let
        free = jnp.maximum(1.0 - tenancy.let - tenancy.vacant, 0.0)
        relet = rent * free * prices.shell
        costs = self.operating_cost * (from_tenant + relet)
        return SpvEarnings(
            from_tenant=from_tenant,
            relet=relet,
            costs=costs,
            cfads=from_tenant + relet - costs,
            owed=self.ownership * tenancy.owed,
        )


def coupon(economy: Economy, name: str) -> Float[Array, "..."]:
    """Fixed coupon of an SPV's notes [1/year], as struck under `rate.all`."""
    return economy[f"spvs.{name}.coupon"] + economy["shifts.rate_all"]


def contract_rent(economy: Economy, name: str) -> Float[Array, "..."]:
    """Rent of the whole asset by the deal's own rule [USD bn/year].

    `dscr`: the minimum cover of a level annual service of the notes, over the
    vehicle's share of the rent; `yield`: a share of the asset's cost.
    """
    key = f"spvs.{name}"
    rule = economy.blueprint.choice(f"{key}.rent_rule")
    if rule == "yield":
        return economy[f"{key}.rent_yield"] * economy[f"{key}.asset_cost"]
    years = economy[f"{key}.amortisation"]
    service = economy[f"{key}.notes"] / annuity_factor(coupon(economy, name), years)
    return economy[f"{key}.minimum_dscr"] * service / economy[f"{key}.ownership"]


def built(
    economy: Economy, name: str, dates: Float[Array, " point"]
) -> Float[Array, " point"]:
    """Share of construction spent by `dates`: an S-curve, zero slope at both ends."""
    start = economy[f"spvs.{name}.construction_start"]
    end = economy[f"spvs.{name}.completion"] + economy["physics.delay"]
    x = jnp.clip((dates - start) / (end - start), 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def spv_paths(economy: Economy, grid: TimeGrid) -> SpvPaths:
    """Construction, deferred equity and rent start of every SPV by model quarter."""
    columns = []
    for name in economy.members("spvs"):
        key = f"spvs.{name}"
        cost = economy[f"{key}.construction_cost"]
        grown = built(economy, name, grid.ends) - built(economy, name, grid.begins)
        start = economy[f"{key}.rent_start"] + economy["physics.delay"]
        columns.append(
            (
                cost * grown,
                economy[f"{key}.equity"] * grid.matures(start),
                grid.overlap(start, grid.ends[-1]),
            )
        )
    stacked = [
        grid.modelled(jnp.stack(parts, axis=1)) for parts in zip(*columns, strict=True)
    ]
    return SpvPaths(*stacked)


def reference_rates(
    economy: Economy,
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Short and ten-year rate at `as_of`, shifted [1/year]."""
    shift = rate_shift(economy)
    return economy["rates.short"] + shift, economy["rates.ten_year"] + shift
