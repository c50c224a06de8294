"""Risk transfer: from where a credit loss arises to who bears it in the end."""

import itertools
from typing import Any

import plotly.graph_objects as go

from scripts.report import sankey
from scripts.report.style import FINAL, STORIES, entity, number, quarter, words

STEPS = ("origin", "vehicle", "holder", "final")
"""Columns of the picture; the vehicle stands with its instrument."""

INSTRUMENTS = {
    "secured": "secured loans",
    "unsecured": "unsecured notes",
    "notes": "loans and notes",
    "takeout": "take-out loans",
}

DUST = 0.001
"""Share of the total below which a link would not be seen."""


def content(material: dict[str, Any]) -> list[dict[str, Any]]:
    """Every story that has a chain, in the order of the page."""
    found = []
    for story in STORIES:
        chain = material["stories"].get(story, {}).get("chain")
        if chain is None:
            continue
        has_loss = chain["total_bn"] > 1e-6
        found.append(
            {
                "name": STORIES[story][0],
                "total": number(chain["total_bn"], 1),
                "verdict": words(chain["classification"]),
                "chart": chart(chain) if has_loss else None,
                "origins": origins(chain),
                "heads": heads(chain),
                "elsewhere": elsewhere(chain),
                "is_open": story == "disproved",
            }
        )
    return found


def chart(chain: dict[str, Any]) -> go.Figure:
    """Origin, instrument, holder, final holder; links that can be seen."""
    totals: dict[tuple[str, str], float] = {}
    for row in chain["rows"]:
        names = [_node(row, step) for step in STEPS]
        # A holder that bears the loss itself is one node, in the last column.
        if row["holder"] == row["final"]:
            del names[2]
        for pair in itertools.pairwise(names):
            totals[pair] = totals.get(pair, 0.0) + row["loss_bn"]
    links = [
        {"source": a, "target": b, "kind": "loss", "value": value}
        for (a, b), value in totals.items()
        if value > DUST * chain["total_bn"]
    ]
    return sankey.loss(links)


def _node(row: dict[str, Any], step: str) -> str:
    name = row[step]
    if step == "vehicle":
        name = f"{name}|{INSTRUMENTS[row['instrument']]}"
    return f"{name}@{STEPS.index(step)}"


def origins(chain: dict[str, Any]) -> list[list[str]]:
    """Origin by final holder [USD bn]; the last row adds up."""
    last, table = finals(chain), []
    for origin in chain["by_origin"]:
        mine = [x for x in chain["rows"] if x["origin"] == origin]
        table.append([entity(origin), *_by_final(mine, last)])
    return [*table, ["All credit losses", *_by_final(chain["rows"], last)]]


def finals(chain: dict[str, Any]) -> tuple[str, ...]:
    """Who bears losses last; an agency only where it bears any."""
    bears = any(x["final"] == sankey.AGENCY for x in chain["rows"])
    return (*FINAL, sankey.AGENCY) if bears else FINAL


def _by_final(rows: list[dict[str, Any]], last: tuple[str, ...]) -> list[str]:
    sums = [sum(x["loss_bn"] for x in rows if x["final"] == f) for f in last]
    return [_amount(x) for x in (*sums, sum(sums))]


def _amount(value: float) -> str:
    return number(value, 2) if abs(value) >= 0.005 else "–"


def heads(chain: dict[str, Any]) -> list[str]:
    """Titles of the table of origins."""
    return ["Origin", *(entity(x) for x in finals(chain)), "Total"]


def elsewhere(chain: dict[str, Any]) -> str:
    """Losses that are no credit losses, in a sentence."""
    shares: dict[str, float] = {}
    for row in chain["shareholders"]:
        shares[row["vehicle"]] = shares.get(row["vehicle"], 0.0) + row["loss_bn"]
    unpaid: dict[str, float] = {}
    for row in chain["commitments"]:
        unpaid[row["lab"]] = unpaid.get(row["lab"], 0.0) + row["loss_bn"]
    parts = [f"shareholders of {entity(k)} {v:,.1f}" for k, v in shares.items()]
    parts += [f"suppliers of {entity(k)} {v:,.1f}" for k, v in unpaid.items()]
    return ", ".join(parts)


def leaks(material: dict[str, Any]) -> list[list[str]]:
    """Both leaks apart, by story: amount, parts, whether open, and speed."""
    table = []
    for story in STORIES:
        chain = material["stories"].get(story, {}).get("chain")
        if chain is None:
            continue
        first = chain["first_failure"]
        begins = quarter(first["date"]) if first["date"] is not None else "–"
        for name, label in (("bank", "1, banks"), ("public", "2, public markets")):
            leak = chain["leaks"][name]
            parts = ", ".join(
                f"{words(k).lower()} {v:,.1f}" for k, v in leak["parts_bn"].items()
            )
            speed = [leak["quarters_to_half"], leak["quarters_to_most"]]
            table.append(
                [
                    STORIES[story][0],
                    label,
                    _amount(leak["total_bn"]),
                    parts,
                    "open" if leak["open"] else "closed",
                    begins,
                    *("–" if x is None else f"{x:.0f}" for x in speed),
                ]
            )
    return table
