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
    decay, scale = transitions(reversion, volatility)

    def step(x, shock):
        x = decay * x + scale * shock
        return x, x

    _, path = jax.lax.scan(step, jnp.zeros_like(reversion), shocks)
    return path


def transitions(
    reversion: Float[Array, " factor"], volatility: Float[Array, " factor"]
) -> tuple[Float[Array, " factor"], Float[Array, " factor"]]:
    """What a quarter keeps of a factor, and what a shock of one adds to it."""
    decay = jnp.exp(-reversion * DT)
    spread = jnp.sqrt(-jnp.expm1(-2.0 * reversion * DT) / (2.0 * reversion))
    return decay, volatility * spread


def reversions(
    economy: Economy,
) -> tuple[Float[Array, " factor"], Float[Array, " factor"]]:
    """Reversion [1/year] and volatility [unit/√year] of each factor."""
    names = ("rates", "spreads", "gpu")
    reversion = jnp.stack([economy[f"{name}.reversion"] for name in names])
    return reversion, jnp.stack([economy[f"{name}.volatility"] for name in names])


def factors(
    economy: Economy, shocks: Float[Array, "quarter factor"]
) -> Float[Array, "quarter factor"]:
    """Short-rate deviation [1/year], log spread index, log GPU price, by quarter."""
    return ornstein_uhlenbeck(shocks, *reversions(economy))
