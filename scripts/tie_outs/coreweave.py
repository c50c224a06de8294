"""CoreWeave: its debt ladder, interest, revenue and capex beside its 10-Q and guide."""

from typing import Any

import numpy as np

from engine.grid import DT
from scripts.tie_outs.deal import Deal, deal, label
from scripts.tie_outs.reported import Reported
from scripts.tie_outs.rows import FITTED, INPUT, derived, tie, total

AHEAD = 4
"""Quarters that are held against guidance."""
CLASSES = {
    "ddtl": "delayed-draw loans",
    "oem": "equipment finance",
    "notes": "senior notes",
    "convertibles": "convertibles",
}
SOURCES = (
    "collected from customers",
    "vendor backstop",
    "prepayments received",
    "interest earned",
    "delayed-draw loans drawn",
    "revolver drawn",
    "new notes",
    "refinancing",
    "equity raised",
)
USES = (
    "operating costs and leases",
    "delivered against prepayments",
    "interest, secured",
    "interest, unsecured",
    "scheduled principal, secured",
    "notes and convertibles matured",
    "revolver repaid",
    "capex",
)


def coreweave(built: tuple[Any, Any, Any], result: Any) -> dict[str, Any] | None:
    """Every table of the deal as plain numbers; None where a run cannot be held."""
    found = deal("coreweave", built, result)
    if found is None:
        return None
    return {
        "opening": opening(found),
        "instruments": _instruments(found.reported),
        "ladder": ladder(found),
        "quarters": quarters(found),
        "guidance": guidance(found),
        "flows": sources_and_uses(found),
    }


def opening(d: Deal) -> list[dict[str, Any]]:
    """Balances at `as_of` by class: reported in June and moved by one quarter."""
    rows = []
    for name, says in CLASSES.items():
        parts = [
            x["balance_usd_bn"]
            for x in d.reported["instruments"].values()
            if x["class"] == name
        ]
        moved = d.reported["since_usd_bn"][name]
        expected = total([*parts, moved], "10-Q of June and the estimate of Q3")
        line = tie(says, expected, float(d(name)), kind=INPUT)
        line |= {"june": sum(x.value for x in parts), "since": moved.value}
        rows.append(line)
    return rows


def _instruments(reported: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "class": CLASSES[x["class"]],
            "says": x["says"],
            "balance": x["balance_usd_bn"].value,
            "source": x["balance_usd_bn"].source,
            "date": x["balance_usd_bn"].date,
            "confidence": x["balance_usd_bn"].confidence,
        }
        for x in reported["instruments"].values()
    ]


def ladder(d: Deal) -> list[dict[str, Any]]:
    """Principal of the opening debt by year of maturity, split by class."""
    rows = []
    names = list(d.reported["ladder_usd_bn"])
    for name, june in d.reported["ladder_usd_bn"].items():
        first = int(name) if name != "later" else int(names[-2]) + 1
        last = first + 1 if name != "later" else 2200
        parts = {says: _due(d, key, first, last) for key, says in CLASSES.items()}
        since = d.reported["ladder_since_usd_bn"][name]
        expected = total([june, since], "10-Q of June and the estimate of Q3")
        line = tie(name, expected, sum(parts.values()), kind=INPUT)
        rows.append(line | {"june": june.value, "since": since.value, "parts": parts})
    return rows


def _due(d: Deal, name: str, first: float, last: float) -> float:
    if name in ("notes", "convertibles"):
        dates, amounts = d(f"{name}_bullets.dates"), d(f"{name}_bullets.amounts")
        return float(amounts[(dates >= first) & (dates < last)].sum())
    edges, amounts = d(f"{name}_schedule.edges"), d(f"{name}_schedule.amounts")
    inside = np.clip(edges[1:], first, last) - np.clip(edges[:-1], first, last)
    return float(np.sum(amounts * inside / np.diff(edges)))


def _interest(d: Deal) -> np.ndarray:
    return -(d.rows["interest, secured"] + d.rows["interest, unsecured"])


def quarters(d: Deal) -> list[dict[str, Any]]:
    """What was reported, the estimated quarter, and the model's next quarters."""
    kinds = {
        "revenue": d.reported["revenue_usd_bn"],
        "interest": d.reported["interest_usd_bn"],
        "EBITDA": d.reported["ebitda_usd_bn"],
        "capex": d.reported["capex_usd_bn"],
    }
    last = d.reported["as_of_date"]
    rows = []
    for i in range(7):
        name = label(last - DT * (6 - i))
        values = {k: x[name].value if name in x else None for k, x in kinds.items()}
        rows.append({"period": name, "kind": "reported", **values})
    rows[-1] |= {"kind": "estimate", "revenue": _estimated(d).value}
    interest = _interest(d)
    for i in range(AHEAD):
        rows.append(
            {
                "period": label(float(d.ends[i])),
                "kind": "model",
                "revenue": float(d.rows["revenue"][i]),
                "interest": float(interest[i]),
                "EBITDA": float(d.rows["EBITDA"][i]),
                "capex": -float(d.rows["capex"][i]),
            }
        )
    return rows


def _estimated(d: Deal) -> Reported:
    """Revenue of the last quarter before `as_of`, not reported yet."""
    middle = d.reported["as_of_date"] - DT / 2
    path = d("legacy_revenue.dates"), d("legacy_revenue.values")
    value = float(np.interp(middle, *path)) * DT
    says = "figure of configs/deals/coreweave.toml"
    return Reported(value, value, says, "2026-08", "D")


def guidance(d: Deal) -> list[dict[str, Any]]:
    """The next four quarters against what the company guided to or has contracted."""
    r = d.reported
    revenue, capex = r["revenue_usd_bn"], r["capex_usd_bn"]
    done = [revenue["2026Q1"], revenue["2026Q2"], _estimated(d)]
    spent = [capex["2026Q1"], capex["2026Q2"], capex["2026Q3"]]
    so_far, outlay = (sum(x.value for x in xs) for xs in (done, spent))
    first = {k: float(d.rows[k][0]) for k in ("revenue", "capex")}
    guided = r["guidance"]["revenue_2026_usd_bn"]
    left = derived(
        guided.low - so_far,
        guided.high - so_far,
        "guide less what is reported and estimated of 2026",
        guided,
        *done,
    )
    ahead = float(d.rows["revenue"][:AHEAD].sum())
    interest = float(_interest(d)[:AHEAD].sum())
    debt = np.append(d.rows["opening debt"][:AHEAD], d.rows["closing debt"][AHEAD - 1])
    margin = float(d.rows["EBITDA"][:AHEAD].sum()) / ahead
    two_years = _estimated(d).value + d.until("revenue", 2028.5)
    contracted = _contracted(r)
    return [
        tie("revenue of 2026", guided, so_far + first["revenue"], kind=FITTED),
        tie("revenue of the last quarter of 2026", left, first["revenue"], kind=FITTED),
        tie(
            "capex of 2026",
            r["guidance"]["capex_2026_usd_bn"],
            outlay - first["capex"],
            kind=INPUT,
        ),
        tie("revenue, July 2026 to June 2028", contracted, two_years, kind=FITTED),
        tie("revenue of the next four quarters", _ramp(left, contracted, d), ahead),
        tie(
            "principal due in the next five quarters",
            total(
                [
                    x[k]
                    for x in (r["ladder_usd_bn"], r["ladder_since_usd_bn"])
                    for k in ("2026", "2027")
                ],
                "maturity table of the 10-Q and the estimate of Q3",
            ),
            -float(d.rows["scheduled principal, secured"][: AHEAD + 1].sum())
            - float(d.rows["notes and convertibles matured"][: AHEAD + 1].sum()),
        ),
        tie(
            "interest over average debt, next four quarters",
            r["ratios"]["interest_over_debt_share"],
            interest / float(debt.mean()),
            unit="share",
        ),
        tie(
            "EBITDA margin, next four quarters",
            r["ratios"]["ebitda_margin_share"],
            margin,
            unit="share",
            kind=FITTED,
        ),
    ]


def _contracted(r: dict[str, Any]) -> Reported:
    """Two years' revenue: obligations of June, without and with what was signed."""
    backlog = r["backlog"]
    owed, share = backlog["obligations_usd_bn"], backlog["in_24_months_share"]
    since = backlog["signed_since_usd_bn"]
    return derived(
        owed.value * share.value,
        (owed.value + since.value) * share.value,
        "41 % of obligations in 24 months, without and with 25 signed in Q3",
        owed,
        since,
    )


def _ramp(left: Reported, contracted: Reported, d: Deal) -> Reported:
    """The next four quarters, if revenue grows by like amounts to what is contracted.

    Nothing is guided beyond 2026. From the quarter that the guide leaves, six steps of
    one size must add up to the rest of the 24 months.
    """
    estimated, start = _estimated(d).value, left.value

    def four(contracted_bn: float) -> float:
        step = (contracted_bn - estimated - 7.0 * start) / 21.0
        return 4.0 * start + 6.0 * step

    return derived(
        four(contracted.low),
        four(contracted.high),
        "no guide beyond 2026: even steps from it to what is contracted",
        left,
        contracted,
    )


def sources_and_uses(d: Deal) -> dict[str, Any]:
    """Cash of the next four quarters by row, and what it leaves."""

    def table(names: tuple[str, ...]) -> dict[str, float]:
        return {n: abs(float(d.rows[n][:AHEAD].sum())) for n in names}

    opening, closing = d.rows["opening cash"][0], d.rows["closing cash"][AHEAD - 1]
    sources = {"opening cash": float(opening)} | table(SOURCES)
    uses = table(USES) | {"closing cash": float(closing)}
    return {"sources": sources, "uses": uses}
