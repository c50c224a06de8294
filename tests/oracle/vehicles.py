"""Who earns: hyperscalers (section 3), and section 4 of docs/model.md."""

import math

from tests.oracle.dates import (
    DT,
    VINTAGES,
    Calendar,
    clip,
    dot,
    headroom,
    ratio,
    read,
    shifted,
    span,
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

    `w` has the window, what RPO brings and what capex chips allow; `honoured` is the
    share that each lab pays; who is not in it pays in full.
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


def bill(
    f: dict,
    c: dict,
    calendar: Calendar,
    d: dict,
    t: int,
    state: dict,
    market: dict,
    late: float,
):
    """What a neocloud sells in the quarter, before anyone pays.

    `late` is the capex that waits for chips.
    """
    dates, values = c["legacy_revenue.dates"], c["legacy_revenue.values"]
    middle = calendar.middles[t]
    legacy = read(middle, dates, values)
    made = max(0.0, legacy - (state["deferred"] + late) / c["capex_per_revenue"])
    contracts = shifted(state["contracts"])
    begin = c["delivery"] + f["physics.delay"]
    end = begin + c["term"]
    gone = leave(f, c, state, contracts, market["level"], begin)
    contracts = gone["contracts"]
    new = dot(span(begin, end), contracts)
    expired = max(0.0, read(middle - c["tail"], dates, values) - legacy)
    legacy_expired = expired
    expired += dot(span(end, end + c["tail"]), contracts)
    old = math.exp(-f["market.chip_decay"] * c["term"])
    fetched = min(1.0, market["level"] * old)
    tail = expired * fetched
    sold = made + new + tail + gone["sold"]
    priced, dearer = sold, 0.0
    if "power_cost" in c:
        now = d["power"][t] / c["power_signed"] - 1.0
        passed = c.get("power_pass_through", 0.0) * c["power_cost"] * now
        priced = (1.0 + passed) * (made + new) + tail + gone["sold"]
        dearer = c["power_cost"] * now
        if "ppa" in c:
            then = c["ppa_price"] / c["power_signed"] - 1.0
            dearer = c["power_cost"] * (c["ppa"] * then + (1.0 - c["ppa"]) * now)
    if "cpi_indexation" in c or "rate_indexation" in c:
        yearly = 1.0 + f["macro.cpi"] * c.get("cpi_indexation", 0.0)
        follows, short = c.get("rate_indexation", 0.0), d["short"][t]
        since = yearly ** max(0.0, middle - calendar.as_of)
        then = f["rates.short"] + f["shifts.rate_all"]
        priced += made * (since * (1.0 + follows * (short - then)) - 1.0)
        runs, rates = span(begin, end), shifted(state["signed_at"])
        for k in range(VINTAGES):
            price = yearly ** (k * DT) * (1.0 + follows * (short - rates[k]))
            priced += runs[k] * contracts[k] * (price - 1.0)
    return {
        "legacy": legacy,
        "legacy_tail": legacy_expired * fetched,
        "dearer": dearer,
        "made": made,
        "new": new,
        "sold": sold,
        "billed": (priced * DT + gone["payment"]) * c["collected"],
        "to_leave": gone["payment"] * c["collected"],
        "left": gone["left"],
        "prepaid_left": gone["prepaid"],
        "contracts": contracts,
        "begin": begin,
        "end": end,
    }


def leave(
    f: dict, c: dict, state: dict, contracts: list, level: float, begin: float
) -> dict:
    """Customers who pay to leave, contract by contract, and what was left sells for."""
    left, kept = shifted(state["left"]), list(contracts)
    levels, found = shifted(state["levels"]), {"payment": 0.0, "prepaid": 0.0}
    sold = 0.0
    if "termination" in c:
        runs = span(begin, begin + c["term"])
        after = span(begin + c["term"], begin + c["term"] + c["tail"])
        early, share = c["prepayment"], c["termination"]
        fade = f["market.chip_decay"]
        for k in range(VINTAGES):
            relative = ratio(level, levels[k], 1.0)
            served = max(0.0, k * DT - begin)
            if runs[k] > 0.0 and served >= c["minimum_term"] - DT / 2:
                rest = worth = bought = 0.0
                for j in range(k, VINTAGES):
                    now = runs[j] * DT * (1.0 + c["valuation_rate"]) ** ((k - j) * DT)
                    rest += runs[j] * DT
                    worth += now
                    bought += now * math.exp(-fade * max(0.0, j * DT - begin))
                leaving = (share - early) * rest + relative * bought
                if leaving < (1.0 - early) * worth:
                    found["payment"] += share * rest * kept[k]
                    found["prepaid"] += early * rest * kept[k]
                    left[k] += kept[k]
                    kept[k] = 0.0
            on = min(1.0, runs[k] + after[k]) * math.exp(-fade * served)
            sold += left[k] * min(1.0, relative * on)
    return {"contracts": kept, "left": left, "sold": sold, **found}


def earn(c: dict, calendar: Calendar, t: int, state: dict, b: dict, unpaid: float):
    """A neocloud's EBITDA once labs have paid; `unpaid` is their missing share."""
    receipts = b["billed"] * (1.0 - unpaid)
    backstop = 0.0
    if "backstop_share" in b:
        wanted = b["backstop_rate"] * (b["billed"] - receipts)
        backstop = b["backstop_share"] * min(state["backstop"], wanted)
    early = (1.0 - c["legacy_cash"]) * b["made"] + c["prepayment"] * b["new"]
    prepaid = min(state["prepaid"], early * DT + b["prepaid_left"])
    lease = read(calendar.middles[t], c["lease.dates"], c["lease.values"])
    costs = (c["variable"] + c["overhead"] + b["dearer"]) * b["sold"] * DT
    costs += max(lease, c["lease_rate"] * b["sold"]) * DT
    ebitda = receipts + backstop - costs
    return {
        "revenue": b["sold"] * DT,
        "billed": b["billed"],
        "receipts": receipts,
        "backstop": backstop,
        "prepaid": prepaid,
        "ebitda": ebitda,
        "once": b["to_leave"] * (1.0 - unpaid),
        "cash_ebitda": ebitda - prepaid,
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
        "covered": covered,
        "backed": backed,
    }
