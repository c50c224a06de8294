r"""Headroom and the share of obligors that is alive (docs/model.md, section 0).

A named deal is one obligor and its default is a jump. A cohort stands for many like
obligors whose log-headrooms are normal around the average member's, so its alive share
is $\Phi(m/\sigma)$ with $m$ the running minimum: absorbing and continuous, the
large-pool limit of Vasicek (2002, eq. 3) with the systematic factor in $m$.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from engine.jump import AbstractDefaultRule, jump
from engine.numerics import normal_cdf
from engine.once import computed_once

HIGHEST = 10.0
"""Headroom is clipped to [−1, HIGHEST]; beyond it nothing is learnt from it."""


@computed_once
def headroom(
    sources: Float[Array, "..."], dues: Float[Array, "..."]
) -> Float[Array, "..."]:
    """(sources − dues)/dues, clipped; the highest value where nothing is due."""
    is_due = dues > 1e-9
    ratio = sources / jnp.where(is_due, dues, 1.0) - 1.0
    return jnp.where(is_due, jnp.clip(ratio, -1.0, HIGHEST), HIGHEST)


@computed_once
def log_headroom(g: Float[Array, "..."]) -> Float[Array, "..."]:
    """ln(1 + g), floored where hardly anything is left."""
    return jnp.log(jnp.maximum(1.0 + g, 1e-3))


@computed_once
def survive(
    alive: Float[Array, "vehicle ..."],
    worst: Float[Array, "vehicle ..."],
    g: Float[Array, "vehicle ..."],
    dispersion: Float[Array, "vehicle ..."],
    is_cohort: Bool[Array, "vehicle ..."],
    rule: AbstractDefaultRule,
) -> tuple[Float[Array, "vehicle ..."], Float[Array, "vehicle ..."]]:
    """Alive share and running minimum of the log-headroom after this quarter."""
    worst = jnp.minimum(worst, log_headroom(g))
    sigma = jnp.where(is_cohort, dispersion, 1.0)
    pooled = jnp.minimum(alive, normal_cdf(worst / sigma))
    return jnp.where(is_cohort, pooled, alive * jump(g, rule)), worst


@computed_once
def kept(
    h: Float[Array, "vehicle ..."],
    dispersion: Float[Array, "vehicle ..."],
    is_cohort: Bool[Array, "vehicle ..."],
    rule: AbstractDefaultRule,
) -> Float[Array, "vehicle ..."]:
    """Share of a named deal (0 or 1) or of a cohort that passes the test h >= 0."""
    sigma = jnp.where(is_cohort, dispersion, 1.0)
    return jnp.where(is_cohort, normal_cdf(log_headroom(h) / sigma), jump(h, rule))
