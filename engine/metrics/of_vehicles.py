"""Metrics of labs, vehicles and vendors, by member of the family.

A formula takes the record `r`, the member's index `i`, the economy `e`, the grid `g`.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from engine.economy import Economy
from engine.grid import TimeGrid
from engine.metrics.layers import NEVER, first_date, within
from engine.metrics.registry import register
from engine.numerics import ratio_above


def _to_horizon(economy: Economy, grid: TimeGrid) -> Bool[Array, " quarter"]:
    return grid.modelled(grid.ends) <= economy["criteria.horizon"] + 1e-6


def _at_default(
    recovery: Float[Array, "quarter ..."], failing: Float[Array, "quarter ..."]
) -> tuple[Float[Array, "..."], Bool[Array, "..."]]:
    """Recovery weighted by what fails; without meaning where nothing does."""
    total = jnp.sum(failing, axis=0)
    return ratio_above(jnp.sum(failing * recovery, axis=0), total), total > 1e-9


def _first_below(
    share: Float[Array, "quarter ..."], grid: TimeGrid, floor: float
) -> tuple[Float[Array, "..."], Bool[Array, "..."]]:
    date = first_date(share < floor, grid)
    return date, date < NEVER


@register(
    "neoclouds", "default_date", "T", "decimal year", "first default (half of a cohort)"
)
def _neoclouds_default_date(r, i, e, g):
    return _first_below(r.clouds.alive[:, i], g, 0.5)


@register("neoclouds", "alive", "a", "share", "alive at the end of the grid")
def _neoclouds_alive(r, i, e, g):
    return r.clouds.alive[-1, i]


@register("neoclouds", "default_before_2030", "1-a", "share", "defaulted before 2030")
def _neoclouds_default_before_2030(r, i, e, g):
    before = g.modelled(g.ends) <= 2030.0 + 1e-6
    return 1.0 - jnp.min(within(before, r.clouds.alive[:, i], 1.0), axis=0)


@register(
    "neoclouds",
    "minimum_headroom",
    "g",
    "x",
    "lowest liquidity headroom to the horizon",
)
def _neoclouds_minimum_headroom(r, i, e, g):
    inside = _to_horizon(e, g)
    return jnp.min(within(inside, r.clouds.headroom[:, i], 10.0), axis=0)


@register(
    "neoclouds",
    "minimum_dscr",
    "DSCR",
    "x",
    "lowest secured debt-service cover to the horizon",
)
def _neoclouds_minimum_dscr(r, i, e, g):
    inside = _to_horizon(e, g)
    return jnp.min(within(inside, r.clouds.dscr[:, i], 11.0), axis=0)


@register(
    "neoclouds", "revenue_next_four", "Q", "USD bn", "revenue of the next four quarters"
)
def _neoclouds_revenue_next_four(r, i, e, g):
    return jnp.sum(r.clouds.revenue[:4, i], axis=0)


@register("neoclouds", "peak_debt", "D", "USD bn", "highest debt while alive")
def _neoclouds_peak_debt(r, i, e, g):
    return jnp.max(
        (r.clouds.secured[:, i] + r.clouds.unsecured[:, i]) * r.clouds.alive[:, i],
        axis=0,
    )


@register("neoclouds", "equity_raised", "E", "USD bn", "equity raised while alive")
def _neoclouds_equity_raised(r, i, e, g):
    return jnp.sum(r.clouds.raised[:, i] * r.clouds.alive[:, i], axis=0)


@register(
    "neoclouds", "capex_deferred", "K", "USD bn", "committed capex deferred while alive"
)
def _neoclouds_capex_deferred(r, i, e, g):
    return jnp.sum(r.clouds.deferred[:, i] * r.clouds.alive[:, i], axis=0)


@register(
    "neoclouds",
    "contracts_signed",
    "v",
    "USD bn/year",
    "annual revenue signed while alive",
)
def _neoclouds_contracts_signed(r, i, e, g):
    return jnp.sum(r.clouds.signed[:, i] * r.clouds.alive[:, i], axis=0)


@register(
    "neoclouds",
    "recovery_secured",
    "R",
    "share",
    "recovery of secured claims at default",
)
def _neoclouds_recovery_secured(r, i, e, g):
    return _at_default(r.clouds.recovery_secured[:, i], r.clouds.failing[:, i])


@register(
    "neoclouds",
    "recovery_unsecured",
    "R",
    "share",
    "recovery of unsecured claims at default",
)
def _neoclouds_recovery_unsecured(r, i, e, g):
    return _at_default(r.clouds.recovery_unsecured[:, i], r.clouds.failing[:, i])


@register(
    "neoclouds",
    "price_at_horizon",
    "p",
    "x",
    "equity price against as_of at the horizon",
)
def _neoclouds_price_at_horizon(r, i, e, g):
    inside = _to_horizon(e, g)
    return r.clouds.price[jnp.sum(inside, axis=0) - 1, i]


@register("neoclouds", "credit_loss", "L", "USD bn", "credit loss of all lenders")
def _neoclouds_credit_loss(r, i, e, g):
    n = len(e.members("neoclouds"))
    lost = r.classes.loss + r.classes.claimed
    return jnp.sum(lost[:, i] + lost[:, n + i], axis=0)


@register(
    "spvs", "default_date", "T", "decimal year", "first default (half of a cohort)"
)
def _spvs_default_date(r, i, e, g):
    return _first_below(r.spvs.alive[:, i], g, 0.5)


@register("spvs", "alive", "a", "share", "alive at the end of the grid")
def _spvs_alive(r, i, e, g):
    return r.spvs.alive[-1, i]


@register("spvs", "let", "τ", "share", "let to the tenant at the end of 2045")
def _spvs_let(r, i, e, g):
    inside = g.modelled(g.ends) <= 2046.0 + 1e-6
    return r.tenancies.let[jnp.sum(inside, axis=0) - 1, i]


@register(
    "spvs",
    "minimum_dscr",
    "DSCR",
    "x",
    "lowest debt-service cover after rent start, to 2045",
)
def _spvs_minimum_dscr(r, i, e, g):
    inside = g.modelled(g.ends) <= 2046.0
    paying = within(inside, r.spvs.rent[:, i] > 0.0, False)
    return jnp.min(jnp.where(paying, r.spvs.dscr[:, i], 11.0), axis=0), jnp.any(
        paying, axis=0
    )


@register(
    "spvs", "lowest_renewal", "h", "x", "lowest renewal headroom at a renewal date"
)
def _spvs_lowest_renewal(r, i, e, g):
    lowest = jnp.min(r.tenancies.renewal_due[:, i], axis=0)
    return lowest, lowest < 10.0


@register("spvs", "lowest_repudiation", "h", "x", "lowest headroom against repudiation")
def _spvs_lowest_repudiation(r, i, e, g):
    return jnp.min(r.tenancies.repudiation[:, i], axis=0)


@register("spvs", "peak_debt", "D", "USD bn", "highest debt while alive")
def _spvs_peak_debt(r, i, e, g):
    return jnp.max(
        (r.spvs.loan[:, i] + r.spvs.takeout[:, i]) * r.spvs.alive[:, i], axis=0
    )


@register("spvs", "credit_loss", "L", "USD bn", "credit loss of all lenders")
def _spvs_credit_loss(r, i, e, g):
    n, k = len(e.members("neoclouds")), len(e.members("spvs"))
    lost = r.classes.loss + r.classes.claimed
    return jnp.sum(lost[:, 2 * n + i] + lost[:, 2 * n + k + i], axis=0)


@register(
    "labs", "lowest_honoured", "h", "share", "lowest share of dues paid to the horizon"
)
def _labs_lowest_honoured(r, i, e, g):
    inside = _to_horizon(e, g)
    return jnp.min(within(inside, r.labs.honoured[:, i], 1.0), axis=0)


@register("labs", "forgiven", "λ", "USD bn", "commitments forgiven")
def _labs_forgiven(r, i, e, g):
    return jnp.sum(r.labs.forgiven[:, i], axis=0)


@register("labs", "equity_raised", "E", "USD bn", "equity raised while alive")
def _labs_equity_raised(r, i, e, g):
    return jnp.sum(r.labs.raised[:, i], axis=0)


@register(
    "hyperscalers",
    "capex_to_cash_flow",
    "X/O",
    "x",
    "capex and rents over operating cash flow, next four quarters",
)
def _hyperscalers_capex_to_cash_flow(r, i, e, g):
    spent = jnp.sum(r.hyperscalers.capex[:4, i] + r.hyperscalers.rent[:4, i], axis=0)
    return ratio_above(spent, jnp.sum(r.hyperscalers.operating[:4, i], axis=0))


@register("hyperscalers", "peak_debt", "D", "USD bn", "highest debt while alive")
def _hyperscalers_peak_debt(r, i, e, g):
    return jnp.max(r.hyperscalers.debt[:, i], axis=0)


@register(
    "hyperscalers",
    "minimum_headroom",
    "g",
    "x",
    "lowest liquidity headroom to the horizon",
)
def _hyperscalers_minimum_headroom(r, i, e, g):
    inside = _to_horizon(e, g)
    return jnp.min(within(inside, r.hyperscalers.headroom[:, i], 10.0), axis=0)


@register(
    "hyperscaler_funding",
    "leased",
    "l",
    "USD bn",
    "equipment that lessors outside paid for, over the grid",
)
def _funding_leased(r, i, e, g):
    return jnp.sum(r.hyperscalers.funding.leased[:, i], axis=0)


@register(
    "hyperscaler_funding",
    "peak_obligation",
    "L",
    "USD bn",
    "most owed to lessors outside, off the balance sheet",
)
def _funding_peak_obligation(r, i, e, g):
    return jnp.max(r.hyperscalers.funding.obligation[:, i], axis=0)


@register(
    "hyperscaler_funding",
    "peak_adjusted_leverage",
    "D^a/4O",
    "x",
    "highest debt with weighted leases over operating cash flow, to the horizon",
)
def _funding_peak_adjusted_leverage(r, i, e, g):
    inside = _to_horizon(e, g)
    return jnp.max(within(inside, r.hyperscalers.funding.leverage[:, i], 0.0), axis=0)


@register(
    "hyperscaler_funding",
    "peak_marginal_spread",
    "c^b − y",
    "1/year",
    "highest cost of the last dollar of bonds over the ten-year rate, to the horizon",
)
def _funding_peak_marginal_spread(r, i, e, g):
    spread = r.hyperscalers.funding.bond_cost[:, i] - r.drivers.ten_year
    return jnp.max(within(_to_horizon(e, g), spread, 0.0), axis=0)


@register(
    "hybrid", "peak_leverage", "D/E", "x", "highest net debt over EBITDA to the horizon"
)
def _hybrid_peak_leverage(r, i, e, g):
    inside = _to_horizon(e, g)
    return jnp.max(within(inside, r.hybrid.leverage, 0.0), axis=0)


@register("hybrid", "peak_debt", "D", "USD bn", "highest debt while alive")
def _hybrid_peak_debt(r, i, e, g):
    return jnp.max(r.hybrid.debt, axis=0)


@register(
    "hybrid",
    "overflow_sought",
    "o",
    "USD bn/year",
    "revenue of failed neoclouds that sought a home",
)
def _hybrid_overflow_sought(r, i, e, g):
    return jnp.sum(r.hybrid.overflow.sought, axis=0)


@register(
    "hybrid",
    "overflow_taken",
    "n",
    "USD bn/year",
    "revenue of failed neoclouds that the hybrid cloud took on",
)
def _hybrid_overflow_taken(r, i, e, g):
    return jnp.sum(r.hybrid.overflow.taken, axis=0)


@register(
    "vendor", "backstop_paid", "b", "USD bn", "unsold capacity bought from the neocloud"
)
def _vendor_backstop_paid(r, i, e, g):
    return jnp.sum(r.vendor.backstop[:, i], axis=0)


@register(
    "vendor",
    "guarantees_paid",
    "G",
    "USD bn",
    "paid under residual value guarantees",
)
def _vendor_guarantees_paid(r, i, e, g):
    return jnp.sum(r.vendor.guarantees[:, i], axis=0)


@register(
    "vendor",
    "lowest_stake",
    "S",
    "USD bn",
    "lowest market value of the stake to the horizon",
)
def _vendor_lowest_stake(r, i, e, g):
    inside = _to_horizon(e, g)
    return jnp.min(within(inside, r.vendor.stake[:, i], 1e6), axis=0)
