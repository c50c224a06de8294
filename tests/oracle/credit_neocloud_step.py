"""A neocloud's quarter, in order: docs/model.md, section 5."""

from tests.oracle.causes import cause
from tests.oracle.chips import offered, unit_cost
from tests.oracle.credit_neocloud import (
    SECURED,
    UNSECURED,
    decay,
    dues,
    equity_value,
    fill,
    recovery,
    survive_cloud,
    total,
)
from tests.oracle.dates import (
    DT,
    HIGHEST,
    clip,
    default_test,
    failed,
    headroom,
    passed,
    ratio,
    shifted,
)
from tests.oracle.pools import divide_pools, examine_pools, is_apart, sweep_pools


def capacities(
    c: dict, s: dict, g: dict, w: dict, k: float, own: float, yearly: float, owed: dict
) -> dict:
    """What each rung of the ladder can give."""
    openness, bullets = w["open"], owed["bullets"]
    room = c["leverage_limit"] * yearly
    debt = total(s, SECURED) + total(s, UNSECURED)
    refi = openness * min(bullets, max(0.0, room - (debt - bullets)))
    return {
        "refi": refi,
        "notes": openness * min(c["notes_per_quarter"], max(0.0, room - debt)),
        "revolver": max(0.0, c["revolver"] - s["revolver"]),
        "roll": g["rolling"]
        * g["part"]["secured"]
        * (owed["principal"] + bullets - refi),
        "deferral": own * c["deferrable"] * k,
        "equity": c["equity_capacity"] * s["cap"] * openness,
        "minimum_cash": c["minimum_cash"],
    }


def sign(c: dict, p: dict, d: dict, t: int, b: dict, e: dict) -> dict:
    """New contracts: what is offered, and what free cash and chips can build."""
    wanted = offered(c, d, t, b, e["middle"], e["volume"]) * e["chips"]
    unit = unit_cost(c, e["fabs"], e["real"])
    early = c["prepayment"] * c["term"]
    need = max(unit * e["own"] - early, 0.1 * unit)
    signed = min(wanted, c["signing"] * e["free"] / need)
    return {"signed": signed, "capex": unit * signed, "prepayment": early * signed}


def run_cloud(
    f: dict, c: dict, p: dict, kind: str, d: dict, t: int, s: dict, w: dict, g: dict
) -> tuple[dict, dict]:
    """One quarter: what to report, and the state at its end.

    `w` has the window (open, spread), the market's real price, what was earned, and the
    chips that are to be had.
    """
    b, e, ra = w["bill"], w["earned"], f["shifts.rate_all"]
    owed = dues(c, p, d, t, s, g, ra)
    interest, principal, bullets = owed["interest"], owed["principal"], owed["bullets"]
    resuming = s["deferred"] * min(1.0, DT / c["resume"])
    k = w["chips"]["built"]
    advance = min(
        0.98, c["advance"] + g["advance"] * g["part"]["secured"] + g["leverage"]
    )
    advance = min(0.98, advance * w["kept"]) * w["loans"]
    allowed = passed(s["tested"], c["draw_stop"], c["covenant_band"])
    allowed *= 1.0 - s["accelerated"]
    advance *= allowed
    own = 1.0 - advance
    yearly, cash_ebitda = 4.0 * (e["ebitda"] - e["once"]), e["cash_ebitda"]
    can = capacities(c, s, g, w, k, own, yearly, owed)
    earned = d["short"][t] * DT * s["cash"]
    firm = own * (1.0 - c["deferrable"]) * k
    services = interest + principal + bullets
    rungs = ("notes", "revolver", "roll", "deferral", "equity", "minimum_cash")
    borrowable = sum(can[x] for x in ("refi", "notes", "revolver", "roll", "equity"))
    sources = s["cash"] + earned + max(0.0, cash_ebitda) + borrowable
    health = headroom(sources, services + firm + max(0.0, -cash_ebitda))
    spare = s["cash"] - c["minimum_cash"]
    gap = services - can["refi"] + own * k - cash_ebitda - earned - spare
    used, unpaid = fill(gap, [(name, can[name]) for name in rungs])
    last, late_s = fill(
        unpaid,
        [("stopped", firm), ("junior", owed["unsecured"] + bullets - can["refi"])],
    )
    late_u = last["junior"]
    deferred = (used["deferral"] + last["stopped"]) / max(own, 1e-6)
    raised = used["equity"]
    test = default_test(
        c,
        s["reach"],
        cash_ebitda,
        owed["secured"] + principal,
        c["cure"] * (can["equity"] - raised),
    )
    box_cover, tests, pools = test["cover"], {}, {}
    if is_apart(c):
        pools = divide_pools(f, c, p, t, s, w, owed)
        owners = c["cure"] * (can["equity"] - raised)
        tests = examine_pools(c, s, pools, owners)
        test = {
            "cover": tests["drawn"]["cover"],
            "cure": tests["opening"]["cure"] + tests["drawn"]["cure"],
            "reach": tests["drawn"]["reach"],
            "room": min(tests["opening"]["room"], tests["drawn"]["room"]),
        }
    raised += test["cure"]
    loss = max(0.0, -cash_ebitda)
    why = cause(
        health,
        test["room"],
        sources - can["refi"],
        [
            ("operating_loss", loss),
            ("interest", owed["secured"]),
            ("principal", principal),
            ("interest", owed["unsecured"]),
            ("maturity", bullets - can["refi"]),
            ("construction", firm),
        ],
    )
    health = min(health, test["room"])
    alive, worst = survive_cloud(c, kind, s, health)
    paid = owed["paid"]
    excess = max(0.0, -gap)
    repaid = min(s["revolver"], excess)
    unrolled = min(s["rolled"], excess - repaid)
    free = excess - repaid - unrolled + test["cure"]
    trapped = failed(test["cover"], c["trap"], c["covenant_band"])
    share = c["sweep"] + (1.0 - c["sweep"]) * trapped
    swept = {"ddtl": min(s["ddtl"] - paid["ddtl"], share * free)}
    swept["box"] = min(s["box"] - paid["box"], share * free - swept["ddtl"])
    if tests:
        left = {"opening": s["ddtl"] - paid["ddtl"], "drawn": s["box"] - paid["box"]}
        by_pool = sweep_pools(c, pools, tests, free, left)
        swept = {"ddtl": by_pool["opening"], "box": by_pool["drawn"]}
    prepaid = swept["ddtl"] + swept["box"]
    more = {
        "middle": w["middle"],
        "own": own,
        "free": free - prepaid,
        "real": w["real"],
        "volume": g["volume"],
        "fabs": g["fabs"],
        "chips": w["chips"]["share"],
    }
    deal = sign(c, p, d, t, b, more)

    capex = k - deferred + deal["capex"]
    draw = advance * capex
    issue = can["refi"] + used["notes"]
    end = {x: s[x] - paid[x] for x in ("ddtl", "oem", "notes", "convertibles")}
    end["ddtl"] -= swept["ddtl"]
    old_box = s["box"] - paid["box"] - swept["box"]
    end["box"] = old_box + draw
    end["new"] = s["new"] - paid["new"] + issue + late_u
    end["revolver"] = s["revolver"] - repaid + used["revolver"]
    end["rolled"] = s["rolled"] - unrolled + used["roll"] + late_s
    end["deferred"] = s["deferred"] - resuming + deferred
    end["late"] = w["chips"]["left"]
    end["prepaid"] = s["prepaid"] - e["prepaid"] + deal["prepayment"]
    end["backstop"] = s["backstop"] - e["backstop"]
    lent = issue + used["revolver"] + used["roll"] + raised + late_s + late_u
    end["cash"] = s["cash"] + earned + cash_ebitda - services + lent
    end["cash"] += deal["prepayment"] - repaid - unrolled - prepaid - (capex - draw)
    end["contracts"] = [deal["signed"], *b["contracts"][1:]]
    end["signed_at"] = [d["short"][t], *shifted(s["signed_at"])[1:]]
    end["left"] = b["left"]
    end["unpowered"] = b["unpowered"]
    end["levels"] = [clip(w["real"], 0.5, 1.5), *shifted(s["levels"])[1:]]
    end["draws"] = [draw, *owed["draws"][1:]]
    end["issues"] = [issue, *owed["issues"][1:]]
    factor = d["spread_factor"][t]
    margin = c["box_margin"] * (1.0 - g["cut"] * g["part"]["secured"]) + w["margin"]
    margin = margin * factor + w["spread"]
    kept = old_box * s["box_rate"]
    end["box_rate"] = ratio(kept + draw * margin, end["box"], s["box_rate"])
    rate = d["ten_year"][t] + c["note_spread"] * factor + w["spread"]
    kept = (s["new"] - paid["new"]) * s["new_rate"]
    end["new_rate"] = ratio(kept + (issue + late_u) * rate, end["new"], s["new_rate"])
    end["chips"] = s["chips"] * decay(c["collateral_decay"]) + c["pledged"] * capex

    cap = equity_value(c, p, t, d["ratio"][t], yearly, end)
    new_shares = raised / (1.0 - c["equity_discount"])
    kept_share = ratio(s["cap"], s["cap"] + new_shares, 1.0)
    end.update(cap=cap, ownership=s["ownership"] * kept_share, alive=alive, worst=worst)
    end.update(tested=test["cover"], reach=test["reach"])
    end["opening_reach"] = tests["opening"]["reach"] if tests else HIGHEST + 1.0
    end["accelerated"] = tests["drawn"]["accelerated"] if tests else 0.0
    price = alive * end["ownership"] * cap / c["market_cap"]
    fallen = clip(price / f["criteria.equity_price"] - 1.0, -1.0, HIGHEST)
    back = recovery(c, s, w["real"])
    served = interest + principal
    report = {
        **{x: e[x] for x in ("revenue", "billed", "receipts", "backstop")},
        "ebitda": e["ebitda"],
        "cash_ebitda": cash_ebitda,
        "interest_secured": owed["secured"],
        "premium_secured": owed["premium"],
        "premium_unsecured": 0.0,
        "interest_unsecured": owed["unsecured"],
        "repaid_secured": principal + repaid + unrolled + prepaid,
        "repaid_unsecured": bullets,
        "lent_secured": draw + used["revolver"] + used["roll"] + late_s,
        "lent_unsecured": issue + late_u,
        "drawn_box": draw,
        "drawn_revolver": used["revolver"],
        "refinanced": can["refi"],
        "maturing": bullets,
        "raised": raised,
        "capex": capex,
        "deferred": deferred,
        "signed": deal["signed"],
        "prepayment": deal["prepayment"],
        "rolled": used["roll"],
        "arrears_secured": late_s,
        "arrears_unsecured": late_u,
        "earned": earned,
        "headroom": health,
        "cause": why,
        "secured_headroom": max(health, back["cover"]),
        "equity_headroom": min(fallen, health),
        "dscr": cash_ebitda / served if served > 1e-9 else 11.0,
        "box_dscr": box_cover,
        **{f"{x}_dscr": tests[x]["cover"] for x in tests},
        **{f"{x}_headroom": tests[x]["own_room"] for x in tests},
        "covenant": test["room"],
        "draws_open": allowed,
        "swept": prepaid,
        "cure": test["cure"],
        "price": price,
        "market_cap": cap,
        "alive": alive,
        "failing": s["alive"] - alive,
        **{x: back[x] for x in back if x != "cover"},
        "secured": total(end, SECURED),
        "unsecured": total(end, UNSECURED),
        "cash": end["cash"],
    }
    return report, end
