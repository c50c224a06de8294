r"""Clauses that every kind shares: amount, dates, coupon, call, toggle, sweep.

The coupon of period $k$ on the reference rate $i_k$, per year:

$$ c_k = \begin{cases} \text{coupon} & \text{fixed} \\
   \max(i_k, \text{floor}) + \text{coupon} & \text{floating (coupon = margin)}
   \end{cases} \; + \; \text{step}\cdot\text{after(step date)}_k. $$

A call before `call_from` is at make-whole: the scheduled payments that are left,
discounted at the reference rate plus `make_whole`, and never below par; after it at
`call_price`.
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from engine._types import PerPeriod, Scalar
from engine.credit.structure.periods import Paths, Periods
from engine.credit.structure.rows import Rows, blank
from engine.numerics import annuity_factor, require

FOREVER = 1e4
"""Years: a date that is never reached."""


def _leaf(value: Any) -> Array:
    return jnp.asarray(value, jnp.result_type(float))


def figure(default: Any = None) -> Any:
    """A field that is always an array: a new value does not recompile."""
    if default is None:
        return eqx.field(converter=_leaf)
    return eqx.field(default=default, converter=_leaf)


class Contract(eqx.Module):
    """Clauses common to all kinds. Money in USD bn, rates per year, dates in years."""

    rank: Array = figure()
    amount: Array = figure()
    coupon: Array = figure(0.0)
    floats: Array = figure(0.0)
    """1: the coupon is a margin over the reference rate."""
    floor: Array = figure(0.0)
    step: Array = figure(0.0)
    step_from: Array = figure(FOREVER)
    starts: Array = figure(0.0)
    tenor: Array = figure(FOREVER)
    grace: Array = figure(0.0)
    """Years from the start without principal."""
    in_kind: Array = figure(0.0)
    """Share of the coupon paid in kind by contract, until `in_kind_until`."""
    in_kind_until: Array = figure(FOREVER)
    toggle: Array = figure(0.0)
    """1: the issuer may pay in kind when cash is short."""
    toggle_margin: Array = figure(0.0)
    subordinated: Array = figure(0.0)
    swept: Array = figure(1.0)
    call_at: Array = figure(FOREVER)
    """When the issuer calls; never by default."""
    call_share: Array = figure(1.0)
    call_from: Array = figure(0.0)
    call_price: Array = figure(1.0)
    make_whole: Array = figure(0.0)
    """Spread over the reference rate at which a call before `call_from` discounts."""
    protected: Array = figure(0.0)
    """1: what a sweep, a trap or a cure prepays is paid the call price too."""

    def __check_init__(self):
        for name in ("amount", "tenor", "grace", "toggle_margin"):
            self._require(name, lambda x: x >= 0, "non-negative")
        flags = ("floats", "toggle", "subordinated", "swept", "protected")
        for name in (*flags, "in_kind", "call_share"):
            self._require(name, lambda x: (x >= 0) & (x <= 1), "in [0, 1]")
        self._require("call_price", lambda x: x > 0, "positive")

    def _require(self, name: str, is_valid: Any, expected: str) -> None:
        # Transformations rebuild modules with placeholders: only numbers are checked.
        if eqx.is_inexact_array(getattr(self, name)):
            require(name, getattr(self, name), is_valid, expected)

    @property
    def matures(self) -> Scalar:
        """Final maturity."""
        return self.starts + self.tenor

    def rate(self, paths: Paths, periods: Periods) -> PerPeriod:
        """Coupon [1/period]."""
        reference = self.floats * jnp.maximum(paths.index, self.floor)
        stepped = self.step * periods.after(self.step_from)
        return (reference + self.coupon + stepped) * periods.dt

    def remaining(self, periods: Periods) -> PerPeriod:
        """Periods left to maturity at each period's start."""
        return periods.remaining(self.matures)

    def repaying(self, periods: Periods) -> PerPeriod:
        """Share of each period in which principal is due by schedule."""
        return periods.after(self.starts + self.grace)

    def due(self, share: PerPeriod, periods: Periods) -> PerPeriod:
        """`share` once the grace is over; within it nothing but what matures."""
        free = self.repaying(periods)
        return free * share + (1.0 - free) * bullet_share(self.remaining(periods))


def level_share(rate: PerPeriod, remaining: PerPeriod) -> PerPeriod:
    r"""Share of the balance that a level payment repays.

    $1/[(1+r)^m A(r, m)]$ with $m = \max(n, 1)$.
    """
    m = jnp.maximum(remaining, 1.0)
    return 1.0 / (annuity_factor(rate, m) * jnp.exp(m * jnp.log1p(rate)))


def bullet_share(remaining: PerPeriod) -> PerPeriod:
    """All at maturity, split over the two period ends around it."""
    return jnp.clip(2.0 - remaining, 0.0, 1.0)


def make_whole_price(rows: Rows, yields: PerPeriod) -> PerPeriod:
    r"""Value at each period's end of what a unit of balance still pays.

    $w_k = [c_{k+1}(1-\pi) + s_{k+1} + (1 + c_{k+1}\pi - s_{k+1})\,w_{k+1}]
    / (1 + y_{k+1})$ with coupon $c$, share in kind π, principal share $s$.
    """
    coupon = (rows.rate * rows.accrual)[0]
    kind, repay = rows.in_kind[0], rows.repay[0]

    def discount(ahead, period):
        coupon, kind, repay, rate = period
        paid = coupon * (1.0 - kind) + repay
        now = (paid + (1.0 + coupon * kind - repay) * ahead) / (1.0 + rate)
        return now, ahead

    _, worth = lax.scan(
        discount, jnp.zeros_like(coupon[0]), (coupon, kind, repay, yields), reverse=True
    )
    return worth


def row(
    contract: Contract,
    paths: Paths,
    periods: Periods,
    repay: PerPeriod,
    amount: Scalar | None = None,
) -> Rows:
    """One row lent at the contract's start and repaid in the given shares."""
    lent = contract.amount if amount is None else amount
    rate = contract.rate(paths, periods)
    accrual = jnp.clip(contract.remaining(periods), 0.0, 1.0)
    # The coupon of the last period is paid with the principal: there is nothing to add
    # it to any more.
    matured = bullet_share(contract.remaining(periods))
    kind = contract.in_kind * (1.0 - periods.after(contract.in_kind_until))
    kind = kind * (1.0 - matured)
    base = eqx.tree_at(
        lambda r: (
            r.opening,
            r.deferrable,
            r.subordinated,
            r.swept,
            r.protected,
            r.toggle_margin,
            r.rate,
            r.accrual,
            r.in_kind,
            r.draw,
            r.called,
        ),
        blank(contract.rank, periods, repay),
        (
            (lent * periods.at_close(contract.starts))[None],
            contract.toggle[None],
            contract.subordinated[None],
            contract.swept[None],
            contract.protected[None],
            (contract.toggle_margin * periods.dt)[None],
            rate[None],
            accrual[None],
            kind[None],
            (lent * periods.matures(contract.starts))[None],
            (contract.call_share * periods.matures(contract.call_at))[None],
        ),
    )
    yields = (paths.index + contract.make_whole) * periods.dt
    whole = jnp.maximum(make_whole_price(base, yields), 1.0)
    free = periods.after(contract.call_from)
    price = free * contract.call_price + (1.0 - free) * whole
    return eqx.tree_at(lambda r: r.price, base, price[None])
