"""Ratios with a status: one without meaning says so and never becomes a silent NaN."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from engine._types import ArrayLike, Values
from engine.numerics import floats, require, require_shape, safe_divide

STATUS: tuple[str, ...] = ("ok", "no_debt", "no_cash_flow", "negative_equity")
"""Names of the integer statuses of `Ratio`."""


class Ratio(NamedTuple):
    """A ratio [x] and its status; value and gradient are 0 where not `ok`."""

    value: Values
    status: Int[Array, "..."]


def ratio(numerator: ArrayLike, denominator: ArrayLike, otherwise: str) -> Ratio:
    """Divides where the denominator is positive; status `otherwise` elsewhere.

    **Arguments:** two equal shapes, or a scalar beside one; `otherwise`, in `STATUS`.
    """
    numerator, denominator = floats(numerator, denominator)
    is_ok = denominator > 0
    value = safe_divide(numerator, jnp.where(is_ok, denominator, 0.0))
    code = STATUS.index(otherwise)
    status = jnp.where(jnp.broadcast_to(is_ok, value.shape), 0, code)
    return Ratio(value, status.astype(int))


def dscr(cfads: ArrayLike, debt_service: ArrayLike) -> Ratio:
    r"""Debt service cover ratio, $\mathrm{CFADS}_t / (I_t + P_t)$.

    **Arguments:** `cfads` and `debt_service` [USD bn per period], one shape (or a
    scalar beside an array). Negative `cfads` gives a negative ratio, which has a
    meaning.

    **Returns:** `Ratio`; `no_debt` where no service is due. **Raises:** `ValueError`
    for shapes that differ and for negative `debt_service`.

    **References:** Yescombe (2014), *Principles of Project Finance*, §12.3.
    """
    cfads, debt_service = floats(cfads, debt_service)
    if cfads.ndim and debt_service.ndim:
        require_shape("debt_service", debt_service, cfads.shape)
    require("cfads", cfads, np.isfinite, "finite")
    require("debt_service", debt_service, lambda x: x >= 0, "non-negative")
    return ratio(cfads, debt_service, "no_debt")


def llcr(cfads: ArrayLike, rate: ArrayLike, balance: ArrayLike) -> Ratio:
    r"""Loan life cover ratio at the start of the loan's remaining life.

    $$ \mathrm{LLCR} = \frac{1}{B} \sum_{k=1}^{n} \frac{\mathrm{CFADS}_k}{(1 + r)^k} $$

    **Arguments:** `cfads[period]` [USD bn] at period ends over the loan's life, `rate`
    [1/period], `balance` [USD bn] outstanding now.

    **Returns:** scalar `Ratio`; `no_debt` where the balance is zero. **Raises:**
    `ValueError` for a rate at or below −1 and a negative balance.

    **References:** Yescombe (2014), *Principles of Project Finance*, §12.3.
    """
    cfads, rate, balance = floats(cfads, rate, balance)
    require_shape("cfads", cfads, (-1,))
    require_shape("rate", rate, ())
    require_shape("balance", balance, ())
    require("rate", rate, lambda x: x > -1, "above -1 per period")
    require("balance", balance, lambda x: x >= 0, "non-negative")
    (period,) = floats(jnp.arange(1, cfads.shape[0] + 1))
    discount = jnp.exp(-period.astype(cfads.dtype) * jnp.log1p(rate))
    return ratio(jnp.sum(cfads * discount), balance, "no_debt")


def moic(cash_flows: ArrayLike) -> Ratio:
    r"""Multiple on invested capital, $\sum_t \max(c_t, 0) / \sum_t \max(-c_t, 0)$.

    **Arguments:** `cash_flows[period]` [USD bn], contributions negative.

    **Returns:** scalar `Ratio`; `no_cash_flow` where nothing was paid in.
    """
    (cash_flows,) = floats(cash_flows)
    require_shape("cash_flows", cash_flows, (-1,))
    received = jnp.sum(jnp.where(cash_flows > 0, cash_flows, 0.0))
    invested = jnp.sum(jnp.where(cash_flows < 0, -cash_flows, 0.0))
    return ratio(received, invested, "no_cash_flow")


def debt_to_equity(debt: ArrayLike, equity: ArrayLike) -> Ratio:
    """Debt over equity [x]; `negative_equity` where equity is not positive."""
    return ratio(debt, equity, "negative_equity")


def debt_to_cash_flow(debt: ArrayLike, cash_flow: ArrayLike) -> Ratio:
    """Debt over yearly cash flow [x]; `no_cash_flow` where that is not positive."""
    return ratio(debt, cash_flow, "no_cash_flow")
