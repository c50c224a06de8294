"""A neocloud's quarter with its creditors: docs/model.md, section 5."""

import math

from tests.oracle.dates import (
    DT,
    HIGHEST,
    VINTAGES,
    Calendar,
    clip,
    dot,
    headroom,
    ratio,
    read,
    shifted,
    span,
    survive,
)
from tests.oracle.drivers import rate_shift

SECURED = ("ddtl", "oem", "box", "revolver", "rolled")
UNSECURED = ("notes", "convertibles", "new")


def discount(c: dict, families: dict) -> float:
    """What customers of investment grade take off the margin of a neocloud's boxes."""
    if "investment_grade_discount" not in c:
        return 0.0
    graded = sum(c[f"customers.{m}"] for m in families["hyperscalers"])
    below = sum(c[f"customers.{m}"] for m in families["labs"])
    graded += c.get("investment_grade_others", 0.0) * (1.0 - graded - below)
    return c["investment_grade_discount"] * graded


def guarantee_terms(f: dict, neoclouds: list[dict]) -> dict:
    """What a public guarantee changes, and the sweep's shift of leverage."""
    share = f["guarantee.coverage"]
    claims = share * f["guarantee.claims"]
    fabs = 0.0
    # What part of each class it covers; what is not said is covered whole.
    part = {
        kind: f.get(f"guarantee.classes.{kind}", 1.0)
        for kind in ("secured", "notes", "takeout", "fabs")
    }
    if "guarantee.fabs.debt" in f:
        fabs = share * f["guarantee.fabs.debt"] * f["guarantee.fabs.cut"]
        fabs *= f["guarantee.fabs.pass_through"] * part["fabs"]
    premium = f.get("guarantee.premium", 0.0) * claims
    if "guarantee.implicit.believed" in f:
        claims *= f["guarantee.implicit.honoured"]
        share *= f["guarantee.implicit.believed"]
    cut = share * f["guarantee.spread"] * f["guarantee.pass_through"]
    margin = sum(c["box_margin"] for c in neoclouds) / len(neoclouds)
    shift_all = f["shifts.leverage_all"]
    return {
        "cut": cut,
        "advance": share * f["guarantee.ltv"] * f["guarantee.ltv_delta"],
        "rolling": share * f["guarantee.extension"],
        "claims": claims,
        "fabs": fabs,
        "spread": f["guarantee.guaranteed_spread"],
        "volume": f["guarantee.volume_elasticity"]
        * 100.0
        * cut
        * margin
        * part["secured"],
        "part": part,
        "premium": premium,
        "leverage": f["shifts.leverage_future"] + shift_all,
        "scale": 1.0 + shift_all / f["criteria.reference_leverage"],
    }


def prepare_cloud(f: dict, c: dict, calendar: Calendar, scale: float) -> dict:
    """A neocloud's dated figures by quarter, and its opening equity multiple."""

    def dated(name: str) -> list[float]:
        edges, amounts = c[f"{name}.edges"], c[f"{name}.amounts"]
        return calendar.schedule(edges, amounts)

    def lumps(name: str) -> list[float]:
        paid = calendar.bullets(c[f"{name}.dates"], c[f"{name}.amounts"])
        return [scale * x for x in paid]

    h, n = calendar.n_history, calendar.n_quarters
    legacy = calendar.path(c["legacy_revenue.dates"], c["legacy_revenue.values"])
    capex = dated("committed_capex")
    i = 1.0 + c["valuation_rate"]
    value = [0.0] * n
    for t in range(n - 2, -1, -1):
        value[t] = (value[t + 1] + legacy[t + 1] * DT) * i**-DT
    first = (value[h] + legacy[h] * DT) * i**-DT
    debt = c["ddtl"] + c["oem"] + c["notes"] + c["convertibles"]
    worth = c["market_cap"] + debt - c["cash"] + sum(capex[h:])
    worth -= c["valuation_margin"] * first
    lease = read(calendar.middles[h], c["lease.dates"], c["lease.values"])
    earned = legacy[h] * (c["collected"] - c["variable"] - c["overhead"])
    earned -= max(lease, c["lease_rate"] * legacy[h])

    rho = (f["rates.short"] + rate_shift(f) + c["box_margin"]) * DT
    tenor, grace = c["box_tenor"] / DT, c["box_grace"]

    def balance(x: float) -> float:
        top = (1.0 + rho) ** tenor
        return (top - (1.0 + rho) ** clip(x, 0.0, tenor)) / (top - 1.0)

    begin = c["delivery"] + f["physics.delay"]
    alive = span(begin, begin + c["term"])
    ahead = [
        sum(alive[j] * DT * i ** (-DT * (j - k)) for j in range(k + 1, VINTAGES))
        for k in range(VINTAGES)
    ]
    return {
        "legacy": legacy,
        "capex": capex,
        "capex_left": [sum(capex[t + 1 :]) for t in range(n)],
        "ddtl": [scale * x for x in dated("ddtl_schedule")],
        "oem": [scale * x for x in dated("oem_schedule")],
        "notes": lumps("notes_bullets"),
        "convertibles": lumps("convertibles_bullets"),
        "value": value,
        "ahead": ahead,
        "multiple": worth / earned,
        "box_due": [
            balance(k - 1.0 - grace) - balance(k - grace) for k in range(VINTAGES)
        ],
        "note_due": span(c["note_tenor"] - DT, c["note_tenor"]),
    }


def open_cloud(f: dict, c: dict, scale: float, backstop: float) -> dict:
    """A neocloud at `as_of`."""
    return {
        **{x: scale * c[x] for x in ("ddtl", "oem", "notes", "convertibles")},
        **dict.fromkeys(("box", "revolver", "rolled", "new", "deferred"), 0.0),
        "cash": c["cash"],
        "prepaid": c["deferred_revenue"],
        "backstop": backstop,
        "contracts": [0.0] * VINTAGES,
        "signed_at": [0.0] * VINTAGES,
        "left": [0.0] * VINTAGES,
        "unpowered": 0.0,
        "levels": [0.0] * VINTAGES,
        "draws": [0.0] * VINTAGES,
        "issues": [0.0] * VINTAGES,
        "box_rate": c["box_margin"],
        "new_rate": f["rates.ten_year"] + c["note_spread"],
        "chips": c["chip_value"],
        "cap": c["market_cap"],
        "ownership": 1.0,
        "alive": 1.0,
        "worst": HIGHEST,
        "tested": HIGHEST + 1.0,
        "reach": HIGHEST + 1.0,
        "opening_reach": HIGHEST + 1.0,
        "accelerated": 0.0,
    }


def total(state: dict, names: tuple[str, ...]) -> float:
    """Sum of some of a vehicle's balances."""
    return sum(state[name] for name in names)


def dues(c: dict, p: dict, d: dict, t: int, s: dict, g: dict, ra: float) -> dict:
    """Interest and principal of the quarter, by class."""
    short = d["short"][t]
    draws, issues = shifted(s["draws"]), shifted(s["issues"])
    secured = s["ddtl"] * (c["ddtl_coupon"] + ra) + s["oem"] * (c["oem_coupon"] + ra)
    secured += s["box"] * (short + s["box_rate"])
    secured += s["revolver"] * (short + c["revolver_margin"])
    secured += s["rolled"] * (short + g["spread"])
    rate = g["premium"] * g["part"]["secured"]
    premium = rate * total(s, SECURED)
    secured += premium
    unsecured = s["notes"] * (c["notes_coupon"] + ra) + s["new"] * s["new_rate"]
    unsecured += s["convertibles"] * (c["convertibles_coupon"] + ra)
    paid = {
        "ddtl": min(s["ddtl"], p["ddtl"][t]),
        "oem": min(s["oem"], p["oem"][t]),
        "box": min(s["box"], dot(p["box_due"], draws)),
        "notes": min(s["notes"], p["notes"][t]),
        "convertibles": min(s["convertibles"], p["convertibles"][t]),
        "new": min(s["new"], dot(p["note_due"], issues)),
    }
    return {
        "secured": secured * DT,
        "premium": premium * DT,
        "premium_rate": rate,
        "unsecured": unsecured * DT,
        "interest": (secured + unsecured) * DT,
        "paid": paid,
        "principal": paid["ddtl"] + paid["oem"] + paid["box"],
        "bullets": paid["notes"] + paid["convertibles"] + paid["new"],
        "draws": draws,
        "issues": issues,
    }


def recovery(c: dict, s: dict, real: float, worked_out: float | None = None) -> dict:
    """What creditors would get, were the vehicle to default now.

    `worked_out`: the pool, where they need not liquidate.
    """
    pool = s["chips"] * c["fire_sale"] * min(1.0, real)
    if worked_out is not None:
        pool = worked_out
    secured, unsecured = total(s, SECURED), total(s, UNSECURED)
    paid = min(pool, secured)
    rest = pool - paid + s["cash"] + c["other_assets"]
    return {
        "pool": pool,
        "claim_secured": secured,
        "claim_unsecured": unsecured,
        "recovery_secured": ratio(paid, secured, 1.0),
        "recovery_unsecured": ratio(min(rest, unsecured), unsecured, 1.0),
        "cover": headroom(pool, secured),
    }


def fill(gap: float, rungs: list[tuple[str, float]]) -> tuple[dict, float]:
    """Fills a gap rung by rung; what each gives, and what is still unpaid."""
    left, used = max(0.0, gap), {}
    for name, capacity in rungs:
        used[name] = min(left, capacity)
        left -= used[name]
    return used, left


def equity_value(c: dict, p: dict, t: int, rho: float, yearly: float, end: dict):
    """Value of the equity at the end of the quarter."""
    floor = c["multiple_floor"]
    multiple = floor + (p["multiple"] - floor) * clip(rho, 0.0, 1.0)
    contracted = p["value"][t] + dot(p["ahead"], end["contracts"])
    net = total(end, SECURED) + total(end, UNSECURED) - end["cash"]
    worth = c["valuation_margin"] * contracted + multiple * yearly - net
    return max(0.0, worth - p["capex_left"][t] - end["deferred"] - end["late"])


def survive_cloud(c: dict, kind: str, s: dict, g: float) -> tuple[float, float]:
    """Alive share and worst headroom after the quarter."""
    return survive(kind, c["dispersion"], s["alive"], s["worst"], g)


def decay(rate: float) -> float:
    """What is left of a stock after a quarter."""
    return math.exp(-rate * DT)
