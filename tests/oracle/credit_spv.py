"""An SPV's quarter with its creditors: docs/model.md, section 5."""

from tests.oracle.causes import cause
from tests.oracle.dates import (
    DT,
    HIGHEST,
    Calendar,
    annuity,
    clip,
    conditional,
    default_test,
    failed,
    headroom,
    ratio,
    survive,
)
from tests.oracle.drivers import rate_shift
from tests.oracle.vehicles import construction


def prepare_spv(f: dict, c: dict, lease: dict, calendar: Calendar) -> dict:
    """An SPV's dated figures by quarter."""
    start, first = lease["start"], c["takeout"] + f["physics.delay"]
    attempts = [
        conditional(calendar.matures(first + k * c["extension"])) for k in range(3)
    ]
    return {
        "spend": [
            construction(f, c, e) - construction(f, c, s)
            for s, e in zip(calendar.starts, calendar.ends, strict=True)
        ],
        "equity": [c["equity"] * x for x in calendar.matures(start)],
        "started": calendar.overlap(start, calendar.ends[-1]),
        "attempt": [clip(sum(x), 0.0, 1.0) for x in zip(*attempts, strict=True)],
        "extended": [
            sum(sum(calendar.matures(first + k * c["extension"])[:t]) for k in range(2))
            for t in range(len(attempts[0]))
        ],
        "last": attempts[2],
        "sweeping": calendar.overlap(c["sweep_from"], calendar.ends[-1]),
        "life": [
            max(1.0, (c["rent_start"] + c["amortisation"] - s) / DT)
            for s in calendar.starts
        ],
        "takeout_life": [
            (first + c["takeout_tenor"] - s) / DT for s in calendar.starts
        ],
    }


def open_spv(f: dict, c: dict, funding: str, calendar: Calendar, scale: float) -> dict:
    """An SPV at `as_of`."""
    spent = construction(f, c, calendar.as_of)
    if funding == "drawn":
        loan = (c["ltc"] * spent + c["capitalised_to_date"]) * scale
        cash = 0.0
    else:
        loan = c["notes"] * scale
        years = calendar.as_of - c["issue"]
        coupon = c["coupon"] + f["shifts.rate_all"]
        cash = c["notes"] + c["escrow_income_to_date"] - spent
        cash -= c["notes"] * coupon * years
    return {
        "loan": loan,
        "takeout": 0.0,
        "arrears": 0.0,
        "takeout_rate": 0.0,
        "cash": cash,
        "reserve": clip(c["reserve_funded"], 0.0, max(0.0, cash)),
        "trapped": 0.0,
        "reach": HIGHEST + 1.0,
        "sponsor": c["sponsor_capacity"],
        "coverage": -1.0,
        "let": 1.0,
        "vacant": 0.0,
        "alive": 1.0,
        "worst": HIGHEST,
    }


def level_principal(balance: float, rate: float, n: float) -> float:
    """Principal of the next payment of a level loan with `n` payments left."""
    return balance / ((1.0 + rate) ** n * annuity(rate, n))


def take_out(
    c: dict,
    p: dict,
    d: dict,
    t: int,
    s: dict,
    cfads: float,
    w: dict,
    g: dict,
    level: float,
) -> dict:
    """What a take-out lender gives in this quarter, if it is asked, and what runs on.

    `level` is the loan's scheduled principal.
    """
    part = g["part"]["takeout"]
    margin = c["takeout_margin"] * (1.0 - g["cut"] * part) + w["takeout_margin"]
    margin *= d["spread_factor"][t]
    rate = d["ten_year"][t] + margin + w["spread"]
    value = 4.0 * cfads / (d["ten_year"][t] + c["cap_spread"] + w["spread"])
    ltv = min(0.98, c["takeout_ltv"] + g["advance"] * part + g["leverage"])
    ltv = min(0.98, ltv * w["takeout_kept"])
    served = 4.0 * cfads / c["takeout_dscr"] * DT
    served *= annuity((rate + g["premium"] * part) * DT, c["takeout_tenor"] / DT)
    capacity = min(ltv * value, served)
    room = max(0.0, capacity - s["takeout"])
    asked, owing = p["attempt"][t], s["loan"] - level
    taken = w["loans"] * min(asked * owing, room)
    coverage = s["coverage"]
    if asked > 0.0:
        there = room * w["loans"] + s["cash"] + s["sponsor"]
        now = ratio(there, s["loan"], HIGHEST + 1.0) - 1.0
        coverage = max(coverage, clip(now, -1.0, HIGHEST))
    last, left = p["last"][t], max(0.0, owing - taken)
    # What is not the last attempt extends what the take-out leaves, less a test.
    least, beyond = c.get("extension_debt_yield", 0.0), 0.0
    if least > 0.0:
        beyond = max(0.0, left - max(0.0, 4.0 * cfads / least - s["takeout"] - taken))
    curtailed = (asked - last) * beyond
    return {
        "rate": rate,
        "capacity": capacity,
        "taken": taken,
        "residual": last * left + curtailed,
        "fee": c.get("extension_fee", 0.0) * ((asked - last) * left - curtailed),
        "coverage": coverage,
    }


def recovery(c: dict, s: dict, tenancy: dict, backed: float) -> dict:
    """What lenders would get, were the vehicle to default now."""
    loan = s["loan"] + s["arrears"]
    claim = loan + s["takeout"]
    asset = c["ownership"] * tenancy["collateral"] * c["foreclosure"]
    alone = s["cash"] + asset
    pool = alone + backed
    return {
        "claim_loan": loan,
        "claim_takeout": s["takeout"],
        "recovery": ratio(min(pool, claim), claim, 1.0),
        "security": clip(ratio(pool, claim, HIGHEST + 1.0) - 1.0, -1.0, HIGHEST),
        "guaranteed": min(pool, claim) - min(alone, claim),
    }


def loan_coupon(f: dict, c: dict, kind: str, short: float, more: float = 0.0) -> float:
    """Coupon of the first loan: signed, or floating over the short rate."""
    if kind == "fixed":
        return c["coupon"] + f["shifts.rate_all"]
    return short + c["margin"] + more


def opening_coupon(f: dict, c: dict, kind: str) -> float:
    """Coupon of the first loan at the rates of `as_of`, for its mark."""
    return loan_coupon(f, c, kind, f["rates.short"] + rate_shift(f))


def run_spv(
    f: dict,
    c: dict,
    p: dict,
    lease: dict,
    kinds: dict,
    d: dict,
    t: int,
    s: dict,
    w: dict,
    g: dict,
) -> tuple[dict, dict]:
    """One quarter: what to report, and the state at its end.

    `w` has the window (open, spread), the tenancy, and what was collected.
    """
    short, income = d["short"][t], w["collected"]
    rate = loan_coupon(f, c, kinds["coupon_kind"], short, w["margin"])
    rate = (rate + c.get("extension_step", 0.0) * p["extended"][t]) * DT
    started, drawn = p["started"][t], kinds["funding"] == "drawn"
    fee = g["premium"] * g["part"]["notes"] * DT
    interest = s["loan"] * (rate + fee)
    extra = p["building"][t]
    capitalised = (1.0 - started - extra["due"]) * interest if drawn else 0.0
    level = 0.0
    if kinds["profile"] == "amortising":
        level = started * level_principal(s["loan"], rate, p["life"][t])
    second, left = s["takeout_rate"] * DT, p["takeout_life"][t]
    interest2 = s["takeout"] * second * clip(left, 0.0, 1.0)
    principal2 = level_principal(s["takeout"], second, max(1.0, left))
    fee2 = s["takeout"] * g["premium"] * g["part"]["takeout"] * DT
    interest2 += fee2
    late_interest = s["arrears"] * ((short + g["spread"]) * DT + fee)

    spend, draw, equity = p["spend"][t], 0.0, p["equity"][t]
    if drawn:
        advance = min(
            0.98, c["ltc"] + g["advance"] * g["part"]["notes"] + g["leverage"]
        )
        draw = min(0.98, advance * w["kept"]) * spend
        equity += spend - draw
    out = take_out(c, p, d, t, s, income["cfads"], w, g, level)
    own = 0.0 if drawn else spend
    beyond = extra["overrun"] - extra["guaranteed"]
    coupons = interest - capitalised + late_interest + interest2
    repayments = level + out["residual"] + principal2
    first = own + beyond + extra["credited"]
    dues = first + coupons + out["fee"] + repayments

    earned = short * DT * s["cash"]
    if "escrow_spread" in c:
        earned = max(0.0, short + c["escrow_spread"]) * DT * s["cash"]
    past = income["put"] if kinds["rvg_beneficiary"] == "owners" else 0.0
    pot = s["cash"] + income["cfads"] + income["owed"] - past + earned
    pot += p["equity"][t]
    roll = g["rolling"] * g["part"]["notes"] * level
    pot += extra["received"]
    there = pot + s["sponsor"] + roll
    health = headroom(there, dues)
    pot -= s["reserve"] + s["trapped"]
    freed = clip(dues - pot, 0.0, s["trapped"])
    pot += freed
    used = clip(dues - pot, 0.0, s["reserve"])
    pot += used
    called = clip(dues - pot, 0.0, s["sponsor"])
    rolled = clip(dues - pot - called, 0.0, roll)
    rest, shortfall = pot + called + rolled, 0.0
    for due in (first, coupons + out["fee"], repayments):
        paid = clip(rest, 0.0, due)
        rest -= paid
        shortfall += due - paid

    service = coupons + level + principal2
    dscr = income["cfads"] / service if service > 1e-9 else 11.0
    lock = (dscr - c["lock_low"]) / (c["lock_high"] - c["lock_low"])
    owners = c["cure"] * (s["sponsor"] - called)
    test = default_test(c, s["reach"], income["cfads"], service, owners, started)
    ranks = [
        ("construction", own),
        ("overrun", beyond),
        ("damages", extra["credited"]),
        ("interest", coupons + out["fee"]),
        ("principal", level + principal2),
        ("residual", out["residual"]),
    ]
    why = cause(health, test["room"], there, ranks)
    health = min(health, test["room"])
    alive, worst = survive(
        kinds["kind"], c["dispersion"], s["alive"], s["worst"], health
    )

    target, kept = c["reserve"] * service, s["reserve"] - used
    there = rest + kept + test["cure"]
    excess = started * max(0.0, there - target)
    taken = out["taken"]
    left = s["loan"] - level - taken - out["residual"]
    left2 = s["takeout"] - principal2
    swept = min(c["sweep"] * p["sweeping"][t] * excess, left + left2)
    held = s["trapped"] - freed
    open_ = excess - swept + held
    caught = failed(dscr, c["trap"], c["covenant_band"]) * open_
    from_trap = min(min(1.0, DT / c["trap_hold"]) * caught, left + left2 - swept)
    swept += from_trap
    swept1 = min(swept, left)
    swept2 = swept - swept1
    distributed = clip(lock, 0.0, 1.0) * (open_ - caught)
    end = {
        "loan": left - swept1 + draw + capitalised,
        "takeout": left2 - swept2 + taken,
        "reserve": started * min(target, there) + (1.0 - started) * kept,
        "trapped": caught - from_trap,
        "reach": test["reach"],
        "arrears": s["arrears"] + rolled + shortfall,
        "cash": there + held - swept - distributed,
        "sponsor": s["sponsor"] - called - test["cure"],
        "coverage": out["coverage"],
        "let": w["tenancy"]["let"],
        "vacant": w["tenancy"]["vacant"],
        "alive": alive,
        "worst": worst,
    }
    kept = (left2 - swept2) * s["takeout_rate"] + taken * out["rate"]
    end["takeout_rate"] = ratio(kept, end["takeout"], s["takeout_rate"])
    report = {
        "rent": income["rent"],
        "cfads": income["cfads"],
        "owed": income["owed"],
        "spend": spend,
        "equity": equity + extra["guaranteed"],
        "building": extra,
        "sponsor": called + test["cure"],
        "reserve": target,
        "reserved": end["reserve"],
        "trapped": end["trapped"],
        "swept": swept,
        "swept_takeout": swept2,
        "cure": test["cure"],
        "covenant": test["room"],
        "interest_loan": interest - capitalised + late_interest + out["fee"],
        "interest_takeout": interest2,
        "premium_loan": (s["loan"] + s["arrears"]) * fee,
        "premium_takeout": fee2,
        "capitalised": capitalised,
        "repaid_loan": level + out["residual"] + taken + swept1,
        "repaid_takeout": principal2 + swept2,
        "draw": draw,
        "lent_loan": draw + capitalised + rolled + shortfall,
        "lent_takeout": taken,
        "arrears": rolled + shortfall,
        "distributed": distributed + past,
        "earned": earned,
        "dscr": dscr,
        "headroom": health,
        "cause": why,
        "coverage": end["coverage"],
        "takeout_capacity": out["capacity"],
        "takeout_rate": out["rate"],
        "alive": alive,
        "failing": s["alive"] - alive,
        "covered": income["covered"],
        **recovery(c, s, w["tenancy"], income["backed"]),
        "loan": end["loan"] + end["arrears"],
        "takeout": end["takeout"],
        "cash": end["cash"],
    }
    return report, end
