r"""Loan schedules: a table for whole tenors, and the engine's step for real ones.

With $A(r, n)$ the annuity factor, a level loan of $n$ periods has at the start of
period $k$ the balance $B_k = P\, A(r, n - k) / A(r, n)$. The step used inside a
quarterly scan takes the remaining tenor as a real number, so that every outcome is
continuous in every date, and meets the table at integers.
"""

from typing import NamedTuple

import jax.numpy as jnp

from engine._types import ArrayLike, PerPeriod, Scalar, Values
from engine.numerics import annuity_factor, floats, require, require_shape
from engine.once import computed_once

KINDS: tuple[str, ...] = ("level", "linear", "bullet")
"""Amortisation profiles of `amortise`."""


class Schedule(NamedTuple):
    """Balance at the start of each period, interest and principal in it [USD bn]."""

    balance: PerPeriod
    interest: PerPeriod
    principal: PerPeriod

    @property
    def debt(self) -> Scalar:
        """The amount lent: the balance at the start of the first period."""
        return self.balance[0]

    @property
    def service(self) -> PerPeriod:
        """Interest plus principal."""
        return self.interest + self.principal


class Service(NamedTuple):
    """Scheduled payments of one quarter [USD bn]."""

    interest: Values
    principal: Values


def amortise(
    principal: ArrayLike, rate: ArrayLike, n: int, kind: str, grace: int = 0
) -> Schedule:
    r"""Schedule of a loan over `n` periods, the first `grace` of them interest only.

    With $m = n - \text{grace}$ and $j$ repaying periods gone, the remaining share is
    $A(r, m - j)/A(r, m)$ (`level`), $1 - j/m$ (`linear`) or 1 until the last
    (`bullet`).

    **Arguments:** `principal` [USD bn] ≥ 0; `rate` [1/period] > −1; static: `n` ≥ 1,
    `kind` in `KINDS`, 0 ≤ `grace` < `n`. Both arrays scalar.

    **Returns:** `Schedule` of arrays of length `n`. **Raises:** `ValueError`
    otherwise.

    **References:** Fabozzi (2012), *The Handbook of Fixed Income Securities*, ch. on
    mortgage mathematics: level-payment balance formula.
    """
    principal, rate = floats(principal, rate)
    require_shape("principal", principal, ())
    require_shape("rate", rate, ())
    require("principal", principal, lambda x: x >= 0, "non-negative")
    require("rate", rate, lambda x: x > -1, "above -1 per period")
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    if not isinstance(n, int) or n < 1:
        raise ValueError(f"n must be a whole number of at least 1 period, got {n!r}")
    if not isinstance(grace, int) or not 0 <= grace < n:
        raise ValueError(f"grace must be a whole number in [0, n = {n}), got {grace!r}")
    n_repaying = n - grace
    gone = jnp.clip(jnp.arange(n + 1) - grace, 0, None).astype(principal.dtype)
    if kind == "level":
        factors = annuity_factor(rate, n_repaying - gone)
        share = factors / factors[0]
    elif kind == "linear":
        share = 1 - gone / n_repaying
    else:
        share = jnp.where(gone < n_repaying, 1.0, 0.0).astype(principal.dtype)
    stock = principal * share
    return Schedule(stock[:-1], rate * stock[:-1], stock[:-1] - stock[1:])


@computed_once
def level_service(
    balance: ArrayLike, rate_per_quarter: ArrayLike, remaining_quarters: ArrayLike
) -> Service:
    r"""Interest and principal of one quarter of a level loan of real remaining tenor.

    With $n$ quarters left at the start of the quarter the payment is $B / A(r, n)$,
    capped at balance and interest; a last partial quarter bears interest pro rata:

    $$ I = B\,r\,\mathrm{clip}(n, 0, 1), \qquad
       P = \frac{B}{(1 + r)^{m} A(r, m)}, \quad m = \max(n, 1). $$

    At $n \le 1$ everything is due; at $n \le 0$ without further interest. Stepping it
    from an integer tenor reproduces `amortise(..., kind="level")` to rounding.

    **Arguments:** `balance` [USD bn], `rate_per_quarter` [1/quarter] > −1,
    `remaining_quarters` [quarters], real; equal shapes or scalars.

    **Returns:** `Service(interest, principal)`. **Raises:** `ValueError` for a
    negative balance or a rate at or below −1.
    """
    balance, rate, remaining = floats(balance, rate_per_quarter, remaining_quarters)
    _require_loan(balance, rate)
    n = jnp.maximum(remaining, 1.0)
    accumulated = annuity_factor(rate, n) * jnp.exp(n * jnp.log1p(rate))
    interest = balance * rate * jnp.clip(remaining, 0.0, 1.0)
    return Service(interest, balance / accumulated)


def linear_service(
    balance: ArrayLike, rate_per_quarter: ArrayLike, remaining_quarters: ArrayLike
) -> Service:
    r"""One quarter of a linear loan with a real remaining tenor: $P = B/\max(n, 1)$.

    Arguments, interest, return and errors as in `level_service`.
    """
    balance, rate, remaining = floats(balance, rate_per_quarter, remaining_quarters)
    _require_loan(balance, rate)
    interest = balance * rate * jnp.clip(remaining, 0.0, 1.0)
    return Service(interest, balance / jnp.maximum(remaining, 1.0))


def bullet_service(
    balance: ArrayLike, rate_per_quarter: ArrayLike, remaining_quarters: ArrayLike
) -> Service:
    r"""One quarter of a bullet whose maturity may lie inside a quarter.

    $$ P = B\,\mathrm{clip}(2 - n, 0, 1) $$

    spreads the repayment over the two quarter ends around the maturity, so that its
    mean date is the maturity and the payment is continuous in it; a whole number of
    quarters pays once. Arguments, interest, return and errors as in `level_service`.
    """
    balance, rate, remaining = floats(balance, rate_per_quarter, remaining_quarters)
    _require_loan(balance, rate)
    interest = balance * rate * jnp.clip(remaining, 0.0, 1.0)
    return Service(interest, balance * jnp.clip(2.0 - remaining, 0.0, 1.0))


def _require_loan(balance: Values, rate: Values) -> None:
    require("balance", balance, lambda x: x >= 0, "non-negative")
    require("rate_per_quarter", rate, lambda x: x > -1, "above -1 per quarter")
