"""What stands on whose balance sheet: leases as tenants account for them, base case."""

from typing import Any

import plotly.graph_objects as go

from scripts._leases import AMOUNTS
from scripts.report.style import (
    BLUE,
    GREY,
    ORANGE,
    SKY,
    entity,
    figure,
    number,
    quarter,
)

HEADS = (
    "",
    "Lease liability",
    "Right of use, ASC 842",
    "Asset, IFRS 16",
    "Not commenced",
    "Guarantee, at most",
    "Options",
    "Off balance sheet",
)
PARTS = (
    ("lease_liability", "lease liability", BLUE),
    ("not_commenced", "signed, not commenced", ORANGE),
    ("guarantee", "guarantees, at most", SKY),
    ("options", "renewals not exercised", GREY),
)
LATER = 3
"""Index of the second date that is shown as a table."""


def content(material: dict[str, Any]) -> dict[str, Any] | None:
    """The chart of the sums and a table at two dates."""
    found = material["stories"].get("base", {}).get("leases")
    if not found:
        return None
    dates = found["date"]
    shown = sorted({0, min(LATER, len(dates) - 1)})
    return {
        "heads": list(HEADS),
        "chart": chart(found),
        "tables": [(quarter(dates[i]), rows(found, i)) for i in shown],
    }


def rows(found: dict[str, Any], at: int) -> list[list[str]]:
    """One line per company at one date [USD bn]."""
    return [
        [entity(name), *(_amount(x[k][at]) for k in AMOUNTS)]
        for name, x in found["companies"].items()
    ]


def _amount(value: float) -> str:
    return number(value, 1) if abs(value) >= 0.05 else "–"


def chart(found: dict[str, Any]) -> go.Figure:
    """Sums over all companies by date."""
    shown = figure(340, barmode="stack")
    dates = [quarter(x) for x in found["date"]]
    for key, name, colour in PARTS:
        sums = [sum(x) for x in zip(*_each(found, key), strict=True)]
        shown.add_bar(
            x=dates,
            y=sums,
            name=name,
            marker={"color": colour},
            hovertemplate="%{x}: %{y:.0f} bn<extra>" + name + "</extra>",
        )
    shown.update_xaxes(type="category")
    shown.update_yaxes(title_text="USD bn")
    return shown


def _each(found: dict[str, Any], key: str) -> list[list[float]]:
    return [x[key] for x in found["companies"].values()]
