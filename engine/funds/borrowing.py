"""Two ways a fund borrows: against investors' commitments, and against its assets."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax

from engine._types import ArrayLike, PerPeriod, Scalar, Values
from engine.numerics import floats, require, require_shape


class SubscriptionLine(NamedTuple):
    """A line that pays for investments until investors are called [USD bn]."""

    called: PerPeriod
    """From investors, principal and interest."""
    interest: PerPeriod
    balance: PerPeriod
    """At the end of each period."""


class NavLoan(NamedTuple):
    """A loan on the fund's assets, paid out to investors [USD bn]."""

    lp: PerPeriod
    repaid: PerPeriod
    balance: PerPeriod
    loss: Scalar
    """What the lender lacks at the end."""


def subscription_line(
    contributions: ArrayLike, rate: ArrayLike, delay: int
) -> SubscriptionLine:
    r"""Calls each contribution `delay` periods later, with interest.

    What the fund needs in $t$ it draws; investors repay
    $c_t (1 + \text{rate})^{n}$ in $t + n$ (at the latest in the last period). Multiple
    of money falls, the IRR rises while it exceeds the rate: for one contribution $C$
    and one distribution $D$ after $T$,
    $\text{IRR} = \big(D / C(1+\text{rate})^n\big)^{1/(T-n)} - 1$.

    **Arguments:** `contributions[period]` [USD bn] ≥ 0; `rate` [1/period] > −1;
    `delay` $n$ [periods] ≥ 0, static.

    **Returns:** `SubscriptionLine`. **Raises:** `ValueError` for other shapes and
    values.

    **References:** Albertus and Denes (2024), "Subscription credit facilities", §2;
    ILPA (2020), "Enhancing transparency around subscription lines of credit".
    """
    contributions, rate = floats(contributions, rate)
    require_shape("contributions", contributions, (-1,))
    require("contributions", contributions, lambda x: x >= 0, "non-negative")
    require("rate", rate, lambda x: x > -1, "above -1 per period")
    if delay < 0:
        raise ValueError(f"delay must be at least 0, got {delay}")
    n_periods = contributions.shape[0]
    due = [min(t + delay, n_periods - 1) for t in range(n_periods)]
    held = jnp.asarray([s - t for t, s in enumerate(due)], contributions.dtype)
    owed = contributions * (1 + rate) ** held
    called = jnp.zeros_like(contributions).at[jnp.asarray(due)].add(owed)

    def accrue(balance, flows):
        drawn, called = flows
        interest = rate * balance
        after = balance + interest + drawn - called
        return after, (interest, after)

    zero = jnp.zeros_like(rate)
    _, (interest, balance) = lax.scan(accrue, zero, (contributions, called))
    return SubscriptionLine(called, interest, balance)


def swept(
    cash: Values, owed: Values, nav: Values, sweep: Values, maximum_ltv: Values
) -> Values:
    """What a NAV lender takes of `cash`: its sweep, or what restores its LTV."""
    wanted = jnp.maximum(sweep * cash, owed - maximum_ltv * nav)
    return jnp.clip(wanted, 0.0, jnp.minimum(owed, cash))


def nav_loan(
    distributions: ArrayLike,
    nav: ArrayLike,
    amount: ArrayLike,
    rate: ArrayLike,
    sweep: ArrayLike = 1.0,
    maximum_ltv: ArrayLike = 1.0,
) -> NavLoan:
    r"""Pays out a loan in the first period and repays it from what assets return.

    With $B$ owed including interest, the lender takes

    $$ \mathrm{clip}\big(\max(\text{sweep}\cdot d_t,\ B - \text{LTV}\cdot
       \text{NAV}_t),\ 0,\ \min(B, d_t)\big) $$

    and everything in the last period. Investors' present value at `rate` does not
    change while the loan is repaid; their risk does: what assets fail to return, the
    lender loses only after them.

    **Arguments:** `distributions[period]` [USD bn] ≥ 0; `nav[period]` ≥ 0 at its end;
    `amount` ≥ 0 [USD bn]; `rate` [1/period] > −1; `sweep` in [0, 1]; `maximum_ltv` ≥ 0.

    **Returns:** `NavLoan`. **Raises:** `ValueError` for other shapes and values.

    **References:** ILPA (2024), "NAV-based facilities: guidance for limited partners".
    """
    distributions, nav, amount, rate, sweep, maximum_ltv = floats(
        distributions, nav, amount, rate, sweep, maximum_ltv
    )
    require_shape("distributions", distributions, (-1,))
    require_shape("nav", nav, distributions.shape)
    for name, value in (("distributions", distributions), ("nav", nav)):
        require(name, value, lambda x: x >= 0, "non-negative")
    require("amount", amount, lambda x: x >= 0, "non-negative")
    require("rate", rate, lambda x: x > -1, "above -1 per period")
    require("sweep", sweep, lambda x: (x >= 0) & (x <= 1), "in [0, 1]")
    require("maximum_ltv", maximum_ltv, lambda x: x >= 0, "non-negative")
    n_periods = distributions.shape[0]
    is_last = jnp.arange(n_periods) == n_periods - 1

    def repay(balance, flows):
        cash, value, is_last = flows
        owed = balance * (1 + rate)
        taken = swept(cash, owed, value, sweep, maximum_ltv)
        repaid = jnp.where(is_last, jnp.minimum(owed, cash), taken)
        return owed - repaid, (repaid, owed - repaid)

    # Lent at the end of the first period: its cash is distributed, not swept.
    later = (distributions[1:], nav[1:], is_last[1:])
    owed, (repaid, balance) = lax.scan(repay, amount, later)
    repaid = jnp.concatenate([jnp.zeros_like(distributions[:1]), repaid])
    balance = jnp.concatenate([amount[None], balance])
    lp = (distributions - repaid).at[0].add(amount)
    return NavLoan(lp, repaid, balance, owed)
