"""The guarantee: default rarer and later, the loss as large or larger, and who pays."""

from typing import Any

import plotly.graph_objects as go

from scripts.report.style import BLUE, GREEN, GREY, ORANGE, STORIES, figure

VARIANTS = {
    "none": "without",
    "full": "all four effects",
    "without_extension": "no extension",
    "without_ltv": "no higher advance",
    "without_spread": "no cheaper debt",
    "without_claims": "no claims paid",
    "extension_only": "extension alone",
}
DRAWN = {
    "none": GREY,
    "full": BLUE,
    "without_extension": ORANGE,
    "extension_only": GREEN,
}
LAST = 2045.0


def content(material: dict[str, Any]) -> dict[str, Any] | None:
    """What the section shows; None where it was not computed."""
    found = material.get("guarantee")
    if not found:
        return None
    return {
        "scenarios": f"{found['scenarios']:,}",
        "horizon": f"{found['horizon']:.2f}",
        "heads": HEADS,
        "rows": rows(found),
        "charts": [
            (STORIES[story][0], chart(variants))
            for story, variants in found["stories"].items()
            if story in ("slow", "disproved")
        ],
    }


HEADS = [
    "Story",
    "Guarantee",
    "Default by horizon",
    "Years later",
    "Credit loss, bn",
    "Ratio to without",
    "Claims, bn",
    "Worst 5 %, bn",
    "Subsidy, bn",
    "Liability, bn",
    "Fair premium, bp",
]


def rows(found: dict[str, Any]) -> list[list[str]]:
    """One row per story and variant; every estimate with its standard error."""
    table = []
    for story, variants in found["stories"].items():
        for variant, label in VARIANTS.items():
            x = variants[variant]
            table.append(
                [
                    STORIES[story][0],
                    label,
                    _pair(x["default_probability"], 100, 1, " %"),
                    _pair(x["years_later"], 1, 2) if variant != "none" else "–",
                    _pair(x["credit_loss_bn"], 1, 1),
                    _pair(x["ratio"], 1, 3) if variant != "none" else "–",
                    _pair(x["expected_claims_bn"], 1, 1),
                    f"{x['claims_quantiles_bn']['0.95']:.0f}",
                    _pair(x["subsidy_bn"], 1, 1),
                    f"{x['contingent_liability_bn']['value']:.0f}",
                    _pair(x["fair_premium_per_year"], 1e4, 0),
                ]
            )
    return table


def _pair(
    estimate: dict[str, float] | None, factor: float, digits: int, unit: str = ""
) -> str:
    if estimate is None:
        return "–"
    value, error = (estimate[k] * factor for k in ("value", "standard_error"))
    return f"{value:.{digits}f} ± {error:.{digits}f}{unit}"


def chart(variants: dict[str, Any]) -> go.Figure:
    """Share of scenarios in which the neocloud has defaulted, by date."""
    shown = figure(300, margin={"l": 50, "r": 20, "t": 10, "b": 60})
    for variant, colour in DRAWN.items():
        dates = variants[variant]["default_dates"]
        share = [i / (len(dates) - 1) for i in range(len(dates))]
        inside = [(d, s) for d, s in zip(dates, share, strict=True) if d <= LAST]
        shown.add_scatter(
            x=[d for d, _ in inside],
            y=[s for _, s in inside],
            mode="lines",
            line={"color": colour, "width": 2, "shape": "hv"},
            name=VARIANTS[variant],
            hovertemplate="%{x:.2f}: %{y:.0%}<extra>" + VARIANTS[variant] + "</extra>",
        )
    shown.update_yaxes(tickformat=".0%", range=[0, 1.02])
    shown.update_layout(legend={"y": -0.2})
    return shown
