"""Rents of SPVs that follow the short rate: docs/model.md section 4, "Indexed rents".

An economy in which no SPV states `rent_rate_indexation` has none of it in its program.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.contracts.indexation import rate_when_signed
from engine.economy import Economy

FIGURE = "rent_rate_indexation"


def rent_index(
    economy: Economy, short: Float[Array, " quarter"]
) -> Float[Array, "quarter spv"] | None:
    r"""Contract rent of every SPV over the signed one; None where none has an index.

    $$ \iota_t = \max(0,\ 1 + \beta(r_t - r_s)) $$

    with β = `rent_rate_indexation` and $r_s$ the short rate at `as_of`, struck anew by
    `shifts.rate_all` as the rent itself is.

    **Arguments:** `short`, $r_t$ by model quarter [1/year].
    """
    if not economy.states("spvs", FIGURE):
        return None
    struck = rate_when_signed(economy)
    follows = economy.stack("spvs", FIGURE, missing=0.0)
    return jnp.maximum(1.0 + follows[None] * (short - struck)[:, None], 0.0)
