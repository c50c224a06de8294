"""The table of break-evens by layer."""

from typing import Any

from markupsafe import Markup

from scripts.report.style import (
    chip,
    date,
    entity,
    is_number,
    layer,
    number,
    quarter,
    said,
)


def rows(study: dict[str, Any]) -> list[dict[str, Any]]:
    """The table of break-evens: solvency by layer, then return."""
    found = []
    for name, x in study["layers"].items():
        same, full = x.get("equivalents") or {}, x.get("full_grid") or {}
        found.append(
            {
                "name": layer(name),
                "is_return": name.endswith(".return"),
                "is_first": name == study["earliest"],
                "value": when(x),
                "status": chip(x["status"]),
                "duration": number(same.get("duration_10_90"), 1),
                "article": date(same.get("hurdle_date_article")),
                "adjusted": date(same.get("hurdle_date_life_adjusted")),
                "binding": quarter((x.get("binding") or {}).get("date"))
                if x["value"] is not None
                else "–",
                "full": Markup("{} {}").format(when(full), chip(full["status"]))
                if full
                else "–",
                "note": event(x),
            }
        )
    return found


def when(found: dict[str, Any]) -> str:
    """A break-even, or the bound that is all one knows of it."""
    value, bound = found.get("value"), found.get("bound")
    if is_number(value):
        return f"{value:.2f}"
    if is_number(bound) and found.get("status") in ("always_holds", "never_holds"):
        return f"{'>' if found['status'] == 'always_holds' else '<'} {bound:.1f}"
    return "–"


def event(found: dict[str, Any]) -> str:
    """What pins a break-even at a jump."""
    pinned = found.get("event")
    if not pinned:
        return ""
    name, _, what = pinned["name"].partition(".")
    if what:
        return f"pinned by the {what.replace('_', ' ')} of {entity(name)}"
    return f"pinned by the failure of {said(name)}"
