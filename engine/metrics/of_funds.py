"""Metrics of private-credit funds: of all of them together, and of every cohort.

One cohort for all types, called `private_credit`, has the name of the total, and there
total and cohort are the same.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy
from engine.metrics.registry import register, register_entity

Series = Callable[[Any], Float[Array, "quarter cohort ..."]]


def _declare(
    name: str, symbol: str, unit: str, description: str, series: Series, whole: str
) -> None:
    """Registers a metric of every cohort and, over all, its sum, low or high."""
    over_time = {"sum": jnp.sum, "lowest": jnp.min, "highest": jnp.max}[whole]
    register_entity(
        "private_credit",
        name,
        symbol,
        unit,
        description,
        lambda r, i, e, g: over_time(over_time(series(r), axis=1), axis=0),
    )
    register("cohorts", name, symbol, unit, description)(
        lambda r, i, e, g: over_time(series(r)[:, i], axis=0)
    )


_declare(
    "lowest_index",
    "I",
    "x",
    "lowest NAV per share against as_of",
    lambda r: r.fund.index,
    "lowest",
)
_declare(
    "margin_calls",
    "M",
    "USD bn",
    "margin calls of banks",
    lambda r: r.fund.margin_call,
    "sum",
)
_declare(
    "peak_requests",
    "q",
    "share",
    "highest quarterly redemption request, the queue included",
    lambda r: r.fund.requests,
    "highest",
)
_declare("fees", "F", "USD bn", "management fees", lambda r: r.fund.fee, "sum")
_declare(
    "credit_loss",
    "L",
    "USD bn",
    "credit loss of all lenders",
    lambda r: r.fund.credit_loss,
    "sum",
)


def _borne(r: Any, e: Economy, holder: str) -> Float[Array, "..."]:
    """Loss of a holder that has nothing but shares of funds [USD bn]."""
    lost = r.fund.credit_loss - r.fund.line_loss
    borne = e[f"funds.bond.investors.{holder}"] * r.bond.credit_loss
    for i, cohort in enumerate(e.cohorts()):
        borne = borne + e[f"funds.{cohort}.investors.{holder}"] * lost[:, i]
    return jnp.sum(borne, axis=0)


def _outside(r: Any, i: int, e: Economy, g: Any) -> Float[Array, "..."]:
    """What nobody who has a name bears."""
    left = jnp.sum(r.investors.outside, axis=0)
    for holder in e.holders():
        left = left - _borne(r, e, holder)
    return left


register("holders", "loss", "L", "USD bn", "credit loss as final holder")(
    lambda r, i, e, g: _borne(r, e, e.holders()[i])
)
register_entity(
    "outside", "loss", "L", "USD bn", "credit loss as final holder", _outside
)
