"""SPVs: one project, one tenant. What they build, what rent they strike and collect."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from engine.contracts.tenancy import TenancyDates, TenancyFlows
from engine.drivers import rate_shift
from engine.economy import Economy
from engine.grid import DT, TimeGrid
from engine.market import Prices
from engine.numerics import annuity_factor
from engine.once import computed_once
from engine.vehicles.construction import Building, building, built, has_risk


class SpvPaths(eqx.Module):
    """Construction spend and deferred equity by model quarter [USD bn]."""

    spend: Float[Array, "..."]
    equity: Float[Array, "..."]
    started: Float[Array, "..."]
    """Share of the quarter after rent start."""
    building: Building | None = None
    """Overruns and a delay's damages, where deals state them."""


class SpvEarnings(eqx.Module):
    """Rent and cash available for debt service of the quarter [USD bn]."""

    from_tenant: Float[Array, "spv ..."]
    relet: Float[Array, "spv ..."]
    costs: Float[Array, "spv ..."]
    cfads: Float[Array, "spv ..."]
    owed: Float[Array, "spv ..."]
    """Residual value guarantee or damages, the vehicle's share."""
    covered: Float[Array, "spv ..."]
    """Of it, what a vendor pays."""
    market: Float[Array, "spv ..."]
    """Market rent per unit of contract rent: of a shell, or of chips of this age."""
    collateral: Float[Array, "spv ..."]
    """What the vehicle's share of the asset would fetch, before foreclosure."""
    backed: Float[Array, "spv ..."]
    """What a vendor's guarantee would add to it."""
    put: Float[Array, "spv ..."]
    """Of what is owed, by the tenant's residual value guarantee."""

    @property
    def paid_by_tenant(self) -> Float[Array, "spv ..."]:
        """Rent, and what a leaver pays itself."""
        return self.from_tenant + self.owed - self.covered


class Spvs(eqx.Module):
    """Operating parameters by SPV; `rent` is annual, for the whole asset."""

    rent: Float[Array, "spv ..."]
    ownership: Float[Array, "spv ..."]
    operating_cost: Float[Array, "spv ..."]
    asset_cost: Float[Array, "spv ..."]
    cap_rate: Float[Array, "spv ..."]
    labs: Float[Array, "lab spv ..."]
    """1 where the lab is the tenant."""
    is_chips: Bool[Array, "spv ..."]
    has_chips: bool = eqx.field(static=True)

    @staticmethod
    def build(economy: Economy) -> "Spvs":
        """Assembles the SPVs from the figures."""
        rent, chips = contract_rent(economy), economy.where("spvs", "asset", "chips")
        labs = [economy.where("spvs", "tenant", lab) for lab in economy.members("labs")]
        return Spvs(
            rent=rent,
            ownership=economy.stack("spvs", "ownership"),
            operating_cost=economy.stack("spvs", "operating_cost"),
            asset_cost=economy.stack("spvs", "asset_cost"),
            cap_rate=economy.stack("spvs", "cap_rate"),
            labs=jnp.asarray(labs, dtype=rent.dtype),
            is_chips=jnp.asarray(chips),
            has_chips=any(chips),
        )

    def due(
        self, dates: TenancyDates, tenancy: TenancyFlows
    ) -> tuple[Float[Array, "spv ..."], Float[Array, "spv ..."]]:
        """Contract rent of the quarter and what a leaver owes, the vehicle's share."""
        rent = self.ownership * self.rent * DT * dates.running * dates.escalation
        return dates.indexed(rent * tenancy.let), self.ownership * tenancy.owed

    def from_labs(
        self,
        dates: TenancyDates,
        tenancy: TenancyFlows,
        alive: Float[Array, "spv ..."],
    ) -> Float[Array, "lab ..."]:
        """What labs owe to the vehicles whose tenants they are [USD bn]."""
        rent, owed = self.due(dates, tenancy)
        return jnp.sum(self.labs * ((rent + owed) * alive)[None], axis=1)

    @computed_once
    def earn(
        self,
        prices: Prices,
        dates: TenancyDates,
        tenancy: TenancyFlows,
        honoured: Float[Array, "lab ..."],
        debt: Float[Array, "spv ..."],
    ) -> SpvEarnings:
        """Collects contract rent from the tenant and market rent for what is re-let.

        A lab pays every dollar of its dues in the same `honoured` share; other tenants
        pay in full or walk away. A vendor's guarantee pays no more than the `debt`.
        """
        rent, owed = self.due(dates, tenancy)
        paying = 1.0 - jnp.sum(self.labs * (1.0 - honoured[:, None]), axis=0)
        from_tenant = rent * paying
        whole = self.ownership * self.rent
        market = jnp.broadcast_to(prices.shell, rent.shape)
        collateral = whole * prices.shell / self.cap_rate
        if self.has_chips:
            market = jnp.where(self.is_chips, prices.level * dates.aged, market)
            resale = self.asset_cost * dates.worn * jnp.minimum(prices.level, 1.0)
            collateral = jnp.where(self.is_chips, self.ownership * resale, collateral)
        backed = jnp.minimum(self.ownership * tenancy.backed, debt)
        covered = tenancy.left * backed
        free = jnp.maximum(1.0 - tenancy.let - tenancy.vacant, 0.0)
        relet = whole * DT * dates.running * dates.escalation * free * market
        costs = self.operating_cost * (from_tenant + relet)
        return SpvEarnings(
            from_tenant=from_tenant,
            relet=relet,
            costs=costs,
            cfads=from_tenant + relet - costs,
            owed=owed * paying + covered,
            covered=covered,
            market=market,
            collateral=collateral,
            backed=backed,
            put=self.ownership * tenancy.put * paying,
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
    found = jax.vmap(of, out_axes=1)(deals)
    if not has_risk(economy):
        return found
    risk = building(economy, grid, contract_rent(economy))
    return dataclasses.replace(found, building=risk)


def reference_rates(
    economy: Economy,
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Short and ten-year rate at `as_of`, shifted [1/year]."""
    shift = rate_shift(economy)
    return economy["rates.short"] + shift, economy["rates.ten_year"] + shift
