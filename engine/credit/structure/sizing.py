r"""Sizing with its circularity: fees, interest while building and reserve ↔ debt.

The uses of a project depend on its debt, and its debt on its uses. Debt funds the share
γ of every period's uses, so with construction cost $s_k$, debt $D$, its rate $r$,
commitment fee $c$, upfront fee φ and reserve α per unit of debt

$$ B_k = B_{k-1} + γ\,[s_k + r_k B_{k-1} + c\,(D - B_{k-1})], \qquad B_{-1} = γφD, $$

plus $γαD$ in the last period, and $B_{last} = D$. The balance is affine in $D$,
$p(γ) + q(γ) D$: for a given γ the answer is $D = p/(1 - q)$, without iteration.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Int

from engine._types import ArrayLike, Flag, PerPeriod, Scalar
from engine.numerics import (
    floats,
    implicit_root,
    require,
    require_shape,
    safe_divide,
)

SIZING_STATUS: tuple[str, ...] = (
    "ok",
    "no_capacity",
    "negative_equity",
)
"""Names of the integer statuses of `Sized`."""

BINDING: tuple[str, ...] = ("capacity", "gearing")
"""Names of what limits the debt."""


class Sized(NamedTuple):
    """Sources and uses that close, and why they are not larger [USD bn]."""

    debt: Scalar
    equity: Scalar
    uses: Scalar
    """Cost, fees, interest while building and reserve."""
    gearing: Scalar
    """Debt over uses."""
    capacity: Scalar
    """Debt that the cash flow carries."""
    interest: PerPeriod
    """While building."""
    fees: PerPeriod
    """Commitment fees while building; the upfront fee is `upfront`."""
    upfront: Scalar
    reserve: Scalar
    balance: PerPeriod
    """Debt at the end of each construction period."""
    status: Int[Array, ""]
    binding: Int[Array, ""]


def size(
    cost: ArrayLike,
    cfads: ArrayLike,
    dscr: ArrayLike,
    rate: ArrayLike,
    *,
    service: ArrayLike | None = None,
    gearing: ArrayLike = 1.0,
    upfront_fee: ArrayLike = 0.0,
    commitment_fee: ArrayLike = 0.0,
    reserve: ArrayLike = 0.0,
) -> Sized:
    r"""The largest debt within cover and gearing, with all that it costs.

    Capacity is $\min_k \text{CFADS}_k / (\text{DSCR}\,σ_k)$ with $σ_k$ the service of a
    unit of debt; without `service`, debt is sculpted and its capacity the value of
    CFADS/DSCR. If the cap on gearing allows less, $D(\bar γ)$ is the answer and gearing
    is $\barγ$ to rounding; else γ is the root of $D(γ) = D^{cap}$.

    **Arguments:** `cost[build]` [USD bn] ≥ 0, by construction period; `cfads[period]`
    [USD bn], by operating period; `dscr` [x] > 0; `rate` [1/period] ≥ 0, of both
    phases; `service[period]`, per unit of debt, ≥ 0; `gearing` in (0, 1];
    `upfront_fee` and `reserve` per unit of debt, `commitment_fee` [1/period], ≥ 0.
    Scalars unless said.

    **Returns:** `Sized`, with status (`SIZING_STATUS`). `no_capacity`: debt 0.
    `negative_equity`: uncapped, the cash flow would carry more than all uses, and the
    equity would be negative; debt is the uses.
    **Raises:** `ValueError` for other shapes and values.

    **Derivative:** exact of the closed form; by the implicit function theorem for γ.

    **References:** Yescombe (2014), *Principles of Project Finance*, §12.7, §13.5
    (debt:equity ratio, interest during construction); Gatti (2018), *Project Finance in
    Theory and Practice*, ch. 5.
    """
    cost, cfads, dscr, rate, gearing, upfront_fee, commitment_fee, reserve = floats(
        cost, cfads, dscr, rate, gearing, upfront_fee, commitment_fee, reserve
    )
    require_shape("cost", cost, (-1,))
    require_shape("cfads", cfads, (-1,))
    for name, value in (("cost", cost), ("cfads", cfads)):
        if value.shape[0] == 0:
            raise ValueError(f"{name} must have at least one period, got {value}")
    fees = {
        "upfront_fee": upfront_fee,
        "commitment_fee": commitment_fee,
        "reserve": reserve,
        "rate": rate,
    }
    for name, value in ({"dscr": dscr, "gearing": gearing} | fees).items():
        require_shape(name, value, ())
    require("cost", cost, lambda x: x >= 0, "non-negative")
    require("dscr", dscr, lambda x: x > 0, "positive")
    require("gearing", gearing, lambda x: (x > 0) & (x <= 1), "in (0, 1]")
    for name, value in fees.items():
        require(name, value, lambda x: x >= 0, "non-negative")
    capacity = _capacity(cfads, dscr, rate, service)
    terms = (cost, rate, upfront_fee, commitment_fee, reserve)
    capped, closes = _debt(gearing, terms)
    has_capacity = capacity > 0.0
    is_capped = closes & (capped <= capacity)
    # Where q ≥ 1 no debt closes at that gearing, so that capacity binds below it.
    exceeds = is_capped & (gearing >= 1.0) & (capped < capacity)
    target = jnp.where(has_capacity & ~is_capped, capacity, 0.5 * capped)
    share = jnp.where(is_capped, gearing, _gearing_of(target, gearing, terms))
    debt = jnp.where(is_capped, capped, capacity)
    debt = jnp.where(has_capacity, debt, 0.0)
    share = jnp.where(has_capacity, share, 0.0)
    interest, committed, balance = _build(debt, share, terms)
    upfront, held = upfront_fee * debt, reserve * debt
    uses = jnp.sum(cost) + upfront + held + jnp.sum(interest) + jnp.sum(committed)
    status = jnp.where(~has_capacity, 1, jnp.where(exceeds, 2, 0))
    return Sized(
        debt=debt,
        equity=uses - debt,
        uses=uses,
        gearing=safe_divide(debt, uses),
        capacity=capacity,
        interest=interest,
        fees=committed,
        upfront=upfront,
        reserve=held,
        balance=balance,
        status=status.astype(int),
        binding=is_capped.astype(int),
    )


def _capacity(
    cfads: PerPeriod, dscr: Scalar, rate: Scalar, service: ArrayLike | None
) -> Scalar:
    if service is None:
        period = jnp.arange(1, cfads.shape[0] + 1).astype(cfads.dtype)
        discount = jnp.exp(-period * jnp.log1p(rate))
        return jnp.sum(cfads * discount) / dscr
    (unit,) = floats(service)
    require_shape("service", unit, cfads.shape)
    require("service", unit, lambda x: x >= 0, "non-negative")
    binds = unit > 0
    carried = cfads / (dscr * jnp.where(binds, unit, 1.0))
    return jnp.min(jnp.where(binds, carried, jnp.inf))


def _affine(share: Scalar, terms: tuple) -> tuple[Scalar, Scalar]:
    """p(γ) and q(γ) of the balance when construction ends, p + q D."""
    cost, rate, upfront, fee, reserve = terms
    growth = 1.0 + share * (rate - fee)

    def advance(carry, spent):
        p, q = carry
        return (growth * p + share * spent, growth * q + share * fee), None

    start = (jnp.zeros_like(share), share * upfront)
    (p, q), _ = lax.scan(advance, start, cost)
    return p, q + share * reserve


def _debt(share: Scalar, terms: tuple) -> tuple[Scalar, Flag]:
    """D(γ) = p/(1 − q), and whether it exists (q < 1)."""
    p, q = _affine(share, terms)
    exists = q < 1.0
    return p / jnp.where(exists, 1.0 - q, 1.0), exists


def _excess(share: Scalar, given: tuple) -> Scalar:
    """(1 − q)·target − p: falls through zero at the gearing sought."""
    target, terms = given
    p, q = _affine(share, terms)
    return (1.0 - q) * target - p


def _gearing_of(target: Scalar, cap: Scalar, terms: tuple) -> Scalar:
    """γ with D(γ) = target, by bisection; derivative by the implicit theorem."""
    given = (target, terms)
    fixed = lax.stop_gradient(given)

    def halve(_, bracket):
        lower, upper = bracket
        middle = (lower + upper) / 2
        is_above = _excess(middle, fixed) < 0.0
        return jnp.where(is_above, lower, middle), jnp.where(is_above, middle, upper)

    top = lax.stop_gradient(cap)
    lower, upper = lax.fori_loop(0, 60, halve, (jnp.zeros_like(top), top))
    return implicit_root(_excess, (lower + upper) / 2, given)


def _build(
    debt: Scalar, share: Scalar, terms: tuple
) -> tuple[PerPeriod, PerPeriod, PerPeriod]:
    """Interest, commitment fees and balance of each construction period."""
    cost, rate, upfront, fee, reserve = terms

    def advance(balance, spent):
        interest, committed = rate * balance, fee * (debt - balance)
        balance = balance + share * (spent + interest + committed)
        return balance, (interest, committed, balance)

    _, (interest, committed, balance) = lax.scan(advance, share * upfront * debt, cost)
    last = jnp.zeros_like(balance).at[-1].set(share * reserve * debt)
    return interest, committed, balance + last
