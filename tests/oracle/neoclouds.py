"""What a neocloud sells, bills and earns: docs/model.md, section 4."""

import math

from tests.oracle.dates import (
    DT,
    VINTAGES,
    Calendar,
    dot,
    ratio,
    read,
    shifted,
    span,
)


def bill(
    f: dict,
    c: dict,
    calendar: Calendar,
    d: dict,
    t: int,
    state: dict,
    market: dict,
    late: float,
    powered: float,
):
    """What a neocloud sells in the quarter, before anyone pays.

    `late` is the capex that waits for chips; `powered` the share of all that asks for
    power that gets it.
    """
    dates, values = c["legacy_revenue.dates"], c["legacy_revenue.values"]
    middle = calendar.middles[t]
    legacy = read(middle, dates, values)
    made = max(0.0, legacy - (state["deferred"] + late) / c["capex_per_revenue"])
    contracts = shifted(state["contracts"])
    begin = c["delivery"] + f["physics.delay"]
    end = begin + c["term"]
    prices = contract_prices(f, c, calendar, d, t, state)
    gone = leave(f, c, state, contracts, prices["signed"], market["level"], begin)
    contracts = gone["contracts"]
    running = dot(span(begin, end), contracts)
    dark = 0.0
    if "market.queue.connections" in f:
        starting = dot(span(begin, begin + DT), contracts)
        dark = min((state["unpowered"] + starting) * (1.0 - powered), running)
    new = running - dark
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
    priced += made * (prices["legacy"] - 1.0)
    lit = 1.0 - ratio(dark, running)
    priced += lit * dot(
        span(begin, end),
        [v * (g - 1.0) for v, g in zip(contracts, prices["signed"], strict=True)],
    )
    return {
        "legacy": legacy,
        "legacy_tail": legacy_expired * fetched,
        "dearer": dearer,
        "made": made,
        "new": new,
        "unpowered": dark,
        "sold": sold,
        "billed": (priced * DT + gone["payment"]) * c["collected"],
        "to_leave": gone["payment"] * c["collected"],
        "left": gone["left"],
        "prepaid_left": gone["prepaid"],
        "contracts": contracts,
        "begin": begin,
        "end": end,
    }


def contract_prices(
    f: dict, c: dict, calendar: Calendar, d: dict, t: int, state: dict
) -> dict:
    """Prices of contracts over the signed ones, by consumer prices and the rate."""
    yearly = 1.0 + f["macro.cpi"] * c.get("cpi_indexation", 0.0)
    follows, short = c.get("rate_indexation", 0.0), d["short"][t]
    since = yearly ** max(0.0, calendar.middles[t] - calendar.as_of)
    then = f["rates.short"] + f["shifts.rate_all"]
    return {
        "legacy": since * (1.0 + follows * (short - then)),
        "signed": [
            yearly ** (k * DT) * (1.0 + follows * (short - rate))
            for k, rate in enumerate(shifted(state["signed_at"]))
        ],
    }


def leave(
    f: dict,
    c: dict,
    state: dict,
    contracts: list,
    prices: list,
    level: float,
    begin: float,
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
                leaving = (share * prices[k] - early) * rest + relative * bought
                if leaving < (prices[k] - early) * worth:
                    found["payment"] += share * prices[k] * rest * kept[k]
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
