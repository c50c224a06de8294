"""Metrics of private-credit funds: of all of them together, and of every cohort.

One cohort for all types, called `private_credit`, has the name of the total, and there
total and cohort are the same.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

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
