"""What creditors make of failed neoclouds: docs/model.md, sections 3 and 5, Workout."""

import math

from tests.oracle.credit_neocloud import SECURED, UNSECURED, total
from tests.oracle.dates import DT, dot, headroom, ratio


def buyers_cash(f: dict, c: dict, hypers: dict) -> dict:
    """Cash of every hyperscaler above its minimum, as last quarter left it."""
    return {m: max(0.0, s["cash"] - c[m]["minimum_cash"]) for m, s in hypers.items()}


def going_concern(c: dict, p: dict, t: int, s: dict, bill: dict, paid: float) -> dict:
    """The three ways before buyers' means: liquidation, and what it is worth running.

    `s` is the state at the start of the quarter, `bill` what was sold and billed,
    `paid` what customers paid of that.
    """
    chips = s["chips"] * c["fire_sale"] * min(1.0, bill["level"])
    contracted = p["value"][t] + dot(p["ahead"], bill["contracts"])
    share = ratio(paid, bill["billed"], 1.0)
    years = ratio(contracted, bill["sold"])
    worth = c["valuation_margin"] * share * contracted
    worth -= p["capex_left"][t] + s["deferred"] + s["prepaid"]
    worth += chips * math.exp(-c["collateral_decay"] * years)
    return {"liquidation": chips, "going_concern": max(0.0, worth)}


def resolve(f: dict, kinds: dict, starts: dict, ways: dict, r: dict, k: float) -> None:
    """Adds to every neocloud's report `r` how its creditors are best served.

    `starts` has the states at the start of the quarter, `ways` what `going_concern`
    said, `k` what buyers can pay.
    """
    debts = {m: total(s, SECURED) + total(s, UNSECURED) for m, s in starts.items()}
    kept, cost = 1.0 - f["workout.buyer_discount"], f["workout.exchange_cost"]
    bids = {m: min(kept * ways[m]["going_concern"], debts[m]) for m in ways}
    bid_for = sum(r[m]["failing"] * bids[m] for m in ways)
    for m, way in ways.items():
        asked = bid_for
        if kinds[m] == "named":
            asked += r[m]["alive"] * bids[m]
        way["sale"] = bids[m] * (1.0 if asked <= k else k / asked)
        way["exchange"] = min((1.0 - cost) * way["going_concern"], debts[m])
        going = max(way["sale"], way["exchange"])
        way["liquidated"] = float(headroom(way["liquidation"], going) >= 0.0)
        way["sold"] = 0.0
        if not way["liquidated"] and headroom(way["sale"], way["exchange"]) >= 0.0:
            way["sold"] = 1.0
        way["paid"] = r[m]["failing"] * way["sold"] * way["sale"]
        way["pool"] = max(way["liquidation"], going)


def buy(f: dict, price: float, free: dict, held: dict) -> dict:
    """Every buyer's part of the price, what it earns back, and cost still to earn."""
    everyone = sum(free.values())
    result = {}
    for m, spare in free.items():
        paid = price * ratio(spare, everyone)
        back = held[m] * min(1.0, DT / f["workout.buyer_life"])
        result[m] = {"paid": paid, "returned": back, "held": held[m] - back + paid}
    return result
