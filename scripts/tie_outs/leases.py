"""Leases as companies report them: on the balance sheet, and signed, not commenced."""

import math
from typing import Any

import numpy as np

from scripts.tie_outs.reported import read
from scripts.tie_outs.rows import tie, total

WHICH = (
    "the path of rent says when rent ends, not which lease: those in force are taken "
    "to last as long as it allows. Both together hardly depend on that"
)


def leases(built: tuple[Any, Any, Any], result: Any) -> dict[str, Any] | None:
    """Lines and what share of the reported totals is named; None where not held."""
    from scripts._leases import whole

    economy, _, grid = built
    reported = read("leases")
    if not math.isclose(float(grid.as_of), reported["as_of_date"]):
        return None
    found = whole(economy, grid, result)
    return {"lines": _lines(found, reported), "named": _named(found, grid, reported)}


def _lines(found: dict[str, Any], reported: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for name, r in reported.items():
        if not isinstance(r, dict) or "at_date" not in r or name not in found:
            continue
        mine = found[name]
        place = int(np.argmin(np.abs(mine["date"] - r["at_date"])))
        on = float(mine["lease_liability"][place])
        later = float(mine["not_commenced"][place])
        both = [r["liability_usd_bn"], r["not_commenced_usd_bn"]]
        who = name.capitalize().replace("Coreweave", "CoreWeave")
        rows += [
            tie(f"{who}: lease liability", both[0], on, note=WHICH),
            tie(f"{who}: not commenced", both[1], later, note=WHICH),
            tie(f"{who}: both", total(both, "sum of the two"), on + later),
        ]
    return rows


def _named(
    found: dict[str, Any], grid: Any, reported: dict[str, Any]
) -> list[dict[str, Any]]:
    first = grid.n_history - 1
    rows = []
    for name, r in reported["signed_usd_bn"].items():
        mine = found.get(name)
        model = 0.0 if mine is None else float(mine["not_commenced"][first])
        rows.append(
            {
                "company": name,
                "reported": r.value,
                "model": model,
                "share": model / r.value,
                "source": r.source,
                "date": r.date,
                "confidence": r.confidence,
            }
        )
    return rows
