r"""The payments of a network, followed wave by wave from above or from below.

Write $y_i$ for all that firm $i$ pays. Given who is in default, $y$ solves a monotone
piecewise linear system: its pieces end where a firm begins or ends to pay a rank. A
wave solves the system of the present piece and goes towards its solution until a piece
ends; then the firms that default there (from above) or recover (from below) change
state. From above this gives the greatest clearing vector, from below the least.
"""

import functools
from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from engine._types import PerBank, Values
from engine.contagion import leaks
from engine.numerics import safe_divide

SMALLEST_SYSTEM = 32
"""Firms; smaller systems cost no more than choosing among them."""

MOST_EXACT = 64
"""Firms in default up to which a system is solved without subtracting, one elimination
a firm. With more, payments are good to about 1e-16 over what leaves their circle."""


class Network(NamedTuple):
    """Dues by rank and firm, shares of creditors, and what each firm owns outside."""

    due: Float[Array, "rank bank"]
    share: Float[Array, "rank bank bank"]
    leaving: Float[Array, "rank bank"]
    """Share of outside creditors, which one less the others would lose to rounding."""
    external: PerBank
    alpha: Values
    beta: Values

    @property
    def ahead(self) -> Float[Array, "rank bank"]:
        """What ranks before a rank are due."""
        return jnp.cumsum(self.due, axis=0) - self.due

    @property
    def total(self) -> PerBank:
        """What a firm owes in all."""
        return jnp.sum(self.due, axis=0)

    @property
    def tolerance(self) -> PerBank:
        """Amounts below it are rounding: who pays in full must not default by it."""
        n_firms = self.external.shape[0]
        return (32 + n_firms) * jnp.finfo(self.due.dtype).eps * self.total


class Trace(NamedTuple):
    """Where a wave ended."""

    paid: PerBank
    """All that a firm pays."""
    is_default: Bool[Array, " bank"]
    marginal: Int[Array, " bank"]
    """Rank of the last dollar of a firm in default."""
    headroom: PerBank
    """(owned − due)/due when it was last decided whether the firm pays in full."""
    waves: Int[Array, ""]
    is_moving: Bool[Array, ""]


def by_rank(network: Network, paid: PerBank) -> Float[Array, "rank bank"]:
    """All that a firm pays, laid over its ranks."""
    return jnp.clip(paid[None] - network.ahead, 0.0, network.due)


def received(network: Network, payments: Float[Array, "rank bank"]) -> PerBank:
    """What the firms of the network get from one another."""
    ranks = range(network.due.shape[0])
    return sum(
        (payments[r] @ network.share[r] for r in ranks),
        jnp.zeros_like(network.external),
    )


def of_margin(trace: Trace, values: Float[Array, "rank bank"]) -> PerBank:
    """Of each firm the entry of its marginal rank."""
    return jnp.take_along_axis(values, trace.marginal[None], axis=0)[0]


def greatest(network: Network) -> Trace:
    """Follows payments down from payment in full."""
    sound = jnp.zeros_like(network.total, bool)
    return _follow(network, _begin(network, network.total, sound), falls=True)


def least(network: Network) -> Trace:
    """Follows payments up from nothing."""
    all_default = network.total > network.tolerance
    nothing = jnp.zeros_like(network.total)
    return _follow(network, _begin(network, nothing, all_default), falls=False)


def _begin(network: Network, paid: PerBank, is_default: Bool[Array, " bank"]) -> Trace:
    return Trace(
        paid=paid,
        is_default=is_default,
        marginal=jnp.zeros_like(is_default, int),
        headroom=jnp.full_like(paid, jnp.inf),
        waves=jnp.asarray(0),
        is_moving=jnp.asarray(True),
    )


def _follow(network: Network, start: Trace, falls: bool) -> Trace:
    n_ranks, n_firms = network.due.shape
    # A state only falls (or only rises): each wave changes a firm or ends a piece.
    most_waves = n_firms * (n_ranks + 1) + 1

    def is_unsettled(trace):
        return trace.is_moving & (trace.waves <= most_waves)

    def wave(trace):
        return _wave(network, trace, falls)

    return lax.while_loop(is_unsettled, wave, _decide(network, start, falls))


def _decide(network: Network, trace: Trace, falls: bool) -> Trace:
    """Who defaults or recovers at these payments, and on which piece each now is."""
    owned = network.external + received(network, by_rank(network, trace.paid))
    tolerance = network.tolerance
    is_short = owned < network.total - tolerance
    if falls:
        is_default = trace.is_default | is_short
        undecided = ~trace.is_default
    else:
        is_default = trace.is_default & is_short
        undecided = trace.is_default
    distance = safe_divide(owned - network.total, network.total, jnp.inf)
    realised = _realised(network, trace.paid)
    step = jnp.minimum if falls else jnp.maximum
    paid = jnp.where(is_default, step(trace.paid, realised), network.total)
    marginal = _piece(network, paid, falls)
    changed = jnp.any(is_default != trace.is_default)
    changed |= jnp.any(is_default & (marginal != trace.marginal))
    return trace._replace(
        paid=paid,
        is_default=is_default,
        marginal=marginal,
        headroom=jnp.where(undecided, distance, trace.headroom),
        is_moving=jnp.any(is_default) & (changed | trace.is_moving),
    )


def _realised(network: Network, paid: PerBank) -> PerBank:
    """What a firm in default has to pay out, after the costs of default."""
    inside = received(network, by_rank(network, paid))
    return network.alpha * network.external + network.beta * inside


def _piece(network: Network, paid: PerBank, falls: bool) -> Int[Array, " bank"]:
    """The rank that a small fall (or rise) of payments would touch."""
    ahead = network.ahead
    is_reached = (ahead < paid[None]) if falls else (ahead <= paid[None])
    is_owed = network.due > 0
    rank = jnp.arange(network.due.shape[0])[:, None]
    first = jnp.argmax(is_owed, axis=0)
    return jnp.max(jnp.where(is_reached & is_owed, rank, first[None]), axis=0)


def solve_piece(network: Network, trace: Trace) -> PerBank:
    r"""What firms in default pay on their marginal ranks; its derivative is implicit.

    Solves $(I - \beta \Pi')\,x = $ what they realise without one another less what is
    due ahead. A closed circle, from which no dollar leaves, pays what it paid and the
    change that others ask of it. The system is cut to a size that holds all firms in
    default: they are mostly few, and a solve is cubic.
    """
    paid = lax.stop_gradient(trace.paid)
    ahead = of_margin(trace, network.ahead)
    level, miss = gap(network, trace, ahead), gap(network, trace, paid)
    is_rounding = jnp.abs(miss) <= network.tolerance
    miss = miss - lax.stop_gradient(jnp.where(is_rounding, miss, 0.0))
    before = jnp.where(trace.is_default, paid - ahead, 0.0)
    n_firms = paid.shape[0]
    first = jnp.argsort(~trace.is_default, stable=True)
    sizes = sorted({max(SMALLEST_SYSTEM, n_firms // k) for k in (16, 8, 4, 2)})
    sizes = [*(size for size in sizes if size < n_firms), n_firms]

    def solve_cut(size: int) -> PerBank:
        firms = first[:size]
        passed, leak = _system(network, trace, firms)
        eps = float(jnp.finfo(paid.dtype).eps)
        if size <= MOST_EXACT:
            # So little that it shows only where nothing else leaves.
            known = leaks.factors(passed, leak + eps**3)
            outright = leaks.solve(passed, known, level[firms])
            moved = before[firms] + leaks.solve(passed, known, miss[firms])
            is_open = leaks.solve_transposed(known, leak) > 0.5
            found = jnp.where(is_open, outright, moved)
        else:
            matrix = jnp.eye(size, dtype=paid.dtype) - (1.0 - 4.0 * eps) * passed
            way = jnp.linalg.solve(matrix, miss[firms][:, None])[:, 0]
            found = before[firms] + way
        return paid.at[firms].set(found, unique_indices=True)

    if len(sizes) == 1:
        return solve_cut(n_firms)
    n_defaults = jnp.sum(trace.is_default)
    which = jnp.sum(n_defaults > jnp.asarray(sizes[:-1]))
    return lax.switch(which, [functools.partial(solve_cut, size) for size in sizes])


def _system(
    network: Network, trace: Trace, firms: Int[Array, " part"]
) -> tuple[Float[Array, "part part"], Float[Array, " part"]]:
    r"""$\beta \Pi'$ of the marginal ranks, among `firms` in default, and the rest.

    The rest is what of a dollar goes to outsiders, to firms that pay in full, and into
    costs of default.
    """
    rank = trace.marginal[firms]
    share = network.share[rank[:, None], firms[:, None], firms[None, :]]
    beta = jnp.broadcast_to(network.beta, trace.paid.shape)
    kept = jnp.where(trace.is_default, beta, 0.0)
    both = trace.is_default[firms][:, None] & trace.is_default[firms][None, :]
    passed = jnp.where(both, kept[firms][:, None] * share.T, 0.0)
    lost = jnp.sum(network.share[rank, firms] * (1.0 - kept)[None], axis=1)
    leak = network.leaving[rank, firms] + lost
    return passed, jnp.where(trace.is_default[firms], leak, 1.0)


def _paying(network: Network, trace: Trace, last: PerBank) -> Float[Array, "rank bank"]:
    """Payments by rank where firms in default pay `last` on their marginal ranks."""
    rank = jnp.arange(network.due.shape[0])[:, None]
    at_margin = trace.is_default[None] & (rank == trace.marginal[None])
    in_full = ~trace.is_default[None] | (rank < trace.marginal[None])
    payments = jnp.where(in_full, network.due, 0.0)
    return jnp.where(at_margin, last[None], payments)


def gap(network: Network, trace: Trace, paid: PerBank) -> PerBank:
    """What firms in default realise on the present piece, less what they pay."""
    last = paid - of_margin(trace, network.ahead)
    inside = received(network, _paying(network, trace, last))
    realised = network.alpha * network.external + network.beta * inside
    return jnp.where(trace.is_default, realised - paid, 0.0)


def _wave(network: Network, trace: Trace, falls: bool) -> Trace:
    """Solves the piece, goes to its solution or its end, and decides again."""
    tolerance = network.tolerance
    ahead = of_margin(trace, network.ahead)
    solved = ahead + solve_piece(network, trace)
    way = jnp.where(trace.is_default, solved - trace.paid, 0.0)
    end, at_end = _end_of_piece(network, trace, falls)
    room = end - trace.paid
    passes = at_end & (way < room - tolerance if falls else way > room + tolerance)
    share_of_way = jnp.where(passes, safe_divide(room, way), 1.0)
    step = jnp.clip(jnp.min(share_of_way), 0.0, 1.0)
    paid = jnp.clip(trace.paid + step * way, 0.0, network.total)
    arrives = at_end & (jnp.abs(paid - end) <= tolerance)
    paid = jnp.where(arrives & trace.is_default, end, paid)
    moved = trace._replace(paid=paid, waves=trace.waves + 1, is_moving=jnp.any(passes))
    return _decide(network, moved, falls)


def _end_of_piece(
    network: Network, trace: Trace, falls: bool
) -> tuple[PerBank, Bool[Array, " bank"]]:
    """Payments at which the marginal rank is empty (or full), and where that binds.

    Nothing lies below the first rank: there the solution itself is the end.
    """
    ahead = of_margin(trace, network.ahead)
    if falls:
        return ahead, trace.is_default & (ahead > 0)
    return ahead + of_margin(trace, network.due), trace.is_default


def settled(network: Network, trace: Trace) -> Float[Array, "rank bank"]:
    """Payments by rank with their derivative.

    The state is held; within it payments solve one linear system, so the derivative
    is exact, of any order.
    """
    return _paying(network, trace, solve_piece(network, trace))
