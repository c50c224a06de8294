r"""Accounting view: what tenants show of their leases, and what they do not.

An output of a run: nothing reads it. At the end of each quarter of the grid, for every
lease of an SPV, whole asset, with $p_{n,\tau}$ the contract rent of its $n$-th term
($n = 0$ the first, then renewals), $r_n$ the tenant's ten-year borrowing rate when that
term starts:

$$ L_t = \sum_{n:\,d_n \le t}\ \sum_{\tau > t} p_{n,\tau}(1 + r_n\Delta)^{-(\tau - t)}
   \qquad\text{(ASC 842-20-30-1, IFRS 16.26)} $$

A renewal enters when it is exercised; until then it is an option, which neither
standard counts (ASC 842-10-30-1, IFRS 16.18). Not on the balance sheet are therefore
what is signed and not commenced, guarantees at most, and options, all undiscounted as
companies disclose them. The asset of ASC 842 (operating) is the liability less
straight-line cost accrued, that of IFRS 16 its first amount on a straight line.

The leases that hybrid cloud and neoclouds hold themselves are a dated path of rent:
those in force go on as long as the path allows, $e_t(\tau) = \min_{t\le s\le\tau}
\text{path}(s)$, the rest is not commenced. What hyperscalers owe to lessors outside
(`engine/vehicles/hyperscaler_funding.py`) is a liability of the same amount.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from engine.contracts.lease import lease_schedule
from engine.credit.off_takers import box_margins
from engine.economy import Economy
from engine.grid import DT, TimeGrid
from engine.numerics import ratio_above
from engine.vehicles.spv import contract_rent

TERMS = 9
"""The first term and the renewals that the tenancies know."""

OTHERS = "other tenants"


class Leases(eqx.Module):
    """Leases at the end of each quarter of the grid [USD bn]."""

    liability: Float[Array, "quarter ..."]
    right_of_use: Float[Array, "quarter ..."]
    """ASC 842, operating."""
    finance_asset: Float[Array, "quarter ..."]
    """IFRS 16."""
    not_commenced: Float[Array, "quarter ..."]
    guarantee: Float[Array, "quarter ..."]
    """Residual value guarantee, at most; of the tenant or of a vendor."""
    options: Float[Array, "quarter ..."]
    """Rent of renewals not yet exercised."""


class View(eqx.Module):
    """The same by company, in the order of `companies`."""

    companies: tuple[str, ...] = eqx.field(static=True)
    dates: Float[Array, " quarter"]
    totals: Leases
    off_balance: Float[Array, "quarter company"]
    """Not commenced, and of each lease the larger of guarantee and options: whoever
    renews is not called on."""


def accounting(record: Any, economy: Economy, grid: TimeGrid) -> View:
    """The view of one run, as a pure function of its record.

    **Arguments:** `record` and `economy` of a single run (no batch axis), its `grid`;
    the grid's end must lie behind the leases', what is later is left out.

    **Returns:** `View`; a company that is only a guarantor shows the guarantee alone.
    """
    rented, own = spv_leases(record, economy, grid), own_leases(record, economy, grid)
    spvs, (hybrid,) = economy.members("spvs"), economy.members("hybrid")
    choice = economy.blueprint.choice
    tenants, guarantors = [], []
    for name in spvs:
        tenant = choice(f"spvs.{name}.tenant")
        tenant = OTHERS if tenant == "outside" else tenant
        guarantor = choice(f"spvs.{name}.guarantor")
        tenants.append(tenant)
        guarantors.append(tenant if guarantor == "tenant" else guarantor)
    families = ("hyperscalers", "hybrid", "labs", "neoclouds")
    named = [name for family in families for name in economy.members(family)]
    holding = {hybrid, *economy.members("neoclouds")}
    kept = {*tenants, *guarantors, *holding}
    if record.hyperscalers.funding is not None:
        kept |= {*economy.members("hyperscalers")}
    rest = [*economy.members("vendor"), OTHERS]
    companies = tuple(name for name in [*named, *rest] if name in kept)

    # The rent of the hybrid cloud's own path includes what it pays to SPVs.
    mine = [[t == name and name != hybrid for t in tenants] for name in companies]
    backs = [[g == name for g in guarantors] for name in companies]
    dtype = rented.liability.dtype
    paying, backing = jnp.asarray(mine, dtype), jnp.asarray(backs, dtype)
    holders = (hybrid, *economy.members("neoclouds"))
    place = jnp.asarray([[h == name for h in holders] for name in companies], dtype)

    def by_company(spv: Array, path: Array) -> Array:
        return spv @ paying.T + path @ place.T

    totals = jax.tree.map(by_company, rented, own)
    totals = _with_lessors(totals, record, economy, companies, grid)
    called = rented.guarantee @ backing.T
    totals = eqx.tree_at(lambda x: x.guarantee, totals, called)
    both = backing * paying  # a tenant's own guarantee stands against its options
    larger = jnp.maximum(rented.guarantee, rented.options) @ both.T
    alone = rented.options @ (paying - both).T + rented.guarantee @ (backing - both).T
    return View(
        companies=companies,
        dates=grid.ends,
        totals=totals,
        off_balance=totals.not_commenced + larger + alone,
    )


def _with_lessors(
    totals: Leases,
    record: Any,
    economy: Economy,
    companies: tuple[str, ...],
    grid: TimeGrid,
) -> Leases:
    """With what hyperscalers that fund by cost owe to lessors outside."""
    funding, names = record.hyperscalers.funding, economy.members("hyperscalers")
    if funding is None:
        return totals
    owed = funding.obligation
    before = jnp.zeros((grid.n_history, owed.shape[1]), owed.dtype)
    place = [[name == company for name in names] for company in companies]
    added = jnp.concatenate([before, owed]) @ jnp.asarray(place, owed.dtype).T
    return eqx.tree_at(
        lambda x: (x.liability, x.right_of_use, x.finance_asset),
        totals,
        (
            totals.liability + added,
            totals.right_of_use + added,
            totals.finance_asset + added,
        ),
    )


def spv_leases(record: Any, economy: Economy, grid: TimeGrid) -> Leases:
    """Every SPV's lease, whole asset, as its tenant shows it; by quarter and SPV."""
    ten_year = _rate(record.drivers.ten_year, grid)
    kept = _kept(record.tenancies.let * record.spvs.alive, grid)

    def of(deal: dict[str, Array]) -> Leases:
        begin, end = deal["rent_start"] + economy["physics.delay"], deal["lease_end"]
        years = jnp.maximum(grid.middles - begin, 0.0)
        rent = deal["rent"] * DT * (1.0 + deal["rent_escalator"]) ** years

        def term(n: Array) -> tuple[Array, ...]:
            first = begin + n * deal["lease_term"]
            last = jnp.minimum(first + deal["lease_term"], end)
            share = grid.overlap(first, last)
            paid = rent * share
            struck = jnp.interp(first, grid.middles, ten_year) + deal["tenant_spread"]
            schedule = lease_schedule(paid, struck * DT, False)
            is_on = (first <= grid.ends + 1e-9) & (first < end)
            elapsed = ratio_above(jnp.cumsum(share), jnp.sum(share))
            accrued = jnp.sum(paid) * elapsed - jnp.cumsum(paid)
            begins = jnp.argmax(share > 0.0)
            whole = schedule.opening[begins]
            return (
                jnp.where(is_on, schedule.closing, 0.0),
                jnp.where(is_on, schedule.closing - accrued, 0.0),
                jnp.where(is_on, whole * jnp.maximum(1.0 - elapsed, 0.0), 0.0),
                jnp.where(is_on, 0.0, jnp.sum(paid)),
            )

        on, asset, straight, later = jax.vmap(term)(jnp.arange(TERMS, dtype=rent.dtype))
        guaranteed = jnp.clip((begin + deal["rvg"] - grid.ends) / DT, 0.0, 1.0)
        return Leases(
            liability=jnp.sum(on, axis=0),
            right_of_use=jnp.sum(asset, axis=0),
            finance_asset=jnp.sum(straight, axis=0),
            not_commenced=later[0],
            guarantee=deal["rvg_cap"] * guaranteed,
            options=jnp.sum(later[1:], axis=0),
        )

    deals = economy.rows(
        "spvs", "rent_start", "lease_term", "lease_end", "rvg", "rvg_cap",
        "rent_escalator", "tenant_spread",
    )  # fmt: skip
    found = jax.vmap(of, out_axes=1)(deals | {"rent": contract_rent(economy)})
    return jax.tree.map(lambda x: x * kept, found)


def own_leases(record: Any, economy: Economy, grid: TimeGrid) -> Leases:
    """Leases behind a dated path of rent: hybrid cloud, then neoclouds.

    Discounted at the rate of the date at which the holder borrows: ten-year and spread,
    or short rate and the margin of a delayed-draw loan.
    """
    ten_year = _rate(record.drivers.ten_year, grid)
    short = _rate(record.drivers.short, grid)
    (hybrid,) = economy.members("hybrid")
    paths = [(f"hybrid.{hybrid}.rent", ten_year + economy[f"hybrid.{hybrid}.spread"])]
    margins = box_margins(economy)
    for row, name in enumerate(economy.members("neoclouds")):
        paths.append((f"neoclouds.{name}.lease", short + margins[row]))

    def level(key: str) -> Array:
        dates, values = economy[f"{key}.dates"], economy[f"{key}.values"]
        is_signed = grid.ends <= dates[-1] + 1e-9
        return jnp.where(is_signed, grid.path(dates, values), 0.0)

    levels = jnp.stack([level(key) for key, _ in paths])
    rates = jnp.stack([rate for _, rate in paths])
    on, later = jax.vmap(_path_lease, out_axes=1)(levels, rates)
    alive = _kept(record.clouds.alive, grid)
    kept = jnp.concatenate([jnp.ones_like(alive[:, :1]), alive], axis=1)
    on, later = on * kept, later * kept
    nothing = jnp.zeros_like(on)
    return Leases(on, on, on, later, nothing, nothing)


def _path_lease(level: Array, rate: Array) -> tuple[Array, Array]:
    """Liability and what is not commenced at the end of each quarter of a path."""
    quarters = jnp.arange(level.shape[0])

    def at(now: Array) -> tuple[Array, Array]:
        # From the present level on, the lowest so far is what must have been in force.
        lasting = lax.cummin(jnp.where(quarters < now, level[now], level))
        is_ahead = quarters > now
        in_force = jnp.where(is_ahead, lasting, 0.0)
        schedule = lease_schedule(in_force * DT, rate[now] * DT, False)
        rest = jnp.where(is_ahead, level - in_force, 0.0)
        return schedule.closing[now], jnp.sum(rest) * DT

    return jax.vmap(at)(quarters)


def _rate(path: Array, grid: TimeGrid) -> Array:
    """A rate of the model quarters over the whole grid; before, its first value."""
    before = jnp.broadcast_to(path[:1], (grid.n_history,))
    return jnp.concatenate([before, path])


def _kept(share: Array, grid: TimeGrid) -> Array:
    """A share of the model quarters over the whole grid; before `as_of`, all."""
    shape = (grid.n_history, share.shape[1])
    return jnp.concatenate([jnp.ones(shape, share.dtype), share])
