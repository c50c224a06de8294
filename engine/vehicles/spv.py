"""SPVs: one project, one tenant. What they build, what rent they strike and collect."""

import equinox as eqx
import jax
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
        return Spvs(
            rent=contract_rent(economy),
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


def coupon(economy: Economy) -> Float[Array, " spv"]:
    """Fixed coupon of the SPVs' notes [1/year], as struck under `rate.all`."""
    return economy.stack("spvs", "coupon") + economy["shifts.rate_all"]


def contract_rent(economy: Economy) -> Float[Array, " spv"]:
    """Rent of the whole asset by each deal's own rule [USD bn/year].

    `dscr`: the minimum cover of a level annual service of the notes, over the
    vehicle's share of the rent; `yield`: a share of the asset's cost.
    """
    figure = economy.rows(
        "spvs", "rent_yield", "asset_cost", "amortisation", "notes", "minimum_dscr",
        "ownership",
    )  # fmt: skip
    service = figure["notes"] / annuity_factor(coupon(economy), figure["amortisation"])
    by_cover = figure["minimum_dscr"] * service / figure["ownership"]
    by_cost = figure["rent_yield"] * figure["asset_cost"]
    is_yield = jnp.asarray(economy.where("spvs", "rent_rule", "yield"))
    return jnp.where(is_yield, by_cost, by_cover)


def built(
    start: Float[Array, "..."], end: Float[Array, "..."], dates: Float[Array, "..."]
) -> Float[Array, "..."]:
    """Share of construction spent by `dates`: an S-curve, zero slope at both ends."""
    x = jnp.clip((dates - start) / (end - start), 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def spv_paths(economy: Economy, grid: TimeGrid) -> SpvPaths:
    """Construction, deferred equity and rent start of every SPV by model quarter."""
    delay = economy["physics.delay"]

    def of(deal: dict[str, Array]) -> SpvPaths:
        begin, end = deal["construction_start"], deal["completion"] + delay
        grown = built(begin, end, grid.ends) - built(begin, end, grid.begins)
        start = deal["rent_start"] + delay
        return SpvPaths(
            spend=grid.modelled(deal["construction_cost"] * grown),
            equity=grid.modelled(deal["equity"] * grid.matures(start)),
            started=grid.modelled(grid.overlap(start, grid.ends[-1])),
        )

    deals = economy.rows(
        "spvs", "construction_start", "completion", "construction_cost", "equity",
        "rent_start",
    )  # fmt: skip
    return jax.vmap(of, out_axes=1)(deals)


def reference_rates(
    economy: Economy,
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Short and ten-year rate at `as_of`, shifted [1/year]."""
    shift = rate_shift(economy)
    return economy["rates.short"] + shift, economy["rates.ten_year"] + shift
