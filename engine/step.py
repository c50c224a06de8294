"""One quarter, the recipe of docs/model.md: influence flows left to right.

`engine/layers.py` says what it works with.
"""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine import chip_orders
from engine.chip_orders import ChipFlows
from engine.contagion import public_markets
from engine.contagion.idling import IdlingFlows
from engine.contagion.information import SystemFlows
from engine.contagion.public_markets import PublicFlows
from engine.contagion.wealth import WealthFlows
from engine.contracts.foresight import foreseen
from engine.contracts.indexation import contract_prices
from engine.contracts.labs import LabFlows
from engine.contracts.tenancy import TenancyFlows
from engine.contracts.termination import leave
from engine.credit.neocloud import NeocloudFlows, divide
from engine.credit.spv import SpvFlows, divide_spv
from engine.credit.window import Window
from engine.drivers import Drivers
from engine.funds import agency, lending
from engine.funds.agency import AgencyFlows
from engine.funds.bond import BondFundFlows
from engine.funds.cohorts import FundFlows
from engine.funds.holders import ClassFlows
from engine.funds.lending import Moved
from engine.grid import DT
from engine.investors import InvestorFlows
from engine.jump import AbstractDefaultRule
from engine.layers import EconomyState, Layers, Paths
from engine.market import Prices, aged
from engine.metrics.residuals import residuals
from engine.vehicles import construction
from engine.vehicles.hybrid import HybridFlows
from engine.vehicles.hyperscaler import HyperscalerFlows
from engine.vehicles.vendor import VendorFlows


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
    moved: Moved | None
    """What banks have of them beyond the figures, and funds have not."""
    price: Float[Array, "..."]
    fund: FundFlows
    bond: BondFundFlows
    agency: AgencyFlows | None
    investors: InvestorFlows
    system: SystemFlows
    wealth: WealthFlows
    idling: IdlingFlows
    public: PublicFlows | None
    chips: ChipFlows | None
    residuals: dict[str, Float[Array, "..."]]
    """Largest relative violation of each invariant."""

    @property
    def private(self) -> ClassFlows:
        """What private holders have of every class: all that no agency bought."""
        return self.classes if self.agency is None else self.agency.private


def step(
    layers: Layers, rule: AbstractDefaultRule, state: EconomyState, quarter: Paths
) -> tuple[EconomyState, Record]:
    """Moves the economy by one quarter."""
    felt, system = layers.wealth.felt(quarter.drivers, state.wealth), state.system
    drivers = felt.drivers
    met, money = system.met, layers.access * system.openness

    # 2 market, 3 contracts
    prices, fleet = layers.market(drivers, system.openness, state.fleet)
    prices = foreseen(prices, quarter.foresight)
    indexed = contract_prices(
        layers.clouds.indexation,
        quarter.clouds.indexed,
        state.clouds.struck,
        drivers.short,
    )
    contracts, left = leave(
        layers.clouds.termination,
        prices.level,
        aged(state.clouds.contracts),
        indexed,
        state.clouds.freed,
        rule,
    )
    operations = layers.clouds.operate(
        drivers,
        prices,
        quarter.clouds,
        contracts,
        chip_orders.not_built(state.clouds.deferred_capex, state.chips),
        indexed,
        left,
        state.clouds.unpowered,
    )
    hybrid_paths = chip_orders.late_backlog(layers.chips, quarter.hybrid, state.chips)
    billed = operations.billed * state.clouds.alive
    tenancies, tenancy_state = layers.tenancies(
        drivers, prices, quarter.leases, layers.spvs.rent, rule, state.tenancies
    )
    firm_to_clouds = jnp.sum(layers.clouds.labs * billed[:, None], axis=0)
    to_hyperscalers = layers.providers * quarter.firm[:, None]
    named = (
        firm_to_clouds
        + layers.hybrid.labs * hybrid_paths.backlog
        + state.hybrid.overflow.served[:-1] * DT
        + jnp.sum(to_hyperscalers, axis=1)
        + layers.spvs.from_labs(quarter.leases, tenancies, state.spvs.alive)
    )
    labs, lab_state = layers.labs(drivers, quarter.firm, named, state.labs)

    # 4 vehicles earn
    earnings = layers.clouds.earn(
        drivers,
        operations,
        quarter.clouds,
        labs.honoured,
        state.clouds.deferred_revenue,
        state.clouds.backstop_left,
    )
    spv_earnings = layers.spvs.earn(
        prices, quarter.leases, tenancies, labs.honoured, state.spvs.debt
    )
    chips = chip_orders.placed(
        layers.chips,
        prices,
        drivers,
        quarter.capex,
        quarter.hybrid,
        quarter.dues,
        quarter.clouds,
        layers.cloud_terms,
        layers.guarantee,
        contracts,
        state.clouds,
        state.chips,
    )
    hybrid, hybrid_state = layers.hybrid(
        drivers,
        prices,
        hybrid_paths,
        labs.honoured,
        met.hybrid,
        money,
        state.hybrid,
        layers.hyperscalers.supply_spread(state.hyperscalers),
        chips.hybrid,
    )

    # 5 capital structures divide
    for_boxes, for_takeouts = agency.resold(
        layers.agency, money, quarter.agency, state.agency
    )
    cloud_terms, spv_terms, quote = lending.offered(
        layers.lending,
        money,
        layers.cloud_terms,
        layers.spv_terms,
        quarter.dues,
        quarter.loans,
        quarter.spvs,
        state.clouds,
        state.spvs,
        state.agency,
        state.lending,
    )
    clouds, cloud_state = divide(
        drivers,
        prices,
        Window(
            open=money,
            spread=met.clouds,
            resold=for_boxes,
            buyers=layers.hyperscalers.buying(state.hyperscalers),
        ),
        cloud_terms,
        quarter.dues,
        quarter.clouds,
        layers.guarantee,
        operations,
        earnings,
        contracts,
        rule,
        state.clouds,
        chips.clouds,
    )
    spvs, spv_state = divide_spv(
        drivers,
        Window(open=money, spread=met.spvs, resold=for_takeouts),
        spv_terms,
        quarter.loans,
        quarter.spvs,
        layers.guarantee,
        spv_earnings,
        rule,
        state.spvs,
    )
    hybrid_state = layers.hybrid.met(operations.served, clouds.stranding, hybrid_state)
    rents = spv_earnings.paid_by_tenant * state.spvs.alive
    to_projects, owners = construction.settled(
        spvs.building,
        layers.completing,
        layers.tenants,
        spvs.alive,
        jnp.sum(layers.tenants * rents[None, :], axis=1),
        spvs.distributed - spvs.equity - spvs.sponsor,
    )
    hyperscalers, hyperscaler_state = layers.hyperscalers(
        drivers,
        quarter.capex,
        to_projects + jnp.sum(layers.customers * billed[:, None], axis=0),
        jnp.sum(to_hyperscalers * labs.honoured[:, None], axis=0),
        state.hyperscalers,
        chips.hyperscalers,
        clouds.bought,
    )
    vendor, vendor_state = layers.vendor(
        drivers,
        jnp.sum(hyperscalers.capex, axis=0)
        + hybrid.capex
        + jnp.sum(clouds.capex * clouds.alive, axis=0),
        clouds.backstop * clouds.alive,
        clouds.price * layers.cloud_terms.market_cap,
        owners * spvs.alive,
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
        system.by_class(),
        jnp.concatenate(rooms),
        jnp.concatenate(recovery),
    )
    agency_flows, agency_state, private = agency.bought(
        layers.agency,
        drivers,
        quarter.agency,
        classes,
        clouds,
        spvs,
        price,
        state.agency,
    )
    moved, lending_state = lending.settled(
        layers.lending,
        drivers.short,
        clouds,
        spvs,
        private,
        agency_flows,
        quote,
        state.lending,
    )
    quotes = public_markets.quoted(layers.public, state.public)
    fund, fund_state = layers.fund(
        drivers,
        private,
        moved,
        price,
        state.investors.charged,
        state.fund,
        None if quotes is None else quotes.other,
        None if quotes is None else quotes.moved,
    )
    bond = layers.bond(private, price)
    booked = layers.investors(
        private,
        moved,
        price,
        layers.holders,
        fund,
        bond,
        agency_flows,
        state.investors,
    )
    public, public_state, investors, investor_state = public_markets.traded(
        layers.public,
        quotes,
        layers.investors,
        booked,
        state.investors.charged,
        fund.sold,
        fund_state.other,
        state.public,
    )
    spread, system_state = layers.contagion(
        clouds.price,
        clouds.failing,
        spvs.failing,
        jnp.sum(classes.loss + classes.claimed, axis=0),
        jnp.sum(investors.forced_sales, axis=0) + jnp.sum(fund.sold, axis=0),
        fund.openness,
        system,
        None if public is None else public.impact,
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
        moved=moved,
        price=price,
        fund=fund,
        bond=bond,
        agency=agency_flows,
        investors=investors,
        system=spread,
        wealth=wealth,
        idling=layers.idling(prices, tenancies, spvs, clouds, hybrid),
        public=public,
        chips=chips.flows,
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
        lending=lending_state,
        fund=fund_state,
        investors=investor_state,
        system=system_state,
        wealth=wealth_state,
        agency=agency_state,
        public=public_state,
        chips=chips.waiting,
    )
    return after, record
