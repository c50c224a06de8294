"""Metrics of what each borrower's spread was, where resemblance tells them apart.

Of an economy without `[resemblance]` there are none: everybody meets the system's.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.metrics.registry import register, register_entity

_NAME, _SYMBOL, _UNIT = "spread_met", "ς", "1/year"
_MEANING = "highest contagion spread that it met while half of it or more was alive"


def _asked(
    spread: Float[Array, "quarter ..."], alive: Float[Array, "quarter ..."]
) -> Float[Array, "quarter ..."]:
    """The spread where somebody is left to pay it, else none."""
    return jnp.where(alive >= 0.5, spread, 0.0)


@register("neoclouds", _NAME, _SYMBOL, _UNIT, _MEANING)
def _neoclouds_spread_met(r, i, e, g):
    if r.system.met is None:
        return None
    return jnp.max(_asked(r.system.met.clouds[:, i], r.clouds.alive[:, i]), axis=0)


@register("spvs", _NAME, _SYMBOL, _UNIT, _MEANING)
def _spvs_spread_met(r, i, e, g):
    if r.system.met is None:
        return None
    return jnp.max(_asked(r.system.met.spvs[:, i], r.spvs.alive[:, i]), axis=0)


@register("hybrid", _NAME, _SYMBOL, _UNIT, _MEANING)
def _hybrid_spread_met(r, i, e, g):
    return None if r.system.met is None else jnp.max(r.system.met.hybrid, axis=0)


def _highest(r, i, e, g):
    met = r.system.met
    if met is None:
        return None
    by_cloud = jnp.max(_asked(met.clouds, r.clouds.alive), axis=1)
    by_spv = jnp.max(_asked(met.spvs, r.spvs.alive), axis=1)
    both = jnp.maximum(jnp.maximum(by_cloud, by_spv), met.hybrid)
    return jnp.max(both, axis=0)


register_entity(
    "system",
    "highest_spread_met",
    "ς",
    _UNIT,
    "highest contagion spread that any living borrower met",
    _highest,
)
