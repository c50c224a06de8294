"""The market for compute and for shells: docs/model.md, section 2."""

import math

from tests.oracle.chips import delivered_share
from tests.oracle.dates import DT, VINTAGES, clip, dot, shifted, span


def opening_market(f: dict) -> dict:
    """Fleet by age at `as_of`, and the shells that house it."""
    shape = [math.exp(-f["market.fleet_growth"] * k * DT) for k in range(VINTAGES)]
    in_service = dot(span(0.0, f["market.chip_life"]), shape)
    register = [f["market.fleet"] * x / in_service for x in shape]
    return {
        "register": register,
        "fleet": f["market.fleet"],
        "shells": f["market.fleet"],
        "waiting": f.get("market.queue.opening", 0.0),
        "on_order": 0.0,
    }


def price_level(f: dict, utilisation: float) -> float:
    """Price of compute as a multiple of the reference."""
    off = utilisation - f["market.reference_utilisation"]
    slope = 1.0 + f["market.price_slope"] * off
    return clip(slope, f["market.price_floor"], f["market.price_cap"])


def shell_rent(f: dict, demand: float, shells: float, years: float) -> float:
    """Market rent of a shell over a contract rent struck at the reference."""
    indexed = 1.0 + f["macro.cpi"] * f["market.shell_indexation"]
    level = price_level(f, demand / shells) ** f["market.shell_elasticity"]
    return max(f["market.shell_market_floor"], level * indexed**years)


def prices(f: dict, d: dict, t: int, state: dict) -> dict:
    """Utilisation and prices of the quarter, from last quarter's fleet."""
    u = d["demand"][t] / max(state["fleet"], 1e-6)
    level = price_level(f, u)
    return {
        "utilisation": u,
        "spot": f["market.reference_price"] * level * d["gpu_factor"][t],
        "level": level * d["gpu_factor"][t],
        "shell": shell_rent(f, d["demand"][t], state["shells"], d["years"][t]),
    }


def order(f: dict, d: dict, t: int, state: dict, p: dict, openness: float) -> dict:
    """Gigawatts ordered this quarter, of them replacements, and what is delivered."""
    alive = span(0.0, f["market.chip_life"])
    after = [*alive[1:], 0.0]
    retired = sum(
        x * (w - v) for x, w, v in zip(state["register"], alive, after, strict=True)
    )
    u, best = p["utilisation"], f["market.reference_utilisation"]
    pipeline = d["in_pipeline"][t]
    lacking = max(0.0, u - best) * state["fleet"]
    coming = state["waiting"] + state["on_order"]
    if coming > 0.0:
        # What waits will serve demand too.
        lacking = max(0.0, u * state["fleet"] - best * (state["fleet"] + coming))
    short = f["market.shortage_response"] * DT * lacking
    planned = (1.0 - pipeline) * d["planned_additions"][t] * d["response"][t]
    free = planned + retired * clip(u / best, 0.0, 1.0) + short
    ordered = f["market.pipeline"] * DT * pipeline + openness * free
    share = delivered_share(f, d, t, ordered, state["on_order"])
    replaced = openness * retired * clip(u / best, 0.0, 1.0)
    delivered = share * (state["on_order"] + ordered)
    asking = state["waiting"] + delivered - share * replaced
    connected = connections(f, d, t) * DT
    return {
        "ordered": ordered,
        "replaced": replaced,
        "share": share,
        "asking": asking,
        "powered": min(1.0, connected / max(asking, 1e-9)),
    }


def connections(f: dict, d: dict, t: int) -> float:
    """Gigawatts a year that can be connected."""
    if "market.queue.connections" not in f:
        return math.inf
    growth = (1.0 + f["market.queue.growth"]) ** d["years"][t]
    return f["market.queue.connections"] * growth


def build(f: dict, d: dict, t: int, state: dict, p: dict, asked: dict) -> dict:
    """The fleet and the shells at the end of the quarter."""
    alive, share = span(0.0, f["market.chip_life"]), asked["share"]
    on_order = state["on_order"] + asked["ordered"]
    additions = share * on_order
    waiting = wait = 0.0
    if "market.queue.connections" in f:
        yearly, asking = connections(f, d, t), asked["asking"]
        additions = share * asked["replaced"] + min(asking, yearly * DT)
        waiting = max(0.0, asking - yearly * DT)
        wait = waiting / yearly
    register = shifted(state["register"])
    register[0] = additions
    fleet = dot(alive, register)
    kept = state["shells"] * (1.0 - DT / f["market.shell_life"])
    return {
        "register": register,
        "fleet": fleet,
        "shells": max(kept, fleet),
        "additions": additions,
        "waiting": waiting,
        "wait": wait,
        "on_order": on_order - share * on_order,
    }
