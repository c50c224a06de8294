"""Classes of debt, their marks, and the funds that hold them: sections 5 and 6."""

import math

from tests.oracle.credit_spv import opening_coupon
from tests.oracle.dates import DT, clip, headroom, normal, under
from tests.oracle.drivers import rate_shift
from tests.oracle.fund_terms import call, incentive, open_terms, service_nav_loan

HOLDERS = ("fund", "bond_fund", "bank", "insurer", "pension", "outside")
FLOWS = ("interest", "repaid", "lent", "balance", "premium")


def class_terms(f: dict, clouds: list, spvs: list, kinds: list) -> list[dict]:
    """The classes of debt in order, with what never changes about each."""
    ra = f["shifts.rate_all"]
    market = f["rates.ten_year"] + rate_shift(f)
    struck = f["marks.issue_ten_year"] + ra
    result = []

    def add(c: dict, held: str, coupon: float, life: float, **changed: object) -> None:
        term = {
            "share": {x: c[f"{held}.{x}"] for x in HOLDERS},
            "instrument": held.removeprefix("holders_"),
            "coupon": coupon,
            "struck": struck,
            "life": life,
            "lag": min(1.0, DT / c["recovery_lag"]),
            "fixed": True,
        }
        result.append({**term, **changed})

    for c in clouds:
        add(c, "holders_secured", c["ddtl_coupon"] + ra, f["marks.secured"])
    for c in clouds:
        coupon, life = c["notes_coupon"] + ra, f["marks.unsecured"]
        add(c, "holders_unsecured", coupon, life)
    for c, kind in zip(spvs, kinds, strict=True):
        coupon = opening_coupon(f, c, kind["coupon_kind"])
        fixed = kind["coupon_kind"] == "fixed"
        add(c, "holders_notes", coupon, c["mark"], fixed=fixed)
    for c in spvs:
        coupon = market + c["takeout_margin"]
        add(c, "holders_takeout", coupon, c["mark"], struck=market)
    return result


def member_flows(clouds: list[dict], spvs: list[dict]) -> list[dict]:
    """Flows, claims and headrooms of each class, per average living member."""
    parts = [
        (clouds, "secured", "secured", "secured_headroom", "recovery_secured"),
        (clouds, "unsecured", "unsecured", "headroom", "recovery_unsecured"),
        (spvs, "loan", "loan", "headroom", "recovery"),
        (spvs, "takeout", "takeout", "headroom", "recovery"),
    ]
    return [
        {
            "interest": r[f"interest_{name}"]
            + (r["capitalised"] if name == "loan" else 0.0)
            - r[f"premium_{name}"],
            "premium": r[f"premium_{name}"],
            "repaid": r[f"repaid_{name}"],
            "lent": r[f"lent_{name}"],
            "balance": r[balance],
            "claim": r[f"claim_{name}"],
            "headroom": r[health],
            "recovery": r[back],
            "alive": r["alive"],
            "failing": r["failing"],
        }
        for members, name, balance, health, back in parts
        for r in members
    ]


def settle(terms: list, flows: list, receivables: list, g: dict) -> list[dict]:
    """What each class is paid, lends, loses and recovers in the quarter."""
    result = []
    for term, x, owed in zip(terms, flows, receivables, strict=True):
        failed = x["failing"] * x["claim"]
        lost = (1.0 - x["recovery"]) * failed
        claimed = g["claims"] * g["part"].get(term["instrument"], 0.0) * lost
        recovered = owed * term["lag"]
        result.append(
            {
                **{name: x["alive"] * x[name] for name in FLOWS},
                "failed": failed,
                "loss": lost - claimed,
                "claimed": claimed,
                "recovered": recovered,
                "receivable": owed - recovered + x["recovery"] * failed,
            }
        )
    return result


def mark(
    f: dict, term: dict, ten_year: float, factor: float, hazard: float, spread: float
) -> float:
    """Price of a class of debt; `hazard` is how near its default is, times its loss."""
    c, base = term["coupon"], term["struck"]
    moved = (ten_year - base) if term["fixed"] else 0.0
    moved += max(0.0, c - base) * (factor - 1.0) + spread
    y, n = max(c + moved + f["marks.hazard_slope"] * hazard, 0.001), term["life"]
    return c / y * (1.0 - math.exp(-y * n)) + math.exp(-y * n)


def mark_now(f: dict, term: dict, x: dict, d: dict, t: int, spread: float) -> float:
    """Price of a class of debt at the end of a quarter."""
    close = max(0.0, f["marks.hazard_reference"] - x["headroom"])
    hazard = close * (1.0 - x["recovery"])
    return mark(f, term, d["ten_year"][t], d["spread_factor"][t], hazard, spread)


def held(terms: list, classes: list, holder: str, name: str) -> float:
    """A holder's part of a flow."""
    pairs = zip(terms, classes, strict=True)
    own = sum(term["share"][holder] * x[name] for term, x in pairs)
    if holder == "bank":
        own += sum(x["moved"][name] for x in classes if "moved" in x)
    return own


def value(terms: list, classes: list, price: list, holder: str) -> float:
    """A holder's claims at market prices, with what is still to be recovered."""
    worth = [
        {"worth": x["balance"] * p + x["receivable"]}
        for x, p in zip(classes, price, strict=True)
    ]
    return held(terms, worth, holder, "worth")


NO_LINE = {
    "line": 0.0,
    "line_spread": 0.0,
    "sale_discount": 0.0,
    "covenant_cover": 0.0,
    "maximum_advance": 1.0,
    "liquidation": 1.0,
    "cover_dispersion": 1.0,
}
NO_REDEMPTIONS = {
    "base_requests": 0.0,
    "request_slope": 0.0,
    "redeemable": 0.0,
    "carry_over": 0.0,
    "gate": 1.0,
}
NO_PRICE = {"discount": 0.0, "discount_slope": 0.0, "closing_discount": 1.0}
GATED = ("non_traded", "private_credit")


def fund_terms(f: dict, name: str, kind: str, classes: list) -> dict:
    """What never changes about a cohort; `classes` are the terms of every class."""
    c = under(f, f"funds.{name}")
    if kind == "managed_account":
        c = {**c, **NO_LINE}
    if kind not in GATED:
        c = {**c, **NO_REDEMPTIONS}
    if kind != "listed":
        c = {**c, **NO_PRICE}
    of_funds = [c[f"holdings.{x['instrument']}"] for x in classes]
    part = [
        x["share"]["fund"] * mine for x, mine in zip(classes, of_funds, strict=True)
    ]
    return {**c, "kind": kind, "part": part, "of_funds": of_funds}


def open_fund(f: dict, c: dict, terms: list, balances: list) -> dict:
    """A cohort of private-credit funds at `as_of`."""
    market = f["rates.ten_year"] + rate_shift(f)
    worth = 0.0
    for part, term, x in zip(c["part"], terms, balances, strict=True):
        worth += part * x * mark(f, term, market, 1.0, 0.0, 0.0)
    return {
        "value": worth,
        "other": c["other_assets"],
        "line": c["line"],
        "index": 1.0,
        "peak": 1.0,
        "absorbed": 0.0,
        "waiting": 0.0,
        **open_terms(c, worth + c["other_assets"] - c["line"]),
    }


def lends(cohorts: dict) -> dict:
    """Each cohort's part of what all have lent at the start."""
    total = sum(s["value"] for s in cohorts.values())
    if abs(total) <= 1e-9:
        return dict.fromkeys(cohorts, 1.0 / len(cohorts))
    return {m: s["value"] / total for m, s in cohorts.items()}


def margin_call(c: dict, line: float, assets: float) -> float:
    """What the bank calls: over the advance rate, or to restore the covenant."""
    call = line - c["maximum_advance"] * assets
    if c["covenant_cover"] > 0.0:
        allowed, price = 1.0 / (1.0 + c["covenant_cover"]), 1.0 - c["sale_discount"]
        if line > allowed * assets:
            over = (line - allowed * assets) * price
            call = max(call, over / max(price - allowed, 0.05))
    return clip(call, 0.0, line)


def run_fund(
    c: dict,
    d: dict,
    t: int,
    s: dict,
    classes: list,
    price: list,
    used: dict,
    quotes: dict,
) -> tuple[dict, dict]:
    """A cohort's quarter: what to report, and its state.

    `used` is each institution's largest loss so far over its buffer; `quotes` has the
    price of a unit of other assets, and how it moved.
    """
    other = s["other"] * quotes["other"]
    pairs = list(zip(c["part"], classes, price, strict=True))
    # What banks hold beyond the figures, a cohort lacks by its part of the funds.
    pairs += [
        (-mine, x["moved"], p)
        for mine, x, p in zip(c["of_funds"], classes, price, strict=True)
        if "moved" in x
    ]
    got = {
        name: sum(part * x[name] for part, x, _ in pairs)
        for name in ("interest", "repaid", "lent", "recovered", "loss", "claimed")
    }
    market = sum(a * (x["balance"] * p + x["receivable"]) for a, x, p in pairs)
    net = got["lent"] - got["repaid"] - got["recovered"]
    put_in = net - got["claimed"]
    carried = s["value"] + net - got["loss"] - got["claimed"]
    smooth = 1.0 - 2.0 ** (-DT / c["opacity_half_life"])
    smoothed = carried + (market - carried) * smooth
    assets = s["value"] + other
    drawn = min(s["line"] / max(assets, 1e-6), 1.0) * put_in
    line, discount = s["line"] + drawn, c["sale_discount"]
    called, bearable, beside = put_in - drawn, got["loss"], 0.0
    calls = None
    if "undrawn" in c:
        short = d["short"][t]
        calls = call(c, called, other, used, short, got["loss"], s)
        called = calls["paid"] - calls["returned"]
        drawn += calls["overdrawn"]
        line += calls["overdrawn"]
        other -= calls["sold"]
        bearable -= calls["loss"]
        beside += calls["line"]
    margin = margin_call(c, line, smoothed + other)
    sold = min(margin / (1.0 - discount), other)
    line -= sold * (1.0 - discount)
    left = other - sold
    sigma = c["cover_dispersion"]
    cover = (market + left) * c["liquidation"] / max(line, 1e-6)
    h = math.log(cover) if cover > 0.0 else -10.0
    share = normal(-h / sigma)
    share -= math.exp(h + sigma * sigma / 2.0) * normal(-h / sigma - sigma)
    share = max(0.0, share)
    line_loss = min(max(share * line - s["absorbed"], 0.0), bearable)
    absorbed = s["absorbed"] + line_loss
    bearable -= line_loss

    net_before = assets - s["line"]
    net_before -= s.get("subscription", 0.0) + s.get("nav_loan", 0.0)
    nav_before = max(1.0, net_before)
    gain = smoothed - (s["value"] + put_in) - sold * discount
    gain += s["other"] * quotes["moved"]
    income = got["interest"] + s["other"] * c["other_yield"] * DT
    fee = c["fee"] * nav_before * DT
    line_interest = s["line"] * (d["short"][t] + c["line_spread"]) * DT
    ordinary = s["other"] * c["other_loss"] * DT
    distributed = income - fee - line_interest - ordinary
    terms = {}
    if calls is not None:
        distributed -= calls["interest"]
        gain += calls["loss"] - calls["sold"] * discount
        sold += calls["sold"]
        line_loss += calls["loss"]
        terms.update(undrawn=calls["undrawn"], subscription=calls["line"])
    extra = 0.0
    if "incentive" in c:
        worth = smoothed + left - line - beside
        if "nav_loan" in c:
            rate = d["short"][t] + c["nav_loan_spread"]
            worth -= s["nav_loan"] * (1.0 + rate * DT)
        extra, accounts = incentive(c, distributed, called, nav_before, worth, s)
        terms.update(accounts)
        distributed -= extra
    loan = {"loss": 0.0, "repaid": 0.0}
    if "nav_loan" in c:
        worth = smoothed + left - line - beside
        loan = service_nav_loan(
            c, d["short"][t], distributed, worth, bearable, s["nav_loan"]
        )
        distributed -= loan["repaid"]
        gain += loan["repaid"] - loan["interest"] + loan["loss"]
        line_loss += loan["loss"]
        beside += loan["balance"]
        terms["nav_loan"] = loan["balance"]
        for account in ("hurdle", "invested"):
            if account in terms:
                terms[account] += loan["repaid"]
    owes = line + beside
    index = max(0.0, s["index"] * (1.0 + gain / nav_before))
    peak = max(s["peak"], index)
    fallen = max(0.0, 1.0 - index / peak)
    asked = c["base_requests"] + c["request_slope"] * fallen
    requests = asked + max(0.0, 1.0 - asked) * s["waiting"]
    nav = max(0.0, smoothed + left - owes)
    liquid = nav * c["redeemable"]
    redeemed = min(min(requests, c["gate"]) * liquid, left)
    served = redeemed / liquid if liquid > 1e-9 else 0.0
    waiting = c["carry_over"] * clip(requests - served, 0.0, 1.0)
    subscribed = min(redeemed, c["base_requests"] * liquid)

    lag = 1.0 - max(0.0, market + left - owes) / nav if nav > 1e-9 else 0.0
    below = clip(c["discount"] + c["discount_slope"] * lag, 0.0, 0.95)
    room = max(c["closing_discount"] - c["discount"], 1e-3)
    issuing = clip((c["closing_discount"] - below) / room, 0.0, 1.0)
    lending = clip(1.0 - c["lending_slope"] * (1.0 - index), 0.0, 1.0) * issuing
    lending *= 1.0 if calls is None else calls["reach"]
    state = {
        "value": smoothed,
        "other": (left - redeemed + subscribed) / quotes["other"],
        "line": line,
        "index": index,
        "peak": peak,
        "absorbed": absorbed,
        "waiting": waiting,
        **terms,
    }
    unpaid = calls or {"defaulted": 0.0, "missing": 0.0, "line": 0.0, "loss": 0.0}
    report = {
        "income": income,
        "interest": got["interest"],
        "fee": fee,
        "line_interest": line_interest,
        "distributed": distributed,
        "called": called,
        "value": market,
        "nav": nav,
        "drawn": drawn,
        "margin_call": margin,
        "sold": sold,
        "redeemed": redeemed - subscribed,
        "requests": requests,
        "waiting": waiting,
        "credit_loss": got["loss"],
        "line_loss": line_loss,
        "gate_headroom": headroom(c["gate"], requests),
        "line_share": share,
        "lending": lending,
        "line": line,
        "index": index,
        "discount": below,
        "incentive_fee": extra,
        "manager": fee + extra,
        "managed": smoothed + left + (sum(calls["undrawn"].values()) if calls else 0.0),
        "defaulted": unpaid["defaulted"],
        "missing": unpaid["missing"],
        "subscription": unpaid["line"],
        "subscription_loss": unpaid["loss"],
        "nav_repaid": loan["repaid"],
        "nav_loss": loan["loss"],
    }
    return report, state
