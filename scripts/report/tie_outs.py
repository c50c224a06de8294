"""Two deals against their documents: ladder, revenue, interest, notes and tables."""

from typing import Any

import plotly.graph_objects as go

from scripts.report.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    YELLOW,
    figure,
)
from scripts.tie_outs.page import lines, number, percent, span, verdict

HEADS = ("", "Reported", "Model", "Difference", "", "", "As of")
COLOURS = (BLUE, SKY, ORANGE, PURPLE)
STACK = (BLUE, GREEN, YELLOW, GREY)


def content(material: dict[str, Any]) -> dict[str, Any] | None:
    """Charts and tables of each deal; None where neither could be held."""
    found = {k: v for k, v in (material.get("tie_outs") or {}).items() if v}
    if not found:
        return None
    rows = lines(found)
    return {
        "heads": list(HEADS),
        "lines": len(rows),
        "tied": sum(row["ties"] for row in rows),
        "missed": [_missed(row) for row in rows if not row["ties"]],
        "coreweave": _coreweave(found["coreweave"]) if "coreweave" in found else None,
        "hyperion": _hyperion(found["hyperion"]) if "hyperion" in found else None,
        "leases": _rows(found["leases"]["lines"]) if "leases" in found else None,
    }


def _missed(row: dict[str, Any]) -> str:
    model = number(row["model"], row["unit"])
    text = f"{row['item']}: {model} against {span(row)} ({percent(row['difference'])})"
    return f"{text}: {row['note']}." if row["note"] else f"{text}."


def _rows(found: list[dict[str, Any]]) -> list[list[str]]:
    return [
        [
            row["item"],
            span(row),
            number(row["model"], row["unit"]),
            percent(row["difference"]),
            verdict(row).strip("*"),
            row["kind"],
            f"{row['date']} {row['confidence']}",
        ]
        for row in found
    ]


def _coreweave(x: dict[str, Any]) -> dict[str, Any]:
    guided = next(row for row in x["guidance"] if "last quarter" in row["item"])
    return {
        "ladder": ladder(x["ladder"]),
        "revenue": by_quarter(x["quarters"], "revenue", guided),
        "interest": by_quarter(x["quarters"], "interest", None),
        "guidance": _rows(x["guidance"]),
        "opening": _rows([*x["opening"], *x["ladder"]]),
    }


def _hyperion(x: dict[str, Any]) -> dict[str, Any]:
    return {
        "money": money(x),
        "notes": notes(x["years"]),
        "built": _rows([*x["sources"], *x["uses"], *x["venture"]]),
        "rented": _rows([*x["notes"], *x["lease"]]),
    }


def ladder(rows: list[dict[str, Any]]) -> go.Figure:
    """Principal of the opening debt by year, a colour per class, and what was due."""
    shown = figure(330, barmode="stack")
    years = [row["item"] for row in rows]
    for colour, name in zip(COLOURS, rows[0]["parts"], strict=False):
        shown.add_bar(
            x=years,
            y=[row["parts"][name] for row in rows],
            name=name,
            marker={"color": colour},
            hovertemplate="%{x}: %{y:.2f} bn<extra>" + name + "</extra>",
        )
    _points(shown, years, [row["reported"] for row in rows], "10-Q, rolled forward")
    shown.update_xaxes(type="category")
    shown.update_yaxes(title_text="USD bn due")
    return shown


def by_quarter(
    rows: list[dict[str, Any]], key: str, guided: dict[str, Any] | None
) -> go.Figure:
    """The model's quarters as bars, reported ones as points, the guide as a range."""
    shown = figure(330)
    names = [row["period"] for row in rows]
    for kind, colour in (("model", BLUE), ("estimate", SKY)):
        mine = [row for row in rows if row["kind"] == kind and row[key] is not None]
        if mine:
            shown.add_bar(
                x=[row["period"] for row in mine],
                y=[row[key] for row in mine],
                name=kind,
                marker={"color": colour},
                hovertemplate="%{x}: %{y:.2f} bn<extra>" + kind + "</extra>",
            )
    told = [row for row in rows if row["kind"] == "reported" and row[key] is not None]
    _points(shown, [r["period"] for r in told], [r[key] for r in told], "reported")
    if guided is not None:
        first = next(row["period"] for row in rows if row["kind"] == "model")
        shown.add_scatter(
            x=[first],
            y=[guided["reported"]],
            mode="markers",
            marker={"color": INK, "size": 9, "symbol": "line-ew-open"},
            error_y={
                "type": "data",
                "array": [guided["high"] - guided["reported"]],
                "arrayminus": [guided["reported"] - guided["low"]],
                "color": INK,
            },
            name="guided",
            hovertemplate="%{x}: guided %{y:.2f} bn<extra></extra>",
        )
    shown.update_xaxes(type="category", categoryorder="array", categoryarray=names)
    shown.update_yaxes(title_text=f"{key}, USD bn a quarter", rangemode="tozero")
    return shown


def money(x: dict[str, Any]) -> go.Figure:
    """Sources and uses to rent start, from the documents and from the run."""
    shown = figure(360, barmode="stack")
    columns = ("sources, documents", "sources, model", "uses, documents", "uses, model")
    for side, offset in (("sources", 0), ("uses", 2)):
        for colour, row in zip(STACK, x[side][:-1], strict=False):
            shown.add_bar(
                x=[columns[offset], columns[offset + 1]],
                y=[row["reported"], row["model"]],
                name=row["item"],
                marker={"color": colour, "opacity": 1.0 if side == "sources" else 0.6},
                hovertemplate="%{x}: %{y:.2f} bn<extra>" + row["item"] + "</extra>",
            )
    shown.update_yaxes(title_text="USD bn")
    return shown


def notes(rows: list[dict[str, Any]]) -> go.Figure:
    """Interest and principal by year, the rent that pays them, and the balance."""
    shown = figure(360, barmode="stack")
    years = [row["year"] for row in rows]
    for key, colour in (("interest", SKY), ("principal", BLUE)):
        shown.add_bar(
            x=years,
            y=[row[key] for row in rows],
            name=key,
            marker={"color": colour},
            hovertemplate="%{x}: %{y:.2f} bn<extra>" + key + "</extra>",
        )
    for key, name, colour, axis in (
        ("rent", "rent, Beignet's share", ORANGE, "y"),
        ("balance", "balance (right)", GREY, "y2"),
    ):
        shown.add_scatter(
            x=years,
            y=[row[key] for row in rows],
            name=name,
            yaxis=axis,
            mode="lines",
            line={"color": colour, "width": 2},
            hovertemplate="%{x}: %{y:.2f} bn<extra>" + name + "</extra>",
        )
    shown.update_layout(
        yaxis={"title": {"text": "USD bn a year"}},
        yaxis2={"overlaying": "y", "side": "right", "rangemode": "tozero"},
    )
    return shown


def _points(shown: go.Figure, x: list[str], y: list[float], name: str) -> None:
    shown.add_scatter(
        x=x,
        y=y,
        mode="markers",
        name=name,
        marker={"color": INK, "size": 9, "symbol": "diamond-open"},
        hovertemplate="%{x}: %{y:.2f} bn<extra>" + name + "</extra>",
    )
