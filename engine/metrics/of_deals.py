"""What became of every deal in a scenario: when it defaulted, why, at what loss.

Neoclouds come first, then SPVs, in the economy's order. A sweep counts
these deal by deal; which due was not met, `engine.metrics.causes` says of a single run.
"""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from engine.economy import Economy
from engine.survival import HIGHEST

CAUSES = ("payment", "covenant")
"""What brought a deal down: dues not met, or lenders that accelerated."""


def deals(economy: Economy) -> tuple[tuple[str, str], ...]:
    """Family and name of every deal, in the order of `default_quarters`."""
    return tuple(
        (family, name)
        for family in ("neoclouds", "spvs")
        for name in economy.members(family)
    )


def default_quarters(record: Any) -> Int[Array, "deal ..."]:
    """First quarter with less than half alive; the number of quarters if none.

    A named deal is alive or not; of a cohort half of the obligors are gone.
    """
    return jnp.concatenate(
        [_first_gone(record.clouds.alive), _first_gone(record.spvs.alive)]
    )


def _first_gone(alive: Float[Array, "quarter deal ..."]) -> Int[Array, "deal ..."]:
    gone = jnp.where(alive < 0.5, _numbers(alive), alive.shape[0])
    return jnp.min(gone, axis=0)


def by_covenant(
    record: Any, quarters: Int[Array, "deal ..."]
) -> Bool[Array, "deal ..."]:
    """Whether the covenant's headroom was the smaller one at default."""

    def judged(flows: Any) -> Bool[Array, "quarter deal ..."]:
        has_tier = flows.covenant < HIGHEST
        return has_tier & (flows.covenant <= flows.headroom)

    n = record.clouds.alive.shape[1]
    parts = (judged(record.clouds), quarters[:n]), (judged(record.spvs), quarters[n:])
    return jnp.concatenate([_then(is_so, quarter) for is_so, quarter in parts])


def _then(
    is_so: Bool[Array, "quarter deal ..."], quarter: Int[Array, "deal ..."]
) -> Bool[Array, "deal ..."]:
    number = _numbers(is_so)
    return jnp.any(is_so & (number == quarter[None]), axis=0)


def _numbers(like: Array) -> Int[Array, "quarter ..."]:
    n = like.shape[0]
    shape = (n,) + (1,) * (like.ndim - 1)
    return jnp.arange(n, dtype=jnp.int32).reshape(shape)


def losses(
    record: Any,
) -> tuple[Float[Array, "deal ..."], Float[Array, "deal ..."]]:
    """Debt that defaults and what of it is lost, over the grid [USD bn].

    Who pays a loss, holders or the government, does not matter: summed over deals
    it is the system's credit loss.
    """
    n = record.clouds.alive.shape[1]
    k = record.spvs.alive.shape[1]

    def by_deal(x: Float[Array, "quarter class ..."]) -> Float[Array, "deal ..."]:
        over = jnp.sum(x, axis=0)
        clouds = over[:n] + over[n : 2 * n]
        loans = over[2 * n : 2 * n + k] + over[2 * n + k :]
        return jnp.concatenate([clouds, loans])

    classes = record.classes
    return by_deal(classes.failed), by_deal(classes.loss + classes.claimed)
