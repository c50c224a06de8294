"""Collateral pools of a neocloud: the boxes open at `as_of`, and those drawn since.

docs/model.md section 5, "Collateral pools". Each is a vehicle with its own contracts,
cover and tests. An economy in which no neocloud states `cross_default` has one test of
all boxes of an issuer, and none of this in its program.
"""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from engine.credit.box_covenants import (
    BoxTerms,
    BoxTest,
    draws_open,
    prepaid,
    share_swept,
    sweep,
)
from engine.credit.covenants import cover, cure_due, failed
from engine.economy import Economy
from engine.numerics import ratio_above
from engine.once import once
from engine.survival import HIGHEST
from engine.vehicles.neocloud import Earnings, NeocloudPaths, Operations

FIGURE = "cross_default"
"""Where a neocloud states it, its boxes are pools apart."""


class PoolTerms(eqx.Module):
    """What tells the pools apart, and when one brings the issuer down."""

    is_apart: Bool[Array, "neocloud ..."]
    cross_default: Float[Array, "neocloud ..."]
    """Debt of an accelerated pool above which the issuer defaults too [USD bn]."""
    legacy_cash: Float[Array, "neocloud ..."]
    prepayment: Float[Array, "neocloud ..."]
    tail_price: Float[Array, "neocloud ..."]

    @staticmethod
    def build(
        economy: Economy, tail_price: Float[Array, "neocloud ..."]
    ) -> "PoolTerms | None":
        """Assembles the terms; None where no neocloud has pools apart."""
        if not economy.states("neoclouds", FIGURE):
            return None
        stated = economy.stack("neoclouds", FIGURE, missing=-1.0)
        return PoolTerms(
            is_apart=stated >= 0.0,
            cross_default=stated,
            legacy_cash=economy.stack("neoclouds", "legacy_cash"),
            prepayment=economy.stack("neoclouds", "prepayment"),
            tail_price=tail_price,
        )


class PoolState(eqx.Module):
    """What the next quarter's tests remember of this one's."""

    reach: Float[Array, "neocloud ..."]
    """Of the opening pool; the drawn pool's is the issuer's `reach`."""
    accelerated: Float[Array, "neocloud ..."]
    """Of the drawn pool: such boxes are not drawn."""

    @staticmethod
    def opening(
        economy: Economy, like: Float[Array, "neocloud ..."]
    ) -> "PoolState | None":
        """Nothing failed before `as_of`; None where no neocloud has pools apart."""
        if not economy.states("neoclouds", FIGURE):
            return None
        return PoolState(jnp.full_like(like, 1.0 + HIGHEST), jnp.zeros_like(like))


class Pool(NamedTuple):
    """A pool's quarter [USD bn]."""

    revenue: Float[Array, "neocloud ..."]
    """Annual."""
    cash: Float[Array, "neocloud ..."]
    service: Float[Array, "neocloud ..."]
    debt: Float[Array, "neocloud ..."]
    """At the start of the quarter."""


class PoolFlows(eqx.Module):
    """Both pools of a quarter; of a neocloud tested as one nothing hangs on them."""

    opening: Pool
    drawn: Pool
    opening_dscr: Float[Array, "neocloud ..."]
    drawn_dscr: Float[Array, "neocloud ..."]
    opening_headroom: Float[Array, "neocloud ..."]
    """Of the pool's own default tier; the issuer's is `covenant`."""
    drawn_headroom: Float[Array, "neocloud ..."]


class PoolTest(NamedTuple):
    """A quarter's tests of both pools."""

    flows: PoolFlows
    opening_cure: Float[Array, "neocloud ..."]
    drawn_cure: Float[Array, "neocloud ..."]
    opening_accelerated: Float[Array, "neocloud ..."]
    state: PoolState


def pools(
    terms: PoolTerms | None,
    built: Float[Array, "neocloud ..."] | None,
    paths: NeocloudPaths,
    operations: Operations,
    earnings: Earnings,
    level: Float[Array, "..."],
    opening: tuple[Float[Array, "neocloud ..."], Float[Array, "neocloud ..."]],
    drawn: tuple[Float[Array, "neocloud ..."], Float[Array, "neocloud ..."]],
) -> tuple[Pool, Pool] | None:
    """Divides revenue, cash and service between the opening and the drawn pool.

    **Arguments:** `built`, share of legacy revenue that stands on chips paid after
    `as_of` [1]; `level`, the market's price of compute [1]; `opening`, `drawn`:
    service of the quarter and debt at its start [USD bn].
    """
    if terms is None or built is None:
        return None
    kept = 1.0 - built
    # Chips that are not bought were to be the drawn pool's.
    legacy = jnp.minimum(operations.legacy, kept * paths.legacy)
    tail = kept * paths.tail * jnp.minimum(level * terms.tail_price, 1.0)
    share = ratio_above(legacy + tail, operations.sold)
    early = (1.0 - terms.legacy_cash) * operations.legacy
    of_early = ratio_above(
        (1.0 - terms.legacy_cash) * legacy,
        early + terms.prepayment * operations.contracted,
    )
    cash = share * earnings.ebitda - of_early * earnings.prepaid
    revenue = legacy + tail
    return once(
        (
            Pool(revenue, cash, *opening),
            Pool(operations.sold - revenue, earnings.cash_ebitda - cash, *drawn),
        )
    )


def draws_open_apart(
    terms: PoolTerms | None,
    boxes: BoxTerms,
    tested: Float[Array, "neocloud ..."],
    state: PoolState | None,
) -> Float[Array, "neocloud ..."]:
    """Share of a draw that last quarter's tests allow; none of an accelerated pool."""
    allowed = draws_open(boxes, tested)
    if terms is None or state is None:
        return allowed
    return allowed * (1.0 - state.accelerated)


def examine_pools(
    terms: PoolTerms | None,
    boxes: BoxTerms,
    parts: tuple[Pool, Pool] | None,
    whole: BoxTest,
    equity: Float[Array, "neocloud ..."],
    before: Float[Array, "neocloud ..."],
    state: PoolState | None,
) -> tuple[BoxTest, PoolTest | None]:
    """Tests each pool by itself; `whole` stands where they are not apart.

    Owners cure pools pro rata to what they lack; what they could add beyond that
    counts pro rata to service. So pools of the same cover are tested like one.
    An accelerated pool fails its issuer only where its debt is above `cross_default`.

    **Arguments:** `equity` that could still be raised [USD bn]; `before`, last
    quarter's reach of the drawn pool [1].
    """
    if terms is None or parts is None or state is None:
        return whole, None
    opening, drawn = parts
    owners = boxes.default.owners * equity
    # Who is owed nothing is not cured.
    lacks = [
        jnp.where(
            p.service > 1e-9, cure_due(p.cash, p.service, boxes.default.least), 0.0
        )
        for p in parts
    ]
    lacking, service = lacks[0] + lacks[1], opening.service + drawn.service
    met = ratio_above(jnp.minimum(owners, lacking), lacking)
    spare = ratio_above(jnp.maximum(owners - lacking, 0.0), service)
    found = []
    for pool, lack, last in zip(parts, lacks, (state.reach, before), strict=True):
        dscr, safe = cover(pool.cash, pool.service)
        cure = met * lack
        reach = dscr + (cure + spare * pool.service) / safe
        room = boxes.default.headroom(reach, last)
        crossing = ratio_above(terms.cross_default, pool.debt, 1.0 + HIGHEST)
        issuer = jnp.maximum(room, jnp.clip(crossing - 1.0, -1.0, HIGHEST))
        accelerated = jnp.clip(-room * boxes.default.least / boxes.band, 0.0, 1.0)
        found.append((dscr, cure, reach, room, issuer, accelerated))
    (x_o, cure_o, reach_o, room_o, issuer_o, called_o), (
        x_n, cure_n, reach_n, room_n, issuer_n, called_n,
    ) = found  # fmt: skip

    def apart(
        mine: Float[Array, "neocloud ..."], theirs: Float[Array, "neocloud ..."]
    ) -> Float[Array, "neocloud ..."]:
        return jnp.where(terms.is_apart, mine, theirs)

    test = BoxTest(
        dscr=apart(x_n, whole.dscr),
        reach=apart(reach_n, whole.reach),
        cure=apart(cure_o + cure_n, whole.cure),
        headroom=apart(jnp.minimum(issuer_o, issuer_n), whole.headroom),
    )
    nothing = jnp.zeros_like(called_n)
    flows = PoolFlows(opening, drawn, x_o, x_n, room_o, room_n)
    kept = PoolState(reach_o, apart(called_n, nothing))
    return once((test, PoolTest(flows, cure_o, cure_n, called_o, kept)))


def sweep_pools(
    terms: PoolTerms | None,
    boxes: BoxTerms,
    test: BoxTest,
    pool_test: PoolTest | None,
    free: Float[Array, "neocloud ..."],
    older: Float[Array, "neocloud ..."],
    newer: Float[Array, "neocloud ..."],
) -> tuple[Float[Array, "neocloud ..."], Float[Array, "neocloud ..."]]:
    """What free cash prepays of the opening and of the drawn boxes [USD bn].

    A pool's lenders reach the cash that its own contracts leave after its service, and
    its cure; not the issuer's other cash.
    """
    whole = sweep(boxes, test.dscr, free, older, newer)
    if terms is None or pool_test is None:
        return whole
    flows, kept = pool_test.flows, pool_test.state
    over = [jnp.maximum(p.cash - p.service, 0.0) for p in (flows.opening, flows.drawn)]
    total = over[0] + over[1]
    there = jnp.maximum(free - pool_test.opening_cure - pool_test.drawn_cure, 0.0)
    reached = ratio_above(jnp.minimum(there, total), total)

    def swept(
        dscr: Float[Array, "neocloud ..."],
        accelerated: Float[Array, "neocloud ..."],
        left: Float[Array, "neocloud ..."],
        cash: Float[Array, "neocloud ..."],
    ) -> Float[Array, "neocloud ..."]:
        caught = jnp.maximum(failed(dscr, boxes.trap, boxes.band), accelerated)
        return prepaid(left, share_swept(boxes, caught) * cash)

    first = swept(
        flows.opening_dscr,
        pool_test.opening_accelerated,
        older,
        reached * over[0] + pool_test.opening_cure,
    )
    second = swept(
        flows.drawn_dscr,
        kept.accelerated,
        newer,
        reached * over[1] + pool_test.drawn_cure,
    )
    is_apart = terms.is_apart
    return once(
        (jnp.where(is_apart, first, whole[0]), jnp.where(is_apart, second, whole[1]))
    )
