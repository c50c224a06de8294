"""A neocloud's collateral pools apart: docs/model.md, section 5."""

from tests.oracle.dates import DT, HIGHEST, clip, failed, ratio, read

POOLS = ("opening", "drawn")


def is_apart(c: dict) -> bool:
    """Whether the boxes of `as_of` and later ones are tested apart."""
    return "cross_default" in c


def built_share(c: dict, p: dict, middles: list[float], t: int) -> float:
    """Share of legacy revenue that stands on chips paid after `as_of`."""
    dates, values = c["legacy_revenue.dates"], c["legacy_revenue.values"]
    peak = max(read(m, dates, values) for m in middles[: t + 1])
    paid = sum(p["capex"][:t]) / c["capex_per_revenue"]
    return min(1.0, paid / max(peak, 1e-9))


def divide_pools(f: dict, c: dict, p: dict, t: int, s: dict, w: dict, owed: dict):
    """Revenue, cash, service and debt of each pool."""
    b, e, ra = w["bill"], w["earned"], f["shifts.rate_all"]
    kept = 1.0 - built_share(c, p, w["middles"], t)
    made = min(b["made"], kept * b["legacy"])
    revenue = made + kept * b["legacy_tail"]
    early = (1.0 - c["legacy_cash"]) * b["made"] + c["prepayment"] * b["new"]
    cash = ratio(revenue, b["sold"], 0.0) * e["ebitda"]
    cash -= ratio((1.0 - c["legacy_cash"]) * made, early, 0.0) * e["prepaid"]
    coupons = s["ddtl"] * (c["ddtl_coupon"] + ra) + s["oem"] * (c["oem_coupon"] + ra)
    floating = s["box"] * (w["short"] + s["box_rate"])
    coupons += owed["premium_rate"] * (s["ddtl"] + s["oem"])
    floating += owed["premium_rate"] * s["box"]
    paid = owed["paid"]
    return {
        "opening": {
            "revenue": revenue,
            "cash": cash,
            "service": coupons * DT + paid["ddtl"] + paid["oem"],
            "debt": s["ddtl"] + s["oem"],
        },
        "drawn": {
            "revenue": b["sold"] - revenue,
            "cash": e["cash_ebitda"] - cash,
            "service": floating * DT + paid["box"],
            "debt": s["box"],
        },
    }


def examine_pools(c: dict, s: dict, pools: dict, owners: float) -> dict:
    """Each pool's cover, cure, reach and headroom, and what they mean together."""
    least, found = c["default"], {}
    lack = dict.fromkeys(POOLS, 0.0)
    for x in POOLS:
        if least > 0.0 and pools[x]["service"] > 1e-9:
            lack[x] = max(0.0, least * pools[x]["service"] - pools[x]["cash"])
    lacking = sum(lack.values())
    service = sum(pools[x]["service"] for x in POOLS)
    before = {"opening": s["opening_reach"], "drawn": s["reach"]}
    for x in POOLS:
        pool = pools[x]
        cure = lack[x] * ratio(min(owners, lacking), lacking, 0.0)
        could = cure
        could += ratio(max(0.0, owners - lacking), service, 0.0) * pool["service"]
        cover = reach = HIGHEST + 1.0
        if pool["service"] > 1e-9:
            cover = pool["cash"] / pool["service"]
            reach = cover + could / pool["service"]
        room, called = HIGHEST, 0.0
        if least > 0.0:
            best = max(reach, before[x])
            room = clip(best / least - 1.0, -1.0, HIGHEST)
            called = clip(-room * least / c["covenant_band"], 0.0, 1.0)
        crossing = HIGHEST
        if pool["debt"] > 1e-9:
            crossing = clip(c["cross_default"] / pool["debt"] - 1.0, -1.0, HIGHEST)
        found[x] = {
            "cover": cover,
            "cure": cure,
            "reach": reach,
            "own_room": room,
            "room": max(room, crossing),
            "accelerated": called,
        }
    return found


def sweep_pools(c: dict, pools: dict, tests: dict, free: float, left: dict) -> dict:
    """What each pool's own free cash prepays of its own boxes."""
    over = {x: max(0.0, pools[x]["cash"] - pools[x]["service"]) for x in POOLS}
    total = sum(over.values())
    there = max(0.0, free - sum(tests[x]["cure"] for x in POOLS))
    swept = {}
    for x in POOLS:
        mine = over[x] * ratio(min(there, total), total, 0.0) + tests[x]["cure"]
        trapped = failed(tests[x]["cover"], c["trap"], c["covenant_band"])
        caught = max(trapped, tests[x]["accelerated"])
        share = c["sweep"] + (1.0 - c["sweep"]) * caught
        swept[x] = min(max(0.0, left[x]), share * mine)
    return swept
