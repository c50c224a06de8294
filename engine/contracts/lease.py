r"""Lease accounting: liability, its roll-forward, and remeasurement.

The liability is the present value of the payments not yet made (ASC 842-20-30-1,
IFRS 16.26); it accretes at the lease's rate and falls with each payment. Paid in
advance, period $k$ pays at its start; in arrears at its end.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax

from engine._types import ArrayLike, PerPeriod, Scalar, Values
from engine.numerics import floats, require, require_shape


class LeaseSchedule(NamedTuple):
    """Roll-forward of a liability [USD bn]: closing = opening + interest − payment."""

    opening: PerPeriod
    interest: PerPeriod
    payment: PerPeriod
    closing: PerPeriod


def lease_liability(payments: ArrayLike, rate: ArrayLike, in_advance: bool) -> Scalar:
    r"""Present value of the payments.

    $$ \sum_{k \ge 0} p_k (1 + r)^{-(k + 1 - a)}, \qquad
       a = 1 \text{ in advance, else } 0 $$

    **Arguments:** `payments[period]` [USD bn]; `rate` [1/period] > −1, scalar;
    `in_advance`, static.

    **Returns:** scalar [USD bn]. **Raises:** `ValueError` for other shapes and values.

    **References:** IFRS 16.26; ASC 842-20-30-1.
    """
    return lease_schedule(payments, rate, in_advance).opening[0]


def lease_schedule(
    payments: ArrayLike, rate: ArrayLike, in_advance: bool
) -> LeaseSchedule:
    r"""Rolls the liability forward, period by period.

    $$ I_k = r\,(O_k - a\,p_k), \qquad C_k = O_k + I_k - p_k, \qquad C_n = 0 $$

    Arguments and errors as in `lease_liability`.

    **Returns:** `(opening, interest, payment, closing)`, each `[period]`; the last
    closing balance is exactly zero, since the recursion runs backwards from it.

    **References:** IFRS 16.36; IFRS 16 Illustrative Example 13.
    """
    payments, rate = floats(payments, rate)
    require_shape("payments", payments, (-1,))
    require_shape("rate", rate, ())
    if payments.shape[0] == 0:
        raise ValueError(f"payments must have at least one period, got {payments}")
    require("payments", payments, jnp.isfinite, "finite")
    require("rate", rate, lambda x: x > -1, "above -1 per period")
    advance = 1.0 if in_advance else 0.0

    def unwind(closing, payment):
        opening = (closing + (1 - advance) * payment) / (1 + rate) + advance * payment
        return opening, (opening, closing)

    _, (opening, closing) = lax.scan(
        unwind, jnp.zeros_like(payments[0]), payments, reverse=True
    )
    interest = rate * (opening - advance * payments)
    return LeaseSchedule(opening, interest, payments, closing)


def remeasure(
    schedule: LeaseSchedule,
    at: int,
    payments: ArrayLike,
    rate: ArrayLike,
    in_advance: bool,
) -> LeaseSchedule:
    r"""Replaces the schedule from period `at` on by revised payments at a revised rate.

    Periods before `at` stand. At its start the liability becomes
    $O'_{at} = \mathrm{PV}(p')$; the difference to the carrying amount adjusts the
    right-of-use asset (`remeasurement_adjustment`).

    **Arguments:** `schedule`, as from `lease_schedule`; `at`, static, in [0, periods];
    `payments[period]` [USD bn] from `at` on, of any length; `rate`, `in_advance` as in
    `lease_liability`.

    **Returns:** the whole `LeaseSchedule`, `at + len(payments)` periods long.
    **Raises:** `ValueError` for `at` outside the schedule.

    **References:** IFRS 16.39–43; ASC 842-10-25-11 to 25-14; IFRS 16 Example 13.
    """
    n_periods = schedule.opening.shape[0]
    if not isinstance(at, int) or not 0 <= at <= n_periods:
        raise ValueError(f"at must be a whole number in [0, {n_periods}], got {at!r}")
    revised = lease_schedule(payments, rate, in_advance)
    return LeaseSchedule(
        *(
            jnp.concatenate([before[:at], *floats(after)])
            for before, after in zip(schedule, revised, strict=True)
        )
    )


def remeasurement_adjustment(
    schedule: LeaseSchedule, revised: LeaseSchedule, at: int
) -> Values:
    """Change of the liability, and of the right-of-use asset, at the start of `at`.

    **Arguments:** the schedules before and after `remeasure`; `at` as there.

    **Returns:** scalar [USD bn], positive where the liability rises.
    """
    if at == 0:
        return revised.opening[0] - schedule.opening[0]
    return revised.opening[at] - schedule.closing[at - 1]
