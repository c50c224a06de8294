"""Tech equity and what households spend: docs/model.md, sections 1 (Wealth) and 8."""

import math

from tests.oracle.dates import DT, clip
from tests.oracle.vehicles import before_interest


def open_wealth(f: dict, c: dict, plan: dict) -> dict:
    """Multiples of the companies at `as_of`, the high-water mark, nothing cut.

    `c` has the figures of the families, `plan` the first model quarter's `years` after
    the last observation, the hybrid cloud's `rpo`, `rent` and `capex`, the
    hyperscalers' `capex` and the neoclouds' `committed` capex.
    """
    multiples, caps = {}, 0.0
    for m, x in c["hyperscalers"].items():
        worth = x["market_cap"] + x["legacy_debt"] - x["cash"]
        multiples[m] = worth / before_interest(f, x)
        caps += x["market_cap"]
    ((name, x),) = c["hybrid"].items()
    ebitda = x["core_ebitda"] * (1.0 + x["core_growth"]) ** plan["years"]
    ebitda += 4.0 * plan["rpo"] * (1.0 - x["variable"] - x["fixed"]) - plan["rent"]
    worth = x["market_cap"] + x["legacy_debt"] - x["cash"]
    multiples[name] = worth / ebitda
    caps += x["market_cap"]
    capex = sum(plan["hyperscalers"]) + plan["capex"]
    capex += sum(4.0 * one for one in plan["committed"])
    for name, x in c["vendor"].items():
        profit = x["margin"] * (x["chip"] * capex + x["outside_sales"])
        multiples[name] = (x["market_cap"] - x["cash"]) / profit
        caps += x["market_cap"]
    caps += sum(x["market_cap"] for x in c["neoclouds"].values())
    return {"multiples": multiples, "highest": caps, "cut": 0.0}


def feel(f: dict, d: dict, t: int, cut: float) -> float:
    """Takes revenue and what follows from it anew; returns the share kept.

    `d` keeps what came out in earlier quarters; its `curve` what the curve gave.
    """
    lost = f["wealth.revenue_elasticity"] * f["wealth.multiplier"] * cut
    kept = max(0.0, 1.0 - lost)
    curve = d["curve"]
    d["revenue"][t] = kept * curve["revenue"][t]
    d["ratio"][t] = rho = kept * curve["ratio"][t]
    low, high = f["market.training_floor"], f["market.training_cap"]
    years = d["years"][t]
    budget = f["market.training"] * (1.0 + f["market.training_growth"]) ** years
    budget *= f["market.coordinator"] * clip(rho, low, high)
    d["money"][t] = f["market.compute"] * d["revenue"][t] + budget
    gw = d["money"][t] * (1.0 - f["market.efficiency"]) ** years
    d["demand"][t] = gw / f["market.reference_price"] + f["market.core"]
    before = clip(d["ratio"][max(t - 1, 0)], f["market.response_floor"], 1.0)
    d["response"][t] = before ** f["market.response_elasticity"]
    return kept


def gdp(f: dict, date: float) -> float:
    """GDP on its path."""
    years = date - f["macro.gdp_reference"]
    return f["macro.gdp"] * (1.0 + f["macro.gdp_growth"]) ** years


def wealth_effect(
    f: dict, s: dict, rho: float, gdp_now: float, clouds: list, companies: dict
) -> tuple[dict, dict]:
    """Tech equity at the end of the quarter, and what households spend less.

    `clouds` are pairs of price and opening market value, `companies` triples of yearly
    result, debt and cash by name.
    """
    fallen = f["wealth.multiple_fall"] * (1.0 - clip(rho, 0.0, 1.0))
    worth = sum(price * cap for price, cap in clouds)
    for name, (result, debt, cash) in companies.items():
        multiple = s["multiples"][name] * (1.0 - fallen)
        worth += max(0.0, multiple * result - (debt - cash))
    highest = max(s["highest"], worth)
    spent = f["wealth.propensity"] * f["wealth.held"]
    target = spent * (highest - worth) / gdp_now
    pace = 1.0 - math.exp(-f["wealth.adjustment"] * DT)
    cut = s["cut"] + (target - s["cut"]) * pace
    report = {"equity": worth, "highest": highest, "cut": cut}
    return report, {**s, "highest": highest, "cut": cut}
