"""Hyperion: sources and uses, the notes, rent and guarantee, beside its documents."""

from typing import Any

import numpy as np

from engine.grid import DT
from engine.vehicles.spv import contract_rent
from scripts.tie_outs.deal import Deal, deal
from scripts.tie_outs.rows import INPUT, tie, total


def hyperion(built: tuple[Any, Any, Any], result: Any) -> dict[str, Any] | None:
    """Every table of the deal as plain numbers; None where a run cannot be held."""
    found = deal("hyperion", built, result)
    if found is None:
        return None
    return {
        "sources": sources(found),
        "uses": uses(found),
        "venture": venture(found),
        "notes": notes(found),
        "lease": lease(found),
        "years": years(found),
    }


def _started(d: Deal) -> float:
    """End of the quarter in which rent starts."""
    return float(np.ceil(4.0 * (float(d("rent_start")) - 1e-6)) / 4.0)


def _income(d: Deal) -> float:
    earned = d.until("interest earned", _started(d))
    return float(d("escrow_income_to_date")) + earned


def _interest(d: Deal) -> float:
    """Interest on the notes from issue to rent start."""
    years = d.reported["as_of_date"] - float(d("issue"))
    before = float(d("notes")) * float(d("coupon")) * years
    return before - d.until("interest, loan", _started(d))


def _spent(d: Deal) -> tuple[float, float]:
    """Contribution before and after `as_of`."""
    after = -d.until("construction", _started(d))
    return float(d("construction_cost")) - after, after


def sources(d: Deal) -> list[dict[str, Any]]:
    """Beignet's sources to rent start."""
    r = d.reported["sources"]
    paid_in = d.until("equity paid in", _started(d))
    rows = [
        tie("notes", r["notes_usd_bn"], float(d("notes")), kind=INPUT),
        tie("deferred equity", r["equity_usd_bn"], paid_in),
        tie("interest on Treasuries", r["income_usd_bn"], _income(d), note=_waited(d)),
    ]
    says = "notes, equity and interest on Treasuries"
    whole = total([r[k] for k in r], says)
    return [*rows, tie("all sources", whole, sum(x["model"] for x in rows))]


def uses(d: Deal) -> list[dict[str, Any]]:
    """Beignet's uses to rent start."""
    r = d.reported["uses"]
    before, after = _spent(d)
    left = d.at("closing cash", _started(d))
    rows = [
        tie("contribution", r["contribution_usd_bn"], before + after, kind=INPUT),
        tie("interest while building", r["interest_usd_bn"], _interest(d)),
        tie(
            "reserve, fees and rest",
            r["rest_usd_bn"],
            left,
            note="the model knows no fees: all of it is cash, paid out above a reserve",
        ),
    ]
    whole = total([r[k] for k in r], "contribution, interest and rest")
    return [*rows, tie("all uses", whole, sum(x["model"] for x in rows))]


def venture(d: Deal) -> list[dict[str, Any]]:
    """The joint venture: both owners' money is the campus."""
    r, share = d.reported["venture"], float(d("ownership"))
    before, after = _spent(d)
    metas = (before + after) * (1.0 - share) / share
    done = _curve(
        float(d("issue")), float(d("construction_start")), float(d("completion"))
    )
    return [
        tie("Beignet's share", r["beignet_share"], share, unit="share", kind=INPUT),
        tie("Meta's part", r["meta_usd_bn"], metas),
        tie("campus", r["budget_usd_bn"], before + after + metas),
        tie(
            "Beignet's part of work done before closing",
            r["reimbursed_usd_bn"],
            float(d("construction_cost")) * done,
        ),
    ]


def _curve(date: float, start: float, end: float) -> float:
    x = min(max((date - start) / (end - start), 0.0), 1.0)
    return x * x * (3.0 - 2.0 * x)


def _service(d: Deal) -> np.ndarray:
    interest = d.rows["interest, loan"] + d.rows["interest, arrears"]
    return -(interest + d.rows["scheduled principal, loan"])


def notes(d: Deal) -> list[dict[str, Any]]:
    """The notes: coupon, level service, average life and last payment."""
    r, par = d.reported["notes"], float(d("notes"))
    issue = float(d("issue"))
    paid = -d.rows["scheduled principal, loan"]
    level = float(_service(d)[d.ends > _started(d) + 1e-6][0]) / DT
    last = d.ends[d.rows["closing debt"] > 1e-9].max() + DT
    return [
        tie(
            "coupon of the next quarter",
            r["quarter_usd_bn"],
            -float(d.rows["interest, loan"][0]),
        ),
        tie("level service, share of par", r["service_share"], level / par, "share"),
        tie(
            "weighted average life",
            r["life_years"],
            float(paid @ (d.ends - issue)) / par,
            "years",
        ),
        tie("years from issue to maturity", r["term_years"], last - issue, "years"),
    ]


def lease(d: Deal) -> list[dict[str, Any]]:
    """Rent, its cover of the notes, and the residual value guarantee."""
    r, economy = d.reported["lease"], d.economy
    place = economy.members("spvs").index(d.vehicle.split(".")[1])
    rent = float(np.asarray(contract_rent(economy))[place])
    start = _started(d)
    cover = d.at("debt-service cover", start + DT)
    cap, term = float(d("rvg_cap")), float(d("lease_term"))
    exposed = term * rent + cap + venture(d)[1]["model"]
    made_of = [r["first_term_usd_bn"], r["guarantee_usd_bn"]]
    parts = total(
        [*made_of, d.reported["venture"]["meta_usd_bn"]],
        "first term, guarantee and Meta's part of the venture",
    )
    return [
        tie("rent of the campus, a year", r["rent_usd_bn"], rent),
        tie("cover of the notes", r["cover_x"], cover, "x", INPUT),
        tie(
            "rent of the first term",
            r["first_term_usd_bn"],
            term * rent,
            note=_phased(d, rent),
        ),
        tie("guarantee, at most", r["guarantee_usd_bn"], cap, kind=INPUT),
        tie(
            "guarantee, years",
            r["guarantee_years"],
            float(d("rvg")),
            "years",
            INPUT,
        ),
        tie("Meta's exposure, reported parts", r["exposure_usd_bn"], parts.value),
        tie("Meta's exposure, the model's parts", r["exposure_usd_bn"], exposed),
    ]


def years(d: Deal) -> list[dict[str, Any]]:
    """The notes year by year [USD bn]: spend, rent, interest, principal, balance."""
    rows = []
    last = float(d("lease_end"))
    for year in range(int(d.reported["as_of_date"]), int(last) + 1):
        inside = (d.ends > year + 1e-6) & (d.ends < year + 1 + 1e-6)
        if not inside.any():
            continue
        interest = d.rows["interest, loan"] + d.rows["interest, arrears"]
        rent = float(d.rows["rent collected"][inside].sum())
        service = float(_service(d)[inside].sum())
        covered = max(0.0, min(1.0, float(d("rent_start")) + float(d("rvg")) - year))
        begun = year + 1 > float(d("rent_start"))
        rows.append(
            {
                "year": year,
                "construction": -float(d.rows["construction"][inside].sum()),
                "rent": rent,
                "interest": -float(interest[inside].sum()),
                "principal": -float(d.rows["scheduled principal, loan"][inside].sum()),
                "balance": float(d.rows["closing debt"][inside][-1]),
                "cash": float(d.rows["closing cash"][inside][-1]),
                "cover": rent / service if rent else None,
                "guarantee": float(d("rvg_cap")) if begun and covered else 0.0,
            }
        )
    return rows


def _phased(d: Deal, rent: float) -> str:
    """Why the reported first term cannot be four full years of the rated rent."""
    r, service = d.reported, float(_service(d)[d.ends > _started(d) + 1e-6][0]) / DT
    term = r["lease"]["first_term_usd_bn"].value
    cover = term / float(d("lease_term")) * float(d("ownership")) / service
    return (
        f"over four full years {term:.1f} would cover the notes' service {cover:.2f} "
        f"times, below any rating case; at the rated rent it is {term / rent:.1f} "
        "years, as if buildings started one after the other. The rent here follows "
        "the rated cover"
    )


def _waited(d: Deal) -> str:
    """Why the escrow earns more here than the documents count."""
    r = d.reported["venture"]
    paid, back = r["closing_usd_bn"].value, r["reimbursed_usd_bn"].value
    rate = float(np.asarray(d.economy["rates.short"]))
    return (
        f"{paid:.0f} left the escrow at closing, of which {back:.0f} for work done; "
        f"the other {paid - back:.0f} wait in the escrow here until they are built, "
        f"and the short rate is {rate:.1%} since the hike of September 2026"
    )
