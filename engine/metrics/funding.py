"""What is built from 2025 to 2028 and who funds it, in the buckets of Morgan Stanley.

Every dollar of capex of the economy's vehicles is counted once, where it is spent, and
once by its source. Quarters before `as_of` enter as the figures `funding.before_*`.
A company's own cash is what its net borrowing, shares sold and prepayments leave of its
capex. A project is funded as its construction is: loans as drawn, notes as spent, the
rest equity; a take-out moves what it repays from the first lenders to asset-backed
markets. Secured debt goes by who holds it: bond funds hold bonds, banks count with
private equity and others, as do lessors of hyperscalers, everybody else lends as
private credit. What a government's agency holds of all these loans, where there is
one, its bonds fund instead of their first lenders.

**References:** Morgan Stanley research of July 2025 as reported in futunn.com
(2025-07-21) and aigazine.com (2025).
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy
from engine.grid import TimeGrid
from engine.numerics import ratio_above
from engine.vehicles.construction import built

BUCKETS = (
    "own_cash",
    "private_credit",
    "equity_other",
    "corporate_bonds",
    "securitised",
)
"""Who pays: companies' cash flow; private lenders; private equity, sovereign funds,
prepayments and banks; bonds; asset- and mortgage-backed securities."""

USES = ("hardware", "building")


def _beside(
    values: Float[Array, " entity"], flow: Float[Array, "quarter entity ..."]
) -> Float[Array, "1 entity ..."]:
    """Values by entity, to stand beside a record's flow."""
    return values.reshape((1, -1) + (1,) * (flow.ndim - 2))


def _beyond(record: Any, over: Callable[[Array], Array]) -> Float[Array, "..."]:
    """What banks lend beyond the figures to neoclouds and, as drawn, to projects."""
    moved, n, k = record.moved, record.clouds.alive.shape[1], record.spvs.alive.shape[1]
    loan, takeout = slice(2 * n, 2 * n + k), slice(2 * n + k, None)
    # A take-out repays who held the loan.
    share = ratio_above(moved.repaid[:, loan], record.private.repaid[:, loan])
    repaid = record.classes.lent[:, takeout]
    if record.agency is not None:
        # Of it, what repays the agency is not theirs; older loans they sell to it.
        part = ratio_above(record.agency.repaid, record.classes.repaid)[:, loan]
        sold = (record.agency.bought - record.agency.taken)[:, loan]
        repaid = (1.0 - part) * repaid + sold
    repaid = share * repaid
    clouds = moved.lent[:, :n] - moved.repaid[:, :n]
    return over(clouds) + over(moved.drawn[:, loan] - repaid)


def _bought(
    record: Any, economy: Economy, grid: TimeGrid, notes: Array
) -> tuple[Array, Array, Array, Array]:
    """What the agency funds by quarter and vehicle [USD bn], in `INSTRUMENTS`' order.

    Of neoclouds' debt what it buys and lends on, net of what it is repaid; of projects'
    loans what it buys until a take-out repays it, of prefunded notes (`notes`, as they
    are spent) its share, and when it buys them what was spent of them before.
    """
    agency, n, k = (
        record.agency,
        record.clouds.alive.shape[1],
        record.spvs.alive.shape[1],
    )
    net = agency.bought + agency.kept - agency.repaid
    loan, takeout = slice(2 * n, 2 * n + k), slice(2 * n + k, None)
    deals = economy.rows(
        "spvs", "construction_start", "completion", "construction_cost", "notes",
        "equity",
    )  # fmt: skip
    # Of a sweep the delay is one per scenario, on the last axis.
    delay = economy["physics.delay"]

    def beside(values: Array) -> Array:
        return values.reshape(values.shape + (1,) * delay.ndim)

    grown = built(
        beside(deals["construction_start"])[None],
        (beside(deals["completion"]) + delay[None])[None],
        beside(grid.modelled(grid.begins)[:, None]),
    )
    # Of a unit of prefunded notes, spent by the start of each quarter.
    per_unit = deals["construction_cost"] / (deals["notes"] + deals["equity"])
    prefunded = jnp.asarray(economy.where("spvs", "funding", "prefunded"))
    counted = jnp.where(beside(prefunded)[None], beside(per_unit)[None] * grown, 1.0)
    counted = counted.reshape(counted.shape + (1,) * (notes.ndim - counted.ndim))
    part = ratio_above(agency.repaid, record.classes.repaid)[:, loan]
    projects = (
        agency.bought[:, loan] * counted
        + agency.share[:, loan] * notes
        - part * record.classes.lent[:, takeout]
    )
    return net[:, :n], net[:, n : 2 * n], projects, agency.bought[:, takeout]


def funding(
    record: Any, economy: Economy, grid: TimeGrid
) -> dict[str, Float[Array, "..."]]:
    """Uses and sources of the build between `funding.start` and `funding.end` [USD bn].

    **Arguments:** `record` of a run, single or batch, its `economy` and `grid`.

    **Returns:** by name of `USES` and `BUCKETS`, and `agency` where there is one; uses
    and sources sum to the same total.
    """
    window = grid.overlap(economy["funding.start"], economy["funding.end"])
    inside = grid.modelled(window)

    def total(flow: Float[Array, "quarter ..."]) -> Float[Array, "..."]:
        weights = inside.reshape((-1,) + (1,) * (flow.ndim - 1))
        return jnp.sum(flow * weights, axis=0)

    def over(flow: Float[Array, "quarter entity ..."]) -> Float[Array, "..."]:
        return jnp.sum(total(flow), axis=0)

    hyper, hybrid, clouds = record.hyperscalers, record.hybrid, record.clouds
    spvs = record.spvs
    borrowed = total(hybrid.borrowed - hybrid.matured)
    lived, here = clouds.alive, spvs.alive
    secured = (clouds.lent_secured - clouds.repaid_secured) * lived
    unsecured = over((clouds.lent_unsecured - clouds.repaid_unsecured) * lived)
    paid_in = over((clouds.raised + clouds.prepayment) * lived)

    spend = spvs.spend * here
    drawn = (spvs.lent_loan - spvs.capitalised - spvs.arrears) * here
    notes, equity = economy.stack("spvs", "notes"), economy.stack("spvs", "equity")
    prefunded = jnp.asarray(economy.where("spvs", "funding", "prefunded"))
    share = jnp.where(prefunded, notes / (notes + equity), 0.0)
    as_spent = spend * _beside(share, spend)
    lent = drawn + as_spent
    kept = lent - spvs.lent_takeout * here
    securitised, by_agency = over(spvs.lent_takeout * here), {}
    if record.agency is not None:
        parts = _bought(record, economy, grid, as_spent)
        secured, kept = secured - parts[0], kept - parts[2]
        unsecured, securitised = (
            unsecured - over(parts[1]),
            securitised - over(parts[3]),
        )
        by_agency = {"agency": sum(over(part) for part in parts)}
    if spvs.building is not None:
        # Lenders lend against the budget: an overrun is others' money.
        spend = spend + spvs.building.overrun * here

    def held(by: str) -> Float[Array, "..."]:
        """What a holder lends to neoclouds against collateral, and to projects."""
        clouds_by = economy.stack("neoclouds", f"holders_secured.{by}")
        spvs_by = economy.stack("spvs", f"holders_notes.{by}")
        return over(secured * _beside(clouds_by, secured)) + over(
            kept * _beside(spvs_by, kept)
        )

    banks, bonds = held("bank"), held("bond_fund")
    if record.moved is not None:
        banks = banks + _beyond(record, over)

    capex = {
        "hyperscaler": over(hyper.capex),
        "hybrid": total(hybrid.capex),
        "cloud": over(clouds.capex * lived),
    }
    sources = {
        "corporate_bonds": over(hyper.issued) + borrowed + unsecured + bonds,
        "private_credit": over(secured) + over(kept) - banks - bonds,
        "equity_other": banks + total(hybrid.equity) + paid_in + over(spend - lent),
        "securitised": securitised,
        **by_agency,
    }
    if hyper.funding is not None:
        sources["equity_other"] = sources["equity_other"] + over(hyper.funding.leased)
    built = sum(capex.values()) + over(spend)
    sources["own_cash"] = built - sum(sources.values())

    owns_chips = jnp.asarray(economy.where("spvs", "asset", "chips"))
    chips = _beside(owns_chips.astype(notes.dtype), spend)
    project = economy["funding.project_hardware"]
    pledged = _beside(economy.stack("neoclouds", "pledged"), clouds.capex)
    hardware = (
        economy["funding.hyperscaler_hardware"] * capex["hyperscaler"]
        + economy["funding.hybrid_hardware"] * capex["hybrid"]
        + over(pledged * clouds.capex * lived)
        + over(spend * chips)
        + project * over(spend * (1.0 - chips))
    )
    found = {"hardware": hardware, "building": built - hardware, **sources}
    return {
        name: economy[f"funding.before_{name}"] + found[name]
        for name in (*USES, *BUCKETS)
    } | {name: found[name] for name in by_agency}
