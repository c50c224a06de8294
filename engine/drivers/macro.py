"""Macro paths: the shocks that put rates and spreads where a supervisor puts them."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.drivers.factors import reversions, transitions
from engine.drivers.quarter import rate_shift
from engine.drivers.sampling import N_FACTORS
from engine.economy import Economy
from engine.grid import TimeGrid


def macro_shocks(
    economy: Economy,
    grid: TimeGrid,
    short: Float[Array, " given"],
    spread: Float[Array, " given"],
) -> Float[Array, "quarter factor"]:
    r"""Standard normal shocks under which the factors take the given paths.

    The exact Ornstein–Uhlenbeck step solved for its shock,
    $\varepsilon_t = (x_t - x_{t-1}e^{-a\Delta})/(\sigma\sqrt{(1-e^{-2a\Delta})/2a})$,
    with $x$ the deviation of the short rate and the logarithm of the spread factor
    (docs/model.md, section 1). The ten-year rate follows the short one by its beta. No
    shock after the last given quarter: the factors revert. The GPU price has none.

    **Arguments:** `short` rate [1/year] and `spread` factor [1, positive], by model
    quarter from the first, at most as many as the grid has.

    **Raises:** `ValueError` where there are more quarters than the grid's.
    """
    given, n = short.shape[0], grid.n_model
    if given > n:
        raise ValueError(f"{given} quarters, expected at most the grid's {n}")
    level = economy["rates.short"] + rate_shift(economy)
    wanted = jnp.stack([short - level, jnp.log(spread)], axis=1)
    decay, scale = transitions(*reversions(economy))
    before = jnp.concatenate([jnp.zeros_like(wanted[:1]), wanted[:-1]])
    shocks = (wanted - before * decay[None, :2]) / scale[None, :2]
    return jnp.zeros((n, N_FACTORS), shocks.dtype).at[:given, :2].set(shocks)
