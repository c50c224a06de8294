"""Terms and balances of a neocloud's capital structure, assembled from the figures."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from engine.bottlenecks.power import has_queue
from engine.contracts import indexation
from engine.contracts.termination import Freed
from engine.credit.box import box_profile, bullet_profile, remaining_value
from engine.credit.box_covenants import BoxTerms
from engine.credit.box_pools import FIGURE, PoolState, PoolTerms
from engine.credit.guarantee import (
    CAPITAL_CAP,
    Guarantee,
    leverage_shift,
    opening_debt_scale,
)
from engine.credit.off_takers import box_margins
from engine.credit.workout import Workout
from engine.drivers import rate_shift
from engine.economy import Economy
from engine.grid import DT, TimeGrid
from engine.market import VINTAGES
from engine.survival import HIGHEST
from engine.vehicles.neocloud import Neoclouds, backstops


class NeocloudDues(eqx.Module):
    """Dated debt service and capex by model quarter, or in one quarter [USD bn]."""

    ddtl: Float[Array, "..."]
    oem: Float[Array, "..."]
    notes: Float[Array, "..."]
    converts: Float[Array, "..."]
    committed: Float[Array, "..."]
    committed_left: Float[Array, "..."]
    """Committed capex after the quarter."""
    legacy_value: Float[Array, "..."]
    """Value, after the quarter, of the legacy contracts' revenue."""
    built: Float[Array, "..."] | None
    """Share of legacy revenue on chips paid after `as_of`; None without pools [1]."""


class NeocloudTerms(eqx.Module):
    """Rates, limits and profiles by neocloud; profiles by age of a draw."""

    minimum_cash: Float[Array, "neocloud ..."]
    term: Float[Array, "neocloud ..."]
    prepayment: Float[Array, "neocloud ..."]
    capex_per_revenue: Float[Array, "neocloud ..."]
    deferrable: Float[Array, "neocloud ..."]
    resume: Float[Array, "neocloud ..."]
    growth: Float[Array, "neocloud ..."]
    rebook: Float[Array, "neocloud ..."]
    signing: Float[Array, "neocloud ..."]
    ddtl_coupon: Float[Array, "neocloud ..."]
    oem_coupon: Float[Array, "neocloud ..."]
    notes_coupon: Float[Array, "neocloud ..."]
    converts_coupon: Float[Array, "neocloud ..."]
    revolver: Float[Array, "neocloud ..."]
    revolver_margin: Float[Array, "neocloud ..."]
    box_margin: Float[Array, "neocloud ..."]
    note_spread: Float[Array, "neocloud ..."]
    advance: Float[Array, "neocloud ..."]
    notes_per_quarter: Float[Array, "neocloud ..."]
    leverage_limit: Float[Array, "neocloud ..."]
    equity_capacity: Float[Array, "neocloud ..."]
    equity_discount: Float[Array, "neocloud ..."]
    market_cap: Float[Array, "neocloud ..."]
    multiple: Float[Array, "neocloud ..."]
    multiple_floor: Float[Array, "neocloud ..."]
    valuation_margin: Float[Array, "neocloud ..."]
    pledged: Float[Array, "neocloud ..."]
    collateral_decay: Float[Array, "neocloud ..."]
    fire_sale: Float[Array, "neocloud ..."]
    other_assets: Float[Array, "neocloud ..."]
    depreciation: Float[Array, "neocloud ..."]
    dispersion: Float[Array, "neocloud ..."]
    repaying: Float[Array, "vintage neocloud ..."]
    maturing: Float[Array, "vintage neocloud ..."]
    live: Float[Array, "vintage neocloud ..."]
    ending: Float[Array, "vintage neocloud ..."]
    remaining: Float[Array, "vintage neocloud ..."]
    boxes: BoxTerms
    pools: PoolTerms | None
    equity_price: Float[Array, "..."]
    is_cohort: Bool[Array, "neocloud ..."]
    workout: Workout | None = None
    """None: what fails is liquidated."""


class NeocloudState(eqx.Module):
    """The average living member, start of quarter [USD bn], and who is alive."""

    alive: Float[Array, "neocloud ..."]
    worst: Float[Array, "neocloud ..."]
    cash: Float[Array, "neocloud ..."]
    deferred_capex: Float[Array, "neocloud ..."]
    deferred_revenue: Float[Array, "neocloud ..."]
    backstop_left: Float[Array, "neocloud ..."]
    ddtl: Float[Array, "neocloud ..."]
    oem: Float[Array, "neocloud ..."]
    notes: Float[Array, "neocloud ..."]
    converts: Float[Array, "neocloud ..."]
    box: Float[Array, "neocloud ..."]
    new_notes: Float[Array, "neocloud ..."]
    revolver: Float[Array, "neocloud ..."]
    rolled: Float[Array, "neocloud ..."]
    box_margin: Float[Array, "neocloud ..."]
    note_coupon: Float[Array, "neocloud ..."]
    contracts: Float[Array, "vintage neocloud ..."]
    draws: Float[Array, "vintage neocloud ..."]
    issues: Float[Array, "vintage neocloud ..."]
    chips: Float[Array, "neocloud ..."]
    market_cap: Float[Array, "neocloud ..."]
    ownership: Float[Array, "neocloud ..."]
    ppe: Float[Array, "neocloud ..."]
    book_equity: Float[Array, "neocloud ..."]
    tested: Float[Array, "neocloud ..."]
    """Cover of the boxes' service last quarter."""
    reach: Float[Array, "neocloud ..."]
    """The same with all equity that could have cured it."""
    pools: PoolState | None
    struck: Float[Array, "vintage neocloud ..."] | None = None
    """Short rate at each signing; None without an index."""
    freed: Freed | None = None
    """What customers left early; None where none may."""
    unpowered: Float[Array, "neocloud ..."] | None = None
    """Contracted revenue that waits for power; None without a queue [USD bn/year]."""

    @property
    def secured(self) -> Float[Array, "neocloud ..."]:
        """Claims on the pledged chips."""
        return self.ddtl + self.oem + self.box + self.revolver + self.rolled

    @property
    def unsecured(self) -> Float[Array, "neocloud ..."]:
        """Notes and convertibles."""
        return self.notes + self.converts + self.new_notes

    @property
    def debt(self) -> Float[Array, "neocloud ..."]:
        """All debt."""
        return self.secured + self.unsecured


def neocloud_dues(economy: Economy, grid: TimeGrid) -> NeocloudDues:
    """Dated dues of every neocloud by model quarter."""
    scale = opening_debt_scale(economy)
    is_apart = economy.states("neoclouds", FIGURE)

    def of(deal: dict[str, Array]) -> NeocloudDues:
        def schedule(key: str) -> Float[Array, " quarter"]:
            return grid.schedule(deal[f"{key}.edges"], deal[f"{key}.amounts"])

        def bullets(key: str) -> Float[Array, " quarter"]:
            return grid.bullets(deal[f"{key}.dates"], deal[f"{key}.amounts"])

        committed = schedule("committed_capex")
        legacy = grid.path(deal["legacy_revenue.dates"], deal["legacy_revenue.values"])
        q = (1.0 + deal["valuation_rate"]) ** -DT
        ages = jnp.arange(grid.n_quarters, dtype=q.dtype)
        discounted = legacy * DT * q**ages
        value = (jnp.sum(discounted) - jnp.cumsum(discounted)) / q**ages
        built = None
        if is_apart:
            paid = (jnp.cumsum(committed) - committed) / deal["capex_per_revenue"]
            peak = jnp.maximum(jax.lax.cummax(legacy), 1e-9)
            built = grid.modelled(jnp.minimum(paid / peak, 1.0))
        return NeocloudDues(
            ddtl=grid.modelled(scale * schedule("ddtl_schedule")),
            oem=grid.modelled(scale * schedule("oem_schedule")),
            notes=grid.modelled(scale * bullets("notes_bullets")),
            converts=grid.modelled(scale * bullets("convertibles_bullets")),
            committed=grid.modelled(committed),
            committed_left=grid.modelled(jnp.sum(committed) - jnp.cumsum(committed)),
            legacy_value=grid.modelled(value),
            built=built,
        )

    dated = {
        "ddtl_schedule": "edges", "oem_schedule": "edges", "committed_capex": "edges",
        "notes_bullets": "dates", "convertibles_bullets": "dates",
    }  # fmt: skip
    keys = [
        f"{key}.{part}" for key, first in dated.items() for part in (first, "amounts")
    ]
    deals = economy.rows(
        "neoclouds", *keys, "legacy_revenue.dates", "legacy_revenue.values",
        "valuation_rate", "capex_per_revenue",
    )  # fmt: skip
    return jax.vmap(of, out_axes=1)(deals)


def opening_multiple(
    economy: Economy, grid: TimeGrid, clouds: Neoclouds
) -> Float[Array, "neocloud ..."]:
    """Multiple of run-rate EBITDA at which the opening market cap is the quoted one.

    Run-rate: the first model quarter with every contract honoured.
    """

    def of(deal: dict[str, Array]) -> Float[Array, ""]:
        legacy = grid.path(deal["legacy_revenue.dates"], deal["legacy_revenue.values"])
        lease = grid.path(deal["lease.dates"], deal["lease.values"])
        first = grid.n_history
        q = (1.0 + deal["valuation_rate"]) ** -DT
        ahead = jnp.arange(1, grid.n_model + 1, dtype=q.dtype)
        value = jnp.sum(legacy[first:] * DT * q**ahead)
        sold = legacy[first]
        kept = deal["collected"] - deal["variable"] - deal["overhead"]
        run_rate = sold * kept - jnp.maximum(lease[first], deal["lease_rate"] * sold)
        # At quoted balances: `leverage.all` changes the cap, not the multiple.
        debt = deal["ddtl"] + deal["oem"] + deal["notes"] + deal["convertibles"]
        committed = grid.modelled(
            grid.schedule(
                deal["committed_capex.edges"], deal["committed_capex.amounts"]
            )
        )
        asked = (
            deal["market_cap"]
            + debt
            - deal["cash"]
            + jnp.sum(committed)
            - deal["valuation_margin"] * value
        )
        return asked / run_rate

    deals = economy.rows(
        "neoclouds", "legacy_revenue.dates", "legacy_revenue.values", "lease.dates",
        "lease.values", "valuation_rate", "ddtl", "oem", "notes", "convertibles",
        "committed_capex.edges", "committed_capex.amounts", "market_cap", "cash",
        "valuation_margin",
    )  # fmt: skip
    operating = {
        key: getattr(clouds, key)
        for key in ("collected", "variable", "overhead", "lease_rate")
    }
    return jax.vmap(of)(deals | operating)


def neocloud_terms(
    economy: Economy, grid: TimeGrid, clouds: Neoclouds, guarantee: Guarantee
) -> NeocloudTerms:
    """Assembles the terms of every neocloud."""

    def stack(key: str) -> Float[Array, "neocloud ..."]:
        return economy.stack("neoclouds", key)

    struck = economy["shifts.rate_all"]
    short = economy["rates.short"] + rate_shift(economy)

    def profiles(deal: dict[str, Array]) -> tuple[Array, Array, Array]:
        rate = short + deal["box_margin"]
        return (
            box_profile(rate, deal["box_tenor"], deal["box_grace"]),
            bullet_profile(deal["note_tenor"]),
            remaining_value(deal["live"], deal["valuation_rate"]),
        )

    deals = economy.rows(
        "neoclouds", "box_tenor", "box_grace", "note_tenor", "valuation_rate"
    )
    margins = box_margins(economy)
    repaying, maturing, remaining = jax.vmap(profiles, out_axes=1)(
        deals | {"box_margin": margins, "live": clouds.live.T}
    )
    covered = guarantee.covered
    more = covered.of("secured", guarantee.advance)
    advance = stack("advance") + more + leverage_shift(economy)
    cost = stack("capex_per_revenue")
    if guarantee.fabs is not None:
        cost = cost * (1.0 - stack("pledged") * guarantee.fabs)
    return NeocloudTerms(
        minimum_cash=stack("minimum_cash"),
        term=stack("term"),
        prepayment=stack("prepayment"),
        capex_per_revenue=cost,
        deferrable=stack("deferrable"),
        resume=stack("resume"),
        growth=stack("growth"),
        rebook=stack("rebook"),
        signing=stack("signing"),
        ddtl_coupon=stack("ddtl_coupon") + struck,
        oem_coupon=stack("oem_coupon") + struck,
        notes_coupon=stack("notes_coupon") + struck,
        converts_coupon=stack("convertibles_coupon") + struck,
        revolver=stack("revolver"),
        revolver_margin=stack("revolver_margin"),
        box_margin=margins * (1.0 - covered.of("secured", guarantee.spread_cut)),
        note_spread=stack("note_spread"),
        advance=jnp.minimum(advance, CAPITAL_CAP),
        notes_per_quarter=stack("notes_per_quarter"),
        leverage_limit=stack("leverage_limit"),
        equity_capacity=stack("equity_capacity"),
        equity_discount=stack("equity_discount"),
        market_cap=stack("market_cap"),
        multiple=opening_multiple(economy, grid, clouds),
        multiple_floor=stack("multiple_floor"),
        valuation_margin=stack("valuation_margin"),
        pledged=stack("pledged"),
        collateral_decay=stack("collateral_decay"),
        fire_sale=stack("fire_sale"),
        other_assets=stack("other_assets"),
        depreciation=stack("depreciation"),
        dispersion=stack("dispersion"),
        repaying=repaying,
        maturing=maturing,
        live=clouds.live,
        ending=clouds.ending,
        remaining=remaining,
        boxes=BoxTerms.build(economy),
        pools=PoolTerms.build(economy, clouds.tail_price),
        equity_price=economy["criteria.equity_price"],
        is_cohort=jnp.asarray(economy.where("neoclouds", "kind", "cohort")),
        workout=Workout.build(economy),
    )


def neocloud_opening(economy: Economy) -> NeocloudState:
    """Balance sheets at `as_of`."""

    def stack(key: str) -> Float[Array, "neocloud ..."]:
        return economy.stack("neoclouds", key)

    scale = opening_debt_scale(economy)
    cash, ppe = stack("cash"), stack("ppe")
    nothing = jnp.zeros_like(cash)
    register = jnp.zeros((VINTAGES, cash.shape[0]), dtype=cash.dtype)
    ddtl, oem = stack("ddtl") * scale, stack("oem") * scale
    notes, converts = stack("notes") * scale, stack("convertibles") * scale
    deferred = stack("deferred_revenue")
    return NeocloudState(
        alive=jnp.ones_like(cash),
        worst=jnp.full_like(cash, 10.0),
        cash=cash,
        deferred_capex=nothing,
        deferred_revenue=deferred,
        backstop_left=backstops(economy),
        ddtl=ddtl,
        oem=oem,
        notes=notes,
        converts=converts,
        box=nothing,
        new_notes=nothing,
        revolver=nothing,
        rolled=nothing,
        box_margin=box_margins(economy),
        note_coupon=economy["rates.ten_year"] + stack("note_spread"),
        contracts=register,
        draws=register,
        issues=register,
        chips=stack("chip_value"),
        market_cap=stack("market_cap"),
        ownership=jnp.ones_like(cash),
        ppe=ppe,
        book_equity=cash + ppe - ddtl - oem - notes - converts - deferred,
        tested=jnp.full_like(cash, 1.0 + HIGHEST),
        reach=jnp.full_like(cash, 1.0 + HIGHEST),
        pools=PoolState.opening(economy, cash),
        struck=indexation.register(economy, register),
        freed=Freed.opening(economy, register),
        unpowered=nothing if has_queue(economy) else None,
    )
