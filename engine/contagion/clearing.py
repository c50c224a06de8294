r"""Clearing: what each member of a network pays when nobody can pay more than it has.

A firm in default realises $\alpha$ of its external and $\beta$ of its interbank
assets, pays its ranks in order and each rank pro rata. The fixed point of

$$ p_i = \min(\bar p_i,\ e_i + \textstyle\sum_k \Pi_{ki} p_k) \ \text{or, in default,}\
   \alpha e_i + \beta \textstyle\sum_k \Pi_{ki} p_k $$

is approached from above. A *state* says for each firm whether it is in default and
which rank is its marginal one; given the state the payments solve one linear system.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from engine._types import ArrayLike, PerBank, Values
from engine.numerics import floats, require, require_shape, safe_divide


class Clearing(NamedTuple):
    """The greatest clearing vector [USD bn].

    `payments[firm]`, or `[rank, firm]` where ranks were given; `defaults[firm]`;
    `equity[firm]`, 0 in default.
    """

    payments: Values
    defaults: Bool[Array, " bank"]
    equity: PerBank


class _Network(NamedTuple):
    due: Float[Array, "rank bank"]
    share: Float[Array, "rank bank bank"]
    external: PerBank
    alpha: Values
    beta: Values


class _State(NamedTuple):
    is_default: Bool[Array, " bank"]
    marginal: Int[Array, " bank"]


def clear(
    liabilities: ArrayLike,
    external_assets: ArrayLike,
    external_liabilities: ArrayLike = 0.0,
    alpha: ArrayLike = 1.0,
    beta: ArrayLike = 1.0,
) -> Clearing:
    r"""Finds the greatest clearing vector of a network with ranks and default costs.

    Starts from full payment and, in each wave, adds the new defaults and solves the
    linear system of the state. With one rank this is the fictitious-default algorithm:
    at most waves + 1 solves. With several ranks a step stops where a marginal rank is
    used up, which keeps the iterates above the greatest vector.

    **Arguments:** `liabilities[i, j]` [USD bn] ≥ 0, i owes j, zero diagonal, or
    `[rank, i, j]`, senior first; `external_assets[firm]` ≥ 0; `external_liabilities`
    ≥ 0, scalar or `[firm]`, ranking with the most senior; `alpha`, `beta` in [0, 1],
    scalar or `[firm]`.

    **Returns:** `Clearing`; payments include those to outsiders. **Raises:**
    `ValueError` for other shapes and values.

    **Derivative:** implicit, through the linear system of the final state; the state
    itself (who defaults, which rank is marginal) is piecewise constant, so the jump
    that `alpha`, `beta` < 1 make at a default has no derivative.

    **References:** Eisenberg and Noe (2001), Management Science 47(2), §3; Elsinger
    (2009), OeNB WP 156 (seniority); Rogers and Veraart (2013), Management Science
    59(4), eqs. 1–3 and the greatest clearing vector algorithm.
    """
    liabilities, external_assets, external_liabilities, alpha, beta = floats(
        liabilities, external_assets, external_liabilities, alpha, beta
    )
    has_ranks = liabilities.ndim == 3
    if not has_ranks:
        require_shape("liabilities", liabilities, (-1, -1))
        liabilities = liabilities[None]
    n_ranks, n_firms, _ = liabilities.shape
    _check(liabilities, external_assets, external_liabilities, alpha, beta)
    outside = jnp.zeros((n_ranks, n_firms), liabilities.dtype)
    outside = outside.at[0].set(external_liabilities)
    due = jnp.sum(liabilities, axis=2) + outside
    share = safe_divide(liabilities, due[:, :, None])
    network = _Network(due, share, external_assets, alpha, beta)
    clearing = _clear(network)
    if has_ranks:
        return clearing
    return clearing._replace(payments=clearing.payments[0])


@jax.jit
def _clear(network: _Network) -> Clearing:
    """The state by iteration, then payments from its linear system, differentiable."""
    state = _final_state(lax.stop_gradient(network))
    payments = _payments(network, state, _solve(network, state))
    owned = network.external + _receipts(network, payments)
    equity = jnp.where(state.is_default, 0.0, owned - jnp.sum(payments, axis=0))
    return Clearing(payments, state.is_default, equity)


def _check(liabilities, external_assets, external_liabilities, alpha, beta) -> None:
    n_ranks, n_firms, _ = liabilities.shape
    if n_ranks == 0:
        raise ValueError("liabilities must have at least one rank, got none")
    require_shape("liabilities", liabilities, (n_ranks, n_firms, n_firms))
    require_shape("external_assets", external_assets, (n_firms,))
    for name, value in (
        ("external_liabilities", external_liabilities),
        ("alpha", alpha),
        ("beta", beta),
    ):
        require_shape(name, value, (n_firms,) if value.ndim else ())
    for name, value in (
        ("liabilities", liabilities),
        ("external_assets", external_assets),
        ("external_liabilities", external_liabilities),
    ):
        require(name, value, lambda x: (x >= 0) & jnp.isfinite(x), "non-negative")
    own = jnp.diagonal(liabilities, axis1=1, axis2=2)
    require("liabilities[i, i]", own, lambda x: x == 0, "zero: nobody owes itself")
    for name, value in (("alpha", alpha), ("beta", beta)):
        require(name, value, lambda x: (x >= 0) & (x <= 1), "in [0, 1]")


def _receipts(network: _Network, payments: Float[Array, "rank bank"]) -> PerBank:
    return jnp.einsum("rki,rk->i", network.share, payments)


def _available(network: _Network, state: _State, payments: Values) -> PerBank:
    """What each firm can pay out, after the costs of default."""
    received = _receipts(network, payments)
    sound = network.external + received
    realised = network.alpha * network.external + network.beta * received
    return jnp.where(state.is_default, realised, sound)


def _next_state(network: _Network, state: _State, payments: Values) -> _State:
    """Default and marginal rank at these payments; neither ever recovers."""
    total = jnp.sum(network.due, axis=0)
    sound = network.external + _receipts(network, payments)
    # A firm that pays exactly in full must not default by rounding.
    tolerance = 32 * jnp.finfo(total.dtype).eps * total
    is_default = state.is_default | (sound < total - tolerance)
    available = _available(network, state._replace(is_default=is_default), payments)
    ahead = _ahead(network)
    is_reached = (available[None] > ahead) & (network.due > 0)
    n_ranks = network.due.shape[0]
    rank = jnp.arange(n_ranks)[:, None]
    marginal = jnp.max(jnp.where(is_reached, rank, 0), axis=0)
    marginal = jnp.where(is_default, jnp.minimum(marginal, state.marginal), n_ranks - 1)
    return _State(is_default, marginal)


def _ahead(network: _Network) -> Float[Array, "rank bank"]:
    due = jnp.cumsum(network.due, axis=0)
    return jnp.concatenate([jnp.zeros_like(due[:1]), due[:-1]])


def _payments(network: _Network, state: _State, marginal_payment: PerBank) -> Values:
    """Senior ranks in full, the marginal one as given, junior ones nothing."""
    rank = jnp.arange(network.due.shape[0])[:, None]
    is_full = ~state.is_default[None] | (rank < state.marginal[None])
    is_marginal = state.is_default[None] & (rank == state.marginal[None])
    return jnp.where(
        is_full, network.due, jnp.where(is_marginal, marginal_payment[None], 0.0)
    )


def _solve(network: _Network, state: _State) -> PerBank:
    """Payment on the marginal rank of each firm in default, 0 for the others."""
    n_firms = network.external.shape[0]
    at = state.marginal[None]
    ahead = jnp.take_along_axis(_ahead(network), at, axis=0)[0]
    share = jnp.take_along_axis(network.share, at[:, :, None], axis=0)[0]
    fixed = _payments(network, state, jnp.zeros_like(ahead))
    constant = _available(network, state, fixed) - ahead
    both = state.is_default[:, None] & state.is_default[None, :]
    beta = jnp.broadcast_to(network.beta, (n_firms,))
    matrix = jnp.where(both, beta[:, None] * share.T, 0.0)
    identity = jnp.eye(n_firms, dtype=matrix.dtype)
    constant = jnp.where(state.is_default, constant, 0.0)
    return jnp.linalg.solve(identity - matrix, constant[:, None])[:, 0]


def _final_state(network: _Network) -> _State:
    n_ranks, n_firms = network.due.shape
    sound = _State(jnp.zeros(n_firms, bool), jnp.full(n_firms, n_ranks - 1))
    first = _next_state(network, sound, network.due)
    # A state only falls: each wave adds a default or moves a marginal rank up.
    most_waves = n_firms * (n_ranks + 1) + 1

    def is_unsettled(carry):
        return carry[2] & (carry[3] < most_waves)

    def wave(carry):
        state, payments, _, n_waves = carry
        start = jnp.minimum(payments, _clip_to(network, state, payments))
        end = _payments(network, state, _solve(network, state))
        # As far towards the solution as no marginal rank turns negative.
        step = jnp.where(end < 0, safe_divide(start, start - end), 1.0)
        reached = jnp.maximum(start + jnp.min(step) * (end - start), 0.0)
        new = _next_state(network, state, reached)
        is_new = jnp.any(new.is_default != state.is_default)
        is_new |= jnp.any(new.marginal != state.marginal)
        return new, reached, is_new, n_waves + 1

    start = (first, network.due, jnp.any(first.is_default), jnp.asarray(0))
    return lax.while_loop(is_unsettled, wave, start)[0]


def _clip_to(network: _Network, state: _State, payments: Values) -> Values:
    """One application of the clearing map within the state: still an upper bound."""
    available = _available(network, state, payments)
    return jnp.clip(available[None] - _ahead(network), 0.0, network.due)
