"""Walking away: a tenant's renewal option, joint repudiation, and re-letting."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from engine.contracts.rent_indexation import rent_index
from engine.drivers import Drivers
from engine.economy import Economy
from engine.grid import DT, TimeGrid, conditional
from engine.jump import AbstractDefaultRule, jump
from engine.market import Prices
from engine.numerics import annuity_factor, ratio_above
from engine.once import computed_once
from engine.survival import HIGHEST, kept

REPUTATION_YEARS = 10.0


def repudiation_headroom(
    reputation: Float[Array, "spv ..."],
    burden: Float[Array, "spv ..."],
    enforcement: Float[Array, "spv ..."],
) -> Float[Array, "spv ..."]:
    """What leaving costs beyond what it saves, over both; 1 where neither is anything.

    `reputation` and `burden` in USD bn, `enforcement` the share of damages recovered.
    """
    saved = (1.0 - enforcement) * burden
    return ratio_above(reputation - saved, reputation + burden, 1.0)


class TenancyState(eqx.Module):
    """Share of the asset let to the tenant at contract rent, and share vacant."""

    let: Float[Array, "spv ..."]
    vacant: Float[Array, "spv ..."]


class TenancyDates(eqx.Module):
    """Dated facts of the leases by quarter (leading axis) or in one quarter."""

    renewing: Float[Array, "..."]
    """Conditional weight of a renewal date."""
    remaining: Float[Array, "..."]
    """Years to the next renewal date or the lease's end."""
    guaranteed: Float[Array, "..."]
    """1 while the residual value guarantee runs."""
    running: Float[Array, "..."]
    """Share of the quarter in which rent is due."""
    escalation: Float[Array, "..."]
    """Rent against the first year's."""
    aged: Float[Array, "..."]
    """Market rent of chips of this age against new ones; 1 for a shell."""
    worn: Float[Array, "..."]
    """Resale value of chips of this age against new ones; 1 for a shell."""
    index: Float[Array, "..."] | None = None
    """Contract rent over the signed one, by the short rate; None without an index."""

    def indexed(self, rent: Float[Array, "..."]) -> Float[Array, "..."]:
        """A contract `rent`, or the value of one, with its index."""
        return rent if self.index is None else rent * self.index


class TenancyFlows(eqx.Module):
    """Decisions of the quarter; what is owed is for the whole asset.

    `owed` by the leaver; `backed` is a vendor's residual value guarantee, were it
    called now; `left` the share of the asset that the tenant leaves.
    """

    renewal: Float[Array, "spv ..."]
    """Headroom of the renewal decision, at every quarter (a mark)."""
    renewal_due: Float[Array, "spv ..."]
    """The same where a renewal date falls in the quarter, else the highest value."""
    repudiation: Float[Array, "spv ..."]
    let: Float[Array, "spv ..."]
    vacant: Float[Array, "spv ..."]
    owed: Float[Array, "spv ..."]
    backed: Float[Array, "spv ..."]
    left: Float[Array, "spv ..."]
    put: Float[Array, "spv ..."]
    """Of what is owed, by a residual value guarantee."""


class Tenancies(eqx.Module):
    """Lease terms and what binds the tenants."""

    rvg_cap: Float[Array, "spv ..."]
    use_multiple: Float[Array, "spv ..."]
    moving_cost: Float[Array, "spv ..."]
    cap_rate: Float[Array, "spv ..."]
    joint: Float[Array, "spv ..."]
    enforcement: Float[Array, "spv ..."]
    reputation: Float[Array, "spv ..."]
    tenant_spread: Float[Array, "spv ..."]
    reletting: Float[Array, "spv ..."]
    dispersion: Float[Array, "spv ..."]
    own_guarantee: Float[Array, "spv ..."]
    """1 where the tenant owes the residual value guarantee, 0 where a vendor does."""
    asset_cost: Float[Array, "spv ..."]
    wear: Float[Array, "spv ..."]
    """Rent of chips next quarter against this one; 1 for a shell."""
    is_chips: Bool[Array, "spv ..."]
    has_chips: bool = eqx.field(static=True)
    is_cohort: Bool[Array, "spv ..."]

    @staticmethod
    def build(economy: Economy) -> "Tenancies":
        """Assembles the leases from the figures."""

        def stack(key: str) -> Float[Array, "spv ..."]:
            return economy.stack("spvs", key)

        chips = economy.where("spvs", "asset", "chips")
        own = jnp.asarray(economy.where("spvs", "guarantor", "tenant"))
        decay = economy["market.chip_decay"]
        return Tenancies(
            rvg_cap=stack("rvg_cap"),
            use_multiple=stack("use_multiple"),
            moving_cost=stack("moving_cost"),
            cap_rate=stack("cap_rate"),
            joint=jnp.maximum(stack("joint_scale") * stack("joint"), 1.0),
            enforcement=stack("enforcement"),
            reputation=stack("reputation_spread") * stack("tenant_obligations"),
            tenant_spread=stack("tenant_spread"),
            reletting=stack("reletting"),
            dispersion=stack("dispersion"),
            own_guarantee=own.astype(decay.dtype),
            asset_cost=stack("asset_cost"),
            wear=jnp.where(jnp.asarray(chips), jnp.exp(-decay * DT), 1.0),
            is_chips=jnp.asarray(chips),
            has_chips=any(chips),
            is_cohort=jnp.asarray(economy.where("spvs", "kind", "cohort")),
        )

    def opening(self) -> TenancyState:
        """Fully let."""
        let = jnp.ones_like(self.rvg_cap)
        return TenancyState(let=let, vacant=jnp.zeros_like(let))

    @computed_once
    def _present_values(
        self,
        quarter: Drivers,
        prices: Prices,
        rent: Float[Array, "spv ..."],
        aged: Float[Array, "spv ..."],
        weights: Float[Array, "window spv ..."],
    ) -> tuple[Float[Array, "spv ..."], Float[Array, "spv ..."]]:
        """Present value of rent and of value in use over the weighted window."""
        today = aged * prices.level
        step = 1.0 / (1.0 + (quarter.ten_year + self.tenant_spread) * DT)
        paid, used = jnp.zeros_like(step), jnp.zeros_like(step)
        chips = prices.chips_ahead
        foreseen = [None] * weights.shape[0] if chips is None else chips[::-1]
        # Horner's rule from the last quarter back: no powers in the loop.
        for weight, market, new in zip(
            weights[::-1], prices.shell_ahead[::-1], foreseen, strict=True
        ):
            paid = step * (weight + paid)
            if self.has_chips:
                own = today if new is None else aged * new
                market = jnp.where(self.is_chips, own, market)
                used = used * self.wear
            used = step * (weight * market + used)
        return rent * DT * paid, rent * DT * self.use_multiple * used

    @computed_once
    def __call__(
        self,
        quarter: Drivers,
        prices: Prices,
        dates: TenancyDates,
        rent: Float[Array, "spv ..."],
        rule: AbstractDefaultRule,
        state: TenancyState,
    ) -> tuple[TenancyFlows, TenancyState]:
        """Renews, leaves or repudiates on start-of-quarter information.

        `rent` is the annual contract rent of the whole asset.
        """
        residual = rent * prices.shell_ahead[-1] / self.cap_rate
        if self.has_chips:
            resale = self.asset_cost * dates.worn * jnp.minimum(prices.level, 1.0)
            residual = jnp.where(self.is_chips, resale, residual)
        called = dates.guaranteed * jnp.clip(self.rvg_cap - residual, 0.0, self.rvg_cap)
        guarantee = called * self.own_guarantee
        backed = called - guarantee
        quarters = range(prices.shell_ahead.shape[0])
        whole = jnp.stack([jnp.ones_like(rent) for _ in quarters])
        rents, use = self._present_values(quarter, prices, rent, dates.aged, whole)
        stay = use + guarantee + self.moving_cost * rent
        # Rates are expected to stay where they are, as the discount rate has it.
        renewal = jnp.clip(stay / dates.indexed(rents) - 1.0, -1.0, HIGHEST)

        left = dates.remaining / DT
        firm = jnp.stack([jnp.clip(left - ahead, 0.0, 1.0) for ahead in quarters])
        rents, use = self._present_values(quarter, prices, rent, dates.aged, firm)
        burden = jnp.maximum(dates.indexed(rents) + guarantee - use, 0.0)
        decades = annuity_factor(
            quarter.ten_year, jnp.full_like(quarter.ten_year, REPUTATION_YEARS)
        )
        reputation = self.reputation * decades
        repudiation = repudiation_headroom(
            reputation, burden * self.joint, self.enforcement
        )

        stays = 1.0 - dates.renewing * (
            1.0 - kept(renewal, self.dispersion, self.is_cohort, rule)
        )
        tested = jnp.where(dates.running > 0.0, repudiation, 1.0)
        honours = jnp.where(self.is_cohort, 1.0, jump(tested, rule))
        not_renewed = state.let * (1.0 - stays)
        repudiated = state.let * stays * (1.0 - honours)
        let = state.let * stays * honours
        filled = jnp.maximum(1.0 - DT / self.reletting, 0.0)
        vacant = state.vacant * filled + (state.let - let)
        put = not_renewed * guarantee
        flows = TenancyFlows(
            renewal=renewal,
            renewal_due=jnp.where(dates.renewing > 0.0, renewal, HIGHEST),
            repudiation=tested,
            let=let,
            vacant=vacant,
            owed=put + repudiated * self.enforcement * burden,
            backed=backed,
            left=state.let - let,
            put=put,
        )
        return flows, TenancyState(let=let, vacant=vacant)


def tenancy_dates(
    economy: Economy, grid: TimeGrid, short: Float[Array, " quarter"]
) -> TenancyDates:
    """Renewal dates, guarantee and rent periods of every lease, by model quarter.

    `short` is the path of the short rate, which rents may follow [1/year].
    """
    delay = economy["physics.delay"]

    chips = jnp.asarray(economy.where("spvs", "asset", "chips"))

    def of(deal: dict[str, Array]) -> TenancyDates:
        start = deal["rent_start"] + delay
        term, end = deal["lease_term"], deal["lease_end"]
        # Renewals n = 1, 2, … before the end; the grid's length bounds their number.
        renewals = start + jnp.arange(1, 9, dtype=start.dtype) * term
        counts = jnp.clip((end - renewals) / DT, 0.0, 1.0)
        weights = jax.vmap(lambda date: conditional(grid.matures(date)))(renewals)
        renewing = jnp.sum(counts[:, None] * weights, axis=0)
        is_ahead = renewals[:, None] > grid.begins[None]
        dates = jnp.where(is_ahead, jnp.minimum(renewals, end)[:, None], end)
        next_date = jnp.min(dates, axis=0)
        years = jnp.maximum(grid.middles - start, 0.0)
        return TenancyDates(
            renewing=grid.modelled(renewing),
            remaining=grid.modelled(jnp.clip(next_date - grid.begins, 0.0, 4.0)),
            guaranteed=grid.modelled(grid.overlap(start, start + deal["rvg"])),
            running=grid.modelled(grid.overlap(start, end)),
            escalation=grid.modelled((1.0 + deal["rent_escalator"]) ** years),
            aged=grid.modelled(jnp.exp(-deal["aging"] * years)),
            worn=grid.modelled(jnp.exp(-deal["collateral_decay"] * years)),
        )

    deals = economy.rows(
        "spvs", "rent_start", "lease_term", "lease_end", "rvg", "rent_escalator",
        "collateral_decay",
    )  # fmt: skip
    aging = jnp.where(chips, economy["market.chip_decay"], 0.0)
    found = jax.vmap(of, out_axes=1)(deals | {"aging": aging})
    return dataclasses.replace(found, index=rent_index(economy, short))
