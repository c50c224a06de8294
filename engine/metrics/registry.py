"""Every reported metric, registered once: symbol, unit, description, and its formula.

A metric is named `<entity>.<metric>`. Where it has no meaning (a default date without
a default) its value is 0 and its status says why; there is no NaN.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from engine.economy import Economy
from engine.grid import TimeGrid
from engine.vehicles.hyperscaler_funding import TABLE

STATUSES = ("ok", "no_event")
"""Names of a metric's status codes."""


class Metric(NamedTuple):
    """What a metric means."""

    symbol: str
    unit: str
    description: str


METRICS: dict[str, Metric] = {}
"""The registry: metric name (without the entity) to its meaning."""

OF_MARKETS = {
    "marked": ("pension", "insurer", "bank", "private_credit"),
    "sellers": ("pension", "insurer"),
    "fire_sale": ("system",),
}
"""Who has metrics of public markets, where the config has any."""

Formula = Callable[[Any, int, Economy, TimeGrid], Any]
"""(record, index of the member, economy, grid) to a value, or (value, has meaning).

None where economy or member lacks what the metric is of: it has no such metric.
"""

_BY_FAMILY: list[tuple[str, str, Formula]] = []
_BY_ENTITY: list[tuple[str, Formula]] = []
_BY_GROUP: list[tuple[str, tuple[str, ...], Callable[..., dict[str, Any]]]] = []


def _declare(name: str, metric: Metric) -> None:
    known = METRICS.setdefault(name, metric)
    if known.unit != metric.unit:
        raise ValueError(f"{name}: registered in {known.unit} and in {metric.unit}")


def register(
    family: str, name: str, symbol: str, unit: str, description: str
) -> Callable[[Formula], Formula]:
    """Registers a metric of every member of a family ("cohorts": of funds)."""
    _declare(name, Metric(symbol, unit, description))

    def add(formula: Formula) -> Formula:
        _BY_FAMILY.append((family, name, formula))
        return formula

    return add


def register_entity(
    entity: str, name: str, symbol: str, unit: str, description: str, formula: Formula
) -> None:
    """Registers a metric of one entity that is not a member of a family."""
    _declare(name, Metric(symbol, unit, description))
    _BY_ENTITY.append((f"{entity}.{name}", formula))


def register_group(
    entity: str,
    metrics: dict[str, Metric],
    formula: Callable[[Any, Economy, TimeGrid], dict[str, Any]],
) -> None:
    """Registers metrics of one entity that share what they compute.

    `formula` gives every one of them by name. A kernel made of the jaxpr computes what
    is written twice twice.
    """
    for name, metric in metrics.items():
        _declare(name, metric)
    _BY_GROUP.append((entity, tuple(metrics), formula))


def registered() -> dict[str, list[str]]:
    """Names of the metrics by family, or by entity that belongs to none."""
    names: dict[str, list[str]] = {}
    for family, name, _ in _BY_FAMILY:
        names.setdefault(family, []).append(name)
    for full, _ in _BY_ENTITY:
        entity, name = full.split(".")
        names.setdefault(entity, []).append(name)
    for entity, group, _ in _BY_GROUP:
        names.setdefault(entity, []).extend(group)
    return names


def _listed(economy: Economy, family: str) -> tuple[str, ...]:
    """Who has a family's metrics; two families are parts of one of the config."""
    match family:
        case "agencies":
            return economy.agencies()
        case "cohorts":
            return economy.cohorts()
        case "holders":
            return economy.holders()
        case "hyperscaler_funding":
            has_terms = f"{TABLE}.lease" in economy.figures
            return economy.listed("hyperscalers") if has_terms else ()
        case "public_markets":
            return economy.public_markets()
        case "marked" | "sellers" | "fire_sale":
            return OF_MARKETS[family] if economy.public_markets() else ()
        case "selling_banks":
            return ("bank",) if economy.banks_sell() else ()
        case _:
            return economy.listed(family)


def measure(
    record: Any, economy: Economy, grid: TimeGrid
) -> tuple[dict[str, Float[Array, "..."]], dict[str, Int[Array, "..."]]]:
    """Values and status codes of every registered metric."""
    values: dict[str, Array] = {}
    statuses: dict[str, Array] = {}

    def put(name: str, outcome: Any) -> None:
        if outcome is None:
            return
        value, is_ok = outcome if isinstance(outcome, tuple) else (outcome, True)
        is_ok = jnp.asarray(is_ok)
        values[name] = jnp.where(is_ok, value, jnp.zeros_like(value))
        statuses[name] = jnp.where(is_ok, 0, 1)

    for family, metric, formula in _BY_FAMILY:
        for index, entity in enumerate(_listed(economy, family)):
            put(f"{entity}.{metric}", formula(record, index, economy, grid))
    for name, formula in _BY_ENTITY:
        put(name, formula(record, 0, economy, grid))
    for entity, _, formula in _BY_GROUP:
        for name, outcome in formula(record, economy, grid).items():
            put(f"{entity}.{name}", outcome)
    return values, statuses
