"""Labs that sign, tenants that stay or walk: docs/model.md, section 3."""

import math

from tests.oracle.dates import (
    DT,
    HIGHEST,
    Calendar,
    annuity,
    clip,
    conditional,
    headroom,
    normal,
)
from tests.oracle.market import shell_rent

AHEAD = 16


def prepare_lab(f: dict, c: dict, calendar: Calendar) -> dict:
    """What is known of a lab beforehand: its firm dues by quarter."""
    signed = calendar.schedule(c["commitments.edges"], c["commitments.amounts"])
    scale = c["firm"] * f["market.coordinator"]
    return {"firm": [scale * x for x in signed]}


def run_lab(
    f: dict, c: dict, d: dict, t: int, state: dict, firm: float, named: float
) -> dict:
    """One lab's quarter; `named` is what it owes to named payees."""
    revenue = c["revenue"] * d["revenue"][t] * DT
    interest = d["short"][t] * DT * state["cash"]
    margin = revenue * (1.0 - c["non_compute"]) + interest
    low, high = c["patience_low"], c["patience_high"]
    patience = clip((d["ratio"][max(t - 4, 0)] - low) / (high - low), 0.0, 1.0)
    capacity = c["equity"] * DT * patience * d["access"]
    late = state["deferred"] * DT / c["renegotiation"]
    due = max(firm + late, f["market.compute"] * revenue, named)
    before = state["cash"] + margin
    raised = clip(due + c["minimum_cash"] - before, 0.0, capacity)
    honoured = clip((before + raised) / due, 0.0, 1.0) if due > 1e-12 else 1.0
    missed = (1.0 - honoured) * due
    return {
        "revenue": revenue,
        "margin": revenue * (1.0 - c["non_compute"]),
        "interest": interest,
        "due": due,
        "raised": raised,
        "honoured": honoured,
        "paid": honoured * due,
        "headroom": headroom(before + capacity, due),
        "forgiven": c["forgiven"] * missed,
        "cash": before + raised - honoured * due,
        "deferred": state["deferred"] - late + (1.0 - c["forgiven"]) * missed,
    }


def contract_rent(f: dict, c: dict, rule: str) -> float:
    """Annual rent of the whole asset, by the deal's own rule."""
    if rule == "yield":
        return c["rent_yield"] * c["asset_cost"]
    coupon = c["coupon"] + f["shifts.rate_all"]
    level = c["notes"] / annuity(coupon, c["amortisation"])
    return c["minimum_dscr"] * level / c["ownership"]


def prepare_lease(f: dict, c: dict, calendar: Calendar, rule: str) -> dict:
    """Dates of a lease: start, renewals and their weight by quarter."""
    start = c["rent_start"] + f["physics.delay"]
    renewals = [start + n * c["lease_term"] for n in range(1, 9)]
    weight = [0.0] * calendar.n_quarters
    for date in renewals:
        counts = clip((c["lease_end"] - date) / DT, 0.0, 1.0)
        for t, share in enumerate(conditional(calendar.matures(date))):
            weight[t] += counts * share
    return {
        "annual": contract_rent(f, c, rule),
        "start": start,
        "renewals": renewals,
        "weight": weight,
        "leased": calendar.overlap(start, c["lease_end"]),
        "running": calendar.overlap(start, start + c["rvg"]),
    }


def rent_index(f: dict, c: dict, d: dict, t: int) -> float:
    """An SPV's contract rent over the signed one, by the short rate."""
    since = d["short"][t] - f["rates.short"] - f["shifts.rate_all"]
    return max(0.0, 1.0 + c.get("rent_rate_indexation", 0.0) * since)


def expected_rents(f: dict, choices: dict, d: dict, t: int, shells: float) -> list:
    """Market rent of a shell that tenants expect over the next quarters."""
    rule, demand = choices["expectations.rule"], d["curve"]["demand"]
    last = demand[max(t - 1, 0)]
    came_out = d["demand"][max(t - 1, 0)] / last
    growth = clip(math.log(last / demand[max(t - 5, 0)]) / 4.0, -0.1, 0.1)
    result, fading = [], 0.0
    for j in range(AHEAD):
        fading += 2.0 ** (-j / f["expectations.half_life"])
        if rule == "static":
            gw = last
        elif rule == "adaptive":
            gw = last * math.exp(growth * fading)
        else:
            gw = demand[min(t + j, len(demand) - 1)]
        gw *= came_out
        result.append(shell_rent(f, gw, shells, d["years"][t]))
    return result


def told(path: list, k: int) -> list:
    """The window of a path that comes out, from its model quarter `k` on."""
    return [path[min(k + j, len(path) - 1)] for j in range(AHEAD)]


def decide(
    f: dict,
    c: dict,
    lease: dict,
    d: dict,
    t: int,
    begin: float,
    kinds: dict,
    rents: list,
    state: dict,
    p: dict,
    chips: list | None = None,
) -> dict:
    """Whether the tenant of one vehicle renews, and whether it honours its lease."""
    rent, kind, market = lease["annual"], kinds["kind"], p["shell"]
    collateral = rent * market / c["cap_rate"]
    residual = rent * rents[-1] / c["cap_rate"]
    if kinds["asset"] == "chips":
        age = max(0.0, begin + DT / 2.0 - lease["start"])
        market = p["level"] * math.exp(-f["market.chip_decay"] * age)
        fading = math.exp(-f["market.chip_decay"] * DT)
        new = [p["level"]] * AHEAD if chips is None else chips
        aged = math.exp(-f["market.chip_decay"] * age)
        rents = [new[j] * aged * fading**j for j in range(AHEAD)]
        resale = math.exp(-c["collateral_decay"] * age) * min(1.0, p["level"])
        collateral = residual = c["asset_cost"] * resale
    eta = 1.0 / (1.0 + (d["ten_year"][t] + c["tenant_spread"]) * DT)
    cap = c["rvg_cap"]
    guarantee = lease["running"][t] * clip(cap - residual, 0.0, cap)
    backed = 0.0
    if kinds["guarantor"] != "tenant":
        guarantee, backed = 0.0, guarantee

    def pv_rent(weights: list) -> float:
        total = sum(weights[j] * eta ** (j + 1) for j in range(AHEAD))
        return index * rent * DT * total

    def pv_use(weights: list) -> float:
        total = sum(weights[j] * eta ** (j + 1) * rents[j] for j in range(AHEAD))
        return rent * DT * c["use_multiple"] * total

    index = rent_index(f, c, d, t)
    ones = [1.0] * AHEAD
    gain = pv_use(ones) + guarantee + c["moving_cost"] * rent
    renewal = clip(gain / pv_rent(ones) - 1.0, -1.0, HIGHEST)
    weight = lease["weight"][t]

    following = [x for x in lease["renewals"] if x > begin]
    date = min([*following[:1], c["lease_end"]])
    remaining = clip(date - begin, 0.0, 4.0)
    left = [clip(remaining / DT - j, 0.0, 1.0) for j in range(AHEAD)]
    burden = max(0.0, pv_rent(left) + guarantee - pv_use(left))
    like = burden * max(1.0, c["joint_scale"] * c["joint"])
    name = c["reputation_spread"] * c["tenant_obligations"]
    name *= annuity(d["ten_year"][t], 10.0)
    repudiation = 1.0
    if lease["leased"][t] > 0.0 and name + like > 1e-9:
        repudiation = (name - (1.0 - c["enforcement"]) * like) / (name + like)
    if kind == "named":
        passes = 1.0 if renewal >= 0.0 else 0.0
        honours = 1.0 if repudiation >= 0.0 else 0.0
    else:
        passes = normal(math.log(max(1.0 + renewal, 1e-3)) / c["dispersion"])
        honours = 1.0
    stays = 1.0 - weight * (1.0 - passes)
    let = state["let"] * stays * honours
    kept = max(0.0, 1.0 - DT / c["reletting"])
    leaver = state["let"] * (1.0 - stays) * guarantee
    breaker = state["let"] * stays * (1.0 - honours) * c["enforcement"] * burden
    return {
        "index": index,
        "renewal": renewal,
        "renewal_due": renewal if weight > 0.0 else HIGHEST,
        "repudiation": repudiation,
        "let": let,
        "vacant": state["vacant"] * kept + state["let"] - let,
        "owed": leaver + breaker,
        "put": leaver,
        "backed": backed,
        "left": state["let"] - let,
        "market": market,
        "collateral": collateral,
    }
