"""Who gets chips when they are short: docs/model.md, section 2."""

from tests.oracle.dates import DT, clip, dot, ratio, read, span
from tests.oracle.metrics import Run


def delivered_share(f: dict, d: dict, t: int, ordered: float, on_order: float) -> float:
    """Share of what is on order that vendors deliver in the quarter."""
    if "market.chips.supply" not in f:
        return 1.0
    grown = (1.0 + f["market.chips.growth"]) ** d["years"][t]
    supply = f["market.chips.supply"] * grown * DT
    return min(1.0, ratio(supply, on_order + ordered, 1.0))


def offered(c: dict, d: dict, t: int, b: dict, middle: float, volume: float) -> float:
    """Yearly revenue of contracts that a neocloud is offered."""
    dates, values = c["legacy_revenue.dates"], c["legacy_revenue.values"]
    expired = max(0.0, read(middle - DT, dates, values) - b["legacy"])
    expired += dot(span(b["end"], b["end"] + DT), b["contracts"])
    growth = c["growth"] * max(0.0, d["money"][t] - d["money"][max(t - 4, 0)]) * DT
    asked = growth + c["rebook"] * expired
    return asked * clip(d["ratio"][t], 0.0, 1.0) * (1.0 + volume)


def unit_cost(c: dict, fabs: float, level: float) -> float:
    """Capex per dollar of yearly revenue of a new contract."""
    chips = 1.0 - c["pledged"] * fabs
    return c["capex_per_revenue"] * chips / clip(level, 0.5, 1.5)


def served(asked: dict[str, float], ranks: dict[str, float], share: float) -> dict:
    """Share that each buyer gets: rank 1 in full before rank 2 before rank 3."""
    missing = (1.0 - share) * sum(asked.values())
    result = {}
    for rank in (3.0, 2.0, 1.0):
        buyers = [m for m in asked if ranks[m] == rank]
        total = sum(asked[m] for m in buyers)
        cut = min(missing, total)
        missing -= cut
        for m in buyers:
            result[m] = 1.0 - ratio(cut, total)
    return result


def allot(orders: dict, contracts: dict, weights: dict, ranks: dict, share: float):
    """Of every buyer the share, what waits at the start and what at the end.

    `orders` has (new, waiting) by buyer, `contracts` what it could sign, `weights` the
    alive share.
    """
    asked = {
        m: weights[m] * (new + waiting + contracts[m])
        for m, (new, waiting) in orders.items()
    }
    shares = served(asked, ranks, share)
    return {
        m: {
            "share": shares[m],
            "before": waiting,
            "built": shares[m] * (new + waiting),
            "left": (1.0 - shares[m]) * (new + waiting),
        }
        for m, (new, waiting) in orders.items()
    }


def of_chips(run: Run) -> dict[str, float]:
    """What waits for chips; nothing where the table is absent."""
    if "market.chips.supply" not in run.f:
        return {}
    late = [q["late_in_all"] for q in run.quarters]
    found = {
        "system.peak_chip_orders": max(run.one("prices", "on_order")),
        "system.least_chips": min(run.one("prices", "chips")),
        "system.late_capex": max(late),
    }
    for m in run.families["neoclouds"]:
        found[f"{m}.late_capex"] = max(run.one("late", m))
    n = run.until(run.f["criteria.horizon"])
    for m in run.families["vendor"]:
        found[f"{m}.order_book"] = run.f[f"vendor.{m}.chip"] * max(late)
        found[f"{m}.sold"] = sum(run.of("vendor", m, "sales")[:n])
    return found
