"""Fan charts: how far debt service and liquidity are covered, over many scenarios."""

from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from scripts.report.style import (
    BLUE,
    INK,
    MUTED,
    PAPER,
    RED,
    RULE,
    entity,
    faded,
    figure,
    layer,
    ranked,
)

BANDS = (("0.05", "0.95", 0.14), ("0.25", "0.75", 0.3))
COLUMNS = 3
YEARS = 12.0


def headrooms(material: dict[str, Any]) -> go.Figure:
    """Liquidity headroom by layer; a layer that failed stays at −100 %."""
    rooms = material["fans"]["headroom"]
    found = {name: rooms[name] for name in ranked(rooms)}
    shown = _grid([layer(x) for x in found], len(found))
    for i, fan in enumerate(found.values()):
        _fan(shown, i, material, fan["quantiles"], 0.0, "%{y:.0%}", cap=3.0)
    shown.update_yaxes(tickformat=".0%")
    return shown


def covers(material: dict[str, Any]) -> go.Figure:
    """Debt service cover by vehicle, where something is due."""
    found = {
        k: x
        for k, x in material["fans"]["dscr"].items()
        if any(v is not None for v in x["quantiles"]["0.5"])
    }
    shown = _grid([entity(x) for x in found], len(found))
    for i, fan in enumerate(found.values()):
        _fan(shown, i, material, fan["quantiles"], 1.0, "%{y:.2f}×", cap=6.0)
    shown.update_yaxes(ticksuffix="×")
    return shown


def _grid(titles: list[str], n: int) -> go.Figure:
    rows = max(1, -(-n // COLUMNS))
    shown = make_subplots(
        rows=rows,
        cols=COLUMNS,
        subplot_titles=titles,
        horizontal_spacing=0.07,
        vertical_spacing=0.3 / rows if rows > 1 else 0.1,
    )
    style = figure(60 + 190 * rows)
    shown.update_layout(style.layout.to_plotly_json())
    shown.update_layout(
        template="none",
        showlegend=False,
        margin={"l": 50, "r": 10, "t": 34, "b": 30},
        paper_bgcolor=PAPER,
    )
    shown.update_annotations(font={"size": 13, "color": INK}, yshift=2)
    axis = {
        "gridcolor": "#edf0f3",
        "linecolor": RULE,
        "zeroline": False,
        "tickfont": {"size": 11, "color": MUTED},
        "tickcolor": RULE,
    }
    shown.update_xaxes(**axis, nticks=5)
    shown.update_yaxes(**axis, nticks=5)
    return shown


def _fan(
    shown: go.Figure,
    index: int,
    material: dict[str, Any],
    quantiles: dict[str, list[Any]],
    floor: float,
    form: str,
    cap: float,
) -> None:
    row, col = index // COLUMNS + 1, index % COLUMNS + 1
    until = min(material["config"]["end"], material["config"]["as_of"] + YEARS)
    kept = [i for i, x in enumerate(material["fans"]["date"]) if x <= until]
    dates = [material["fans"]["date"][i] for i in kept]
    lines = {q: [row_[i] for i in kept] for q, row_ in quantiles.items()}
    for low, high, opacity in BANDS:
        for piece in _pieces(lines[low], lines[high]):
            xs = [dates[i] for i in piece]
            top = [lines[high][i] for i in piece]
            bottom = [lines[low][i] for i in piece]
            shown.add_scatter(
                x=xs + xs[::-1],
                y=top + bottom[::-1],
                fill="toself",
                fillcolor=faded(BLUE, opacity),
                line={"width": 0},
                mode="lines",
                hoverinfo="skip",
                row=row,
                col=col,
            )
    shown.add_scatter(
        x=dates,
        y=lines["0.5"],
        mode="lines",
        line={"color": BLUE, "width": 2},
        hovertemplate=f"%{{x:.2f}}: median {form}<extra></extra>",
        row=row,
        col=col,
    )
    shown.add_scatter(
        x=[dates[0], dates[-1]],
        y=[floor, floor],
        mode="lines",
        line={"color": RED, "width": 1, "dash": "dot"},
        hoverinfo="skip",
        row=row,
        col=col,
    )
    real = [v for line in lines.values() for v in line if v is not None]
    highest = max([floor, *real])
    # A layer that is covered far beyond the cap has its own scale.
    is_far = min([cap, *(v for v in lines["0.5"] if v is not None)]) >= cap
    low, high = min([floor, *real]), highest if is_far else min(cap, highest)
    pad = 0.06 * (high - low)
    shown.update_yaxes(range=[low - pad, high + pad], row=row, col=col)
    shown.update_xaxes(range=[dates[0], dates[-1]], row=row, col=col)


def _pieces(low: list[Any], high: list[Any]) -> list[list[int]]:
    """Runs of quarters without a gap."""
    runs: list[list[int]] = [[]]
    for i, pair in enumerate(zip(low, high, strict=True)):
        if None in pair:
            runs.append([])
        else:
            runs[-1].append(i)
    return [run for run in runs if len(run) > 1]
