"""Public assets under forced sales: docs/model.md, section 8."""

import math
from typing import Any

from tests.oracle.dates import DT, HIGHEST, clip

INSTITUTIONS = ("pension", "insurer")
TARGET = "banks.target_leverage"


def open_public(f: dict, choices: dict, assets: list) -> dict | None:
    """Markets and portfolios at `as_of`; None where the config has none."""
    if not assets:
        return None
    terms = {}
    for m in assets:
        terms[m] = {
            key: f[f"public_markets.{m}.{key}"]
            for key in ("size", "depth", "floor", "recovery", "spread_pass")
        }
        terms[m]["impact"] = choices[f"public_markets.{m}.impact"]
    held = {
        who: {
            m: f[f"portfolios.{who}.invested"] * f[f"portfolios.{who}.assets.{m}"]
            for m in assets
        }
        for who in (*INSTITUTIONS, "bank")
    }
    rules = {
        who: {
            "marked": f[f"portfolios.{who}.marked"],
            "buffer": f[f"investors.{who}.buffer"],
            "multiple": f[f"investors.{who}.sale_multiple"],
        }
        for who in INSTITUTIONS
    }
    if TARGET in f:
        # Only what is at fair value is for sale, and all of that is marked.
        rules["bank"] = {
            "marked": 1.0,
            "buffer": f["banks.buffer"],
            "multiple": f[TARGET] - 1.0,
        }
    at_market = f["portfolios.bank.marked"]
    held["bank"] = {m: at_market * x for m, x in held["bank"].items()}
    return {
        "terms": terms,
        "rules": rules,
        "bank_charged": 0.0,
        "held": held,
        "mix": {m: f[f"portfolios.funds.assets.{m}"] for m in assets},
        "price": dict.fromkeys(assets, 1.0),
        "realised": dict.fromkeys(rules, 0.0),
        "other": 1.0,
    }


def quote(s: dict) -> dict:
    """Prices as the quarter begins, and that of a unit of funds' other assets."""
    price, other = {}, 1.0
    for m, term in s["terms"].items():
        left = math.exp(-term["recovery"] * DT)
        price[m] = 1.0 - (1.0 - s["price"][m]) * left
        other -= s["mix"][m] * (1.0 - price[m])
    return {"price": price, "other": other, "moved": other - s["other"]}


def fallen(term: dict, price: float, sales: float) -> float:
    """Fall of a price, as a share of it."""
    room = max(0.0, 1.0 - term["floor"] / price)
    if term["impact"] == "linear":
        return min(sales / term["depth"], room)
    if room <= 0.0:
        return 0.0
    return room * -math.expm1(-sales / (room * term["depth"]))


def trade(
    s: dict, quotes: dict, lost: dict, reached: dict, funds: list, other: float
) -> tuple[dict, dict]:
    """Sells and marks, round after round, until another round changes nothing.

    `lost` is what losses use of the buffers and `reached` the most that anything did,
    `funds` what cohorts sold, `other` what they keep.
    """
    terms, price, sellers = s["terms"], quotes["price"], s["rules"]
    charged = {**reached, "bank": s["bank_charged"]}
    sold_by_funds = {m: s["mix"][m] * sum(funds) for m in terms}
    wholes = {w: sum(s["held"][w][m] * price[m] for m in terms) for w in sellers}

    def use(who: str, fall: dict) -> float:
        marks = sum(
            s["held"][who][m] * (1.0 - price[m] * (1.0 - fall[m])) for m in terms
        )
        return lost[who] + s["realised"][who] + sellers[who]["marked"] * marks

    fall, sales, rounds = dict.fromkeys(terms, 0.0), None, []
    while len(rounds) < 1000:
        sales = {}
        for who, rule in sellers.items():
            over = use(who, fall) - max(rule["buffer"], charged[who])
            sales[who] = clip(rule["multiple"] * over, 0.0, wholes[who])
        by_asset = dict(sold_by_funds)
        for m in terms:
            for who in sellers:
                if wholes[who] > 0.0:
                    part = s["held"][who][m] * price[m] / wholes[who]
                    by_asset[m] += part * sales[who]
        rounds.append(by_asset)
        before = fall
        fall = {m: fallen(terms[m], price[m], by_asset[m]) for m in terms}
        if fall == before:
            break
    now = {m: price[m] * (1.0 - fall[m]) for m in terms}
    held = {"bank": s["held"]["bank"]}
    marks, losses, uses = {}, {}, {}
    realised, most = {}, {}
    for who in sellers:
        gone = sales[who] / wholes[who] if wholes[who] > 0.0 else 0.0
        below = sum(s["held"][who][m] * (1.0 - now[m]) for m in terms)
        held[who] = {m: x * (1.0 - gone) for m, x in s["held"][who].items()}
        marks[who], losses[who] = (1.0 - gone) * below, gone * below
        realised[who] = s["realised"][who] + losses[who]
        part = sellers[who]["marked"] * marks[who]
        uses[who] = lost[who] + realised[who] + part
        most[who] = max(charged[who], use(who, fall))
    bank = sum(held["bank"][m] * (1.0 - now[m]) for m in terms)
    of_funds = other * sum(s["mix"][m] * (1.0 - now[m]) for m in terms)
    marks |= {"bank": bank, "private_credit": of_funds}
    report = {
        "price": [now[m] for m in terms],
        "sold": [rounds[-1][m] for m in terms],
        "first": sum(rounds[0].values()),
        "marks": marks,
        "discount": losses,
        "used": uses,
        "charged": {who: most[who] for who in INSTITUTIONS},
        "forced_sales": sales,
        "bank_used": bank + realised.get("bank", 0.0),
        "impact": sum(terms[m]["spread_pass"] * (price[m] - now[m]) for m in terms),
    }
    state = {"price": now, "held": held, "realised": realised}
    state["bank_charged"] = most.get("bank", 0.0)
    return report, {**s, **state, "other": quotes["other"]}


def mark_investors(f: dict, public: dict, report: dict, state: dict) -> tuple:
    """Buffers, sales and headrooms of investors and banks with public assets marked."""
    rooms = [
        clip(1.0 - public["used"][who] / f[f"investors.{who}.buffer"], -1.0, HIGHEST)
        for who in INSTITUTIONS
    ]
    lost = state["bank_lost"] + public["bank_used"]
    report = {
        **report,
        "used": [public["used"][who] for who in INSTITUTIONS],
        "forced_sales": [public["forced_sales"][who] for who in INSTITUTIONS],
        "headroom": rooms,
        "bank_headroom": clip(1.0 - lost / f["banks.buffer"], -1.0, HIGHEST),
    }
    return report, {**state, "charged": public["charged"]}


def of_public(run: Any) -> dict[str, Any]:
    """Metrics of public assets, their holders and second rounds, if any."""
    assets = run.families["public_markets"]
    if not assets:
        return {}
    price, sold = run.one("public", "price"), run.one("public", "sold")
    result: dict[str, Any] = {}
    for k, m in enumerate(assets):
        result[f"{m}.lowest_price"] = min(x[k] for x in price)
        result[f"{m}.forced_sales"] = sum(x[k] for x in sold)
    marks = run.one("public", "marks")
    for who in ("pension", "insurer", "bank", "private_credit"):
        result[f"{who}.mark_loss"] = max(x[who] for x in marks)
    lost = run.one("public", "discount")
    for who in lost[0]:
        result[f"{who}.sale_loss"] = sum(x[who] for x in lost)
    if TARGET in run.f:
        sales = run.one("public", "forced_sales")
        result["bank.forced_sales"] = sum(x["bank"] for x in sales)
    total = sum(sum(x) for x in sold)
    share = 0.0
    if total > 1e-6:
        share = 1.0 - sum(run.one("public", "first")) / total
    result["system.second_round_share"] = (share, total > 1e-6)
    # Rounds here go on until nothing changes.
    result["system.fire_sale_remainder"] = 0.0
    return result


def worst_market(run: Any) -> tuple[float, float]:
    """Sales over size and fall of price, each in the market that is hit hardest."""
    share = fallen = 0.0
    for k, m in enumerate(run.families["public_markets"]):
        sold = sum(x[k] for x in run.one("public", "sold"))
        share = max(share, sold / run.f[f"public_markets.{m}.size"])
        lowest = min(x[k] for x in run.one("public", "price"))
        fallen = max(fallen, 1.0 - lowest)
    return share, fallen
