"""Who earns: hyperscalers (section 3), and section 4 of docs/model.md."""

import math

from tests.oracle.dates import (
    DT,
    Calendar,
    clip,
    headroom,
    under,
)


def before_interest(f: dict, c: dict) -> float:
    """A hyperscaler's reported cash flow of a year, before interest paid and earned."""
    return c["ocf"] + c["legacy_debt"] * c["coupon"] - c["cash"] * f["rates.short"]


def open_hyperscaler(c: dict) -> dict:
    """Its balance sheet at `as_of`."""
    return {"cash": c["cash"], "bonds": 0.0, "leases": 0.0, "lease_rate": 0.0}


def supply_spread(f: dict, supply: float) -> float:
    """What undigested bonds of hyperscalers add to spreads of investment grade."""
    more = max(0.0, supply - f["hyperscaler_funding.supply"])
    per_bn = f["hyperscaler_funding.supply_spread"]
    return per_bn * more / f["hyperscaler_funding.supply_reference"]


def run_hyperscaler(
    f: dict, c: dict, d: dict, t: int, state: dict, plan: dict, market: float
) -> dict:
    """One hyperscaler's quarter; `plan` has its capex, rent and labs' payments.

    `market` is what the supply of bonds adds to its spread.
    """
    by_cost = "hyperscaler_funding.lease" in f
    terms = under(f, "hyperscaler_funding")
    grown = before_interest(f, c) * (1.0 + c["ocf_growth"]) ** d["years"][t]
    more = d["revenue"][t] - d["revenue"][plan["last"]]
    operating = (grown + c["ai_margin"] * c["ai_revenue"] * more) * DT
    operating += c["lab_margin"] * plan["from_labs"]
    if "power_cost" in c and "power.path.values" in f:
        sold = c["ai_revenue"] * d["revenue"][t] * DT + plan["from_labs"]
        operating -= c["power_cost"] * (d["power"][t] / f["power.price"] - 1.0) * sold
    yearly = max(4.0 * operating, 1e-6)
    debt = c["legacy_debt"] + state["bonds"]
    adjusted = debt
    if by_cost:
        adjusted += terms["lease_weight"] * state["leases"]
    plain = d["ten_year"][t] + c["spread"] * d["spread_factor"][t]
    per_debt = c["spread_slope"] / yearly
    rate = plain + market + per_debt * adjusted
    coupon = c["coupon"] + f["shifts.rate_all"]
    interest = (c["legacy_debt"] * coupon + state["bonds"] * rate) * DT
    lease_interest = state["leases"] * state["lease_rate"] * DT
    returned = 0.0
    if by_cost:
        returned = state["leases"] * min(1.0, DT / terms["lease_life"])
    dues = plan["capex"] + plan["rent"] + interest + lease_interest + returned
    earned = d["short"][t] * DT * state["cash"]
    bonds_left = max(0.0, c["debt_limit"] * yearly - adjusted) * d["access"]
    leases_left = 0.0
    if by_cost:
        most = terms["lease"] * plan["capex"]
        leases_left = min(most * d["access"], bonds_left)
    capacity = bonds_left + leases_left
    before, bought = state["cash"], plan["bought"]
    if bought is not None:
        before += bought["returned"] - bought["paid"]
    spare = before - c["minimum_cash"]
    flow = operating + earned - dues
    usual = c["payout"] * operating
    wanted = max(usual, max(0.0, spare + flow - 3.0 * c["minimum_cash"]))
    kept = min(c["payout_kept"] * usual, spare + flow + capacity)
    payout = max(0.0, kept, min(wanted, spare + flow))
    gap = payout - spare - flow
    leased, lease_plain, lease_rise = 0.0, 0.0, 0.0
    if by_cost:
        lease_plain = plain + terms["lease_premium"]
        lease_rise = terms["lease_premium_rise"] / most if most > 1e-9 else 0.0
        missing, off = max(0.0, gap), 1.0 - terms["lease_weight"]
        dearer = rate - lease_plain
        dearer += per_debt * (off * state["bonds"] + (1.0 + off) * missing)
        steep = lease_rise + 2.0 * off * per_debt
        cheapest = dearer / steep if steep > 1e-12 else 0.0
        leased = max(cheapest, missing - bonds_left)
        leased = clip(leased, 0.0, min(leases_left, missing))
        issued = min(missing - leased, bonds_left)
    else:
        issued = clip(gap, 0.0, capacity)
    cut = clip(gap - issued - leased, 0.0, plan["capex"])
    cash = before + flow - payout + issued + leased + cut
    leases = state["leases"] - returned + leased
    lease_rate = (state["leases"] - returned) * state["lease_rate"]
    lease_rate += leased * (lease_plain + lease_rise * leased / 2.0)
    report = {
        "operating": operating,
        "capex": plan["capex"] - cut,
        "rent": plan["rent"],
        "interest": interest,
        "earned": earned,
        "payout": payout,
        "issued": issued,
        "headroom": headroom(spare + operating + capacity, dues),
        "cash": cash,
        "debt": debt + issued,
        "bonds": state["bonds"] + issued,
        "leases": leases,
        "lease_rate": lease_rate / leases if leases > 1e-9 else 0.0,
        "leased": leased,
        "owed": debt + issued + leases,
        "acquired": 0.0 if bought is None else bought["held"],
    }
    if by_cost:
        new, w = state["bonds"] + issued, terms["lease_weight"]
        report |= {
            "bond_cost": rate + per_debt * (issued + w * leased + new),
            "lease_cost": lease_plain + lease_rise * leased + w * per_debt * new,
            "leverage": (debt + issued + w * leases) / yearly,
            "supply_spread": market,
            "payout_cut": max(0.0, usual - payout),
            "capex_cut": cut,
        }
    return report


def prepare_hybrid(c: dict, calendar: Calendar) -> dict:
    """The hybrid cloud's dated figures by quarter."""
    matures = calendar.schedule(
        c["legacy_maturities.edges"], c["legacy_maturities.amounts"]
    )
    return {
        "rpo": calendar.schedule(c["rpo.edges"], c["rpo.amounts"]),
        "rent": calendar.path(c["rent.dates"], c["rent.values"]),
        "capex": calendar.path(c["capex.dates"], c["capex.values"]),
        "equity": calendar.schedule(c["equity.edges"], c["equity.amounts"]),
        "maturing": matures,
        "legacy": [c["legacy_debt"] - sum(matures[:t]) for t in range(len(matures))],
    }


def run_hybrid(
    c: dict,
    plan: dict,
    d: dict,
    t: int,
    state: dict,
    unpaid: float,
    market: dict,
    ra: float,
    w: dict,
    honoured: dict,
) -> dict:
    """The hybrid cloud's quarter; `unpaid` is the share of RPO that labs leave.

    `w` has the window, what RPO brings, what capex chips allow, and how much dearer
    power is; `honoured` is the share that each lab pays; who is not in it pays in full.
    """
    served = {payer: x * DT for payer, x in state["served"].items()}
    rpo = w["rpo"]
    gone = max(plan["rpo"][: t + 1]) - plan["rpo"][t]
    renewed = c["renewal"] * gone * min(1.0, market["level"])
    receipts = rpo * (1.0 - unpaid) + renewed
    receipts += sum(x * honoured.get(payer, 1.0) for payer, x in served.items())
    core = c["core_ebitda"] * (1.0 + c["core_growth"]) ** d["years"][t] * DT
    rent = plan["rent"][t] * DT
    costs = c["variable"] * receipts + c["fixed"] * (rpo + renewed) + rent
    costs += c["fixed"] * sum(served.values())
    due = rpo + renewed + sum(served.values())
    costs += c.get("power_cost", 0.0) * w["power"] * due
    ebitda = core + receipts - costs
    seeking = state["seeking"]
    sought = sum(seeking.values())
    moving = clip(1 - c["overflow_elasticity"] * max(0, market["level"] - 1), 0, 1)
    moving *= sought
    owes = plan["legacy"][t] + state["new"] - state["cash"]
    room = w["open"] * max(0.0, c["overflow_limit"] * 4.0 * ebitda - owes)
    taken = min(moving, room / c["overflow_capex"])
    after = {}
    for payer, x in state["served"].items():
        after[payer] = x * math.exp(-DT / c["overflow"])
        if sought > 1e-9:
            after[payer] += seeking[payer] * min(1.0, market["level"]) * taken / sought
    capex = w["capex"] + c["overflow_capex"] * taken
    payout, maturing = c["payout"] * DT, plan["maturing"][t]
    new_rate = d["ten_year"][t] + c["spread"] * d["spread_factor"][t]
    new_rate += c["contagion_pass"] * w["spread"] + w["supply"]
    legacy = plan["legacy"][t]
    interest = (legacy * (c["legacy_coupon"] + ra) + state["new"] * new_rate) * DT
    earned = d["short"][t] * DT * state["cash"]
    flow = ebitda + plan["equity"][t] + earned - capex - payout - interest - maturing
    new = max(0.0, state["new"] - (state["cash"] + flow - c["target_cash"]))
    cash = state["cash"] + flow + new - state["new"]
    debt = legacy - maturing + new
    net = max(debt - cash, 1e-6)
    return {
        "receipts": receipts,
        "core": core,
        "ebitda": ebitda,
        "capex": capex,
        "interest": interest,
        "earned": earned,
        "payout": payout,
        "leverage": net / max(4.0 * ebitda, 1e-6),
        "headroom": clip(c["trigger"] * 4.0 * ebitda / net - 1.0, -1.0, 10.0),
        "cash": cash,
        "debt": debt,
        "new": new,
        "served": after,
        "sought": sought,
        "taken": taken,
        "borrowed": new - state["new"],
        "matured": maturing,
        "equity": plan["equity"][t],
    }


def run_vendor(c: dict, d: dict, t: int, cash: float, capex: float, paid: dict) -> dict:
    """A vendor's quarter: it sells chips; `paid` is what it backs and owns."""
    sales = c["chip"] * capex + c["outside_sales"] * d["response"][t] * DT
    profit = c["margin"] * sales
    earned = d["short"][t] * DT * cash
    payout = c["payout"] * max(0.0, profit)
    return {
        "sales": sales,
        "profit": profit,
        "earned": earned,
        **paid,
        "payout": payout,
        "cash": cash
        + profit
        + earned
        + paid["dividends"]
        - paid["backstop"]
        - paid["guarantees"]
        - payout,
    }


def construction(f: dict, c: dict, date: float) -> float:
    """What a vehicle has spent on its building by a date."""
    start = c["construction_start"]
    length = c["completion"] + f["physics.delay"] - start
    x = clip((date - start) / length, 0.0, 1.0)
    return c["construction_cost"] * x * x * (3.0 - 2.0 * x)


def rent_due(c: dict, lease: dict, calendar: Calendar, t: int, tenancy: dict) -> dict:
    """What the tenant of an SPV owes it, and what the whole asset would be let for."""
    years = max(0.0, calendar.middles[t] - lease["start"])
    base = c["ownership"] * lease["annual"] * DT * lease["leased"][t]
    base *= (1.0 + c["rent_escalator"]) ** years
    return {
        "base": base,
        "rent": base * tenancy["let"] * tenancy["index"],
        "owed": c["ownership"] * tenancy["owed"],
        "put": c["ownership"] * tenancy["put"],
    }


def collect(c: dict, due: dict, tenancy: dict, pays: float, state: dict) -> dict:
    """What an SPV collects from its tenant, who `pays` a share, and from others."""
    from_tenant = due["rent"] * pays
    free = max(0.0, 1.0 - tenancy["let"] - tenancy["vacant"])
    income = from_tenant + due["base"] * free * tenancy["market"]
    debt = state["loan"] + state["takeout"] + state["arrears"]
    backed = min(c["ownership"] * tenancy["backed"], debt)
    covered = tenancy["left"] * backed
    return {
        "from_tenant": from_tenant,
        "rent": income,
        "cfads": income * (1.0 - c["operating_cost"]),
        "owed": due["owed"] * pays + covered,
        "put": due["put"] * pays,
        "covered": covered,
        "backed": backed,
    }
