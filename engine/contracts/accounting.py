r"""Accounting view of leases: right-of-use asset, modification, sale and leaseback.

The liability is `lease_schedule`'s. IFRS 16 has one model for lessees, which ASC 842
calls *finance*: the asset is depreciated on a straight line. ASC 842 *operating*
leases show one straight-line cost, and the asset is what makes the books balance.
"""

from typing import NamedTuple

import jax.numpy as jnp

from engine._types import ArrayLike, PerPeriod, Scalar, Values
from engine.contracts.lease import LeaseSchedule, lease_liability
from engine.numerics import floats, require, require_shape

MODELS: tuple[str, ...] = ("finance", "operating")
"""How a lessee expenses the asset: IFRS 16 is always `finance`."""


class RightOfUse(NamedTuple):
    """The asset by period [USD bn]: closing = opening − amortisation."""

    opening: PerPeriod
    amortisation: PerPeriod
    closing: PerPeriod
    expense: PerPeriod
    """Charged to profit: amortisation and interest, or the one lease cost."""


class Modified(NamedTuple):
    """A lease after a change of its terms [USD bn]."""

    liability: Scalar
    asset: Scalar
    gain: Scalar
    """On the part of the lease that was given up; negative is a loss."""
    adjustment: Scalar
    """Of liability and asset alike, for what was kept."""


class SaleAndLeaseback(NamedTuple):
    """What a seller who stays as a tenant shows [USD bn]."""

    liability: Scalar
    financing: Scalar
    """Price above fair value (a loan), or below it (a prepayment, negative)."""
    asset: Scalar
    """Right of use: the share of the former carrying amount that is kept."""
    gain: Scalar
    """Only on the rights that passed to the buyer."""
    total_gain: Scalar
    """Fair value less carrying amount: what a plain sale would show."""


def right_of_use(
    schedule: LeaseSchedule,
    model: str,
    *,
    initial_costs: ArrayLike = 0.0,
    incentives: ArrayLike = 0.0,
    carrying: ArrayLike | None = None,
) -> RightOfUse:
    r"""The asset of a lease, over its whole term.

    $$ A_0 = L_0 + \text{costs} - \text{incentives}; \qquad
       \text{finance: } a_k = A_0/n; \qquad
       \text{operating: } a_k = \bar c - I_k, \quad
       \bar c = \tfrac1n\Big(\sum_k p_k + A_0 - L_0\Big) $$

    with $L_0$ the liability before any payment, $I_k$ its interest and $p_k$ payments,
    so that both assets end at zero.

    **Arguments:** `schedule`, of the term that is left; `model`, static, in `MODELS`;
    `initial_costs`, `incentives` [USD bn], scalars; `carrying` [USD bn], the asset
    after a remeasurement, in place of $A_0$.

    **Returns:** `RightOfUse`. **Raises:** `ValueError` for another model or shape.

    **References:** IFRS 16.23–24, 16.31–32; ASC 842-20-25-6, 842-20-35-3 to 35-5.
    """
    if model not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, got {model!r}")
    liability = schedule.opening[0]
    costs, less = floats(initial_costs, incentives)
    start = liability + costs.astype(liability.dtype) - less.astype(liability.dtype)
    if carrying is not None:
        (start,) = floats(carrying)
        start = start.astype(liability.dtype)
    require_shape("initial_costs and incentives", start, ())
    n_periods = schedule.opening.shape[0]
    if model == "finance":
        amortisation = jnp.broadcast_to(start / n_periods, schedule.opening.shape)
        expense = amortisation + schedule.interest
    else:
        cost = (jnp.sum(schedule.payment) + start - liability) / n_periods
        expense = jnp.broadcast_to(cost, schedule.opening.shape)
        amortisation = expense - schedule.interest
    gone = jnp.cumsum(amortisation)
    closing = start - gone
    opening = jnp.concatenate([start[None], closing[:-1]])
    return RightOfUse(opening, amortisation, closing, expense)


def modify(
    liability: ArrayLike,
    asset: ArrayLike,
    payments: ArrayLike,
    rate: ArrayLike,
    in_advance: bool,
    *,
    given_up: ArrayLike = 0.0,
    kept_liability: ArrayLike | None = None,
) -> Modified:
    r"""A change of an existing lease that is not a lease of its own.

    Giving up the share $g$ of the right takes $gA$ off the asset and $L - L'$ off the
    liability, the difference is gain; what is kept is measured anew at today's rate,
    against the asset:

    $$ \text{gain} = (L - L') - gA, \qquad L'' = \mathrm{PV}(p, r), \qquad
       A'' = (1-g)A + (L'' - L') $$

    **Arguments:** `liability`, `asset` [USD bn] carried before; `payments[period]` and
    `rate` [1/period] after; `in_advance`, static; `given_up`, $g$ in [0, 1];
    `kept_liability` [USD bn], $L'$: what the part that is kept owes on the old terms,
    $(1-g)L$ where not given.

    **Returns:** `Modified`. **Raises:** `ValueError` for a share outside [0, 1].

    **References:** IFRS 16.45–46, Illustrative Examples 16–19; ASC 842-10-25-11 to
    25-13.
    """
    liability, asset, share = floats(liability, asset, given_up)
    require("given_up", share, lambda x: (x >= 0) & (x <= 1), "in [0, 1]")
    kept = (1.0 - share) * liability
    if kept_liability is not None:
        (kept,) = floats(kept_liability)
    after = lease_liability(payments, rate, in_advance)
    off_asset = share * asset
    return Modified(
        liability=after,
        asset=asset - off_asset + after - kept,
        gain=liability - kept - off_asset,
        adjustment=after - kept,
    )


def sale_and_leaseback(
    price: ArrayLike,
    fair_value: ArrayLike,
    carrying: ArrayLike,
    payments: ArrayLike,
    rate: ArrayLike,
    in_advance: bool,
) -> SaleAndLeaseback:
    r"""A sale by somebody who stays on as a tenant.

    With $L = \mathrm{PV}(p)$ and financing $F = \text{price} - \text{fair value}$, the
    tenant keeps the share $κ = (L - F)/\text{fair value}$ of the rights:

    $$ A = κ\cdot\text{carrying}, \qquad
       \text{gain} = (1-κ)(\text{fair value} - \text{carrying}). $$

    **Arguments:** `price`, `fair_value` > 0, `carrying` [USD bn]; `payments[period]`,
    `rate` [1/period] and `in_advance` of the leaseback.

    **Returns:** `SaleAndLeaseback`. Under ASC 842 a sale at fair value shows
    `total_gain` at once (842-40-25-4). **Raises:** `ValueError` for a fair value that
    is not positive.

    **References:** IFRS 16.99–102, Illustrative Example 24.
    """
    price, fair_value, carrying = floats(price, fair_value, carrying)
    require("fair_value", fair_value, lambda x: x > 0, "positive")
    liability = lease_liability(payments, rate, in_advance)
    financing = price - fair_value
    kept: Values = (liability - financing) / fair_value
    total = fair_value - carrying
    return SaleAndLeaseback(
        liability=liability,
        financing=financing,
        asset=kept * carrying,
        gain=(1.0 - kept) * total,
        total_gain=total,
    )
