"""Which layer are you in: what each position makes, against timing and by driver."""

from typing import Any

import plotly.graph_objects as go

from scripts.report.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    date,
    figure,
)

NAMES = {
    "vendor_equity": "Chip vendor (profits)",
    "neocloud_equity": "Neocloud shares",
    "neocloud_converts": "Its convertibles, as debt",
    "neocloud_unsecured": "Its unsecured notes",
    "neocloud_secured": "Its secured loans (DDTL)",
    "spv_notes": "SPV notes (Hyperion)",
    "bank_loan": "Bank loan to an SPV",
    "fund_investor": "Investor in a private-credit fund",
    "fund_manager": "Its manager (fees)",
    "bond_fund": "Bond fund",
    "bank": "Bank",
    "insurer": "Insurer",
    "pension": "Pension fund",
    "taxpayer": "Taxpayer",
}
DRAWN = {
    "neocloud_equity": RED,
    "neocloud_converts": PURPLE,
    "neocloud_unsecured": ORANGE,
    "neocloud_secured": BLUE,
    "spv_notes": GREEN,
    "bank_loan": SKY,
    "fund_investor": INK,
    "bond_fund": GREY,
}
SHOWN = {
    "shifts.rate_all_pct": ("+100 bp on all debt", 0.01),
    "shifts.leverage_all_share": ("+1 point of all debt", 0.01),
    "adoption.ceiling_share": ("+0.1 point of ceiling", 0.001),
    "market.chip_decay_per_year": ("+1 point of chip decay", 0.01),
    "neoclouds.coreweave.collected_share": ("+1 point take-or-pay", 0.01),
}


def content(material: dict[str, Any]) -> dict[str, Any] | None:
    """What the section shows; None where it was not computed."""
    found = material.get("positions")
    if not found:
        return None
    timing = found["payoffs"]
    at = [
        min(timing["bank"], key=lambda r, d=d: abs(r["midpoint"] - found["base"] - d))
        for d in (0.0, 1.0, 3.0, 6.0)
    ]
    middles = [row["midpoint"] for row in at]
    heads = ["Position", *(f"midpoint {date(m)}" for m in middles)]
    heads += ["Loss at the last", *(text for text, _ in SHOWN.values())]
    return {
        "heads": heads,
        "rows": [_row(name, found, middles) for name in NAMES],
        "chart": chart(timing, found["base"]),
        "horizon": date(found["horizon"], 2),
    }


def _row(name: str, found: dict[str, Any], middles: list[float]) -> list[str]:
    rows = {row["midpoint"]: row for row in found["payoffs"][name]}
    cells = [_payoff(rows[m]) for m in middles]
    lost = rows[middles[-1]]["loss_bn"]
    slopes = [
        _slope(found["exposures"][name].get(key), size)
        for key, (_, size) in SHOWN.items()
    ]
    return [NAMES[name], *cells, f"{lost:.1f}" if lost >= 0.05 else "–", *slopes]


def _payoff(row: dict[str, Any]) -> str:
    if row["moic"] is None:
        return f"{row['value_bn']:,.0f} bn"
    rate = "" if row["irr"] is None else f" {row['irr']:.1%}"
    return f"{row['moic']:.2f}×{rate}"


def _slope(found: dict[str, Any] | None, size: float) -> str:
    if found is None:
        return "–"
    if found["value"] is None:
        return {"at_kink": "kink", "at_jump": "jump"}[found["status"]]
    return f"{found['value'] * size:+.2f}"


def chart(timing: dict[str, Any], base: float) -> go.Figure:
    """Money multiples against the midpoint."""
    shown = figure(380, margin={"l": 50, "r": 20, "t": 10, "b": 70})
    for name, colour in DRAWN.items():
        rows = timing[name]
        shown.add_scatter(
            x=[row["midpoint"] for row in rows],
            y=[row["moic"] for row in rows],
            mode="lines",
            name=NAMES[name],
            line={"color": colour, "width": 2},
            hovertemplate="%{x:.2f}: %{y:.2f}×<extra>" + NAMES[name] + "</extra>",
        )
    shown.add_vline(x=base, line={"color": MUTED, "width": 1, "dash": "dot"})
    shown.update_layout(legend={"y": -0.2})
    shown.update_yaxes(ticksuffix="×", rangemode="tozero")
    return shown
