"""Sizing: the debt that a cash flow can carry at a given cover."""

import jax.numpy as jnp
from jax import lax

from engine._types import ArrayLike
from engine.credit.schedule import Schedule
from engine.numerics import floats, require, require_shape


def sculpt(cfads: ArrayLike, dscr: ArrayLike, rate: ArrayLike) -> Schedule:
    r"""Debt sculpted so that `cfads / service == dscr` in every period.

    $$ s_k = \mathrm{CFADS}_k / \mathrm{DSCR}, \qquad B_n = 0, \qquad
       B_k = \frac{B_{k+1} + s_k}{1 + r_k}, \qquad \text{debt} = B_0 $$

    Exact by backward recursion; principal may be negative in a lean period.

    **Arguments:** `cfads[period]` [USD bn] ≥ 0 at period ends; `dscr` [x] > 0 and
    `rate` [1/period] > −1, each scalar or `[period]`.

    **Returns:** `Schedule` with `.debt` [USD bn]. **Raises:** `ValueError` for other
    shapes and values.

    **References:** Yescombe (2014), *Principles of Project Finance*, §12.3–12.5.
    """
    cfads, dscr, rate = floats(cfads, dscr, rate)
    require_shape("cfads", cfads, (-1,))
    if cfads.shape[0] == 0:
        raise ValueError("cfads must have at least one period, got none")
    for name, value in (("dscr", dscr), ("rate", rate)):
        require_shape(name, value, cfads.shape if value.ndim else ())
    require("cfads", cfads, lambda x: x >= 0, "non-negative")
    require("dscr", dscr, lambda x: x > 0, "positive")
    require("rate", rate, lambda x: x > -1, "above -1 per period")
    service = cfads / dscr
    rates = jnp.broadcast_to(rate, cfads.shape)

    def discount(closing, period):
        due, rate = period
        opening = (closing + due) / (1 + rate)
        return opening, opening

    _, balance = lax.scan(
        discount, jnp.zeros_like(service[0]), (service, rates), reverse=True
    )
    interest = rates * balance
    return Schedule(balance, interest, service - interest)
