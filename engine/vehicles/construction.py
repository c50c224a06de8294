"""What building may cost beyond the plan, and who pays: overruns and a delay's damages.

docs/model.md section 4, "Construction risk". A deal states it in optional figures; an
economy in which none does has none of this in its program.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy
from engine.grid import DT, TimeGrid
from engine.numerics import ratio_above

DAYS = 365.0

COMMON = "physics.overrun"
"""The figure of all overruns together."""

OF_DEALS = (
    "overrun",
    "completion_guarantee",
    "contractor_damages",
    "contractor_damages_cap",
    "tenant_damages",
    "tenant_damages_cap",
    "delay_interest",
)
"""A deal's own figures; one that it does not state is 0."""


class Building(eqx.Module):
    """By model quarter (leading axis) or in one quarter [USD bn], by SPV."""

    overrun: Float[Array, "..."]
    """Spent beyond budget."""
    guaranteed: Float[Array, "..."]
    """Of it, what the completion guarantor pays; the rest is the vehicle's due."""
    received: Float[Array, "..."]
    """Damages that the contractor pays to the vehicle."""
    credited: Float[Array, "..."]
    """Damages that the vehicle owes to its tenant."""
    late: Float[Array, "..."]
    """Share of the quarter's interest that a delay keeps from being capitalised [1]."""

    @property
    def beyond(self) -> Float[Array, "..."]:
        """Overrun that falls on the vehicle."""
        return self.overrun - self.guaranteed


def built(
    start: Float[Array, "..."], end: Float[Array, "..."], dates: Float[Array, "..."]
) -> Float[Array, "..."]:
    """Share of construction spent by `dates`: an S-curve, zero slope at both ends."""
    x = jnp.clip((dates - start) / (end - start), 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


def payers(economy: Economy) -> tuple[tuple[bool, ...], tuple[bool, ...]]:
    """SPVs whose tenant is a hyperscaler, and of these whose tenant completes them."""
    clouds = [
        economy.where("spvs", "tenant", name)
        for name in economy.members("hyperscalers")
    ]
    by_tenant = economy.where("spvs", "completion_guarantor", "tenant")
    is_cloud = tuple(any(each) for each in zip(*clouds, strict=True))
    if not clouds:
        is_cloud = tuple(False for _ in by_tenant)
    return is_cloud, tuple(a and b for a, b in zip(is_cloud, by_tenant, strict=True))


def has_risk(economy: Economy) -> bool:
    """Whether any figure of construction risk is stated."""
    stated = [economy.states("spvs", key) for key in OF_DEALS]
    return COMMON in economy.figures or any(stated)


def building(economy: Economy, grid: TimeGrid, rent: Float[Array, " spv"]) -> Building:
    """Overruns, guarantees and damages by model quarter, where any is stated.

    `rent` is the annual contract rent of the whole asset. Damages run per day of delay
    until their cap; a guarantee pays the first of an overrun, as it is spent.
    """
    delay = economy["physics.delay"]
    common = economy.figures.get(COMMON, jnp.zeros_like(delay))

    def of(deal: dict[str, Array]) -> Building:
        begin, end = deal["construction_start"], deal["completion"] + delay
        cost = deal["construction_cost"]
        before = built(begin, end, jnp.broadcast_to(grid.as_of, end.shape))

        def over(dates: Float[Array, "..."]) -> Float[Array, "..."]:
            """Overrun since `as_of` by a date."""
            spent = jnp.maximum(built(begin, end, dates) - before, 0.0)
            return deal["overrun"] * cost * spent

        first, last = over(grid.begins), over(grid.ends)
        cap = deal["completion_guarantee"]
        yearly = deal["contractor_damages"] * DAYS
        paid = jnp.minimum(delay, _length(deal["contractor_damages_cap"], yearly))
        due = deal["rent_start"]
        days = deal["tenant_damages"]
        owed = jnp.minimum(delay, _length(deal["tenant_damages_cap"], days))
        late = grid.overlap(deal["completion"], deal["completion"] + paid)
        waiting = grid.overlap(due, due + owed)
        return Building(
            overrun=grid.modelled(last - first),
            guaranteed=grid.modelled(jnp.minimum(last, cap) - jnp.minimum(first, cap)),
            received=grid.modelled(cost * yearly * DT * late),
            credited=grid.modelled(
                deal["ownership"] * deal["rent"] * days * DT * waiting
            ),
            late=grid.modelled(deal["delay_interest"] * grid.overlap(due, due + delay)),
        )

    deals = economy.rows(
        "spvs", "construction_start", "completion", "construction_cost", "rent_start",
        "ownership",
    )  # fmt: skip
    own = {key: economy.stack("spvs", key, missing=0.0) for key in OF_DEALS}
    # Chips are bought at a price; what building costs more than planned is the shell's.
    shells = jnp.asarray(economy.where("spvs", "asset", "shell"), rent.dtype)
    own["overrun"] += common * shells
    # Who is no party of this economy neither guarantees nor is paid.
    is_cloud, by_tenant = payers(economy)
    outside = economy.where("spvs", "tenant", "outside")
    sponsor = economy.where("spvs", "completion_guarantor", "sponsor")
    pays = [a or b for a, b in zip(by_tenant, sponsor, strict=True)]
    paid = [a or b for a, b in zip(is_cloud, outside, strict=True)]
    own["completion_guarantee"] *= jnp.asarray(pays, rent.dtype)
    own["tenant_damages"] *= jnp.asarray(paid, rent.dtype)
    return jax.vmap(of, out_axes=1)(deals | own | {"rent": rent})


def completing(economy: Economy) -> Float[Array, "hyperscaler spv ..."] | None:
    """1 where the hyperscaler pays for its SPV's overrun; None without such risk."""
    if not has_risk(economy):
        return None
    _, by_tenant = payers(economy)
    rows = [
        [
            a and b
            for a, b in zip(economy.where("spvs", "tenant", m), by_tenant, strict=True)
        ]
        for m in economy.members("hyperscalers")
    ]
    return jnp.asarray(rows, dtype=economy["physics.delay"].dtype)


def settled(
    risk: Building | None,
    completing: Float[Array, "hyperscaler spv ..."] | None,
    tenants: Float[Array, "hyperscaler spv ..."],
    alive: Float[Array, "spv ..."],
    rents: Float[Array, "hyperscaler ..."],
    owners: Float[Array, "spv ..."],
) -> tuple[Float[Array, "hyperscaler ..."], Float[Array, "spv ..."]]:
    """What hyperscalers pay projects and owners get, after completions and damages."""
    if risk is None or completing is None:
        return rents, owners
    completed = completing * (risk.guaranteed * alive)[None]
    credits = tenants * (risk.credited * alive)[None]
    # What a tenant completes is no owner's money.
    by_tenants = jnp.sum(completing, axis=0) * risk.guaranteed
    return rents + jnp.sum(completed - credits, axis=1), owners + by_tenants


def _length(cap: Float[Array, ""], rate: Float[Array, ""]) -> Float[Array, ""]:
    """Years until a cap is reached at a yearly rate."""
    return ratio_above(cap, rate)
