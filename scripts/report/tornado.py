"""Break-evens by layer, and what moves each of them: derivatives and re-solves."""

from typing import Any

import plotly.graph_objects as go
from markupsafe import Markup

from scripts.report.style import (
    BLUE,
    GREY,
    INK,
    MUTED,
    ORANGE,
    chip,
    entity,
    figure,
    is_number,
    number,
    words,
)

SHIFTS = {
    "rate.future": ("Rates on new debt", 0.01, "+100 bp"),
    "rate.all": ("Rates on all debt", 0.01, "+100 bp"),
    "leverage.future": ("Leverage of new debt", 0.1, "+10 points"),
    "leverage.all": ("Leverage of all debt", 0.1, "+10 points"),
}
OTHERS = 8
LIMIT = 5.0
"""A derivative whose step moves t* further [years] says nothing: it is flagged."""

STEEPEST = 10.0
"""Nor does one to a date or a duration beyond this [years of t* per year]."""


def charted(study: dict[str, Any]) -> list[str]:
    """Criteria with a break-even that anything moves."""
    return [
        name
        for name, x in study["layers"].items()
        if x["value"] is not None and (x.get("sensitivities") or x.get("gradients"))
    ]


def chart(
    found: dict[str, Any], figures: dict[str, Any], others: int = OTHERS
) -> go.Figure:
    """Years by which t* moves, shift by shift; diamonds are t* solved again."""
    bars = _shifts(found) + _others(found, figures)[0][:others]
    bars.reverse()
    shown = figure(
        90 + 27 * len(bars),
        margin={"l": 60, "r": 60, "t": 8, "b": 44},
        bargap=0.35,
        showlegend=False,
    )
    labels = [
        f"{b['label']} <span style='color:{MUTED}'>{b['step']}</span>" for b in bars
    ]
    shown.add_bar(
        y=labels,
        x=[bar["value"] or 0.0 for bar in bars],
        orientation="h",
        marker={
            "color": [
                GREY
                if not bar["named"]
                else BLUE
                if (bar["value"] or 0) >= 0
                else ORANGE
                for bar in bars
            ]
        },
        text=[_text(bar) for bar in bars],
        textposition="outside",
        textfont={"size": 12, "color": INK},
        cliponaxis=False,
        customdata=[[bar["hint"]] for bar in bars],
        hovertemplate="%{y}: %{x:+.3f} years<br>%{customdata[0]}<extra></extra>",
    )
    shown.add_scatter(
        y=[y for y, bar in zip(labels, bars, strict=True) for _ in bar["again"]],
        x=[value for bar in bars for value in bar["again"]],
        mode="markers",
        marker={
            "symbol": "diamond-open",
            "size": 9,
            "color": INK,
            "line": {"width": 1.4},
        },
        hovertemplate="solved again: %{x:+.4f} years<extra></extra>",
    )
    values = [bar["value"] or 0.0 for bar in bars] + [0.0]
    values += [value for bar in bars for value in bar["again"]]
    spread = max(max(values) - min(values), 0.02)
    shown.update_xaxes(
        title_text="Years by which t* moves",
        range=[min(values) - 0.17 * spread, max(values) + 0.17 * spread],
        zeroline=True,
        zerolinecolor=MUTED,
        zerolinewidth=1,
    )
    shown.update_yaxes(showgrid=False, ticks="", tickfont={"color": INK, "size": 12})
    return shown


def _text(bar: dict[str, Any]) -> str:
    if bar["value"] is None:
        return f"\u2002no derivative: {bar['status'].replace('_', ' ')}\u2002"
    # Room for the diamond at the end of the bar.
    return f"\u2002{number(bar['value'], 2, sign=True)}\u2002"


def _shifts(found: dict[str, Any]) -> list[dict[str, Any]]:
    bars = []
    for key, (label, size, step) in SHIFTS.items():
        shift = (found.get("sensitivities") or {}).get(key)
        if shift is None:
            continue
        again = [
            shift[side] * size
            for side in ("check_up", "check_down")
            if is_number(shift.get(side))
        ]
        value = shift["value"]
        bars.append(
            {
                "label": label,
                "step": step,
                "value": value * size if is_number(value) else None,
                "again": again,
                "status": shift["status"],
                "named": True,
                "hint": f"status {shift['status'].replace('_', ' ')}",
            }
        )
    return bars


def _others(
    found: dict[str, Any], figures: dict[str, Any]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Other figures over half their range, else for 1 %; and those too steep to say."""
    bars, steep = [], []
    for name, slope in (found.get("gradients") or {}).items():
        known = figures["names"].get(name)
        if known is None or name.startswith("shifts."):
            continue
        size, step = _step(known)
        value = slope * size * known["factor"]
        is_time = known["path"].endswith(("_date", "_years"))
        if abs(value) > LIMIT or (is_time and abs(slope) > STEEPEST):
            steep.append(known["path"])
            continue
        if abs(value) < 1e-6:
            continue
        bars.append(
            {
                "label": _label(name),
                "step": step,
                "value": value,
                "again": [],
                "status": "ok",
                "named": False,
                "hint": f"{known['path']}; derivative only, not solved again",
            }
        )
    bars.sort(key=lambda bar: -abs(bar["value"]))
    return bars, steep


def steep(found: dict[str, Any], figures: dict[str, Any]) -> list[str]:
    """Figures whose derivative is too steep to mean anything over a step."""
    return _others(found, figures)[1]


def _label(name: str) -> str:
    """`neoclouds.coreweave.overhead` is "Coreweave overhead"."""
    family, _, rest = name.partition(".")
    is_entity = rest.count(".") and family not in ("funds",)
    if not is_entity:
        return words(name)
    member, _, key = rest.partition(".")
    return f"{entity(member)} {key.replace('_', ' ').replace('.', ' ')}"


def _step(known: dict[str, Any]) -> tuple[float, str]:
    """Half a contested range; a tenth of a year for dates; else 1 % of the value."""
    if known.get("range"):
        low, high = known["range"]
        half = (high - low) / 2
        return half, f"+½ range ({low:g}–{high:g})"
    value = float(known["value"])
    if 1900 < value < 2200:
        return 0.1, "+0.1 y"
    return 0.01 * abs(value), "+1 % of value"


def checks(found: dict[str, Any]) -> list[list[Any]]:
    """Derivative beside both re-solves at their small step, and a whole step."""
    table = []
    for key, (label, size, step) in SHIFTS.items():
        shift = (found.get("sensitivities") or {}).get(key)
        if shift is None:
            continue
        small = [
            number(x * size, 4, sign=True) if is_number(x) else "–"
            for x in (shift["value"], shift.get("check_up"), shift.get("check_down"))
        ]
        moves = shift.get("moves") or {}
        whole = [
            Markup("{} {}").format(
                number(moves.get(side), 3, sign=True),
                chip(moves[f"status_{side}"])
                if moves[f"status_{side}"] != "ok"
                else "",
            )
            if moves
            else "–"
            for side in ("up", "down")
        ]
        table.append([label, step, *small, *whole, chip(shift["status"])])
    return table
