"""Investors, banks and contagion: docs/model.md, sections 7 and 8."""

import math

from tests.oracle.dates import DT, HIGHEST, clip
from tests.oracle.funds import held

INSTITUTIONS = ("pension", "insurer")


def open_system() -> dict:
    """Investors and markets at `as_of`."""
    return {
        "lost": dict.fromkeys(INSTITUTIONS, 0.0),
        "charged": dict.fromkeys(INSTITUTIONS, 0.0),
        "bank_lost": 0.0,
        "claims": 0.0,
        "shock": 0.0,
        "spread": 0.0,
        "openness": 1.0,
        "fear": {},
        "met": {},
    }


def bear(
    f: dict,
    terms: list,
    classes: list,
    price: list,
    cohorts: dict,
    holders: list,
    s: dict,
    agency: dict,
) -> tuple[dict, dict]:
    """Who finally bears the quarter's losses; `classes` are private holders'."""
    through = {m: r["credit_loss"] - r["line_loss"] for m, r in cohorts.items()}
    bond = held(terms, classes, "bond_fund", "loss")
    state = {"lost": {}, "charged": {}}
    report = {"losses": [], "forced_sales": [], "headroom": [], "used": []}

    def by_funds(who: str) -> float:
        mine = f[f"funds.bond.investors.{who}"] * bond
        for m, loss in through.items():
            mine += f[f"funds.{m}.investors.{who}"] * loss
        return mine

    def part(who: str) -> float:
        return held(terms, classes, who, "loss") + by_funds(who)

    low = [
        {"gone": max(0.0, 1.0 - p) * x["balance"]}
        for x, p in zip(classes, price, strict=True)
    ]
    for who in INSTITUTIONS:
        loss, buffer = part(who), f[f"investors.{who}.buffer"]
        used = state["lost"][who] = s["lost"][who] + loss
        if who == "insurer":
            below = held(terms, low, who, "gone")
            used += f["investors.insurer.charge_slope"] * below
        before = s["charged"][who]
        charged = state["charged"][who] = max(before, used)
        over = max(0.0, charged - buffer) - max(0.0, before - buffer)
        report["losses"].append(loss)
        report["used"].append(used)
        report["forced_sales"].append(f[f"investors.{who}.sale_multiple"] * over)
        report["headroom"].append(clip(1.0 - used / buffer, -1.0, HIGHEST))
    direct = held(terms, classes, "bank", "loss")
    lines = sum(r["line_loss"] for r in cohorts.values())
    paid = sum(x["claimed"] for x in classes)
    if agency:
        paid += sum(agency["claimed"]) + agency["public_loss"]
    state["bank_lost"] = s["bank_lost"] + direct + lines
    state["claims"] = s["claims"] + paid
    bank = 1.0 - state["bank_lost"] / f["banks.buffer"]
    claims = 1.0 - state["claims"] / f["government.claim_threshold"]
    report.update(
        unnamed=part("outside"),
        outside=part("outside") + sum(by_funds(m) for m in holders),
        holders={m: by_funds(m) for m in holders},
        bank_direct=direct,
        bank_lines=lines,
        government=paid,
        bank_headroom=clip(bank, -1.0, HIGHEST),
        government_headroom=clip(claims, -1.0, HIGHEST),
        bond_loss=bond,
    )
    return report, state


def spread_news(
    f: dict,
    clouds: list[tuple[dict, dict]],
    spvs: list[tuple[dict, dict]],
    classes: list,
    opened: float,
    sold: tuple[float, float],
    s: dict,
) -> tuple[dict, dict]:
    """Contagion: the spread and openness that rule the next quarter.

    `sold` is forced sales and their impact on prices.
    """
    sales, impact = sold
    failed = sum(c["contagion_weight"] * r["failing"] for c, r in [*clouds, *spvs])
    lost = sum(x["loss"] + x["claimed"] for x in classes)
    shock = s["shock"] * math.exp(-f["contagion.spread_decay"] * DT)
    shock += f["contagion.spread_impulse"] * failed
    shock += f["contagion.loss_impulse"] * lost / 1000.0
    shock += f["contagion.sale_impulse"] * impact
    fallen = sum(
        c["contagion_weight"] * clip(1.0 - r["price"], 0.0, 1.0) for c, r in clouds
    )
    spread = shock + f["contagion.equity_pass"] * fallen
    shut = clip(1.0 - spread / f["contagion.closing_spread"], 0.0, 1.0)
    openness = opened * shut
    report = {
        "spread": spread,
        "openness": openness,
        "impact": impact,
        "sales": sales,
    }
    state = {"shock": shock, "spread": spread, "openness": openness}
    return report, {**state, "fear": {}, "met": {}}
