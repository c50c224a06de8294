"""The registered metrics, by entity: engine/metrics says what each one means."""

from tests.oracle.chips import of_chips
from tests.oracle.dates import DT, HIGHEST
from tests.oracle.funding import funding
from tests.oracle.measures_of_funds import of_funds
from tests.oracle.metrics import Run
from tests.oracle.public import of_public

Outcome = tuple[float, bool]


def first_below(run: Run, alive: list[float]) -> Outcome:
    """End of the first quarter with less than half alive, if there is one."""
    for end, share in zip(run.ends, alive, strict=True):
        if share < 0.5:
            return end, True
    return 0.0, False


def breach(headroom: list[float]) -> Outcome:
    """Years to the first negative headroom, linear between two tests."""
    before = 0.0
    for t, h in enumerate(headroom):
        if h < 0.0:
            return (t + before / (before - h)) * DT, True
        before = h
    return 0.0, False


def tested(run: Run, group: str, m: str) -> dict[str, Outcome]:
    """Metrics of the default tier of a vehicle."""
    room = run.of(group, m, "covenant")
    lowest = min([HIGHEST, *room[: run.until(run.f["criteria.horizon"])]])
    is_tested = lowest < HIGHEST
    return {
        "covenant_headroom": (lowest if is_tested else 0.0, is_tested),
        "covenant_breach": breach(room),
    }


def while_alive(run: Run, member: str, name: str) -> float:
    """Sum of a neocloud's flow, weighted by its alive share."""
    pairs = zip(
        run.of("clouds", member, name), run.of("clouds", member, "alive"), strict=True
    )
    return sum(x * a for x, a in pairs)


def peak_debt(run: Run, group: str, member: str, names: tuple[str, str]) -> float:
    """Highest debt of a vehicle, weighted by its alive share."""
    series = [run.of(group, member, x) for x in (*names, "alive")]
    return max((a + b) * alive for a, b, alive in zip(*series, strict=True))


def of_pools(run: Run, m: str, n: int) -> dict[str, Outcome | float]:
    """Metrics of a neocloud's pools, where they are apart."""
    if f"neoclouds.{m}.cross_default" not in run.f:
        return {}
    found: dict[str, Outcome | float] = {}
    for pool in ("opening", "drawn"):
        covers = run.of("clouds", m, f"{pool}_dscr")[:n]
        found[f"minimum_{pool}_dscr"] = min([HIGHEST + 1.0, *covers])
        found[f"{pool}_breach"] = breach(run.of("clouds", m, f"{pool}_headroom"))
    return found


def of_cloud(run: Run, m: str) -> dict[str, Outcome | float]:
    """Metrics of a neocloud."""
    n, early = run.until(run.f["criteria.horizon"]), run.until(2030.0)
    alive = run.of("clouds", m, "alive")
    failing = run.of("clouds", m, "failing")
    total = sum(failing)
    result = {
        "default_date": first_below(run, alive),
        "alive": alive[-1],
        "default_before_2030": 1.0 - min([1.0, *alive[:early]]),
        "minimum_headroom": min(run.of("clouds", m, "headroom")[:n]),
        "minimum_dscr": min([11.0, *run.of("clouds", m, "dscr")[:n]]),
        **tested(run, "clouds", m),
        "minimum_box_dscr": min([11.0, *run.of("clouds", m, "box_dscr")[:n]]),
        **of_pools(run, m, n),
        "swept": while_alive(run, m, "swept"),
        "revenue_next_four": sum(run.of("clouds", m, "revenue")[:4]),
        "peak_debt": peak_debt(run, "clouds", m, ("secured", "unsecured")),
        "equity_raised": while_alive(run, m, "raised"),
        "capex_deferred": while_alive(run, m, "deferred"),
        "contracts_signed": while_alive(run, m, "signed"),
        "price_at_horizon": run.of("clouds", m, "price")[n - 1],
        "credit_loss": run.lost(run.cloud_class(m))
        + run.lost(run.cloud_class(m, junior=True)),
    }
    for name in ("recovery_secured", "recovery_unsecured"):
        pairs = zip(failing, run.of("clouds", m, name), strict=True)
        got = sum(x * r for x, r in pairs)
        result[name] = (got / total, True) if total > 1e-9 else (0.0, False)
    return result


def of_spv(run: Run, m: str) -> dict[str, Outcome | float]:
    """Metrics of an SPV."""
    alive = run.of("spvs", m, "alive")
    paying = [
        dscr
        for end, rent, dscr in zip(
            run.ends, run.of("spvs", m, "rent"), run.of("spvs", m, "dscr"), strict=True
        )
        if rent > 0.0 and end <= 2046.0
    ]
    renewal = min(run.of("tenancies", m, "renewal_due"))
    pairs = zip(run.of("spvs", m, "trapped"), run.of("spvs", m, "alive"), strict=True)
    swept = zip(run.of("spvs", m, "swept"), run.of("spvs", m, "alive"), strict=True)
    return {
        **tested(run, "spvs", m),
        "swept": sum(x * a for x, a in swept),
        "peak_trapped": max(x * a for x, a in pairs),
        "default_date": first_below(run, alive),
        "alive": alive[-1],
        "let": run.of("tenancies", m, "let")[run.until(2046.0) - 1],
        "minimum_dscr": (min([11.0, *paying]), bool(paying)),
        "lowest_renewal": (renewal, renewal < HIGHEST),
        "lowest_repudiation": min(run.of("tenancies", m, "repudiation")),
        "peak_debt": peak_debt(run, "spvs", m, ("loan", "takeout")),
        "credit_loss": run.lost(run.spv_class(m))
        + run.lost(run.spv_class(m, second=True)),
    }


def of_spreads(run: Run) -> dict[str, float]:
    """Highest spread of each borrower, while half of it was left to pay it."""
    if "resemblance.part" not in run.f:
        return {}
    met, result = run.one("system", "met"), {}
    for family, group in (("neoclouds", "clouds"), ("spvs", "spvs")):
        for m in run.families[family]:
            alive = zip(met, run.of(group, m, "alive"), strict=True)
            asked = [q[m] if share >= 0.5 else 0.0 for q, share in alive]
            result[f"{m}.spread_met"] = max(asked)
    (hybrid,) = run.families["hybrid"]
    result[f"{hybrid}.spread_met"] = max(q[hybrid] for q in met)
    result["system.highest_spread_met"] = max(result.values())
    return result


def of_lab(run: Run, m: str) -> dict[str, float]:
    """Metrics of a lab."""
    n = run.until(run.f["criteria.horizon"])
    return {
        "lowest_honoured": min([1.0, *run.of("labs", m, "honoured")[:n]]),
        "forgiven": sum(run.of("labs", m, "forgiven")),
        "equity_raised": sum(run.of("labs", m, "raised")),
    }


def of_hyperscaler(run: Run, m: str) -> dict[str, float]:
    """Metrics of a hyperscaler."""
    n = run.until(run.f["criteria.horizon"])
    year = {
        x: sum(run.of("hyperscalers", m, x)[:4]) for x in ("capex", "rent", "operating")
    }
    found = {
        "capex_to_cash_flow": (year["capex"] + year["rent"]) / year["operating"],
        "peak_debt": max(run.of("hyperscalers", m, "debt")),
        "minimum_headroom": min(run.of("hyperscalers", m, "headroom")[:n]),
    }
    if "hyperscaler_funding.lease" in run.f:
        cost, ten_year = (
            run.of("hyperscalers", m, "bond_cost"),
            run.one("drivers", "ten_year"),
        )
        spreads = [c - y for c, y in zip(cost[:n], ten_year[:n], strict=True)]
        found["leased"] = sum(run.of("hyperscalers", m, "leased"))
        found["peak_obligation"] = max(run.of("hyperscalers", m, "leases"))
        found["peak_adjusted_leverage"] = max(run.of("hyperscalers", m, "leverage")[:n])
        found["peak_marginal_spread"] = max(0.0, *spreads)
    return found


def of_vendor(run: Run, m: str) -> dict[str, float]:
    """Metrics of a vendor."""
    n = run.until(run.f["criteria.horizon"])
    return {
        "backstop_paid": sum(run.of("vendor", m, "backstop")),
        "guarantees_paid": sum(run.of("vendor", m, "guarantees")),
        "lowest_stake": min(run.of("vendor", m, "stake")[:n]),
    }


def quarters_to_loss(run: Run, share: float) -> Outcome:
    """Quarters from the first credit loss to a share of the final one."""
    total, so_far = 0.0, []
    for q in run.quarters:
        total += sum(x["loss"] + x["claimed"] for x in q["classes"].values())
        so_far.append(total)
    if total <= 1e-6:
        return 0.0, False
    first = next(t for t, x in enumerate(so_far) if x > 1e-6)
    reached = next(t for t, x in enumerate(so_far) if x >= share * total)
    return float(reached - first), True


def of_queue(run: Run) -> dict[str, float]:
    """Financed capacity without power; nothing where the table is absent."""
    if "market.queue.connections" not in run.f:
        return {}
    return {
        "system.peak_queue": max(run.one("prices", "waiting")),
        "system.longest_wait": max(run.one("prices", "wait")),
    }


def of_guarantee(run: Run) -> dict[str, float]:
    """Claims, premia and guaranteed balances, valued at the ten-year rate of as_of."""
    f = run.f
    rate = f["rates.ten_year"] + f["shifts.rate_future"] + f["shifts.rate_all"]
    share = f["guarantee.coverage"] * f["guarantee.claims"]
    claims, years, peak, received, premium = 0.0, 0.0, 0.0, 0.0, 0.0
    n, m = len(run.families["neoclouds"]), len(run.families["spvs"])
    kinds = ["secured"] * n + ["unsecured"] * n + ["notes"] * m + ["takeout"] * m
    for t, q in enumerate(run.quarters):
        worth = (1.0 + rate) ** (-0.25 * (t + 1))
        covered = 0.0
        for k, x in enumerate(q["classes"].values()):
            if kinds[k] != "unsecured":
                part = f.get(f"guarantee.classes.{kinds[k]}", 1.0)
                covered += share * part * x["balance"]
            received += x["premium"]
            premium += worth * x["premium"]
        claims += worth * sum(x["claimed"] for x in q["classes"].values())
        years += worth * 0.25 * covered
        peak = max(peak, covered)
    charged = {}
    if "guarantee.premium" in f:
        charged = {
            "government.premium": received,
            "government.premium_value": premium,
            "government.subsidy": claims - premium,
        }
    return {
        **charged,
        "government.claims_value": claims,
        "government.guaranteed_peak": peak,
        "government.guaranteed_value": years,
    }


def of_agency(run: Run) -> dict[str, Outcome | float]:
    """Metrics of the government's agency, if there is one."""
    name = "government.agency.capital"
    if name not in run.f:
        return {}
    f, reports = run.f, [q["agency"] for q in run.quarters]
    rate = f["rates.ten_year"] + f["shifts.rate_future"] + f["shifts.rate_all"]
    paid = [r["injected"] - r["dividend"] for r in reports]
    paid[-1] -= reports[-1]["capital"]
    cost = f[name]
    cost += sum(x * (1.0 + rate) ** (-0.25 * (t + 1)) for t, x in enumerate(paid))
    dates = [e for e, r in zip(run.ends, reports, strict=True) if r["injected"] > 0.0]
    found = {
        "bought": sum(sum(r["bought"]) for r in reports),
        "overpaid": sum(r["overpaid"] for r in reports),
        "peak_loans": max(sum(r["loans"]) for r in reports),
        "contingent": max(r["debt"] for r in reports),
        "income": sum(sum(r["interest"]) - r["funding"] for r in reports),
        "own_loss": sum(r["own_loss"] for r in reports),
        "injected": sum(r["injected"] for r in reports),
        "lowest_capital": min(r["capital"] for r in reports),
        "exhausted_date": (dates[0], True) if dates else (0.0, False),
        "taxpayer_value": cost,
    }
    return {f"agency.{k}": v for k, v in found.items()}


def of_holders(run: Run) -> dict[str, float]:
    """What those lose who have nothing but shares of funds."""
    quarters = run.one("investors", "holders")
    return {f"{m}.loss": sum(q[m] for q in quarters) for m in quarters[0]}


def of_others(run: Run) -> dict[str, Outcome | float]:
    """Metrics of those that are alone: hybrid cloud, vendor, funds, investors."""
    n = run.until(run.f["criteria.horizon"])
    hybrid = run.families["hybrid"][0]
    institutions = run.one("investors", "losses")
    bank = sum(run.one("investors", "bank_direct"))
    bank += sum(run.one("investors", "bank_lines"))
    at = min(range(len(run.middles)), key=lambda t: abs(run.middles[t] - 2030.875))
    every = range(len(run.opening))
    sold = [r["sold"] for q in run.quarters for r in q["fund"].values()]
    return {
        f"{hybrid}.peak_leverage": max([0.0, *run.one("hybrid", "leverage")[:n]]),
        f"{hybrid}.peak_debt": max(run.one("hybrid", "debt")),
        f"{hybrid}.overflow_sought": sum(run.one("hybrid", "sought")),
        f"{hybrid}.overflow_taken": sum(run.one("hybrid", "taken")),
        **of_funds(run),
        "bond.credit_loss": sum(run.one("bond", "credit_loss")),
        "pension.loss": sum(x[0] for x in institutions),
        "insurer.loss": sum(x[1] for x in institutions),
        "outside.loss": sum(run.one("investors", "unnamed")),
        **of_holders(run),
        "bank.loss": bank,
        "government.loss": sum(run.one("investors", "government")),
        **of_guarantee(run),
        **of_agency(run),
        "system.credit_loss": sum(run.lost(k) for k in every),
        "system.leak_bank": bank + sum(sold),
        "system.leak_public": sum(sum(x) for x in run.one("investors", "forced_sales")),
        "system.peak_spread": max(run.one("system", "spread")),
        "system.lowest_openness": min(run.one("system", "openness")),
        "system.lowest_utilisation": min(run.one("prices", "utilisation")),
        "system.peak_fleet": max(run.one("prices", "in_service")),
        **of_queue(run),
        "system.debt_peak": max(
            sum(x["balance"] for x in q["classes"].values()) for q in run.quarters
        ),
        "system.quarters_to_half_loss": quarters_to_loss(run, 0.5),
        "system.quarters_to_most_loss": quarters_to_loss(run, 0.9),
        "system.revenue": run.one("drivers", "revenue")[at],
        "system.tech_equity_lost": max(
            a - b
            for a, b in zip(
                run.one("wealth", "highest"), run.one("wealth", "equity"), strict=True
            )
        ),
        "system.spending_cut": max(run.one("wealth", "cut")),
        **{
            name if name == "agency.funding" else f"system.{name}": x
            for name, x in funding(run).items()
        },
    }


def idling(run: Run) -> dict[str, Outcome | float]:
    """Whose capacity idles, by the cash that idling saves."""
    f, owners = run.f, ("spvs", "neoclouds", "hybrid", "hyperscalers")
    price, u_best = f["market.reference_price"], f["market.reference_utilisation"]
    used = 8760 * f["power.load"] * f["power.pue"] / 1e6
    hybrid = run.families["hybrid"][0]
    totals, first = dict.fromkeys(owners, 0.0), None
    for q, end in zip(run.quarters, run.ends, strict=True):
        let = rent = sold = variable = 0.0
        for m in run.families["spvs"]:
            x, key = q["spvs"][m], f"spvs.{m}"
            if x["rent"] > 0.0:
                gw = f[f"{key}.asset_cost"] * f[f"{key}.ownership"]
                gw /= f["market.shell_cost"]
                let += gw * q["tenancies"][m]["let"] * x["alive"]
            if q["tenancies"][m]["renewal_due"] < HIGHEST:
                rent += 4.0 * x["rent"] * x["alive"]
        for m in run.families["neoclouds"]:
            yearly = 4.0 * q["clouds"][m]["revenue"] * q["clouds"][m]["alive"]
            sold += yearly
            variable += yearly * f[f"neoclouds.{m}.variable"]
        rent = rent / let if let > 1e-9 else 0.0
        own_cost = q["drivers"]["power"] * used + f["market.opex"]
        u = q["prices"]["utilisation"]
        fleet = q["drivers"]["demand"] / u
        capacity = [let, sold / price, 4.0 * q["hybrid"]["receipts"] / price]
        capacity.append(max(0.0, fleet - sum(capacity)))
        costs = [own_cost + rent, 0.0, f[f"hybrid.{hybrid}.variable"] * price, own_cost]
        if sold > 1e-9:
            costs[1] = price * variable / sold
        slack = max(0.0, 1.0 - u / u_best)
        left = slack * fleet
        for k in sorted(range(4), key=lambda k: (-costs[k], k)):
            dropped = min(left, capacity[k])
            totals[owners[k]] += dropped * DT
            left -= dropped
        if first is None and slack > f["criteria.idle"]:
            _, k = max((costs[k], -k) for k in range(4) if capacity[k] > 0.0)
            first = (end, 1.0 - k, costs[-k], rent)
    result = {f"system.idle_{name}": x for name, x in totals.items()}
    names = ("idle_first_date", "idle_first", "idle_first_cost", "idle_first_rent")
    for k, name in enumerate(names):
        result[f"system.{name}"] = (first[k] if first else 0.0, first is not None)
    return result


def measure(run: Run) -> dict[str, Outcome]:
    """Every metric: its value, and whether it has a meaning."""
    families = {
        "neoclouds": of_cloud,
        "spvs": of_spv,
        "labs": of_lab,
        "hyperscalers": of_hyperscaler,
        "vendor": of_vendor,
    }
    found = of_others(run) | of_spreads(run) | of_public(run) | idling(run)
    found |= of_chips(run)
    for family, formula in families.items():
        for m in run.families[family]:
            found.update({f"{m}.{k}": v for k, v in formula(run, m).items()})
    outcomes = {
        name: x if isinstance(x, tuple) else (x, True) for name, x in found.items()
    }
    return {name: (v if ok else 0.0, ok) for name, (v, ok) in outcomes.items()}
