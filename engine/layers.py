"""What a quarter works with: parameters by layer, what is dated, what is carried.

`Layers` holds parameters, `Paths` what is dated, `EconomyState` what is carried.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.bottlenecks.priority import PerBuyer
from engine.chip_orders import ChipOrders
from engine.contagion.idling import Idling
from engine.contagion.information import Contagion, SystemState
from engine.contagion.public_markets import PublicMarkets, PublicState
from engine.contagion.wealth import Wealth, WealthState
from engine.contracts.foresight import Foresight
from engine.contracts.labs import Labs, LabState, firm_commitments
from engine.contracts.tenancy import (
    Tenancies,
    TenancyDates,
    TenancyState,
    tenancy_dates,
)
from engine.credit.guarantee import Guarantee
from engine.credit.marks import Marks
from engine.credit.neocloud_terms import (
    NeocloudDues,
    NeocloudState,
    NeocloudTerms,
    neocloud_dues,
    neocloud_opening,
    neocloud_terms,
)
from engine.credit.spv_terms import (
    SpvDates,
    SpvState,
    SpvTerms,
    spv_dates,
    spv_opening,
    spv_terms,
)
from engine.drivers import Drivers, drive
from engine.economy import Economy
from engine.funds.agency import Agency, AgencyState, agency_dates
from engine.funds.bond import BondFund
from engine.funds.cohorts import FundState
from engine.funds.holders import ClassState, Holders
from engine.funds.lending import Lending, LendingState
from engine.funds.private_credit import PrivateCredit
from engine.grid import TimeGrid
from engine.investors import Investors, InvestorState
from engine.market import Fleet, Market
from engine.vehicles.construction import completing
from engine.vehicles.hybrid import (
    Hybrid,
    HybridPaths,
    HybridState,
    hybrid_paths,
)
from engine.vehicles.hyperscaler import (
    Hyperscalers,
    HyperscalerState,
    planned_capex,
)
from engine.vehicles.neocloud import NeocloudPaths, Neoclouds, neocloud_paths
from engine.vehicles.spv import SpvPaths, Spvs, spv_paths
from engine.vehicles.vendor import Vendor, VendorState


class Paths(eqx.Module):
    """Everything dated, by model quarter (leading axis)."""

    drivers: Drivers
    firm: Float[Array, "..."]
    capex: Float[Array, "..."]
    hybrid: HybridPaths
    clouds: NeocloudPaths
    dues: NeocloudDues
    spvs: SpvPaths
    loans: SpvDates
    leases: TenancyDates
    agency: Float[Array, "..."] | None
    """Share of the quarter in which the agency buys."""
    foresight: Foresight | None = None
    """What tenants with consistent expectations foresee."""


class EconomyState(eqx.Module):
    """What one quarter hands to the next."""

    fleet: Fleet
    labs: LabState
    tenancies: TenancyState
    hyperscalers: HyperscalerState
    hybrid: HybridState
    vendor: VendorState
    clouds: NeocloudState
    spvs: SpvState
    classes: ClassState
    lending: LendingState | None
    fund: FundState
    investors: InvestorState
    system: SystemState
    wealth: WealthState
    agency: AgencyState | None
    public: PublicState | None
    chips: PerBuyer | None
    """Capex that waits for chips [USD bn]."""


class Layers(eqx.Module):
    """Every layer's parameters, assembled from the figures."""

    market: Market
    labs: Labs
    tenancies: Tenancies
    hyperscalers: Hyperscalers
    hybrid: Hybrid
    vendor: Vendor
    clouds: Neoclouds
    spvs: Spvs
    guarantee: Guarantee
    cloud_terms: NeocloudTerms
    spv_terms: SpvTerms
    marks: Marks
    holders: Holders
    lending: Lending | None
    """None: new money is split as the deals' figures say."""
    fund: PrivateCredit
    bond: BondFund
    agency: Agency | None
    investors: Investors
    contagion: Contagion
    public: PublicMarkets | None
    """None where the config has no public markets."""
    chips: ChipOrders | None
    """None where vendors deliver all that is ordered."""
    wealth: Wealth
    idling: Idling
    access: Float[Array, "..."]
    tenants: Float[Array, "hyperscaler spv ..."]
    """1 where the hyperscaler is the SPV's tenant."""
    customers: Float[Array, "neocloud hyperscaler ..."]
    providers: Float[Array, "lab hyperscaler ..."]
    """Share of a lab's firm dues owed to the hyperscaler."""
    completing: Float[Array, "hyperscaler spv ..."] | None
    """1 where the tenant pays for the SPV's overrun; None without such risk."""

    @staticmethod
    def build(economy: Economy, grid: TimeGrid) -> "Layers":
        """Assembles every layer."""
        clouds, guarantee = Neoclouds.build(economy), Guarantee.build(economy)
        holders = Holders.build(economy)
        access = jnp.clip(economy["access.level"], 0.0, 1.0)
        scalers = economy.members("hyperscalers")
        tenants = [economy.where("spvs", "tenant", name) for name in scalers]
        customers = [economy.stack("neoclouds", f"customers.{h}") for h in scalers]
        providers = [economy.stack("labs", f"providers.{h}") for h in scalers]
        return Layers(
            market=Market.build(economy),
            labs=Labs.build(economy),
            tenancies=Tenancies.build(economy),
            hyperscalers=Hyperscalers.build(economy),
            hybrid=Hybrid.build(economy),
            vendor=Vendor.build(economy),
            clouds=clouds,
            spvs=Spvs.build(economy),
            guarantee=guarantee,
            cloud_terms=neocloud_terms(economy, grid, clouds, guarantee),
            spv_terms=spv_terms(economy, guarantee),
            marks=Marks.build(economy),
            holders=holders,
            lending=Lending.build(economy, holders),
            fund=PrivateCredit.build(economy, holders.fund),
            bond=BondFund(shares=holders.bond_fund),
            agency=Agency.build(economy, holders),
            investors=Investors.build(economy),
            contagion=Contagion.build(economy),
            public=PublicMarkets.build(economy),
            chips=ChipOrders.build(economy),
            wealth=Wealth.build(economy, grid),
            idling=Idling.build(economy),
            access=access,
            tenants=jnp.asarray(tenants, dtype=access.dtype),
            customers=jnp.stack(customers, axis=1),
            providers=jnp.stack(providers, axis=1),
            completing=completing(economy),
        )


def paths(
    economy: Economy,
    grid: TimeGrid,
    shocks: Float[Array, "quarter factor"],
    foresight: Foresight | None = None,
) -> Paths:
    """Computes everything dated of one scenario, with what its tenants foresee."""
    is_consistent = economy.blueprint.choice("expectations.rule") == "consistent"
    if is_consistent != (foresight is not None):
        raise ValueError(
            "expectations.rule: got consistent, expected static, adaptive or driver: "
            "consistent is a fixed point of one scenario (engine.simulate_consistent)"
            if is_consistent
            else "foresight: got one, expected none unless expectations.rule is "
            "consistent"
        )
    drivers = drive(economy, grid, shocks)
    return Paths(
        drivers=drivers,
        firm=firm_commitments(economy, grid),
        capex=planned_capex(economy, grid),
        hybrid=hybrid_paths(economy, grid),
        clouds=neocloud_paths(economy, grid),
        dues=neocloud_dues(economy, grid),
        spvs=spv_paths(economy, grid),
        loans=spv_dates(economy, grid),
        leases=tenancy_dates(economy, grid, drivers.short),
        agency=agency_dates(economy, grid),
        foresight=foresight,
    )


def opening_state(economy: Economy, grid: TimeGrid) -> EconomyState:
    """The balance sheets at `as_of`."""
    clouds, spvs = neocloud_opening(economy), spv_opening(economy, grid)
    holders = Holders.build(economy)
    balance = jnp.concatenate(
        [clouds.secured, clouds.unsecured, spvs.loan, spvs.takeout]
    )
    lending = Lending.build(economy, holders)
    value = balance * Marks.build(economy).opening(economy)
    public = PublicMarkets.build(economy)
    return EconomyState(
        fleet=Market.build(economy).opening(economy),
        labs=Labs.opening(economy),
        tenancies=Tenancies.build(economy).opening(),
        hyperscalers=Hyperscalers.opening(economy),
        hybrid=Hybrid.opening(economy),
        vendor=Vendor.opening(economy),
        clouds=clouds,
        spvs=spvs,
        classes=holders.opening(),
        lending=None if lending is None else lending.opening(economy),
        fund=PrivateCredit.build(economy, holders.fund).opening(economy, value),
        investors=Investors.build(economy).opening(),
        system=Contagion.build(economy).opening(),
        wealth=Wealth.build(economy, grid).opened(),
        agency=Agency.opening(economy, holders),
        public=None if public is None else public.opening(),
        chips=ChipOrders.opening(economy),
    )
