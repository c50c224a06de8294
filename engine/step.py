"""One quarter, the recipe of docs/model.md: influence flows left to right.

`Layers` holds parameters, `Paths` what is dated, `EconomyState` what is carried.
"""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.contagion.idling import Idling, IdlingFlows
from engine.contagion.information import Contagion, SystemFlows, SystemState
from engine.contagion.wealth import Wealth, WealthFlows, WealthState
from engine.contracts.labs import LabFlows, Labs, LabState, firm_commitments
from engine.contracts.tenancy import (
    Tenancies,
    TenancyDates,
    TenancyFlows,
    TenancyState,
    tenancy_dates,
)
from engine.credit.guarantee import Guarantee
from engine.credit.marks import Marks
from engine.credit.neocloud import NeocloudFlows, divide
from engine.credit.neocloud_terms import (
    NeocloudDues,
    NeocloudState,
    NeocloudTerms,
    neocloud_dues,
    neocloud_opening,
    neocloud_terms,
)
from engine.credit.spv import SpvFlows, divide_spv
from engine.credit.spv_terms import (
    SpvDates,
    SpvState,
    SpvTerms,
    spv_dates,
    spv_opening,
    spv_terms,
)
from engine.credit.window import Window
from engine.drivers import Drivers, drive
from engine.economy import Economy
from engine.funds.bond import BondFund, BondFundFlows
from engine.funds.holders import ClassFlows, ClassState, Holders
from engine.funds.private_credit import FundFlows, FundState, PrivateCredit
from engine.grid import DT, TimeGrid
from engine.investors import InvestorFlows, Investors, InvestorState
from engine.jump import AbstractDefaultRule
from engine.market import Fleet, Market, Prices, aged
from engine.metrics.residuals import residuals
from engine.vehicles.hybrid import (
    Hybrid,
    HybridFlows,
    HybridPaths,
    HybridState,
    hybrid_paths,
)
from engine.vehicles.hyperscaler import (
    HyperscalerFlows,
    Hyperscalers,
    HyperscalerState,
    planned_capex,
)
from engine.vehicles.neocloud import NeocloudPaths, Neoclouds, neocloud_paths
from engine.vehicles.spv import SpvPaths, Spvs, spv_paths
from engine.vehicles.vendor import Vendor, VendorFlows, VendorState


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
    fund: FundState
    investors: InvestorState
    system: SystemState
    wealth: WealthState


class Record(eqx.Module):
    """What one quarter reports; stacked over quarters by the scan."""

    drivers: Drivers
    prices: Prices
    labs: LabFlows
    tenancies: TenancyFlows
    hyperscalers: HyperscalerFlows
    hybrid: HybridFlows
    vendor: VendorFlows
    clouds: NeocloudFlows
    spvs: SpvFlows
    classes: ClassFlows
    price: Float[Array, "..."]
    fund: FundFlows
    bond: BondFundFlows
    investors: InvestorFlows
    system: SystemFlows
    wealth: WealthFlows
    idling: IdlingFlows
    residuals: dict[str, Float[Array, "..."]]
    """Largest relative violation of each invariant."""


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
    fund: PrivateCredit
    bond: BondFund
    investors: Investors
    contagion: Contagion
    wealth: Wealth
    idling: Idling
    access: Float[Array, "..."]
    tenants: Float[Array, "hyperscaler spv ..."]
    """1 where the hyperscaler is the SPV's tenant."""
    customers: Float[Array, "neocloud hyperscaler ..."]
    providers: Float[Array, "lab hyperscaler ..."]
    """Share of a lab's firm dues owed to the hyperscaler."""

    @staticmethod
    def build(economy: Economy, grid: TimeGrid) -> "Layers":
        """Assembles every layer."""
        clouds, guarantee = Neoclouds.build(economy), Guarantee.build(economy)
        holders = Holders.build(economy, guarantee.claims)
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
            spv_terms=spv_terms(economy, guarantee.spread_cut, guarantee.advance),
            marks=Marks.build(economy),
            holders=holders,
            fund=PrivateCredit.build(economy, holders.fund),
            bond=BondFund(shares=holders.bond_fund),
            investors=Investors.build(economy),
            contagion=Contagion.build(economy),
            wealth=Wealth.build(economy, grid),
            idling=Idling.build(economy),
            access=access,
            tenants=jnp.asarray(tenants, dtype=access.dtype),
            customers=jnp.stack(customers, axis=1),
            providers=jnp.stack(providers, axis=1),
        )


def paths(
    economy: Economy, grid: TimeGrid, shocks: Float[Array, "quarter factor"]
) -> Paths:
    """Computes everything dated of one scenario."""
    return Paths(
        drivers=drive(economy, grid, shocks),
        firm=firm_commitments(economy, grid),
        capex=planned_capex(economy, grid),
        hybrid=hybrid_paths(economy, grid),
        clouds=neocloud_paths(economy, grid),
        dues=neocloud_dues(economy, grid),
        spvs=spv_paths(economy, grid),
        loans=spv_dates(economy, grid),
        leases=tenancy_dates(economy, grid),
    )


def opening_state(economy: Economy, grid: TimeGrid) -> EconomyState:
    """The balance sheets at `as_of`."""
    clouds, spvs = neocloud_opening(economy), spv_opening(economy, grid)
    holders = Holders.build(economy, Guarantee.build(economy).claims)
    balance = jnp.concatenate(
        [clouds.secured, clouds.unsecured, spvs.loan, spvs.takeout]
    )
    value = balance * Marks.build(economy).opening(economy)
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
        fund=PrivateCredit.build(economy, holders.fund).opening(economy, value),
        investors=Investors.build(economy).opening(),
        system=Contagion.build(economy).opening(),
        wealth=Wealth.build(economy, grid).opened(),
    )


def step(
    layers: Layers, rule: AbstractDefaultRule, state: EconomyState, quarter: Paths
) -> tuple[EconomyState, Record]:
    """Moves the economy by one quarter."""
    felt, system = layers.wealth.felt(quarter.drivers, state.wealth), state.system
    drivers = felt.drivers
    window = Window(open=layers.access * system.openness, spread=system.spread)

    # 2 market, 3 contracts
    prices, fleet = layers.market(drivers, system.openness, state.fleet)
    contracts = aged(state.clouds.contracts)
    operations = layers.clouds.operate(
        prices, quarter.clouds, contracts, state.clouds.deferred_capex
    )
    billed = operations.billed * state.clouds.alive
    tenancies, tenancy_state = layers.tenancies(
        drivers, prices, quarter.leases, layers.spvs.rent, rule, state.tenancies
    )
    firm_to_clouds = jnp.sum(layers.clouds.labs * billed[:, None], axis=0)
    to_hyperscalers = layers.providers * quarter.firm[:, None]
    named = (
        firm_to_clouds
        + layers.hybrid.labs * quarter.hybrid.backlog
        + state.hybrid.overflow.served[:-1] * DT
        + jnp.sum(to_hyperscalers, axis=1)
        + layers.spvs.from_labs(quarter.leases, tenancies, state.spvs.alive)
    )
    labs, lab_state = layers.labs(drivers, quarter.firm, named, state.labs)

    # 4 vehicles earn
    earnings = layers.clouds.earn(
        operations,
        quarter.clouds,
        labs.honoured,
        state.clouds.deferred_revenue,
        state.clouds.backstop_left,
    )
    spv_earnings = layers.spvs.earn(
        prices, quarter.leases, tenancies, labs.honoured, state.spvs.debt
    )
    hybrid, hybrid_state = layers.hybrid(
        drivers,
        prices,
        quarter.hybrid,
        labs.honoured,
        system.spread,
        window.open,
        state.hybrid,
    )

    # 5 capital structures divide
    clouds, cloud_state = divide(
        drivers,
        prices,
        window,
        layers.cloud_terms,
        quarter.dues,
        quarter.clouds,
        layers.guarantee,
        operations,
        earnings,
        contracts,
        rule,
        state.clouds,
    )
    spvs, spv_state = divide_spv(
        drivers,
        window,
        layers.spv_terms,
        quarter.loans,
        quarter.spvs,
        layers.guarantee,
        spv_earnings,
        rule,
        state.spvs,
    )
    hybrid_state = layers.hybrid.met(operations.billed, clouds.failing, hybrid_state)
    rents = spv_earnings.paid_by_tenant * state.spvs.alive
    hyperscalers, hyperscaler_state = layers.hyperscalers(
        drivers,
        quarter.capex,
        jnp.sum(layers.tenants * rents[None, :], axis=1)
        + jnp.sum(layers.customers * billed[:, None], axis=0),
        jnp.sum(to_hyperscalers * labs.honoured[:, None], axis=0),
        state.hyperscalers,
    )
    vendor, vendor_state = layers.vendor(
        drivers,
        jnp.sum(hyperscalers.capex, axis=0)
        + hybrid.capex
        + jnp.sum(clouds.capex * clouds.alive, axis=0),
        clouds.backstop * clouds.alive,
        clouds.price * layers.cloud_terms.market_cap,
        (spvs.distributed - spvs.equity - spvs.sponsor) * spvs.alive,
        spvs.covered * spvs.alive + spvs.guaranteed * spvs.failing,
        state.vendor,
    )

    # 6 funds, 7 investors and banks, 8 contagion
    classes, class_state = layers.holders(clouds, spvs, state.classes)
    rooms = [clouds.secured_headroom, clouds.headroom, *[spvs.headroom] * 2]
    recovery = [clouds.recovery_secured, clouds.recovery_unsecured]
    recovery = [*recovery, *[spvs.recovery] * 2]
    price = layers.marks.price(
        drivers.ten_year,
        drivers.spread_factor,
        system.spread,
        jnp.concatenate(rooms),
        jnp.concatenate(recovery),
    )
    fund, fund_state = layers.fund(drivers, classes, price, state.fund)
    bond = layers.bond(classes, price)
    investors, investor_state = layers.investors(
        classes, price, layers.holders, fund, bond, state.investors
    )
    spread, system_state = layers.contagion(
        clouds.price,
        clouds.failing,
        spvs.failing,
        jnp.sum(classes.loss + classes.claimed, axis=0),
        jnp.sum(investors.forced_sales, axis=0) + jnp.sum(fund.sold, axis=0),
        fund.openness,
        system,
    )
    wealth, wealth_state = layers.wealth(
        felt, clouds, hyperscalers, hybrid, vendor, state.wealth
    )
    record = Record(
        drivers=drivers,
        prices=prices,
        labs=labs,
        tenancies=tenancies,
        hyperscalers=hyperscalers,
        hybrid=hybrid,
        vendor=vendor,
        clouds=clouds,
        spvs=spvs,
        classes=classes,
        price=price,
        fund=fund,
        bond=bond,
        investors=investors,
        system=spread,
        wealth=wealth,
        idling=layers.idling(prices, tenancies, spvs, clouds, hybrid),
        residuals={},
    )
    checked = residuals(record, state, layers.holders)
    record = dataclasses.replace(record, residuals=checked)
    after = EconomyState(
        fleet=fleet,
        labs=lab_state,
        tenancies=tenancy_state,
        hyperscalers=hyperscaler_state,
        hybrid=hybrid_state,
        vendor=vendor_state,
        clouds=cloud_state,
        spvs=spv_state,
        classes=class_state,
        fund=fund_state,
        investors=investor_state,
        system=system_state,
        wealth=wealth_state,
    )
    return after, record
