"""When each layer fails in each story, and what is lost, by layer and final holder."""

from typing import Any

import plotly.graph_objects as go
from markupsafe import Markup

from scripts.report.style import (
    FINAL,
    MUTED,
    STORIES,
    entity,
    figure,
    layer,
    number,
    quarter,
    ranked,
    words,
)

NEVER = 9000.0


def told(material: dict[str, Any]) -> list[str]:
    """The stories there are, in the order of the page."""
    return [name for name in STORIES if name in material["paths"]]


def chart(material: dict[str, Any]) -> go.Figure:
    """One row per layer, one marker per story."""
    names = told(material)
    layers = ranked(material["paths"][names[0]]["failures"])
    failing = [
        x
        for x in layers
        if any(material["paths"][s]["failures"][x] < NEVER for s in names)
    ]
    order = {name: len(layers) - 1 - i for i, name in enumerate(layers)}
    shown = figure(90 + 36 * len(layers), margin={"l": 60, "r": 20, "t": 10, "b": 80})
    shown.update_layout(legend={"y": -0.1})
    end = material["config"]["end"]
    last = material["config"]["as_of"]
    for i, name in enumerate(names):
        label, colour, symbol = STORIES[name]
        dates = material["paths"][name]["failures"]
        found = [x for x in layers if dates[x] < NEVER]
        last = max([last, *(dates[x] for x in found)])
        offset = (len(names) - 1) / 2 - i
        shown.add_scatter(
            x=[dates[x] for x in found],
            y=[order[x] + 0.17 * offset for x in found],
            name=label,
            mode="markers",
            marker={
                "symbol": symbol,
                "size": 9,
                "color": colour,
                "line": {"width": 1, "color": "#ffffff"},
            },
            text=[f"{layer(x)}, {quarter(dates[x])}" for x in found],
            hovertemplate="%{text}<extra>" + label + "</extra>",
        )
    shown.update_yaxes(
        tickvals=list(order.values()),
        ticktext=[
            layer(x)
            if x in failing
            else f"<span style='color:{MUTED}'>{layer(x)}: never</span>"
            for x in order
        ],
        range=[-0.6, len(layers) - 0.4],
        ticks="",
    )
    horizon = material["config"]["horizon"]
    shown.add_vline(x=horizon, line={"color": MUTED, "width": 1, "dash": "dot"})
    shown.add_annotation(
        x=horizon,
        y=1,
        yref="paper",
        text="horizon of the criteria",
        showarrow=False,
        xanchor="left",
        xshift=4,
        yanchor="top",
        font={"size": 11, "color": MUTED},
    )
    shown.update_xaxes(
        range=[material["config"]["as_of"] - 0.2, min(end, last + 1.5)], dtick=1
    )
    return shown


def losses(material: dict[str, Any]) -> tuple[list[str], list[list[Any]]]:
    """Losses by layer and story [USD bn], with the first date of failure."""
    names = told(material)
    table = []
    for name in ranked(material["paths"][names[0]]["losses"]):
        cells = []
        for story in names:
            path = material["paths"][story]
            lost, date = path["losses"][name], path["failures"][name]
            text = number(lost, 1) if abs(lost) >= 0.05 else "–"
            when = quarter(date) if date < NEVER else "holds"
            cells.append(Markup("{}<small>{}</small>").format(text, when))
        table.append([layer(name), *cells])
    return [STORIES[s][0] for s in names], table


def holders(material: dict[str, Any]) -> list[list[Any]]:
    """Credit losses by final holder and story [USD bn]; they add up."""
    names = told(material)
    table = []
    for holder in FINAL:
        values = [material["paths"][s]["holders"].get(holder, 0.0) for s in names]
        cells = [number(x, 1) if abs(x) >= 0.05 else "–" for x in values]
        table.append([entity(holder), *cells])
    totals = [sum(material["paths"][s]["holders"].values()) for s in names]
    table.append(["All credit losses", *(number(x, 1) for x in totals)])
    return table


def verdicts(material: dict[str, Any]) -> list[str]:
    """Classification by story."""
    return [
        words(material["stories"].get(s, {}).get("classification") or "–")
        for s in told(material)
    ]


def _who(label: str, name: str) -> str:
    """A layer and, unless it says so itself, the member that failed."""
    is_said = name.lower().rstrip("s") in label.lower()
    return label if is_said else f"{label} ({name})"


def _why(event: dict[str, Any]) -> str:
    """What bound, in brackets; nothing where the event says it already."""
    cause = (event.get("cause") or {}).get("name")
    return "" if cause in (None, "price") else f" [{words(cause)}]"


def orders(material: dict[str, Any]) -> list[tuple[str, str]]:
    """Order of failure by story, in words."""
    found = []
    for name in told(material):
        events = material["stories"].get(name, {}).get("order_of_failure", [])
        text = " → ".join(
            f"{_who(layer(e['layer']), entity(e['entity']))} {quarter(e['date'])}"
            + _why(e)
            for e in events
        )
        found.append((STORIES[name][0], text or "nobody fails"))
    return found
