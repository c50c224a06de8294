"""Break-even over rate × leverage, with every cell's status drawn on it."""

from typing import Any

import plotly.graph_objects as go

from scripts.report.style import INK, MUTED, STATUSES, figure, number

SIGNS = {
    "ok": "",
    "at_kink": "∧",
    "at_jump": "│",
    "reswitches": "≈",
    "always_holds": "∞",
    "never_holds": "×",
    "fails_at_base": "●",
    "not_converged": "?",
}
"""Mark of a status, beside its date or instead of it."""

HATCHES = {
    "at_kink": "/",
    "at_jump": "|",
    "reswitches": "-",
    "always_holds": ".",
    "never_holds": "x",
    "fails_at_base": "\\",
    "not_converged": "+",
}
AXES = {
    "rate.future": "Rates on new debt, basis points",
    "rate.all": "Rates on all debt, basis points",
    "leverage.future": "Leverage of new debt, points",
    "leverage.all": "Leverage of all debt, points",
}


def chart(table: dict[str, Any]) -> go.Figure:
    """The map; cells that are not `ok` are hatched."""
    (row_key, rates), (column_key, points) = table["axes"].items()
    y = [round(rate * 1e4, 6) for rate in rates]
    x = [round(point * 100, 6) for point in points]
    shown = figure(470, margin={"l": 70, "r": 20, "t": 16, "b": 60})
    shown.add_heatmap(
        x=x,
        y=y,
        z=table["value"],
        customdata=[[s.replace("_", " ") for s in row] for row in table["status"]],
        colorscale=[[0, "#f6d8b8"], [0.5, "#f4f1ea"], [1, "#9cc6e0"]],
        xgap=1,
        ygap=1,
        hoverongaps=False,
        colorbar={
            "title": {"text": "t*", "font": {"size": 12, "color": MUTED}},
            "thickness": 12,
            "outlinewidth": 0,
            "tickformat": ".1f",
            "tickfont": {"size": 12, "color": MUTED},
        },
        hovertemplate="%{y:+.0f} bp, %{x:+.1f} points: %{z:.2f} (%{customdata})"
        "<extra></extra>",
    )
    for i, row in enumerate(table["status"]):
        for j, status in enumerate(row):
            if status != "ok":
                _hatch(shown, x, y, i, j, status)
            _label(shown, x[j], y[i], table["value"][i][j], status)
    _frame(shown, x, y)
    shown.update_xaxes(
        title_text=AXES[column_key], tickvals=x, ticktext=[_tick(v) for v in x]
    )
    shown.update_yaxes(
        title_text=AXES[row_key], tickvals=y, ticktext=[_tick(v) for v in y]
    )
    return shown


def legend(tables: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Mark, status and meaning of every status that occurs."""
    found = {s for table in tables for row in table["status"] for s in row}
    return [
        (SIGNS[s] or "plain", s.replace("_", " "), STATUSES[s])
        for s in SIGNS
        if s in found
    ]


def _tick(value: float) -> str:
    digits = 0 if float(value).is_integer() else 1
    return number(value, digits, sign=value != 0)


def _label(shown: go.Figure, x: float, y: float, value: Any, status: str) -> None:
    sign = SIGNS.get(status, "?")
    text = sign if value is None else f"{value:.2f}"
    if value is not None and sign:
        text += f" {sign}"
    shown.add_annotation(
        x=x, y=y, text=text, showarrow=False, font={"size": 11, "color": INK}
    )


def _half(values: list[float]) -> float:
    return abs(values[1] - values[0]) / 2 if len(values) > 1 else 0.5


def _hatch(
    shown: go.Figure, x: list[float], y: list[float], i: int, j: int, status: str
) -> None:
    """Hatching under a cell's label: colour is never the only sign."""
    a, b = _half(x) * 0.98, _half(y) * 0.98
    shown.add_scatter(
        x=[x[j] - a, x[j] + a, x[j] + a, x[j] - a, x[j] - a],
        y=[y[i] - b, y[i] - b, y[i] + b, y[i] + b, y[i] - b],
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillpattern={
            "shape": HATCHES.get(status, "+"),
            "size": 7,
            "solidity": 0.18,
            "fgcolor": "#8b95a1",
            "bgcolor": "rgba(0,0,0,0)",
        },
        hoverinfo="skip",
        showlegend=False,
    )


def _frame(shown: go.Figure, x: list[float], y: list[float]) -> None:
    """A frame around the cell that is the base case."""
    if 0.0 in x and 0.0 in y:
        a, b = _half(x), _half(y)
        shown.add_shape(
            type="rect", x0=-a, x1=a, y0=-b, y1=b, line={"color": INK, "width": 2}
        )
