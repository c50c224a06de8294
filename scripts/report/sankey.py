"""Who pays whom, and where a loss that arises in one place is borne in the end."""

from typing import Any

import plotly.graph_objects as go

from scripts.report.style import (
    BLUE,
    FINAL,
    FONT,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    entity,
    faded,
    figure,
)

KINDS = {
    "revenue": ("revenue from end users", GREEN),
    "compute": ("payments for compute", BLUE),
    "rent": ("rent", SKY),
    "equity": ("new equity", PURPLE),
    "credit": ("new credit", ORANGE),
    "capex": ("capital expenditure", GREY),
    "debt service": ("interest and principal", RED),
    "premium": ("premium of a guarantee", INK),
    "loss": ("loss", RED),
}

AGENCY = "agency"
"""Bears a loss by its own income and capital, where a config has one."""

FEES = "Managers' fees"


def capital(links: list[dict[str, Any]]) -> go.Figure:
    """The next four quarters of the base case, left to right."""
    return _chart(drawn(links), 640, _capital_column)


def loss(links: list[dict[str, Any]]) -> go.Figure:
    """Four columns; a node's name ends in "@" and the number of its column."""
    return _chart(links, 460, _loss_column)


def drawn(links: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Links without the hyperscalers' own build-out."""
    return [x for x in links if x["kind"] in KINDS]


def left_out(links: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What each hyperscaler builds for itself, which is not drawn."""
    return [
        (_label(x["source"]), _amount(x["value"]))
        for x in links
        if x["kind"] not in KINDS
    ]


def legend(links: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Colour and meaning of every kind of payment that occurs."""
    found = {x["kind"] for x in links}
    return [(colour, text) for kind, (text, colour) in KINDS.items() if kind in found]


def _label(name: str) -> str:
    vehicle, _, kind = name.partition("@")[0].partition("|")
    label = entity(vehicle) if vehicle.islower() else vehicle
    return f"{label}, {kind}" if kind else label


def _capital_column(name: str, depth: int) -> float:
    return depth


def _loss_column(name: str, depth: int) -> float:
    return int(name.rpartition("@")[2])


def _depths(links: list[dict[str, Any]]) -> dict[str, int]:
    """Longest way from a source; payments form no circle by construction."""
    names = list(dict.fromkeys(x[k] for x in links for k in ("source", "target")))
    depth = dict.fromkeys(names, 0)
    for _ in names:
        for x in links:
            depth[x["target"]] = max(depth[x["target"]], depth[x["source"]] + 1)
        if max(depth.values()) > len(names):
            break
    last = max(depth.values(), default=0)
    return {k: last if k in (*FINAL, FEES) else d for k, d in depth.items()}


def _chart(links: list[dict[str, Any]], height: int, column: Any) -> go.Figure:
    shown = figure(height, margin={"l": 6, "r": 6, "t": 10, "b": 10})
    depth = _depths(links)
    names = list(depth)
    columns = {n: column(n, depth[n]) for n in names}
    last = max([*columns.values(), 1])
    x = {n: 0.001 + 0.998 * columns[n] / last for n in names}
    y = _heights(links, columns)
    place = {n: i for i, n in enumerate(names)}
    through = {
        n: max(
            sum(k["value"] for k in links if k["target"] == n),
            sum(k["value"] for k in links if k["source"] == n),
        )
        for n in names
    }
    shown.add_sankey(
        arrangement="snap",
        node={
            "label": [f"{_label(n)} {_amount(through[n])}" for n in names],
            "x": [x[n] for n in names],
            "y": [y[n] for n in names],
            "color": "#46525f",
            "line": {"width": 0},
            "thickness": 12,
            "pad": 14,
            "hovertemplate": "%{label}<extra></extra>",
        },
        link={
            "source": [place[k["source"]] for k in links],
            "target": [place[k["target"]] for k in links],
            "value": [k["value"] for k in links],
            "color": [faded(KINDS[k["kind"]][1], 0.38) for k in links],
            "customdata": [KINDS[k["kind"]][0] for k in links],
            "hovertemplate": "%{source.label} → %{target.label}: %{value:,.1f} bn, "
            "%{customdata}<extra></extra>",
        },
        textfont={"family": FONT, "size": 12, "color": INK, "shadow": "auto"},
        valueformat=",.1f",
        valuesuffix=" bn",
    )
    return shown


def _amount(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:,.1f}"


def _heights(
    links: list[dict[str, Any]], columns: dict[str, float]
) -> dict[str, float]:
    """Where each node stands in its column: below what flows into it from above."""
    size = {
        n: max(
            sum(k["value"] for k in links if k["target"] == n),
            sum(k["value"] for k in links if k["source"] == n),
        )
        for n in columns
    }
    y: dict[str, float] = {}
    for c in sorted(set(columns.values())):
        members = [n for n in columns if columns[n] == c]
        centre: dict[str, float] = {}
        for n in members:
            into = [k for k in links if k["target"] == n and k["source"] in y]
            weight = sum(k["value"] for k in into)
            centre[n] = (
                sum(y[k["source"]] * k["value"] for k in into) / weight
                if weight
                else 0.5
            )
        members.sort(key=lambda n: centre[n])
        total = sum(size[n] for n in members) or 1.0
        gap = 0.05
        scale = max(0.2, 1.0 - gap * len(members))
        at = 0.0
        for n in members:
            share = size[n] / total * scale
            y[n] = min(0.999, max(0.001, at + share / 2))
            at += share + gap
    return y
