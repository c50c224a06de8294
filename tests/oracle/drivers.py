"""Exogenous paths: docs/model.md, section 1, and the demand of section 2."""

import math

from tests.oracle.dates import DT, Calendar, clip

LOG9 = math.log(9.0)


def rate_shift(f: dict) -> float:
    """What a sweep adds to future market rates."""
    return f["shifts.rate_future"] + f["shifts.rate_all"]


def share_of_ceiling(
    f: dict, choices: dict, s: float, since: float, t: float, m: float
) -> float:
    """The adopted share at `t`, through `s` at `since` and ½ at `m` + lag."""
    shape, lag = choices["adoption.shape"], f["adoption.j_curve_lag"]
    x, length = t - lag, m + lag - since
    if shape == "logistic":
        k = math.log(1.0 / s - 1.0) / length
        return 1.0 / (1.0 + math.exp(-k * (x - m)))
    if shape == "gompertz":
        k = math.log(-math.log(s) / math.log(2.0)) / length
        return math.exp(-math.log(2.0) * math.exp(-k * (x - m)))
    if shape == "bass":
        rho = f["adoption.bass_ratio"]

        def odds(share: float) -> float:
            return math.log((1.0 + rho * share) / (1.0 - share))

        b = (odds(0.5) - odds(s)) / length
        e = math.exp(odds(0.5) + b * (x - m))
        return (e - 1.0) / (e + rho)
    gone = (x - since + lag) / length
    if shape == "linear":
        return clip(s + (0.5 - s) * gone, 0.0, 1.0)
    return min(s * math.exp(math.log(0.5 / s) * gone), 1.0)


def revenue_paths(
    f: dict, choices: dict, calendar: Calendar
) -> tuple[list[float], list[float]]:
    """End users' spending, and what was planned at `as_of` (annual rates)."""
    past = f["adoption.history"]
    since = calendar.middles[calendar.n_history - 1]

    def ceiling(t: float) -> float:
        growth = (1.0 + f["macro.gdp_growth"]) ** (t - f["macro.gdp_reference"])
        return f["adoption.ceiling"] * f["macro.gdp"] * growth

    s = past[-1] / ceiling(since)
    m, plan_m = f["adoption.midpoint"], f["adoption.plan_midpoint"]
    if choices["adoption.timing"] == "duration":
        years = math.log(1.0 / s - 1.0) * f["adoption.duration_10_90"] / (2.0 * LOG9)
        m = since + years - f["adoption.j_curve_lag"]
    stall = f["adoption.stall"]
    actual, plan = list(past), list(past)
    for t in calendar.middles[calendar.n_history :]:
        share = share_of_ceiling(f, choices, s, since, min(t, stall), m)
        fallen = clip((t - stall) / f["adoption.stall_decline"], 0.0, 1.0)
        left = 1.0 - (1.0 - f["adoption.stall_level"]) * fallen
        actual.append(ceiling(t) * share * left)
        planned = share_of_ceiling(f, choices, s, since, t, plan_m)
        plan.append(ceiling(t) * planned)
    return actual, plan


def factor(f: dict, name: str, shocks: list[float]) -> list[float]:
    """An Ornstein–Uhlenbeck factor from 0 at `as_of`, one value per model quarter."""
    a, sigma = f[f"{name}.reversion"], f[f"{name}.volatility"]
    decay = math.exp(-a * DT)
    scale = sigma * math.sqrt((1.0 - math.exp(-2.0 * a * DT)) / (2.0 * a))
    x, path = 0.0, []
    for shock in shocks:
        x = x * decay + scale * shock
        path.append(x)
    return path


def drive(f: dict, choices: dict, calendar: Calendar, shocks: list) -> dict:
    """Every exogenous path, on the whole grid (rates: zeros before `as_of`)."""
    n, h = calendar.n_quarters, calendar.n_history
    since = calendar.middles[h - 1]
    years = [m - since for m in calendar.middles]
    revenue, plan = revenue_paths(f, choices, calendar)
    rho = [r / p for r, p in zip(revenue, plan, strict=True)]
    x = [
        [0.0] * h + factor(f, name, [shock[i] for shock in shocks])
        for i, name in enumerate(("rates", "spreads", "gpu"))
    ]
    shift, beta = rate_shift(f), f["rates.ten_year_beta"]
    money, demand, planned = [], [], []
    for t in range(n):
        efficient = (1.0 - f["market.efficiency"]) ** years[t]
        per_gw = efficient / f["market.reference_price"]
        training = (
            f["market.training"] * (1.0 + f["market.training_growth"]) ** years[t]
        )
        training *= f["market.coordinator"]
        low, high = f["market.training_floor"], f["market.training_cap"]
        money.append(
            f["market.compute"] * revenue[t] + training * clip(rho[t], low, high)
        )
        demand.append(money[t] * per_gw + f["market.core"])
        usual = f["market.compute"] * plan[t] + training * clip(1.0, low, high)
        gw = usual * per_gw + f["market.core"]
        planned.append(gw / f["market.reference_utilisation"])
    additions = [max(0.0, planned[t] - planned[max(t - 1, 0)]) for t in range(n)]
    pipeline_end = f["market.pipeline_end"] + f["physics.delay"]
    response = [
        clip(rho[max(t - 1, 0)], f["market.response_floor"], 1.0)
        ** f["market.response_elasticity"]
        for t in range(n)
    ]
    power = [f["power.price"]] * n
    if "power.path.values" in f:
        path = calendar.path(f["power.path.dates"], f["power.path.values"])
        power = [f["power.price"] * x for x in path]
    return {
        "years": years,
        "power": power,
        "curve": {"revenue": revenue[:], "ratio": rho[:], "demand": demand[:]},
        "revenue": revenue,
        "plan": plan,
        "ratio": rho,
        "response": response,
        "short": [max(f["rates.short"] + v + shift, 0.001) for v in x[0]],
        "ten_year": [max(f["rates.ten_year"] + beta * v + shift, 0.001) for v in x[0]],
        "spread_factor": [math.exp(v) for v in x[1]],
        "gpu_factor": [math.exp(v) for v in x[2]],
        "money": money,
        "demand": demand,
        "planned_additions": additions,
        "in_pipeline": calendar.overlap(calendar.starts[0], pipeline_end),
        "access": clip(f["access.level"], 0.0, 1.0),
    }
