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
from jaxtyping import Array, Bool

from engine._types import ArrayLike, PerBank, Values
from engine.contagion.network import Network, Trace, greatest, received, settled
from engine.numerics import floats, require, require_shape, safe_divide


class Clearing(NamedTuple):
    """The greatest clearing vector [USD bn].

    `payments[firm]`, or `[rank, firm]` where ranks were given; `defaults[firm]`;
    `equity[firm]`, 0 in default.
    """

    payments: Values
    defaults: Bool[Array, " bank"]
    equity: PerBank


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

    **Returns:** `Clearing`; payments include those to outsiders. Firms that owe one
    another nearly all they have keep their digits, however little leaves their circle
    (up to 64 firms in default, one rank); who lacks less than 32 + firms machine
    epsilons of what it owes pays in full. **Raises:** `ValueError` for other shapes and
    values.

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
    network = network_of(
        liabilities, external_assets, external_liabilities, alpha, beta
    )
    clearing = _clear(network)
    if has_ranks:
        return clearing
    return clearing._replace(payments=clearing.payments[0])


@jax.jit
def _clear(network: Network) -> Clearing:
    return clear_network(network)[0]


def clear_network(network: Network) -> tuple[Clearing, Trace]:
    """The state wave by wave, then payments from its linear system, differentiable."""
    trace = greatest(lax.stop_gradient(network))
    payments = settled(network, trace)
    owned = network.external + received(network, payments)
    equity = jnp.where(trace.is_default, 0.0, owned - jnp.sum(payments, axis=0))
    return Clearing(payments, trace.is_default, equity), trace


def network_of(
    liabilities: Values,
    external_assets: Values,
    external_liabilities: Values,
    alpha: Values,
    beta: Values,
) -> Network:
    """Checks the figures of a network; a matrix of liabilities becomes one rank."""
    if liabilities.ndim != 3:
        require_shape("liabilities", liabilities, (-1, -1))
        liabilities = liabilities[None]
    _check(liabilities, external_assets, external_liabilities, alpha, beta)
    n_ranks, n_firms, _ = liabilities.shape
    outside = jnp.zeros((n_ranks, n_firms), liabilities.dtype)
    outside = outside.at[0].set(external_liabilities)
    due = jnp.sum(liabilities, axis=2) + outside
    share = safe_divide(liabilities, due[:, :, None])
    leaving = safe_divide(outside, due)
    return Network(due, share, leaving, external_assets, alpha, beta)


def _check(liabilities, external_assets, external_liabilities, alpha, beta) -> None:
    n_ranks, n_firms, _ = liabilities.shape
    if n_firms == 0:
        raise ValueError("liabilities must have at least one firm, got none")
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
