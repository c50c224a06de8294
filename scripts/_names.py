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
    from engine.metrics import STATUSES

    return tuple(STATUSES)


def rank(layer: str) -> int:
    """Place of a layer in the engine's list, which settles ties."""
    from engine.metrics import LAYERS

    return LAYERS.index(layer) if layer in LAYERS else len(LAYERS)


# Layer: where its headrooms by entity stand in the record ("": `layers.of_vehicles`),
# and the entities' family.
_HEADROOMS = {
    "lab": ("labs", "labs"),
    "neocloud_equity": ("", "neoclouds"),
    "neocloud_unsecured": ("", "neoclouds"),
    "neocloud_secured": ("", "neoclouds"),
    "hybrid_cloud": (None, "hybrid"),
    "bank_spv": ("", "spvs"),
    "chip_spv": ("", "spvs"),
    "tenant_spv": ("", "spvs"),
    "hyperscaler": ("hyperscalers", "hyperscalers"),
    "fund": (None, "funds"),
    "fund_bank_line": (None, "funds"),
    "lp": ("investors", "investors"),
}


def failure(economy: Any, record: Any, layer: str, quarter: int) -> dict[str, Any]:
    """Entity, event and cause of a layer's failure: of its members the one worst off.

    Only vehicles have a cause that the record tells; of the others it is None.
    """
    found = _worst_off(economy, record, layer, quarter)
    members = dict(economy.blueprint.families).get(
        _HEADROOMS.get(layer, (0, ""))[1], ()
    )
    if record is None or found["entity"] not in members:
        return found | {"cause": None}
    from engine.metrics.causes import cause_of

    i = members.index(found["entity"])
    return found | {"cause": told(cause_of(record, economy, layer, quarter, i))}


def told(cause: Any) -> dict[str, Any] | None:
    """A cause as the command prints it."""
    from engine.metrics.causes import CAUSES

    if cause is None:
        return None
    return {
        "name": cause.name,
        "meaning": CAUSES[cause.name],
        "missing_bn": cause.missing,
        "dues_bn": cause.dues,
        "sources_bn": cause.sources,
    }


def _worst_off(economy: Any, record: Any, layer: str, quarter: int) -> dict[str, str]:
    import numpy as np

    from engine.metrics import layers

    event = layers.EVENTS[layer]
    field, family = _HEADROOMS.get(layer, (None, ""))
    members = dict(economy.blueprint.families).get(family, ())
    if family == "funds":
        members, rooms = economy.cohorts(), _of_cohorts(record, layer)
        worst = 0 if rooms is None else int(np.argmin(rooms[quarter]))
        return {"entity": members[worst], "event": event}
    if not members:
        return {"entity": layer, "event": event}
    if field is None or record is None:
        return {"entity": members[0], "event": event}
    if field:
        rooms = np.array(getattr(record, field).headroom)[quarter]
    else:
        rooms = np.array(layers.of_vehicles(record)[layer])[quarter]
    if family == "neoclouds":
        rooms = np.where(layers.named(economy, family), rooms, np.inf)
    elif family == "spvs":
        rooms = np.where(layers.spvs_of(economy, layer), rooms, np.inf)
    return {"entity": members[int(np.argmin(rooms))], "event": event}


def _of_cohorts(record: Any, layer: str) -> Any:
    """Headrooms of the funds' gates or, as what banks lose, of their lines."""
    import numpy as np

    if record is None:
        return None
    if layer == "fund":
        return np.asarray(record.fund.gate_headroom)
    return -np.asarray(record.fund.line_share) * np.asarray(record.fund.line)


_WORSE_HIGH = (
    "loss",
    "peak",
    "leak",
    "forgiven",
    "deferred",
    "margin_calls",
    "backstop_paid",
    "default_before",
    "capex_to_cash_flow",
)


def tail(metric: str) -> str:
    """Which tail of a metric is the bad one: losses hurt when high, covers when low."""
    name = metric.rsplit(".", 1)[-1]
    return "upper" if any(word in name for word in _WORSE_HIGH) else "lower"


def words(name: str) -> str:
    """A name for people: "neocloud_secured" is "neocloud secured"."""
    return re.sub(r"[._]+", " ", name).strip()
