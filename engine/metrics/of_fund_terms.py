"""Metrics of what only some funds have: incentive fees, commitments, other lenders.

A cohort without the terms has no such metric, an economy without them none at all.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy
from engine.metrics.registry import register, register_entity

Series = Callable[[Any], Float[Array, "quarter member ..."]]

EVERYONE = "other_assets"
"""A figure that every cohort has."""


def _having(economy: Economy, key: str) -> tuple[str, ...]:
    """The cohorts that have a figure."""
    names = economy.cohorts()
    return tuple(c for c in names if f"funds.{c}.{key}" in economy.figures)


def _declare(
    name: str,
    symbol: str,
    description: str,
    key: str,
    series: Series,
    rows: str = EVERYONE,
    is_stock: bool = False,
) -> None:
    """Registers the sum over quarters (of a stock the highest) where `key` is given.

    `series` has a row for every cohort that has the figure `rows`.
    """
    over_time = jnp.max if is_stock else jnp.sum

    def whole(r: Any, i: int, e: Economy, g: Any) -> Any:
        if not _having(e, key):
            return None
        return over_time(jnp.sum(series(r), axis=1), axis=0)

    def own(r: Any, i: int, e: Economy, g: Any) -> Any:
        name = e.cohorts()[i]
        if name not in _having(e, key):
            return None
        return over_time(series(r)[:, _having(e, rows).index(name)], axis=0)

    register_entity("private_credit", name, symbol, "USD bn", description, whole)
    register("cohorts", name, symbol, "USD bn", description)(own)


_declare(
    "incentive_fees",
    "F^i",
    "manager's incentive fees",
    "incentive",
    lambda r: r.fund.incentive.fee,
)
_declare(
    "manager_income",
    "F + F^i",
    "what managers earn: management and incentive fees",
    "incentive",
    lambda r: r.fund.fee + r.fund.incentive.fee,
)
_declare(
    "peak_aum",
    "A",
    "most assets under management, undrawn commitments included",
    "incentive",
    lambda r: r.fund.incentive.managed,
    is_stock=True,
)
_declare(
    "calls_defaulted",
    "D",
    "capital calls that investors owe and do not pay",
    "undrawn",
    lambda r: r.fund.calls.defaulted,
    "undrawn",
)
_declare(
    "calls_missing",
    "X",
    "due to the line or lent, and paid by no investor",
    "undrawn",
    lambda r: r.fund.calls.missing,
    "undrawn",
)
_declare(
    "peak_subscription_line",
    "B",
    "largest subscription line",
    "subscription_line",
    lambda r: r.fund.calls.line,
    "undrawn",
    is_stock=True,
)
_declare(
    "subscription_loss",
    "L",
    "banks' loss on subscription lines",
    "subscription_line",
    lambda r: r.fund.calls.loss,
    "undrawn",
)
_declare(
    "nav_loan_repaid",
    "N",
    "NAV loans repaid from income, interest included",
    "nav_loan",
    lambda r: r.fund.nav_loan.repaid,
    "nav_loan",
)
_declare(
    "nav_loan_loss",
    "L",
    "banks' loss on NAV loans",
    "nav_loan",
    lambda r: r.fund.nav_loan.loss,
    "nav_loan",
)
