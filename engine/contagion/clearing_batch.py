"""Clearing of many scenarios on one network, and how firmly a clearing stands."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from engine._types import ArrayLike, PerBank, Status, Values
from engine.contagion.clearing import Clearing, clear_network, network_of
from engine.contagion.network import (
    Network,
    Trace,
    by_rank,
    greatest,
    least,
    received,
)
from engine.numerics import floats, require, require_shape

CLEARING_STATUS = ("ok", "at_kink", "at_cliff")
"""`ok`: the derivative holds on both sides; `at_kink`: it differs by side; `at_cliff`:
a firm pays in full by a hair, and its default would cost what cannot be recovered."""

CHUNK_NUMBERS = 2**18
"""Numbers in the matrices of one chunk: small networks share a solver call, large ones
go one by one, each with its own number of waves."""


class ClearingBatch(NamedTuple):
    """The greatest clearing vectors of many scenarios [USD bn]."""

    payments: Float[Array, "scenario ..."]
    """`[scenario, firm]`, or `[scenario, rank, firm]` where ranks were given."""
    defaults: Bool[Array, "scenario bank"]
    equity: Float[Array, "scenario bank"]
    solves: Int[Array, " scenario"]
    """Linear systems solved: waves of default and one."""


class ClearingStatus(NamedTuple):
    """How firmly the greatest clearing vector stands."""

    status: Status
    """Index into `CLEARING_STATUS`."""
    is_unique: Bool[Array, ""]
    """Whether the least clearing vector is the same."""
    headroom: PerBank
    """(owned − due)/due of each firm when it was decided that it pays or does not."""
    least: Values
    """Payments of the least clearing vector, shaped like those of the greatest."""
    waves: Int[Array, ""]


def clear_batch(
    liabilities: ArrayLike,
    external_assets: ArrayLike,
    external_liabilities: ArrayLike = 0.0,
    alpha: ArrayLike = 1.0,
    beta: ArrayLike = 1.0,
    chunk: int | None = None,
) -> ClearingBatch:
    """Clears one network of liabilities in many scenarios of external assets.

    Each scenario is `clear`; memory is that of one chunk, whatever the number of
    scenarios. In a chunk of one every scenario stops at its own last wave.

    **Arguments:** `external_assets[scenario, firm]` [USD bn] ≥ 0; `chunk`, scenarios
    solved together (by default as many as make `CHUNK_NUMBERS` matrix entries); the
    others as in `clear`.

    **Returns:** `ClearingBatch`. **Raises:** `ValueError` for other shapes and values.

    **References:** Eisenberg and Noe (2001), Management Science 47(2), §3.2, the
    fictitious default algorithm: at most as many waves as firms.
    """
    liabilities, external_assets, external_liabilities, alpha, beta = floats(
        liabilities, external_assets, external_liabilities, alpha, beta
    )
    require_shape("external_assets", external_assets, (-1, -1))
    require(
        "external_assets",
        external_assets,
        lambda x: (x >= 0) & jnp.isfinite(x),
        "non-negative",
    )
    has_ranks = liabilities.ndim == 3
    nothing = jnp.zeros_like(external_assets[0])
    network = network_of(liabilities, nothing, external_liabilities, alpha, beta)
    n_firms = nothing.shape[0]
    if chunk is None:
        chunk = max(1, CHUNK_NUMBERS // max(1, n_firms * n_firms))
    if chunk < 1:
        raise ValueError(f"chunk must be at least 1, got {chunk}")
    found, waves = _clear_many(network, external_assets, chunk)
    payments = found.payments if has_ranks else found.payments[:, 0]
    return ClearingBatch(payments, found.defaults, found.equity, waves + 1)


@functools.partial(jax.jit, static_argnums=2)
def _clear_many(
    network: Network, assets: Float[Array, "scenario bank"], chunk: int
) -> tuple[Clearing, Int[Array, " scenario"]]:
    def one(external: PerBank) -> tuple[Clearing, Int[Array, ""]]:
        found, trace = clear_network(network._replace(external=external))
        return found, trace.waves

    if chunk == 1:  # no batch axis: the loop over waves ends with this scenario
        return lax.map(one, assets)
    return lax.map(one, assets, batch_size=min(chunk, assets.shape[0]))


def clearing_status(
    liabilities: ArrayLike,
    external_assets: ArrayLike,
    external_liabilities: ArrayLike = 0.0,
    alpha: ArrayLike = 1.0,
    beta: ArrayLike = 1.0,
    margin: ArrayLike = 1e-9,
) -> ClearingStatus:
    r"""Says whether a clearing has a derivative, and whether it is the only one.

    With costs of default the clearing map jumps down where a firm just fails to pay in
    full, $e_i + \sum_k \Pi_{ki} p_k = \bar p_i$. There two solutions meet, payments
    have no derivative and the status is `at_cliff`. Without costs the same point is a
    kink, as is the point where a rank is just exhausted. Between two cliffs, greatest
    and least clearing vector differ: each is smooth, and `is_unique` is false.

    **Arguments:** as in `clear`; `margin`, relative headroom that counts as none.

    **Returns:** `ClearingStatus`.

    **References:** Rogers and Veraart (2013), Management Science 59(4), theorem 3.1
    (greatest and least clearing vector) and example 3.3 (several solutions).
    """
    liabilities, external_assets, external_liabilities, alpha, beta, margin = floats(
        liabilities, external_assets, external_liabilities, alpha, beta, margin
    )
    has_ranks = liabilities.ndim == 3
    network = network_of(
        liabilities, external_assets, external_liabilities, alpha, beta
    )
    found = _status(network, margin)
    return found if has_ranks else found._replace(least=found.least[0])


@jax.jit
def _status(network: Network, margin: Values) -> ClearingStatus:
    high, low = greatest(network), least(network)
    payments = by_rank(network, high.paid)
    inside = received(network, payments)
    costs = (1 - network.alpha) * network.external + (1 - network.beta) * inside
    near = jnp.abs(high.headroom) <= margin
    is_cliff = jnp.any(near & (costs > network.tolerance))
    is_kink = jnp.any(near) | jnp.any(_between_ranks(network, high, margin))
    lowest = by_rank(network, low.paid)
    distance = jnp.abs(payments - lowest) > 1e-9 * jnp.max(network.total, initial=0.0)
    return ClearingStatus(
        status=jnp.where(is_cliff, 2, jnp.where(is_kink, 1, 0)),
        is_unique=~jnp.any(distance),
        headroom=high.headroom,
        least=lowest,
        waves=high.waves,
    )


def _between_ranks(
    network: Network, trace: Trace, margin: Values
) -> Bool[Array, " bank"]:
    """Firms in default whose last dollar just fills or just opens a rank."""
    ends = network.ahead + network.due
    off = jnp.abs(trace.paid[None] - ends)
    at_end = (off <= margin * network.total[None]) & (network.due > 0)
    return trace.is_default & jnp.any(at_end, axis=0)
