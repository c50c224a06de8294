"""Random factors: short rate, credit spreads, GPU price (Ornstein–Uhlenbeck)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy
from engine.grid import DT


def ornstein_uhlenbeck(
    shocks: Float[Array, "quarter factor"],
    reversion: Float[Array, " factor"],
    volatility: Float[Array, " factor"],
) -> Float[Array, "quarter factor"]:
    r"""Paths from zero with exact steps (Doob 1942; Glasserman 2003, eq. 3.46).

    $x \leftarrow x e^{-a\Delta} + \sigma\sqrt{(1-e^{-2a\Delta})/(2a)}\,\varepsilon$,
    `reversion` a [1/year], `volatility` σ [unit/√year], standard normal `shocks`.
    """
    decay = jnp.exp(-reversion * DT)
    scale = volatility * jnp.sqrt(-jnp.expm1(-2.0 * reversion * DT) / (2.0 * reversion))

    def step(x, shock):
        x = decay * x + scale * shock
        return x, x

    _, path = jax.lax.scan(step, jnp.zeros_like(reversion), shocks)
    return path


def factors(
    economy: Economy, shocks: Float[Array, "quarter factor"]
) -> Float[Array, "quarter factor"]:
    """Short-rate deviation [1/year], log spread index, log GPU price, by quarter."""
    names = ("rates", "spreads", "gpu")
    reversion = jnp.stack([economy[f"{name}.reversion"] for name in names])
    volatility = jnp.stack([economy[f"{name}.volatility"] for name in names])
    return ornstein_uhlenbeck(shocks, reversion, volatility)
