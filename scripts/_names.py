"""Names that the engine gives to its numbers: units, classifications, layers."""

import re
from typing import Any


def unit(metric: str) -> str:
    """Unit of "<entity>.<metric>"; empty where the registry does not know it."""
    entry = registered(metric)
    return "" if entry is None else entry.unit


def registered(metric: str) -> Any:
    """Registry entry of "<entity>.<metric>", or None."""
    from engine.metrics.registry import METRICS

    return METRICS.get(metric) or METRICS.get(metric.rsplit(".", 1)[-1])


def classifications() -> tuple[str, ...]:
    """What a run can be called, in order of its code."""
    from engine.metrics import CLASSIFICATIONS

    return tuple(CLASSIFICATIONS)


def statuses() -> tuple[str, ...]:
    """Status of a metric, in order of its code."""
    from engine.metrics import STATUS

    return tuple(STATUS)


def words(name: str) -> str:
    """A name for people: "neocloud_secured" is "neocloud secured"."""
    return re.sub(r"[._]+", " ", name).strip()
