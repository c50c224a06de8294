r"""Risk-transfer chain: every credit loss from where it arises to who bears it last.

$$ L = \sum_{o,c,p} L_{ocp}, \qquad
   L_{ocp} = s_{oc} \sum_t x_{cp,t} $$

with origin $o$ (a lab, a tenant, or the vehicle itself), class of debt $c$ and path $p$
(direct holder, final holder). $x$ is what the record booked in quarter $t$: the loss of
the class times the holder's share, split by the fund between its bank line and its
investors, and what the government paid. $s_{oc}$ says why the vehicle of the class
failed: what a customer left unpaid while the vehicle lived is that customer's, as far
as it reaches; the rest of the loss is the vehicle's own (it borrowed against revenue
that nobody had promised).
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.contracts.labs import firm_commitments
from engine.contracts.tenancy import tenancy_dates
from engine.economy import Economy
from engine.funds.holders import HOLDERS, INSTITUTIONS, INSTRUMENTS, Holders
from engine.funds.private_credit import cohort_shares
from engine.grid import DT, TimeGrid
from engine.numerics import ratio_above
from engine.vehicles.hybrid import hybrid_paths
from engine.vehicles.spv import Spvs

FUNDS = ("fund", "bond_fund")
"""Holders that hand a loss on to their investors; the first is all cohorts."""

BANK, GOVERNMENT, OUTSIDE = "bank", "government", "outside"
AGENCY = "agency"


class Chain(eqx.Module):
    """Losses over the grid [USD bn] by origin, class of debt and path."""

    origins: tuple[str, ...] = eqx.field(static=True)
    classes: tuple[tuple[str, str], ...] = eqx.field(static=True)
    """Vehicle and instrument."""
    paths: tuple[tuple[str, str], ...] = eqx.field(static=True)
    """Direct holder and final holder; the bank line is ("fund", "bank")."""
    loss: Float[Array, "origin class path"]
    total: Float[Array, ""]
    """The same losses as the record booked them at their origin."""


def classes_of(economy: Economy) -> tuple[tuple[str, str], ...]:
    """Vehicle and instrument of every class of debt, in the record's order."""
    clouds, spvs = economy.members("neoclouds"), economy.members("spvs")
    return tuple(
        (member, kind)
        for kind, members in zip(INSTRUMENTS, (clouds, clouds, spvs, spvs), strict=True)
        for member in members
    )


def investors_of(economy: Economy, holder: str) -> dict[str, Float[Array, " fund"]]:
    """Shares of final holders in every cohort, or in the bond fund."""

    def shares(name: str) -> Float[Array, " fund"]:
        if holder == "fund":
            return economy.cohort_figures(f"investors.{name}")
        return economy[f"funds.bond.investors.{name}"][None]

    found = {name: shares(name) for name in (*INSTITUTIONS, *economy.holders())}
    owned = jnp.sum(jnp.stack(list(found.values())), axis=0)
    return {**found, OUTSIDE: 1.0 - owned}


def paths_of(economy: Economy) -> tuple[tuple[str, str], ...]:
    """Every way a loss can take, direct holders first."""
    final = (*INSTITUTIONS, *economy.holders(), OUTSIDE)
    through = [(fund, name) for fund in FUNDS for name in final]
    direct = [(holder, holder) for holder in HOLDERS if holder not in FUNDS]
    # Its own income and capital first, then the Treasury.
    agency = [(name, who) for name in economy.agencies() for who in (name, GOVERNMENT)]
    return (("fund", BANK), *through, *direct, *agency, (GOVERNMENT, GOVERNMENT))


def unpaid_by_customers(
    record: Any, economy: Economy, grid: TimeGrid
) -> dict[str, Float[Array, " vehicle"]]:
    """What each lab or tenant owed a living vehicle and did not pay [USD bn].

    Vehicles in order: neoclouds, SPVs. Of labs, what the vendor's backstop did not
    cover; of tenants, the rent of what they left, net of damages and guarantee.
    """
    clouds, spvs = record.clouds, record.spvs
    lived = _at_start(clouds.alive)
    rented = _at_start(spvs.alive)
    n, k = len(economy.members("neoclouds")), len(economy.members("spvs"))
    short = clouds.billed - clouds.receipts
    left = 1.0 - ratio_above(jnp.minimum(clouds.backstop, short), short)
    nothing = jnp.zeros((n,), dtype=short.dtype)
    found: dict[str, Float[Array, " vehicle"]] = {}
    for i, lab in enumerate(economy.members("labs")):
        share = economy.stack("neoclouds", f"customers.{lab}")
        missing = 1.0 - record.labs.honoured[:, i : i + 1]
        due = share[None] * clouds.billed * missing * left * lived
        found[lab] = jnp.concatenate(
            [jnp.sum(due, axis=0), jnp.zeros((k,), dtype=short.dtype)]
        )
    dates = tenancy_dates(economy, grid, record.drivers.short)
    layer = Spvs.build(economy)
    owed = layer.ownership * layer.rent
    rent = dates.indexed(owed[None] * DT * dates.running * dates.escalation)
    # A lab that cannot pay stays; what it leaves unpaid is lost all the same.
    paying = 1.0 - jnp.sum(
        layer.labs[None] * (1.0 - record.labs.honoured)[:, :, None], axis=1
    )
    lost = rent * (1.0 - record.tenancies.let * paying) - spvs.owed
    by_spv = jnp.maximum(jnp.sum(lost * rented, axis=0), 0.0)
    spvs_of = economy.members("spvs")
    tenants = [economy.blueprint.choice(f"spvs.{name}.tenant") for name in spvs_of]
    for tenant in dict.fromkeys(tenants):
        mine = jnp.asarray([x == tenant for x in tenants], dtype=by_spv.dtype)
        row = jnp.concatenate([nothing, mine * by_spv])
        key = "other tenants" if tenant == OUTSIDE else tenant
        found[key] = found[key] + row if key in found else row
    return found


def _at_start(alive: Float[Array, "quarter vehicle"]) -> Array:
    """Alive share at the start of each quarter: all are alive at `as_of`."""
    return jnp.concatenate([jnp.ones_like(alive[:1]), alive[:-1]])


def risk_transfer(record: Any, economy: Economy, grid: TimeGrid) -> Chain:
    """The chain of one run, as a pure function of its record.

    **Arguments:** `record` and `economy` of a single run (no batch axis), its `grid`.

    **Returns:** `Chain`; its losses sum to `total` to rounding.
    """
    holders = Holders.build(economy)
    lost, claimed = record.private.loss, record.classes.claimed
    fund_loss = record.fund.credit_loss
    # Banks bear what a cohort's collateral does not cover, its investors the rest.
    on_line = record.fund.line_loss
    by_bank = ratio_above(on_line, fund_loss)[:, :, None]
    of_cohort = lost[:, None] * (cohort_shares(economy) * holders.fund[None])[None]
    if record.moved is not None:
        to_banks = record.moved.loss
        of_cohort = of_cohort - to_banks[:, None] * cohort_shares(economy)[None]
    flows = {("fund", BANK): jnp.sum(of_cohort * by_bank, axis=1)}
    passed = {
        "fund": of_cohort * (1.0 - by_bank),
        "bond_fund": (lost * holders.bond_fund[None])[:, None],
    }
    for holder in FUNDS:
        for name, share in investors_of(economy, holder).items():
            part = share[None, :, None] * passed[holder]
            flows[holder, name] = jnp.sum(part, axis=1)
    for holder in HOLDERS:
        if holder not in FUNDS:
            flows[holder, holder] = lost * getattr(holders, holder)[None]
    if record.moved is not None:
        flows[BANK, BANK] = flows[BANK, BANK] + record.moved.loss
    flows[GOVERNMENT, GOVERNMENT] = claimed
    if record.agency is not None:
        # A quarter's loss goes to the Treasury in one proportion, whatever the class.
        all_of_it = jnp.sum(record.agency.loss, axis=1)
        public = ratio_above(record.agency.public_loss, all_of_it, 0.0, 0.0)[:, None]
        flows[AGENCY, GOVERNMENT] = record.agency.loss * public
        flows[AGENCY, AGENCY] = record.agency.loss * (1.0 - public)
    paths, classes = paths_of(economy), classes_of(economy)
    by_path = jnp.stack([jnp.sum(flows[path], axis=0) for path in paths], axis=1)

    unpaid = unpaid_by_customers(record, economy, grid)
    members = (*economy.members("neoclouds"), *economy.members("spvs"))
    by_class = jnp.sum(record.classes.loss + claimed, axis=0)
    vehicle = [members.index(name) for name, _ in classes]
    mine = jnp.arange(len(members))[:, None] == jnp.asarray(vehicle)[None]
    by_vehicle = jnp.sum(jnp.where(mine, by_class[None], 0.0), axis=1)
    by_customers = jnp.sum(jnp.stack(list(unpaid.values())), axis=0)
    # Customers bear what they left unpaid; of a smaller loss, pro rata.
    base = jnp.maximum(by_customers, by_vehicle)
    own = 1.0 - ratio_above(by_customers, base)
    by_member = jnp.eye(len(members), dtype=own.dtype) * own[None]
    by_customer = [ratio_above(due, base)[None] for due in unpaid.values()]
    why = jnp.concatenate([*by_customer, by_member])[:, jnp.asarray(vehicle)]
    return Chain(
        origins=(*unpaid, *members),
        classes=classes,
        paths=paths,
        loss=why[:, :, None] * by_path[None],
        total=jnp.sum(by_class, axis=0),
    )


class Leak(eqx.Module):
    """One leak: how much [USD bn], whether open, and how fast [quarters]."""

    parts: dict[str, Float[Array, ""]]
    total: Float[Array, ""]
    is_open: Array
    quarters_to_half: Float[Array, ""]
    quarters_to_most: Float[Array, ""]


def leaks(
    record: Any, economy: Economy, grid: TimeGrid, first_failure: Float[Array, ""]
) -> dict[str, Leak]:
    """Both leaks apart, with their speed from the first failure.

    Leak 1, `bank`: banks' losses on fund lines and on their own loans, and what margin
    calls made the fund sell. Leak 2, `public`: public assets that institutions sell
    because their buffer is used up. Open above `criteria.leak_open`.

    **Arguments:** `first_failure`, the date of the first failure of a financed layer.
    """
    investors = record.investors
    series = {
        "bank": {
            "fund_lines": investors.bank_lines,
            "direct_loans": investors.bank_direct,
            "margin_call_sales": jnp.sum(record.fund.sold, axis=1),
        },
        "public": {
            name: investors.forced_sales[:, i] for i, name in enumerate(INSTITUTIONS)
        },
    }
    ends = grid.modelled(grid.ends)
    found = {}
    for name, parts in series.items():
        path = jnp.cumsum(sum(parts.values()))
        total = path[-1]

        def quarters(share: float, path=path, total=total) -> Float[Array, ""]:
            reached = ends[jnp.argmax(path >= share * total)]
            return (reached - first_failure) / DT

        found[name] = Leak(
            parts={key: jnp.sum(flow) for key, flow in parts.items()},
            total=total,
            is_open=total > economy["criteria.leak_open"],
            quarters_to_half=quarters(0.5),
            quarters_to_most=quarters(0.9),
        )
    return found


class Elsewhere(eqx.Module):
    """What others than lenders lose: not credit losses, and not added to them."""

    shares: dict[tuple[str, str], Float[Array, ""]]
    """(neocloud, holder): market value at `as_of` that is gone at the end."""
    commitments: dict[tuple[str, str], Float[Array, ""]]
    """(lab, supplier): dues not paid when due; a renegotiation defers a part."""


def elsewhere(record: Any, economy: Economy, grid: TimeGrid) -> Elsewhere:
    """Losses of shareholders and of the labs' suppliers; arguments as above."""
    clouds, labs = record.clouds, record.labs
    (hybrid,) = economy.members("hybrid")
    neoclouds = economy.members("neoclouds")
    shares = {}
    for i, name in enumerate(neoclouds):
        cap = economy[f"neoclouds.{name}.market_cap"]
        gone = cap * jnp.maximum(1.0 - clouds.price[-1, i], 0.0)
        rest = gone
        for vendor in economy.members("vendor"):
            backs = economy.blueprint.choice(f"vendor.{vendor}.backs") == name
            held = economy[f"vendor.{vendor}.stake"] * gone if backs else 0.0 * gone
            shares[name, vendor] = held
            rest = rest - held
        shares[name, "shareholders"] = rest
    backlog, firm = hybrid_paths(economy, grid).backlog, firm_commitments(economy, grid)
    billed = clouds.billed * _at_start(clouds.alive)
    commitments = {}
    for i, lab in enumerate(economy.members("labs")):
        dues = {
            name: economy[f"neoclouds.{name}.customers.{lab}"] * billed[:, j]
            for j, name in enumerate(neoclouds)
        }
        dues[hybrid] = economy[f"hybrid.{hybrid}.customers.{lab}"] * backlog
        for scaler in economy.members("hyperscalers"):
            dues[scaler] = economy[f"labs.{lab}.providers.{scaler}"] * firm[:, i]
        dues["other suppliers"] = labs.due[:, i] - sum(dues.values())
        for name, due in dues.items():
            commitments[lab, name] = jnp.sum(due * (1.0 - labs.honoured[:, i]))
    return Elsewhere(shares, commitments)
