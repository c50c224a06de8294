"""Metrics of covenants: headroom, time to breach, what was swept, trapped and cured."""

import operator
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from engine.credit.box_pools import FIGURE
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


def _pool_metric(
    read: Callable[[Any], Any],
    reduce: Callable[[Array, Economy, TimeGrid], Any],
) -> Callable[[Any, int, Economy, TimeGrid], Any]:
    """A formula over one pool of a neocloud; none where its boxes are not apart."""

    def formula(r: Any, i: int, e: Economy, g: TimeGrid) -> Any:
        member = e.members("neoclouds")[i]
        if f"neoclouds.{member}.{FIGURE}" not in e.figures:
            return None
        return reduce(read(r.clouds.pools)[:, i], e, g)

    return formula


def _lowest_cover(cover: Float[Array, "quarter ..."], e: Economy, g: TimeGrid) -> Any:
    inside = g.modelled(g.ends) <= e["criteria.horizon"] + 1e-6
    return jnp.min(within(inside, cover, 1.0 + HIGHEST), axis=0)


for _pool, _of in (("opening", "open at as_of"), ("drawn", "drawn since as_of")):
    register(
        "neoclouds",
        f"minimum_{_pool}_dscr",
        "x",
        "x",
        f"lowest cover of the boxes {_of} to the horizon",
    )(_pool_metric(operator.attrgetter(f"{_pool}_dscr"), _lowest_cover))
    register(
        "neoclouds",
        f"{_pool}_breach",
        "T",
        "years",
        f"years from as_of until the boxes {_of} accelerate",
    )(
        _pool_metric(
            operator.attrgetter(f"{_pool}_headroom"), lambda x, e, g: years_to_breach(x)
        )
    )


@register("spvs", "peak_trapped", "z", "USD bn", "most cash in the trap account")
def _spvs_peak_trapped(r, i, e, g):
    return jnp.max(r.spvs.trapped[:, i] * r.spvs.alive[:, i], axis=0)
