"""What can be supplied in a year, where a config says how much."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy


class Capacity(eqx.Module):
    """Gigawatts a year that can be supplied; what is asked for beyond waits."""

    at_as_of: Float[Array, "..."]
    growth: Float[Array, "..."]

    @staticmethod
    def build(economy: Economy, table: str, key: str) -> "Capacity | None":
        """Figure `key` and `growth` of the table; None where the config lacks it."""
        if f"{table}.{key}" not in economy.figures:
            return None
        return Capacity(
            at_as_of=economy[f"{table}.{key}"], growth=economy[f"{table}.growth"]
        )

    def yearly(self, years: Float[Array, "..."]) -> Float[Array, "..."]:
        """Gigawatts a year, `years` after `as_of`."""
        return self.at_as_of * (1.0 + self.growth) ** years


def without_shortage(
    reference: Float[Array, "..."],
    in_service: Float[Array, "..."],
    *waiting: Float[Array, "..."] | None,
) -> Float[Array, "..."]:
    """Utilisation above which builders see a shortage: they count what waits.

    Each of `waiting` is for power or for chips [GW], None where nothing ever does.
    """
    coming = [gigawatts for gigawatts in waiting if gigawatts is not None]
    if not coming:
        return reference
    return reference * (1.0 + sum(coming) / jnp.maximum(in_service, 1e-6))
