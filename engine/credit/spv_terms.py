"""Terms, dates and opening balances of the SPVs' capital structures."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from engine.credit.guarantee import (
    CAPITAL_CAP,
    leverage_shift,
    opening_debt_scale,
)
from engine.economy import Economy
from engine.grid import DT, TimeGrid, conditional
from engine.vehicles.spv import built, coupon


class SpvDates(eqx.Module):
    """Dated facts of the loans by model quarter (leading axis) or in one quarter."""

    remaining: Float[Array, "..."]
    """Quarters to the notes' maturity."""
    remaining_takeout: Float[Array, "..."]
    takeout: Float[Array, "..."]
    """Conditional weight of a take-out attempt."""
    final: Float[Array, "..."]
    """Conditional weight of the last attempt: what is left then is due."""


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
    takeout_tenor: Float[Array, "spv ..."]
    takeout_dscr: Float[Array, "spv ..."]
    takeout_ltv: Float[Array, "spv ..."]
    takeout_margin: Float[Array, "spv ..."]
    cap_spread: Float[Array, "spv ..."]
    cap_rate: Float[Array, "spv ..."]
    foreclosure: Float[Array, "spv ..."]
    dispersion: Float[Array, "spv ..."]
    is_cohort: Bool[Array, "spv ..."]


class SpvState(eqx.Module):
    """The average living member, start of quarter [USD bn], and who is alive."""

    alive: Float[Array, "spv ..."]
    worst: Float[Array, "spv ..."]
    cash: Float[Array, "spv ..."]
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


def spv_terms(
    economy: Economy,
    spread_cut: Float[Array, "..."],
    extra_advance: Float[Array, "..."],
) -> SpvTerms:
    """Assembles the terms of every SPV."""

    def stack(key: str) -> Float[Array, "spv ..."]:
        return economy.stack("spvs", key)

    def flags(key: str, kind: str) -> Float[Array, "spv ..."]:
        return jnp.asarray(economy.where("spvs", key, kind), dtype=margin.dtype)

    margin = stack("margin")
    shift = extra_advance + leverage_shift(economy)
    floats = flags("coupon_kind", "floating")
    coupons = jnp.stack([coupon(economy, name) for name in economy.members("spvs")])
    return SpvTerms(
        coupon=coupons * (1.0 - floats),
        floats=floats,
        margin=margin,
        drawn=flags("funding", "drawn"),
        amortises=flags("profile", "amortising"),
        ltc=jnp.minimum(stack("ltc") + shift, CAPITAL_CAP),
        reserve=stack("reserve"),
        lock_low=stack("lock_low"),
        lock_high=stack("lock_high"),
        takeout_tenor=stack("takeout_tenor"),
        takeout_dscr=stack("takeout_dscr"),
        takeout_ltv=jnp.minimum(stack("takeout_ltv") + shift, CAPITAL_CAP),
        takeout_margin=stack("takeout_margin") * (1.0 - spread_cut),
        cap_spread=stack("cap_spread"),
        cap_rate=stack("cap_rate"),
        foreclosure=stack("foreclosure"),
        dispersion=stack("dispersion"),
        is_cohort=jnp.asarray(economy.where("spvs", "kind", "cohort")),
    )


def spv_dates(economy: Economy, grid: TimeGrid) -> SpvDates:
    """Maturities and take-out attempts of every SPV by model quarter."""
    columns = []
    delay = economy["physics.delay"]
    for name in economy.members("spvs"):
        key = f"spvs.{name}"
        matures = economy[f"{key}.rent_start"] + economy[f"{key}.amortisation"]
        first = economy[f"{key}.takeout"] + delay
        step = economy[f"{key}.extension"]
        attempts = [conditional(grid.matures(first + n * step)) for n in range(3)]
        tenor = economy[f"{key}.takeout_tenor"]
        columns.append(
            (
                (matures - grid.begins) / DT,
                (first + tenor - grid.begins) / DT,
                jnp.clip(attempts[0] + attempts[1] + attempts[2], 0.0, 1.0),
                attempts[2],
            )
        )
    stacked = [
        grid.modelled(jnp.stack(parts, axis=1)) for parts in zip(*columns, strict=True)
    ]
    return SpvDates(*stacked)


def spv_opening(economy: Economy, grid: TimeGrid) -> SpvState:
    """Balances at `as_of`: what was borrowed, built, and paid in interest by then."""
    scale = opening_debt_scale(economy)
    members = economy.members("spvs")
    drawn = economy.where("spvs", "funding", "drawn")
    loans, cash, assets = [], [], []
    for name, is_drawn in zip(members, drawn, strict=True):
        key = f"spvs.{name}"
        spent = (
            economy[f"{key}.construction_cost"]
            * built(economy, name, grid.as_of[None])[0]
        )
        if is_drawn:
            capitalised = economy[f"{key}.capitalised_to_date"]
            loan = (economy[f"{key}.ltc"] * spent + capitalised) * scale
            escrow = jnp.zeros_like(loan)
        else:
            loan = economy[f"{key}.notes"] * scale
            years = grid.as_of - economy[f"{key}.issue"]
            interest = economy[f"{key}.notes"] * coupon(economy, name) * years
            earned = economy[f"{key}.escrow_income_to_date"]
            escrow = economy[f"{key}.notes"] + earned - spent - interest
        loans.append(loan)
        cash.append(escrow)
        assets.append(spent)
    loan, escrow, asset = jnp.stack(loans), jnp.stack(cash), jnp.stack(assets)
    nothing = jnp.zeros_like(loan)
    return SpvState(
        alive=jnp.ones_like(loan),
        worst=jnp.full_like(loan, 10.0),
        cash=escrow,
        loan=loan,
        takeout=nothing,
        takeout_rate=nothing,
        arrears=nothing,
        sponsor=economy.stack("spvs", "sponsor_capacity"),
        coverage=jnp.full_like(loan, -1.0),
        asset=asset,
        book_equity=escrow + asset - loan,
    )
