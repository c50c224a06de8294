"""Marks: a class is priced as a par bond whose yield moved since `as_of`."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.drivers import Drivers
from engine.economy import Economy
from engine.vehicles.spv import reference_rates


class Marks(eqx.Module):
    """Coupons, lives and sensitivities of the classes of debt."""

    coupon: Float[Array, " class"]
    years: Float[Array, " class"]
    fixed: Float[Array, " class"]
    """1 where the benchmark moves the price, 0 for floating debt."""
    hazard_slope: Float[Array, ""]
    hazard_reference: Float[Array, ""]
    benchmark: Float[Array, ""]

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
        return Marks(
            coupon=jnp.concatenate([secured, unsecured, loan, takeout]) + struck,
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
            benchmark=economy["rates.ten_year"],
        )

    def price(
        self,
        quarter: Drivers,
        contagion: Float[Array, ""],
        headroom: Float[Array, " class"],
        recovery: Float[Array, " class"],
    ) -> Float[Array, " class"]:
        """Price per unit of par: closed-form annuity at the moved yield."""
        hazard = self.hazard_slope * jnp.maximum(self.hazard_reference - headroom, 0.0)
        spread = jnp.maximum(self.coupon - self.benchmark, 0.0)
        moved = (
            self.fixed * (quarter.ten_year - self.benchmark)
            + spread * (quarter.spread_factor - 1.0)
            + hazard * (1.0 - recovery)
            + contagion
        )
        y = jnp.maximum(self.coupon + moved, 1e-3)
        discount = jnp.exp(-y * self.years)
        return self.coupon / y * (1.0 - discount) + discount
