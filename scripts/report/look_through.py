"""Whom a holder has really lent to: exposures to tenants, seen through funds."""

from typing import Any

import plotly.graph_objects as go

from scripts.report.style import INK, MUTED, entity, figure, number, percent

HEADS = ("Holder", "Exposure, bn", "Largest tenant", "Its share", "Concentration")


def content(material: dict[str, Any]) -> dict[str, Any] | None:
    """The map, a line per holder, and how alike holders are."""
    found = material.get("concentration")
    if not found:
        return None
    holders = list(found["exposure_bn"])
    return {
        "total": number(found["total_bn"], 0),
        "largest": largest(found),
        "chart": chart(found),
        "heads": list(HEADS),
        "rows": [_row(name, found) for name in holders],
        "common_heads": ["", *(entity(name) for name in holders)],
        "common": [
            [entity(a), *(percent(found["common"][a][b], 0) for b in holders)]
            for a in holders
        ],
    }


def largest(found: dict[str, Any]) -> list[tuple[str, str]]:
    """The three tenants on whom most depends, with their shares of the whole."""
    by_tenant = sorted(found["by_tenant_bn"].items(), key=lambda x: -x[1])
    total = found["total_bn"]
    return [(entity(name), percent(x / total, 0)) for name, x in by_tenant[:3]]


def _row(name: str, found: dict[str, Any]) -> list[str]:
    row = found["exposure_bn"][name]
    total, most = sum(row.values()), max(row, key=lambda tenant: row[tenant])
    share = percent(row[most] / total, 0) if total else "–"
    return [
        entity(name),
        number(total),
        entity(most),
        share,
        number(found["hhi"][name], 2),
    ]


def chart(found: dict[str, Any]) -> go.Figure:
    """Exposure of every final holder to every tenant, largest tenant first."""
    by_tenant = found["by_tenant_bn"]
    tenants = sorted(by_tenant, key=lambda name: -by_tenant[name])
    holders = list(found["exposure_bn"])
    z = [[found["exposure_bn"][h][t] for t in tenants] for h in holders]
    shown = figure(300, margin={"l": 110, "r": 20, "t": 10, "b": 90})
    shown.add_heatmap(
        x=[entity(name) for name in tenants],
        y=[entity(name) for name in holders],
        z=z,
        text=[[f"{x:.1f}" if x >= 0.05 else "" for x in row] for row in z],
        texttemplate="%{text}",
        textfont={"size": 12, "color": INK},
        colorscale=[[0, "#f7f7f5"], [1, "#e69f00"]],
        xgap=1,
        ygap=1,
        colorbar={
            "title": {"text": "USD bn", "font": {"size": 12, "color": MUTED}},
            "thickness": 12,
            "outlinewidth": 0,
            "tickfont": {"size": 12, "color": MUTED},
        },
        hovertemplate="%{y} to %{x}: %{z:.2f} bn<extra></extra>",
    )
    shown.update_yaxes(autorange="reversed")
    return shown
