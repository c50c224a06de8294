"""What is built in a window of years, and who pays: docs/model.md, section 9."""

from tests.oracle.dates import DT, clip, ratio
from tests.oracle.metrics import Run


def funding(run: Run) -> dict[str, float]:
    """Uses and sources of the build, by name of the metric."""
    f, begin, end = run.f, run.f["funding.start"], run.f["funding.end"]
    names = ("own_cash", "private_credit", "equity_other", "corporate_bonds")
    paid = {name: f[f"funding.before_{name}"] for name in (*names, "securitised")}
    paid["agency"] = 0.0
    used = {name: f[f"funding.before_{name}"] for name in ("hardware", "building")}
    for t, q in enumerate(run.quarters):
        last = run.ends[t]
        w = clip((min(end, last) - max(begin, last - DT)) / DT, 0.0, 1.0)
        if w > 0.0:
            for x in _quarter(run, q, last - DT):
                _book(x, w, used, paid)
    found = {f"investment_{name}": x for name, x in used.items()}
    by_agency = paid.pop("agency")
    if run.quarters[0]["agency"]:
        found["agency.funding"] = by_agency
    return found | {f"funding_{name}": x for name, x in paid.items()}


def _book(x: dict, w: float, used: dict, paid: dict) -> None:
    """Books one vehicle's quarter: its own cash is what the others leave."""
    capex = x.pop("capex")
    hardware = capex * x.pop("hardware")
    used["hardware"] += w * hardware
    used["building"] += w * (capex - hardware)
    for name, amount in x.items():
        paid[name] += w * amount
    paid["own_cash"] += w * (capex - sum(x.values()))


def _agency(q: dict, c: int) -> dict:
    """What the agency has of a class: bought, of it new, owed on, repaid, its share."""
    if not q["agency"]:
        return dict.fromkeys(
            ("bought", "taken", "kept", "repaid", "part", "share"), 0.0
        )
    x, a = q["classes"][c], q["agency"]
    mine = {k: a[k][c] for k in ("bought", "taken", "kept", "repaid")}
    part, share = ratio(mine["repaid"], x["repaid"]), ratio(a["loans"][c], x["balance"])
    return {**mine, "part": part, "share": share}


def _quarter(run: Run, q: dict, begin: float) -> list[dict]:
    """What each vehicle spends and raises in a quarter."""
    f, found = run.f, []
    for r in q["hyperscalers"].values():
        part = f["funding.hyperscaler_hardware"]
        found.append(
            {
                "capex": r["capex"],
                "hardware": part,
                "corporate_bonds": r["issued"],
                "equity_other": r["leased"],
            }
        )
    r = q["hybrid"]
    found.append(
        {
            "capex": r["capex"],
            "hardware": f["funding.hybrid_hardware"],
            "corporate_bonds": r["borrowed"] - r["matured"],
            "equity_other": r["equity"],
        }
    )
    n, k = len(q["clouds"]), len(q["spvs"])
    beyond = [x.get("moved", {}) for x in q["private"]]
    for i, (m, r) in enumerate(q["clouds"].items()):
        more = beyond[i].get("lent", 0.0) - beyond[i].get("repaid", 0.0)
        a, key = r["alive"], f"neoclouds.{m}.holders_secured"
        bank, bond = f[f"{key}.bank"], f[f"{key}.bond_fund"]
        one, two = _agency(q, i), _agency(q, n + i)
        owned = one["bought"] + one["kept"] - one["repaid"]
        owned_notes = two["bought"] + two["kept"] - two["repaid"]
        secured = a * (r["lent_secured"] - r["repaid_secured"]) - owned
        found.append(
            {
                "capex": a * r["capex"],
                "hardware": f[f"neoclouds.{m}.pledged"],
                "private_credit": (1.0 - bank - bond) * secured - more,
                "corporate_bonds": a * (r["lent_unsecured"] - r["repaid_unsecured"])
                + bond * secured
                - owned_notes,
                "agency": owned + owned_notes,
                "equity_other": bank * secured
                + more
                + a * (r["raised"] + r["prepayment"]),
            }
        )
    for i, (m, r) in enumerate(q["spvs"].items()):
        x, more = q["private"][2 * n + i], 0.0
        if "moved" in x:
            # A take-out repays who held the loan.
            share = ratio(x["moved"]["repaid"], x["repaid"])
            mine = _agency(q, 2 * n + i)
            taken = q["classes"][2 * n + k + i]["lent"] * (1.0 - mine["part"])
            taken = share * (taken + mine["bought"] - mine["taken"])
            more = x["moved"]["drawn"] - taken
        key, a = f"spvs.{m}", r["alive"]
        bank, chips = f[f"{key}.holders_notes.bank"], run.choices[f"{key}.asset"]
        bond = f[f"{key}.holders_notes.bond_fund"]
        lent = r["lent_loan"] - r["capitalised"] - r["arrears"]
        mine, last = _agency(q, 2 * n + i), _agency(q, 2 * n + k + i)
        owned = -mine["part"] * q["classes"][2 * n + k + i]["lent"]
        counted = 1.0
        if run.choices[f"{key}.funding"] == "prefunded":
            notes = f[f"{key}.notes"]
            spent = r["spend"] * notes / (notes + f[f"{key}.equity"])
            lent += spent
            owned += mine["share"] * a * spent
            whole = f[f"{key}.completion"] + f["physics.delay"]
            y = (begin - f[f"{key}.construction_start"]) / (
                whole - f[f"{key}.construction_start"]
            )
            y = clip(y, 0.0, 1.0)
            counted = f[f"{key}.construction_cost"] * y * y * (3.0 - 2.0 * y)
            counted /= notes + f[f"{key}.equity"]
        owned += mine["bought"] * counted
        kept = a * (lent - r["lent_takeout"]) - owned
        spent = r["spend"] + r["building"]["overrun"]
        found.append(
            {
                "capex": a * spent,
                "hardware": 1.0 if chips == "chips" else f["funding.project_hardware"],
                "private_credit": (1.0 - bank - bond) * kept - more,
                "corporate_bonds": bond * kept,
                "securitised": a * r["lent_takeout"] - last["bought"],
                "agency": owned + last["bought"],
                "equity_other": bank * kept + more + a * (spent - lent),
            }
        )
    return found
