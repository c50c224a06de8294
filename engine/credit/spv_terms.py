"""Terms, dates and opening balances of the SPVs' capital structures."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from engine.credit.extension import Extension, is_stated
from engine.credit.guarantee import (
    CAPITAL_CAP,
    Guarantee,
    leverage_shift,
    opening_debt_scale,
)
from engine.credit.spv_covenants import SpvCovenants
from engine.economy import Economy
from engine.grid import DT, TimeGrid, conditional
from engine.survival import HIGHEST
from engine.vehicles.construction import built
from engine.vehicles.spv import coupon


class SpvDates(eqx.Module):
    """Dated facts of the loans by model quarter (leading axis) or in one quarter."""

    remaining: Float[Array, "..."]
    """Quarters to the notes' maturity."""
    remaining_takeout: Float[Array, "..."]
    takeout: Float[Array, "..."]
    """Conditional weight of a take-out attempt."""
    final: Float[Array, "..."]
    """Conditional weight of the last attempt: what is left then is due."""
    sweeping: Float[Array, "..."]
    """Share of this quarter's excess cash that prepays debt."""
    extending: Float[Array, "..."] | None = None
    """Conditional weight of an attempt after which the loan may run on."""
    extended: Float[Array, "..."] | None = None
    """Extensions begun before the quarter; None, like these, without clauses."""


class SpvTerms(eqx.Module):
    """Rates, limits and who pays what, by SPV."""

    coupon: Float[Array, "spv ..."]
    floats: Float[Array, "spv ..."]
    """1 where the notes pay the short rate plus `margin`."""
    margin: Float[Array, "spv ..."]
    drawn: Float[Array, "spv ..."]
    """1 where the loan is drawn as the asset is built, 0 where notes are prefunded."""
    amortises: Float[Array, "spv ..."]
    ltc: Float[Array, "spv ..."]
    reserve: Float[Array, "spv ..."]
    lock_low: Float[Array, "spv ..."]
    lock_high: Float[Array, "spv ..."]
    covenants: SpvCovenants
    takeout_tenor: Float[Array, "spv ..."]
    takeout_dscr: Float[Array, "spv ..."]
    takeout_ltv: Float[Array, "spv ..."]
    takeout_margin: Float[Array, "spv ..."]
    cap_spread: Float[Array, "spv ..."]
    foreclosure: Float[Array, "spv ..."]
    dispersion: Float[Array, "spv ..."]
    is_cohort: Bool[Array, "spv ..."]
    extension: Extension | None = None
    escrow: Float[Array, "spv ..."] | None = None
    """What accounts earn over the short rate; None where no SPV states it [1/year]."""
    to_owners: Float[Array, "spv ..."] | None = None
    """1 where a leaver's guarantee is the owners'; None where it is nobody's so."""

    def account_rate(self, short: Float[Array, "..."]) -> Float[Array, "..."]:
        """What cash in the vehicles' accounts earns [1/year]."""
        return short if self.escrow is None else jnp.maximum(short + self.escrow, 0.0)


class SpvState(eqx.Module):
    """The average living member, start of quarter [USD bn], and who is alive."""

    alive: Float[Array, "spv ..."]
    worst: Float[Array, "spv ..."]
    cash: Float[Array, "spv ..."]
    """In all accounts."""
    reserve: Float[Array, "spv ..."]
    """Of it, in the debt service reserve."""
    trapped: Float[Array, "spv ..."]
    """Of it, in the trap account."""
    reach: Float[Array, "spv ..."]
    """Cover last quarter with all that could have cured it."""
    loan: Float[Array, "spv ..."]
    takeout: Float[Array, "spv ..."]
    takeout_rate: Float[Array, "spv ..."]
    arrears: Float[Array, "spv ..."]
    sponsor: Float[Array, "spv ..."]
    """Equity the sponsor would still put in."""
    coverage: Float[Array, "spv ..."]
    """Best take-out coverage of the attempts so far."""
    asset: Float[Array, "spv ..."]
    """Book value of the vehicle's share of the asset."""
    book_equity: Float[Array, "spv ..."]

    @property
    def debt(self) -> Float[Array, "spv ..."]:
        """All debt."""
        return self.loan + self.takeout + self.arrears


def spv_terms(economy: Economy, guarantee: Guarantee) -> SpvTerms:
    """Assembles the terms of every SPV."""

    def stack(key: str) -> Float[Array, "spv ..."]:
        return economy.stack("spvs", key)

    def flags(key: str, kind: str) -> Float[Array, "spv ..."]:
        return jnp.asarray(economy.where("spvs", key, kind), dtype=margin.dtype)

    margin = stack("margin")
    covered, more = guarantee.covered, leverage_shift(economy)
    cut = covered.of("takeout", guarantee.spread_cut)
    floats = flags("coupon_kind", "floating")
    return SpvTerms(
        coupon=coupon(economy) * (1.0 - floats),
        floats=floats,
        margin=margin,
        drawn=flags("funding", "drawn"),
        amortises=flags("profile", "amortising"),
        ltc=jnp.minimum(
            stack("ltc") + (covered.of("notes", guarantee.advance) + more), CAPITAL_CAP
        ),
        reserve=stack("reserve"),
        lock_low=stack("lock_low"),
        lock_high=stack("lock_high"),
        covenants=SpvCovenants.build(economy),
        takeout_tenor=stack("takeout_tenor"),
        takeout_dscr=stack("takeout_dscr"),
        takeout_ltv=jnp.minimum(
            stack("takeout_ltv") + (covered.of("takeout", guarantee.advance) + more),
            CAPITAL_CAP,
        ),
        takeout_margin=stack("takeout_margin") * (1.0 - cut),
        cap_spread=stack("cap_spread"),
        foreclosure=stack("foreclosure"),
        dispersion=stack("dispersion"),
        is_cohort=jnp.asarray(economy.where("spvs", "kind", "cohort")),
        extension=Extension.build(economy),
        escrow=(
            economy.stack("spvs", "escrow_spread", missing=0.0)
            if economy.states("spvs", "escrow_spread")
            else None
        ),
        to_owners=(
            flags("rvg_beneficiary", "owners")
            if any(economy.where("spvs", "rvg_beneficiary", "owners"))
            else None
        ),
    )


def spv_dates(economy: Economy, grid: TimeGrid) -> SpvDates:
    """Maturities and take-out attempts of every SPV by model quarter."""
    delay = economy["physics.delay"]
    has_clauses = is_stated(economy)

    def of(deal: dict[str, Array]) -> SpvDates:
        matures = deal["rent_start"] + deal["amortisation"]
        first, step = deal["takeout"] + delay, deal["extension"]
        dated = [grid.matures(first + n * step) for n in range(3)]
        attempts = [conditional(weights) for weights in dated]
        ends = first + deal["takeout_tenor"]
        tried = jnp.clip(attempts[0] + attempts[1] + attempts[2], 0.0, 1.0)
        extending = extended = None
        if has_clauses:
            extending = grid.modelled(tried - attempts[2])
            begun = [jnp.cumsum(weights) - weights for weights in dated[:2]]
            extended = grid.modelled(begun[0] + begun[1])
        return SpvDates(
            remaining=grid.modelled((matures - grid.begins) / DT),
            remaining_takeout=grid.modelled((ends - grid.begins) / DT),
            takeout=grid.modelled(tried),
            final=grid.modelled(attempts[2]),
            sweeping=grid.modelled(
                deal["sweep"] * grid.overlap(deal["sweep_from"], grid.ends[-1])
            ),
            extending=extending,
            extended=extended,
        )

    deals = economy.rows(
        "spvs", "rent_start", "amortisation", "takeout", "extension", "takeout_tenor",
        "sweep", "sweep_from",
    )  # fmt: skip
    return jax.vmap(of, out_axes=1)(deals)


def spv_opening(economy: Economy, grid: TimeGrid) -> SpvState:
    """Balances at `as_of`: what was borrowed, built, and paid in interest by then."""
    scale = opening_debt_scale(economy)
    deal = economy.rows(
        "spvs", "construction_start", "completion", "construction_cost", "issue",
        "capitalised_to_date", "ltc", "notes", "escrow_income_to_date",
    )  # fmt: skip
    completion = deal["completion"] + economy["physics.delay"]
    asset = deal["construction_cost"] * built(
        deal["construction_start"],
        completion,
        jnp.broadcast_to(grid.as_of, completion.shape),
    )
    is_drawn = jnp.asarray(economy.where("spvs", "funding", "drawn"))
    borrowed = deal["ltc"] * asset + deal["capitalised_to_date"]
    loan = jnp.where(is_drawn, borrowed, deal["notes"]) * scale
    interest = deal["notes"] * coupon(economy) * (grid.as_of - deal["issue"])
    left = deal["notes"] + deal["escrow_income_to_date"] - asset - interest
    nothing = jnp.zeros_like(loan)
    escrow = jnp.where(is_drawn, nothing, left)
    funded = economy.stack("spvs", "reserve_funded")
    return SpvState(
        alive=jnp.ones_like(loan),
        worst=jnp.full_like(loan, 10.0),
        cash=escrow,
        reserve=jnp.maximum(jnp.minimum(funded, escrow), 0.0),
        trapped=nothing,
        reach=jnp.full_like(loan, 1.0 + HIGHEST),
        loan=loan,
        takeout=nothing,
        takeout_rate=nothing,
        arrears=nothing,
        sponsor=economy.stack("spvs", "sponsor_capacity"),
        coverage=jnp.full_like(loan, -1.0),
        asset=asset,
        book_equity=escrow + asset - loan,
    )
