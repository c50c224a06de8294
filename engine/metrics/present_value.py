"""What a flow of the record is worth at `as_of`."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.drivers import rate_shift
from engine.economy import Economy
from engine.grid import DT


def at_ten_year(flow: Float[Array, "quarter ..."], e: Economy) -> Float[Array, "..."]:
    """Value at `as_of` of a flow at quarter ends, at the ten-year rate."""
    rate = e["rates.ten_year"] + rate_shift(e)
    steps = jnp.arange(1, flow.shape[0] + 1).astype(flow.dtype)
    steps = steps.reshape(steps.shape + (1,) * (flow.ndim - 1))
    return jnp.sum(flow * (1.0 + rate) ** (-DT * steps), axis=0)
