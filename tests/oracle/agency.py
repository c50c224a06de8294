"""The government's agency: docs/model.md, section 5."""

from tests.oracle.dates import DT, Calendar, clip, under

NAME = "government.agency"
REPORTED = ("bought", "taken", "interest", "kept", "claimed", "repaid")
OWN = ("interest", "repaid", "failed", "claimed", "loss")


def agency_terms(f: dict, terms: list, calendar: Calendar) -> dict | None:
    """What the agency may do; None where there is none."""
    if f"{NAME}.capital" not in f:
        return None
    c = under(f, NAME)
    buys = [c[f"buys.{x['instrument']}"] for x in terms]
    running = calendar.overlap(c["start"], calendar.ends[-1])
    return {**c, "buys": buys, "running": running}


def open_agency(c: dict, n: int) -> dict:
    """Its capital in cash."""
    return {
        "loans": [0.0] * n,
        "receivable": [0.0] * n,
        "debt": -c["capital"],
        "capital": c["capital"],
        "wanted": 0.0,
    }


def room(c: dict, s: dict, loans: list) -> float:
    """What its capital still allows."""
    return max(0.0, c["leverage"] * s["capital"] - sum(loans))


def resold(c: dict | None, s: dict, t: int, window: dict, kind: str) -> dict:
    """The window for loans of a kind, of which the agency buys a part."""
    if c is None:
        return {**window, "loans": window["open"]}
    able = c["running"][t] * min(1.0, room(c, s, s["loans"]) / max(s["wanted"], 1e-9))
    held = 1.0 - min(0.99, c[f"buys.{kind}"] * able)
    return {**window, "loans": min(1.0, window["open"] / held)}


def unpaid(clouds: list[dict], spvs: list[dict]) -> list[float]:
    """By class, what borrowers do not pay and owe further."""
    return [
        *[r["alive"] * (r["rolled"] + r["arrears_secured"]) for r in clouds],
        *[r["alive"] * r["arrears_unsecured"] for r in clouds],
        *[r["alive"] * (r["capitalised"] + r["arrears"]) for r in spvs],
        *[0.0 for _ in spvs],
    ]


def run_agency(
    c: dict, terms: list, classes: list, late: list, price: list, env: dict, s: dict
) -> tuple[dict, dict, list]:
    """Its quarter: what to report, its state, and what is left to private holders."""
    t, short = env["t"], env["short"]
    parts, offers = [], []
    for k, (x, unpaid_) in enumerate(zip(classes, late, strict=True)):
        before = x["balance"] - x["lent"] + x["repaid"] + x["failed"]
        a = clip(s["loans"][k] / before, 0.0, 1.0) if abs(before) > 1e-12 else 0.0
        mine = {name: a * x[name] for name in OWN}
        mine["kept"] = a * unpaid_
        mine["recovered"] = s["receivable"][k] * terms[k]["lag"]
        owed = mine["failed"] - mine["loss"] - mine["claimed"]
        mine["receivable"] = s["receivable"][k] - mine["recovered"] + owed
        held = s["loans"][k] + mine["kept"] - mine["repaid"] - mine["failed"]
        new = x["lent"] - unpaid_
        old = c["buys"][k] * c["seasoned"] * DT * max(0.0, x["balance"] - held - new)
        parts.append({**mine, "held": held})
        offers.append((c["running"][t] * c["buys"][k] * new, c["running"][t] * old))
    wanted = sum(new + old for new, old in offers)
    allowed = room(c, s, [x["held"] for x in parts])
    scale = min(1.0, allowed / max(wanted, 1e-9))
    private = []
    for x, mine, (new, old) in zip(classes, parts, offers, strict=True):
        mine["bought"] = scale * (new + old)
        mine["taken"] = scale * new
        mine["loans"] = mine["held"] + mine["bought"]
        rest = {name: x[name] - mine[name] for name in (*OWN, "recovered")}
        rest["receivable"] = x["receivable"] - mine["receivable"]
        rest["repaid"] += scale * old
        rest["lent"] = x["lent"] - mine["kept"] - scale * new
        rest["balance"] = x["balance"] - mine["loans"]
        private.append(rest)

    def total(*names: str) -> float:
        return sum(x[name] for x in parts for name in names)

    funding = DT * (short * s["debt"] + c["spread"] * max(0.0, s["debt"]))
    income = total("interest") - funding - total("loss")
    dividend = c["payout"] * max(0.0, income)
    left = s["capital"] + income - dividend
    injected = max(0.0, -left)
    public = min(injected, total("loss"))
    debt = s["debt"] + funding + dividend - injected + total("bought", "kept")
    debt -= total("interest", "repaid", "recovered", "claimed")
    state = {
        "loans": [x["loans"] for x in parts],
        "receivable": [x["receivable"] for x in parts],
        "debt": debt,
        "capital": left + injected,
        "wanted": wanted,
    }
    report = {
        **state,
        **{k: [x[k] for x in parts] for k in REPORTED},
        "funding": funding,
        "dividend": dividend,
        "injected": injected,
        "public_loss": public,
        "own_loss": total("loss") - public,
        "overpaid": sum(
            (1.0 - p) * x["bought"] for x, p in zip(parts, price, strict=True)
        ),
    }
    return report, state, private
