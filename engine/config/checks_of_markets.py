"""Markets and what hangs on them.

Public markets and portfolios: both or neither, and of the same classes. Priority of
buyers of chips: whole ranks, and only where chips can be short.
"""

from collections.abc import Iterator
from typing import Any

from engine.bottlenecks.priority import RANKS
from engine.config.funds import TOTAL
from engine.config.tables import Problem, members, node, number

PORTFOLIOS = {
    "pension": "institution",
    "insurer": "institution",
    "bank": "institution",
    "funds": "funds",
}
"""Who holds public assets, and the kind of that portfolio."""

SELLS = "banks.target_leverage_x"
"""With it banks sell public assets."""

BUYERS, RANK = ("neoclouds", "hyperscalers", "hybrid"), "chip_priority_rank"
"""Who orders chips, and where its priority stands."""

TAKEN = (*PORTFOLIOS, TOTAL, "system", "outside", "government", "bond")
"""Names of others' metrics: no class of public assets is called so."""


def problems_of_markets(table: dict[str, Any]) -> Iterator[Problem]:
    """Every error that involves a market and a portfolio."""
    markets, portfolios = members(table, "public_markets"), members(table, "portfolios")
    holders = ", ".join(PORTFOLIOS)
    if portfolios and not markets:
        text = "got portfolios and no market, expected the classes that they hold"
        yield Problem("public_markets", text)
    target = number(table, SELLS)
    if target is not None and target < 1:
        yield Problem(SELLS, f"got {target}, expected at least 1: assets over equity")
    if target is not None and not markets:
        text = f"got {target} and no public_markets, expected what banks sell there"
        yield Problem(SELLS, text)
    for name, portfolio in portfolios.items():
        path, kind = f"portfolios.{name}", node(portfolio, "kind")
        if name not in PORTFOLIOS:
            text = f"got unknown holder {name!r}, expected one of {holders}"
            yield Problem(path, text)
        elif kind not in (None, PORTFOLIOS[name]):
            text = f"got {kind!r}, expected {PORTFOLIOS[name]!r}"
            yield Problem(f"{path}.kind", text)
        shares = node(portfolio, "assets.shares")
        if isinstance(shares, dict) and markets and set(shares) != set(markets):
            text = f"got shares of {', '.join(shares)}, expected of every public market"
            yield Problem(
                f"{path}.assets", f"{text}: {', '.join(markets)} (0 for none)"
            )
    if markets:
        for name in PORTFOLIOS:
            if name not in portfolios:
                text = "got no table, expected one beside public_markets"
                yield Problem(f"portfolios.{name}", text)
    for name in markets:
        if name in TAKEN:
            text = f"got {name!r}, expected another name: it is that of a holder"
            yield Problem(f"public_markets.{name}", text)


def problems_of_chips(table: dict[str, Any]) -> Iterator[Problem]:
    """Every error in who gets chips first."""
    is_limited = node(table, "market.chips") is not None
    for family in BUYERS:
        for name in members(table, family):
            path = f"{family}.{name}.{RANK}"
            rank = number(table, path)
            if rank is None:
                continue
            if rank not in range(1, RANKS + 1):
                text = f"got {rank:g}, expected a whole rank from 1 (first) to {RANKS}"
                yield Problem(path, text)
            if not is_limited:
                text = f"got {rank:g} and no market.chips, expected the chips to be had"
                yield Problem(path, text)
