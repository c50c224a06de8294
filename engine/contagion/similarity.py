r"""Information contagion (M9): one failure re-prices what resembles it.

Lenders who see one neocloud fail ask which other paper has the same business and the
same tenant. Resemblance is a kernel; what it re-prices fades with time.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from engine._types import ArrayLike, Values
from engine.numerics import floats, require, require_shape, safe_divide


def similarity(
    types: ArrayLike, tenants: ArrayLike, type_weight: ArrayLike = 0.5
) -> Float[Array, "entity entity"]:
    r"""Kernel of resemblance by type of business and by tenant.

    $$ K_{ij} = w\,\frac{u_i \cdot u_j}{|u_i||u_j|}
              + (1-w)\,\frac{v_i \cdot v_j}{|v_i||v_j|}, \qquad K_{ii} = 1, $$

    with $u$ the shares of a business by type and $v$ its revenue by tenant. Symmetric,
    positive semidefinite, in [0, 1]; who has no tenant resembles nobody by tenant.

    **Arguments:** `types[entity, type]` ≥ 0 (one-hot for a pure type);
    `tenants[entity, tenant]` ≥ 0; `type_weight` $w$ in [0, 1].

    **Returns:** `kernel[entity, entity]`. **Raises:** `ValueError` for other shapes
    and values.

    **References:** Ahnert and Georg (2018), "Information contagion and systemic risk",
    Journal of Financial Stability 35 (re-pricing by common exposures); the kernel is
    the cosine of exposures.
    """
    types, tenants, weight = floats(types, tenants, type_weight)
    require_shape("types", types, (-1, -1))
    require_shape("tenants", tenants, (types.shape[0], -1))
    require("types", types, lambda x: x >= 0, "non-negative")
    require("tenants", tenants, lambda x: x >= 0, "non-negative")
    require("type_weight", weight, lambda x: (x >= 0) & (x <= 1), "in [0, 1]")
    kernel = weight * _cosine(types) + (1 - weight) * _cosine(tenants)
    own = jnp.eye(types.shape[0], dtype=kernel.dtype)
    return jnp.where(own > 0, 1.0, kernel)


def directions(x: Float[Array, "entity _"]) -> Float[Array, "entity _"]:
    """Rows of length one; a row of nothing stays nothing."""
    # sqrt(0) has no derivative: lengths of nothing are set to one first.
    squares = jnp.sum(x * x, axis=1)
    length = jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1.0)), 0.0)
    return safe_divide(x, length[:, None])


def _cosine(x: Float[Array, "entity _"]) -> Float[Array, "entity entity"]:
    unit = directions(x)
    return unit @ unit.T


def reprice(
    spread: ArrayLike,
    kernel: ArrayLike,
    failed: ArrayLike,
    impulse: ArrayLike,
    decay: ArrayLike,
    dt: ArrayLike,
) -> Values:
    r"""Spreads after one period: old fear fades, failures add to it by resemblance.

    $$ s_i' = s_i\,e^{-\text{decay}\,\Delta} + \text{impulse} \sum_j K_{ij} f_j $$

    Decay is per year, so two half periods without news are one whole. `failed` is a
    weight, a share of the sector: an entity split in two like halves that fail together
    re-prices the rest as before.

    **Arguments:** `spread[entity]` [1/year], `kernel[entity, entity]`,
    `failed[entity]` [share of the sector] ≥ 0, `impulse` [1/year per unit of sector],
    `decay` [1/year] ≥ 0, `dt` [year] > 0.

    **Returns:** `spread[entity]` [1/year] in force next period.
    """
    spread, kernel, failed, impulse, decay, dt = floats(
        spread, kernel, failed, impulse, decay, dt
    )
    require_shape("spread", spread, (-1,))
    n = spread.shape[0]
    require_shape("kernel", kernel, (n, n))
    require_shape("failed", failed, (n,))
    require("failed", failed, lambda x: x >= 0, "non-negative")
    require("decay", decay, lambda x: x >= 0, "non-negative")
    return spread * jnp.exp(-decay * dt) + impulse * (kernel @ failed)
