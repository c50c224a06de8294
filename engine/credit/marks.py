"""Marks: a class is priced as a par bond whose yield moved since `as_of`."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy
from engine.once import computed_once
from engine.survival import HIGHEST
from engine.vehicles.spv import reference_rates


class Marks(eqx.Module):
    """Coupons, lives and sensitivities of the classes of debt."""

    coupon: Float[Array, "class ..."]
    years: Float[Array, "class ..."]
    fixed: Float[Array, "class ..."]
    """1 where the benchmark moves the price, 0 for floating debt."""
    hazard_slope: Float[Array, "..."]
    hazard_reference: Float[Array, "..."]
    benchmark: Float[Array, "class ..."]
    """Ten-year rate when the class was struck [1/year]."""

    @staticmethod
    def build(economy: Economy) -> "Marks":
        """Classes: secured, unsecured by neocloud, then loan, take-out by SPV."""
        short, ten_year = reference_rates(economy)
        secured = economy.stack("neoclouds", "ddtl_coupon")
        unsecured = economy.stack("neoclouds", "notes_coupon")
        floating = jnp.asarray(
            economy.where("spvs", "coupon_kind", "floating"), dtype=secured.dtype
        )
        loan = economy.stack("spvs", "coupon") * (1.0 - floating) + floating * (
            short + economy.stack("spvs", "margin")
        )
        takeout = ten_year + economy.stack("spvs", "takeout_margin")
        ones, life = jnp.ones_like(secured), economy.stack("spvs", "mark")
        struck = economy["shifts.rate_all"]
        loan = loan + struck * (1.0 - floating)
        issued = economy["marks.issue_ten_year"] + struck
        return Marks(
            coupon=jnp.concatenate(
                [secured + struck, unsecured + struck, loan, takeout]
            ),
            years=jnp.concatenate(
                [
                    economy["marks.secured"] * ones,
                    economy["marks.unsecured"] * ones,
                    life,
                    life,
                ]
            ),
            fixed=jnp.concatenate([ones, ones, 1.0 - floating, jnp.ones_like(life)]),
            hazard_slope=economy["marks.hazard_slope"],
            hazard_reference=economy["marks.hazard_reference"],
            benchmark=jnp.concatenate(
                [
                    issued * ones,
                    issued * ones,
                    issued * jnp.ones_like(life),
                    ten_year * jnp.ones_like(life),
                ]
            ),
        )

    @computed_once
    def price(
        self,
        ten_year: Float[Array, "..."],
        spread_factor: Float[Array, "..."],
        contagion: Float[Array, "..."],
        headroom: Float[Array, "class ..."],
        recovery: Float[Array, "class ..."],
    ) -> Float[Array, "class ..."]:
        """Price per unit of par: closed-form annuity at the moved yield."""
        hazard = self.hazard_slope * jnp.maximum(self.hazard_reference - headroom, 0.0)
        spread = jnp.maximum(self.coupon - self.benchmark, 0.0)
        moved = (
            self.fixed * (ten_year - self.benchmark)
            + spread * (spread_factor - 1.0)
            + hazard * (1.0 - recovery)
            + contagion
        )
        y = jnp.maximum(self.coupon + moved, 1e-3)
        discount = jnp.exp(-y * self.years)
        return self.coupon / y * (1.0 - discount) + discount

    def opening(self, economy: Economy) -> Float[Array, "class ..."]:
        """Prices at `as_of`: today's rates, calm markets."""
        _, ten_year = reference_rates(economy)
        calm = jnp.full_like(self.coupon, HIGHEST)
        return self.price(
            ten_year, jnp.ones_like(ten_year), jnp.zeros_like(ten_year), calm, calm
        )
