r"""A capital structure divides: rows and a cash flow in, every line out.

$$ \text{(rows, CFADS path, rate path)} \mapsto \text{table} $$

Written for one issuer; `jax.vmap` makes the issuer axis, `pad` the same number of rows.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from engine._types import PerPeriod, Scalar
from engine.credit.structure.instrument import AbstractInstrument
from engine.credit.structure.period import Flows, Now, State, step
from engine.credit.structure.periods import Paths, Periods
from engine.credit.structure.ranking import ranking
from engine.credit.structure.rows import Rows, stack
from engine.credit.structure.terms import Terms
from engine.jump import AbstractDefaultRule, HardDefault

RESERVE_YEARS = 2
"""The longest look-ahead of a reserve account: its size shapes the program."""


class Table(NamedTuple):
    """What happened: flows and stocks by period (leading axis), then by row.

    `flows` and `state` are those of the average living issuer; `alive` is the share
    living at the period's end, `paid` what each row received from all of them, with
    recoveries, and `lent` what it advanced.
    """

    state: State
    flows: Flows
    alive: PerPeriod
    paid: Float[Array, "period row"]
    lent: Float[Array, "period row"]
    losses: Float[Array, "period row"]
    residual: PerPeriod
    """Sources less uses less the change of all accounts: rounding only [USD bn]."""


def assemble(
    instruments: list[AbstractInstrument], paths: Paths, periods: Periods
) -> Rows:
    """All instruments as rows, in the order given."""
    return stack([instrument.rows(paths, periods) for instrument in instruments])


def divide(
    rows: Rows,
    terms: Terms,
    paths: Paths,
    periods: Periods,
    rule: AbstractDefaultRule | None = None,
) -> Table:
    r"""Runs the waterfall over all periods.

    **Arguments:** `rows` from `assemble`; `terms`; `paths`, arrays `[period]`;
    `periods`; `rule`, hard by default.

    **Returns:** `Table`. **Raises:** `ValueError` for paths that do not have one value
    for each period.
    """
    for name in ("cfads", "plan", "spend", "index", "value", "parity"):
        path = getattr(paths, name)
        if path.shape != (periods.n,):
            raise ValueError(
                f"paths.{name} must have {periods.n} periods, got {path.shape}"
            )
    rule = HardDefault() if rule is None else rule
    order = ranking(rows, terms.reserve.rank)
    committed = jnp.sum(rows.draw, axis=1)
    revolving = (jnp.max(rows.limit, axis=1) > 0).astype(rows.rank.dtype)
    first = opening(rows, terms)
    given = _by_period(rows, terms, paths, periods)

    def body(state, now):
        new, flows = step(
            order, rows, committed, revolving, terms, rule, periods.dt, state, now
        )
        return new, (new, flows)

    _, (state, flows) = lax.scan(body, first, given)
    return _table(rows, first, state, flows)


def opening(rows: Rows, terms: Terms) -> State:
    """Balances at the close."""
    zero, one = jnp.zeros_like(terms.cash), jnp.ones_like(terms.cash)
    return State(
        balance=rows.opening,
        arrears=jnp.zeros_like(rows.opening),
        drawn=jnp.zeros_like(rows.opening),
        cash=terms.cash,
        reserve=terms.reserve.opening,
        trapped=zero,
        trapped_for=zero,
        support=terms.support.capacity,
        cures=terms.support.cures,
        open=one,
        alive=one,
    )


def service_ahead(
    rows: Rows, years: Scalar, periods: Periods
) -> Float[Array, "row period"]:
    """Service of the next `years` by schedule, per unit of balance at a period's end.

    A reserve longer than `RESERVE_YEARS` is cut there, and at the last period.
    """
    coupon = rows.rate * rows.accrual
    balance, held = jnp.ones_like(coupon), jnp.zeros_like(coupon)
    wanted = years * periods.per_year
    for j in range(1, min(RESERVE_YEARS * periods.per_year, periods.n - 1) + 1):
        rate, kind, repay = (
            jnp.concatenate([x[:, j:], jnp.zeros_like(x[:, :j])], axis=1)
            for x in (coupon, rows.in_kind, rows.repay)
        )
        weight = jnp.clip(wanted - (j - 1), 0.0, 1.0)
        held = held + weight * balance * (rate * (1.0 - kind) + repay)
        balance = balance * (1.0 + rate * kind - repay)
    return held


def _by_period(rows: Rows, terms: Terms, paths: Paths, periods: Periods) -> Now:
    n = min(periods.per_year, periods.n)
    total = jnp.cumsum(paths.cfads)
    before = jnp.concatenate([jnp.zeros_like(total[:n]), total[:-n]])
    count = jnp.minimum(jnp.arange(1, periods.n + 1), n).astype(total.dtype)
    start = terms.covenants.starts
    due = periods.remaining(terms.reserve.starts)

    def by_period(x):
        return jnp.moveaxis(x, 1, 0)

    return Now(
        cfads=paths.cfads,
        spend=paths.spend,
        yearly=(total - before) / count * periods.per_year,
        earned=paths.index * terms.cash_yield * periods.dt,
        value=paths.value,
        parity=paths.parity,
        tested=(periods.after(start) >= 1.0 - 1e-9).astype(total.dtype),
        sweeping=periods.after(terms.sweep.starts),
        reserving=jnp.clip(2.0 - due, 0.0, 1.0),
        rate=by_period(rows.rate),
        accrual=by_period(rows.accrual),
        in_kind=by_period(rows.in_kind),
        repay=by_period(rows.repay),
        draw=by_period(rows.draw),
        limit=by_period(rows.limit),
        fee=by_period(rows.fee),
        called=by_period(rows.called),
        price=by_period(rows.price),
        converting=by_period(rows.converting),
        ahead=by_period(service_ahead(rows, terms.reserve.years, periods)),
    )


def received(flows: Flows) -> Float[Array, "period row"]:
    """Cash that a living issuer pays to each row."""
    return (
        flows.fees
        + flows.interest
        + flows.principal
        + flows.repaid_line
        + flows.called
        + flows.premium
        + flows.swept
        + flows.cured
        + flows.distributed
    )


def _table(rows: Rows, first: State, state: State, flows: Flows) -> Table:
    alive = state.alive
    owners = rows.residual[None] * (flows.cure + flows.supported)[:, None]
    lent = flows.draws + flows.revolved + owners
    paid = received(flows)
    out = jnp.sum(paid, axis=1) + flows.spend
    into = jnp.sum(flows.draws + flows.revolved, axis=1) + flows.cure + flows.supported

    def change(now, then):
        return now - jnp.concatenate([then[None], now[:-1]])

    accounts = (
        change(state.cash, first.cash)
        + change(state.reserve, first.reserve)
        + change(state.trapped, first.trapped)
    )
    failing = flows.failing[:, None]
    return Table(
        state=state,
        flows=flows,
        alive=alive,
        paid=alive[:, None] * paid + failing * flows.recovered,
        lent=alive[:, None] * lent,
        losses=failing * jnp.maximum(flows.claims - flows.recovered, 0.0),
        residual=flows.cfads + flows.earned + into - out - accounts,
    )


def divide_many(
    rows: Rows,
    terms: Terms,
    paths: Paths,
    periods: Periods,
    rule: AbstractDefaultRule | None = None,
) -> Table:
    """`divide` over a leading issuer axis of `rows`, `terms` and `paths`."""
    return jax.vmap(lambda r, t, p: divide(r, t, p, periods, rule))(rows, terms, paths)
