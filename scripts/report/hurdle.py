"""What AI must earn: the two hurdles, what moves them, and the path against them."""

from typing import Any

import plotly.graph_objects as go

from scripts.report.style import (
    GREY,
    INK,
    MUTED,
    STORIES,
    figure,
    number,
    percent,
)

SHOWN = ("base", "slow", "disproved")
READINGS = (("article", "As the article has it"), ("life_adjusted", "Life-adjusted"))

# Key as written: its name for people, the step shown and what that step is called.
STEPS = {
    "hurdle.investment_usd_bn": ("Investment (article)", 100.0, "+100 bn"),
    "hurdle.return_pct": ("Return on investment", 1.0, "+1 point"),
    "hurdle.margin_share": ("EBITDA margin", 0.01, "+1 point"),
    "hurdle.gdp_usd_bn": ("GDP", 1000.0, "+1 000 bn"),
    "hurdle.cloud_usd_bn": ("Cloud revenue", 10.0, "+10 bn"),
    "hurdle.debt_share": ("Debt share", 0.1, "+10 points"),
    "hurdle.interest_pct": ("Interest rate", 1.0, "+100 bp"),
    "hurdle.hardware_usd_bn": ("Hardware", 100.0, "+100 bn"),
    "hurdle.shell_usd_bn": ("Shells and power", 100.0, "+100 bn"),
    "hurdle.hardware_life_years": ("Life of hardware", 1.0, "+1 year"),
    "hurdle.shell_life_years": ("Life of shells", 1.0, "+1 year"),
}


def rows(hurdle: dict[str, Any]) -> list[list[str]]:
    """Both readings, one row each."""
    return [
        [
            label,
            number(hurdle[key]["revenue_bn"], 1),
            number(hurdle[key]["ebitda_bn"], 1),
            percent(hurdle[key]["gdp_share"], 2),
            number(hurdle[key]["cloud_multiple"], 2, unit="×"),
            percent(hurdle[key]["equity_yield"], 1),
        ]
        for key, label in READINGS
    ]


def derivatives(hurdle: dict[str, Any]) -> list[list[str]]:
    """What a plain step of each input does to either hurdle; largest first."""
    found = []
    for key, slopes in hurdle["gradients"].items():
        name, step, called = STEPS.get(key) or _generic(key, slopes["unit"])
        moved = (
            slopes["revenue_bn"] * step,
            slopes["life_adjusted"]["revenue_bn"] * step,
        )
        if max(map(abs, moved)) > 1e-9:
            found.append((name, called, *moved))
    found.sort(key=lambda row: -max(abs(row[2]), abs(row[3])))
    return [
        [name, called, number(a, 1, sign=True), number(b, 1, sign=True)]
        for name, called, a, b in found
    ]


def _generic(key: str, unit: str) -> tuple[str, float, str]:
    """An input without a step of its own: one unit, a point where it is a share."""
    stem = key.split(".", 1)[-1]
    for suffix in ("_usd_bn", "_pct", "_share", "_years", "_x"):
        stem = stem.removesuffix(suffix)
    name = stem.replace("_", " ").capitalize()
    if key.endswith("_share"):
        return name, 0.01, "+1 point"
    if key.endswith("_pct"):
        return name, 1.0, "+1 point"
    if key.endswith("_usd_bn"):
        return name, 100.0, "+100 bn"
    return name, 1.0, f"+1 {unit.removeprefix('per ')}"


def chart(material: dict[str, Any]) -> go.Figure:
    """Revenue by story against both hurdles."""
    shown = figure(400, hovermode="x unified", margin={"l": 60, "r": 150, "t": 20})
    history = material["history"]
    shown.add_scatter(
        x=history["date"],
        y=history["revenue"],
        name="Reported and derived",
        mode="markers",
        marker={"color": INK, "size": 6},
        hovertemplate="%{y:,.0f} bn",
    )
    until = material["config"]["as_of"] + 15
    tops = []
    for name in SHOWN:
        if name not in material["paths"]:
            continue
        label, colour, _ = STORIES[name]
        path = material["paths"][name]
        kept = [i for i, x in enumerate(path["middle"]) if x <= until]
        revenue = [path["revenue"][i] for i in kept]
        tops.append(max(revenue))
        shown.add_scatter(
            x=[path["middle"][i] for i in kept],
            y=revenue,
            name=label,
            mode="lines",
            line={"color": colour, "width": 2.5},
            hovertemplate="%{y:,.0f} bn",
        )
    for key, label in (("article", "Article"), ("life_adjusted", "Life-adjusted")):
        value = material["hurdle"][key]["revenue_bn"]
        dash = "dash" if key == "article" else "dot"
        shown.add_hline(y=value, line={"color": GREY, "width": 1.4, "dash": dash})
        shown.add_annotation(
            x=1.0,
            xref="paper",
            xanchor="left",
            xshift=6,
            y=value,
            text=f"{label}: {value:,.0f} bn",
            showarrow=False,
            font={"size": 12, "color": MUTED},
        )
    top = max([*tops, material["hurdle"]["life_adjusted"]["revenue_bn"]]) * 1.05
    shown.update_yaxes(title_text="AI revenue, USD bn a year", range=[0, top])
    shown.update_xaxes(range=[material["config"]["start"], until], dtick=2)
    return shown
