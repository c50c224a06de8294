r"""The wealth effect (M17): tech equity falls, households spend less, revenue follows.

Everything exogenous was computed for the revenue that the adoption curve gives. What
households stopped spending by the end of last quarter scales it, and whatever follows
from revenue is taken again: `felt` does that at the start of a quarter, calling the
layer values tech equity at its end. docs/model.md, sections 1 (Wealth) and 8.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.credit.neocloud_flows import NeocloudFlows
from engine.drivers import Drivers
from engine.economy import Economy
from engine.grid import DT, TimeGrid
from engine.once import computed_once
from engine.vehicles.hybrid import HybridFlows, hybrid_paths
from engine.vehicles.hyperscaler import (
    HyperscalerFlows,
    before_interest,
    planned_capex,
)
from engine.vehicles.vendor import VendorFlows

MEMORY = 4
"""Quarters that a change of revenue, and a lab's patience, look back."""


class WealthState(eqx.Module):
    """High-water mark of tech equity, spending cut, and its last four quarters."""

    highest: Float[Array, "..."]
    cut: Float[Array, "..."]
    """Spending that households stopped [share of GDP]."""
    kept: Float[Array, "memory ..."]
    """Share of revenue kept, newest quarter first."""
    missing: Float[Array, "memory ..."]
    """Money for compute that did not come [USD bn/year], newest quarter first."""
    demand: Float[Array, "..."]
    """Last quarter's demand for compute against that of the curve."""


class WealthFlows(eqx.Module):
    """Tech equity at market and its high-water mark [USD bn], spending cut [share]."""

    equity: Float[Array, "..."]
    highest: Float[Array, "..."]
    cut: Float[Array, "..."]
    kept: Float[Array, "..."]


class Felt(eqx.Module):
    """A quarter's drivers with the wealth effect, and the registers that follow."""

    drivers: Drivers
    kept: Float[Array, "memory ..."]
    missing: Float[Array, "memory ..."]
    demand: Float[Array, "..."]


class Wealth(eqx.Module):
    """Propensity and pace of spending, and the multiples of companies at `as_of`."""

    propensity: Float[Array, "..."]
    """Spending lost a year per unit of tech equity lost, households' share included."""
    adjusting: Float[Array, "..."]
    """Share of the way that spending goes in a quarter."""
    pass_through: Float[Array, "..."]
    """Revenue lost per unit of spending lost [1]."""
    multiple_fall: Float[Array, "..."]
    opening: Float[Array, "..."]
    hyperscalers: Float[Array, "hyperscaler ..."]
    """Multiple of operating cash flow at `as_of`; below, of EBITDA and of profit."""
    hybrid: Float[Array, "..."]
    vendor: Float[Array, "vendor ..."]
    neoclouds: Float[Array, "neocloud ..."]
    """Market capitalisation at `as_of` [USD bn]."""
    compute: Float[Array, "..."]
    training_floor: Float[Array, "..."]
    training_cap: Float[Array, "..."]
    response_floor: Float[Array, "..."]
    response_elasticity: Float[Array, "..."]

    @staticmethod
    def build(economy: Economy, grid: TimeGrid) -> "Wealth":
        """Assembles the effect; every company opens at its market value."""

        def figure(key: str) -> Float[Array, "..."]:
            return economy[f"wealth.{key}"]

        caps = economy.stack("hyperscalers", "market_cap")
        debt = economy.stack("hyperscalers", "legacy_debt")
        hybrid_cap = economy.only("hybrid", "market_cap")
        vendor_caps = economy.stack("vendor", "market_cap")
        clouds = economy.stack("neoclouds", "market_cap")
        ebitda, profit = _opening_results(economy, grid)
        return Wealth(
            propensity=figure("propensity") * figure("held"),
            adjusting=-jnp.expm1(-figure("adjustment") * DT),
            pass_through=figure("revenue_elasticity") * figure("multiplier"),
            multiple_fall=figure("multiple_fall"),
            opening=jnp.sum(caps) + hybrid_cap + jnp.sum(vendor_caps) + jnp.sum(clouds),
            hyperscalers=(caps + debt - economy.stack("hyperscalers", "cash"))
            / before_interest(economy),
            hybrid=(
                hybrid_cap
                + economy.only("hybrid", "legacy_debt")
                - economy.only("hybrid", "cash")
            )
            / ebitda,
            vendor=(vendor_caps - economy.stack("vendor", "cash")) / profit,
            neoclouds=clouds,
            compute=economy["market.compute"],
            training_floor=economy["market.training_floor"],
            training_cap=economy["market.training_cap"],
            response_floor=economy["market.response_floor"],
            response_elasticity=economy["market.response_elasticity"],
        )

    def opened(self) -> WealthState:
        """At `as_of`: at the high-water mark, nothing cut."""
        none = jnp.zeros_like(self.opening)
        return WealthState(
            highest=self.opening,
            cut=none,
            kept=jnp.ones_like(none, shape=(MEMORY, *none.shape)),
            missing=jnp.zeros_like(none, shape=(MEMORY, *none.shape)),
            demand=jnp.ones_like(none),
        )

    @computed_once
    def felt(self, quarter: Drivers, state: WealthState) -> Felt:
        """The quarter's drivers once spending is cut by what `state` says."""
        kept = jnp.maximum(1.0 - self.pass_through * state.cut, 0.0)
        revenue, ratio = kept * quarter.revenue, kept * quarter.ratio
        ratio_last = state.kept[0] * quarter.ratio_last
        training = quarter.training * jnp.clip(
            ratio, self.training_floor, self.training_cap
        )
        money = self.compute * revenue + training
        year_ago = quarter.money_year_ago - state.missing[-1]
        lost = quarter.money - money
        demand = quarter.demand - lost * quarter.per_money
        # A power as exponential of a logarithm: cheap beside the vintages' arrays.
        pace = jnp.clip(ratio_last, self.response_floor, 1.0)
        response = jnp.exp(self.response_elasticity * jnp.log(jnp.maximum(pace, 1e-12)))
        drivers = dataclasses.replace(
            quarter,
            revenue=revenue,
            ratio=ratio,
            ratio_last=ratio_last,
            ratio_year_ago=state.kept[-1] * quarter.ratio_year_ago,
            response=response,
            money=money,
            money_growth=jnp.maximum(money - year_ago, 0.0),
            demand=demand,
            demand_ahead=quarter.demand_ahead * state.demand,
        )
        return Felt(
            drivers=drivers,
            kept=_pushed(state.kept, kept),
            missing=_pushed(state.missing, lost),
            demand=demand / quarter.demand,
        )

    @computed_once
    def __call__(
        self,
        felt: Felt,
        clouds: NeocloudFlows,
        hyperscalers: HyperscalerFlows,
        hybrid: HybridFlows,
        vendor: VendorFlows,
        state: WealthState,
    ) -> tuple[WealthFlows, WealthState]:
        """Values tech equity at the end of the quarter; spending follows its fall."""
        promised = jnp.clip(felt.drivers.ratio, 0.0, 1.0)
        paid = 1.0 - self.multiple_fall * (1.0 - promised)

        def value(multiple, result, net_debt):
            return jnp.maximum(multiple * paid * 4.0 * result - net_debt, 0.0)

        companies = value(
            self.hyperscalers,
            hyperscalers.operating,
            hyperscalers.net_debt,
        )
        equity = (
            jnp.sum(self.neoclouds * clouds.price, axis=0)
            + jnp.sum(companies, axis=0)
            + value(self.hybrid, hybrid.ebitda, hybrid.debt - hybrid.cash)
            + jnp.sum(value(self.vendor, vendor.profit, -vendor.cash), axis=0)
        )
        highest = jnp.maximum(state.highest, equity)
        target = self.propensity * (highest - equity) / felt.drivers.gdp
        cut = state.cut + (target - state.cut) * self.adjusting
        flows = WealthFlows(equity=equity, highest=highest, cut=cut, kept=felt.kept[0])
        after = WealthState(
            highest=highest,
            cut=cut,
            kept=felt.kept,
            missing=felt.missing,
            demand=felt.demand,
        )
        return flows, after


def _opening_results(
    economy: Economy, grid: TimeGrid
) -> tuple[Float[Array, ""], Float[Array, " vendor"]]:
    """EBITDA of the hybrid cloud and profit of vendors, as planned [USD bn/year]."""

    def hybrid(key: str) -> Float[Array, "..."]:
        return economy.only("hybrid", key)

    def vendor(key: str) -> Float[Array, " vendor"]:
        return economy.stack("vendor", key)

    paths = hybrid_paths(economy, grid)
    years = grid.middles[grid.n_history] - grid.middles[grid.n_history - 1]
    core = hybrid("core_ebitda") * (1.0 + hybrid("core_growth")) ** years
    margin = 1.0 - hybrid("variable") - hybrid("fixed")
    ebitda = core + 4.0 * (margin * paths.backlog[0] - paths.rent[0])
    ordered = economy.rows(
        "neoclouds", "committed_capex.edges", "committed_capex.amounts"
    )
    committed = jax.vmap(grid.schedule)(*ordered.values())[:, grid.n_history]
    capex = jnp.sum(planned_capex(economy, grid)[0]) + paths.capex[0]
    capex = 4.0 * (capex + jnp.sum(committed))
    sales = vendor("chip") * capex + vendor("outside_sales")
    return ebitda, vendor("margin") * sales


def _pushed(
    register: Float[Array, "memory ..."], entry: Float[Array, "..."]
) -> Float[Array, "memory ..."]:
    return jnp.concatenate([entry[None], register[:-1]])
