"""Metrics of covenants: headroom, time to breach, what was swept, trapped and cured."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from engine.economy import Economy
from engine.grid import DT, TimeGrid
from engine.metrics.layers import NEVER, within
from engine.metrics.registry import register
from engine.survival import HIGHEST


def lowest_headroom(
    headroom: Float[Array, "quarter ..."], e: Economy, g: TimeGrid
) -> tuple[Float[Array, "..."], Bool[Array, "..."]]:
    """Lowest to the criterion's horizon; without meaning where nothing is tested."""
    inside = g.modelled(g.ends) <= e["criteria.horizon"] + 1e-6
    lowest = jnp.min(within(inside, headroom, HIGHEST), axis=0)
    return lowest, lowest < HIGHEST


def years_to_breach(
    headroom: Float[Array, "quarter ..."],
) -> tuple[Float[Array, "..."], Bool[Array, "..."]]:
    """Years from `as_of` to the first breach, linear between two tests."""
    n = headroom.shape[0]
    before = jnp.concatenate([jnp.zeros_like(headroom[:1]), headroom[:-1]])
    falls = (headroom < 0.0) & (before >= 0.0)
    gap = before - headroom
    share = jnp.where(falls, before / jnp.where(falls, gap, 1.0), 0.0)
    begins = DT * jnp.arange(n, dtype=headroom.dtype)
    begins = begins.reshape((n,) + (1,) * (headroom.ndim - 1))
    years = jnp.min(jnp.where(headroom < 0.0, begins + DT * share, NEVER), axis=0)
    return years, years < NEVER


def _register_tiers(family: str, flows: Callable[[Any], Any]) -> None:
    """What neoclouds and SPVs report alike; `flows` picks a family's of a record."""
    register(
        family,
        "covenant_headroom",
        "h^c",
        "x",
        "lowest headroom of the default tier to the horizon",
    )(lambda r, i, e, g: lowest_headroom(flows(r).covenant[:, i], e, g))
    register(
        family,
        "covenant_breach",
        "T",
        "years",
        "years from as_of to a breach of the default tier",
    )(lambda r, i, e, g: years_to_breach(flows(r).covenant[:, i]))
    register(family, "swept", "w", "USD bn", "free cash that prepaid debt")(
        lambda r, i, e, g: jnp.sum(flows(r).swept[:, i] * flows(r).alive[:, i], axis=0)
    )


_register_tiers("neoclouds", lambda r: r.clouds)
_register_tiers("spvs", lambda r: r.spvs)


@register(
    "neoclouds",
    "minimum_box_dscr",
    "x",
    "x",
    "lowest cover of the boxes' service to the horizon",
)
def _neoclouds_minimum_box_dscr(r, i, e, g):
    inside = g.modelled(g.ends) <= e["criteria.horizon"] + 1e-6
    cover = within(inside, r.clouds.box_dscr[:, i], 1.0 + HIGHEST)
    return jnp.min(cover, axis=0)


@register("spvs", "peak_trapped", "z", "USD bn", "most cash in the trap account")
def _spvs_peak_trapped(r, i, e, g):
    return jnp.max(r.spvs.trapped[:, i] * r.spvs.alive[:, i], axis=0)
