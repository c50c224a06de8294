r"""Walking away with full foresight: the boundary below which an owner stops paying.

The test is the same as a tenant's (`tenancy.py`): the value of staying against what
staying costs, through one jump. There the future is a rule's forecast over a window;
here it is the distribution of the asset's value, solved backwards, so that the option
to leave later is in the value of staying. On a fine grid it tends to Leland (1994).
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from engine._types import ArrayLike, Scalar
from engine.jump import AbstractDefaultRule, HardDefault, jump
from engine.numerics import floats, require, require_shape, safe_divide

PerState = Float[Array, " state"]


class WalkAway(NamedTuple):
    """By state of the grid [USD bn]; `headroom` of staying, 0 at the boundary."""

    assets: PerState
    owner: PerState
    creditor: PerState
    headroom: PerState
    boundary: Scalar
    """Asset value at which staying and leaving are worth the same."""


def walk_away(
    assets: ArrayLike,
    coupon: ArrayLike,
    rate: ArrayLike,
    volatility: ArrayLike,
    *,
    dt: float,
    n_steps: int,
    tax: ArrayLike = 0.0,
    bankruptcy_cost: ArrayLike = 0.0,
    penalty: ArrayLike = 0.0,
    half_width: int = 60,
    rule: AbstractDefaultRule | None = None,
) -> WalkAway:
    r"""Owner and creditor of an asset whose owner may stop paying at every step.

    On the lattice $V_{i\pm1} = V_i e^{\pm h}$, $h = σ\sqrt{3\,dt}$, with probabilities
    that match drift and variance, backwards over `n_steps`:

    $$ c = (1-τ)\,C\,dt, \quad S_i = e^{-r\,dt}\,\mathrm E[E'], \quad
       g_i = \frac{S_i + Λ}{c} - 1, \quad
       E_i = J(g_i)(S_i - c) - (1 - J(g_i))Λ, $$
    $$ D_i = J(g_i)\,(C\,dt + e^{-r\,dt}\,\mathrm E[D'])
             + (1 - J(g_i))\,[(1-α)V_i + Λ]. $$

    **Arguments:** `assets`, value now [USD bn] > 0, the middle of the lattice; `coupon`
    C [USD bn/year] > 0; `rate` r, `volatility` σ [1/year, 1/√year] > 0; `tax` τ,
    `bankruptcy_cost` α, shares; `penalty` Λ [USD bn], what leaving costs the owner and
    brings the creditor; static: `dt` [years], `n_steps`, `half_width` [states].

    **Returns:** `WalkAway`. **Raises:** `ValueError` for values that are not positive.

    **Derivative:** of the values, exact for the jump's rule.

    **References:** Leland (1994), "Corporate debt value, bond covenants, and optimal
    capital structure", JF 49(4), eqs. 7 and 14; Boyle (1986) for the lattice.
    """
    assets, coupon, rate, sigma = floats(assets, coupon, rate, volatility)
    tax, lost, penalty = floats(tax, bankruptcy_cost, penalty)
    for name, value in (
        ("assets", assets),
        ("coupon", coupon),
        ("rate", rate),
        ("volatility", sigma),
    ):
        require_shape(name, value, ())
        require(name, value, lambda x: x > 0, "positive")
    rule = HardDefault() if rule is None else rule
    width = sigma * jnp.sqrt(jnp.asarray(3.0 * dt, sigma.dtype))
    index = jnp.arange(-half_width, half_width + 1).astype(sigma.dtype)
    values = assets * jnp.exp(index * width)
    drift = (rate - sigma * sigma / 2) * dt / (2 * width)
    spread = (sigma * sigma * dt + (2 * width * drift) ** 2) / (2 * width * width)
    up, down = spread + drift, spread - drift
    discount = jnp.exp(-rate * dt)
    cost = (1.0 - tax) * coupon * dt

    beyond = values[-1:] * jnp.expm1(width)

    def expected(now, gain):
        # Beyond the lattice's top another dollar of assets is the owner's.
        above = jnp.concatenate([now[1:], now[-1:] + gain])
        below = jnp.concatenate([now[:1], now[:-1]])
        return up * above + (1.0 - up - down) * now + down * below

    def back(carry, _):
        owner, creditor = carry
        staying = discount * expected(owner, beyond)
        headroom = (staying + penalty) / cost - 1.0
        stays = jump(headroom, rule)
        owner = stays * (staying - cost) - (1.0 - stays) * penalty
        paid = coupon * dt + discount * expected(creditor, 0.0)
        left = (1.0 - lost) * values + penalty
        creditor = stays * paid + (1.0 - stays) * left
        return (owner, creditor), None

    owner = jnp.maximum(values - (1.0 - tax) * coupon / rate, 0.0)
    start = (owner, jnp.minimum((1.0 - lost) * values, coupon / rate))
    (owner, creditor), _ = lax.scan(back, start, None, length=n_steps)
    headroom = (discount * expected(owner, beyond) + penalty) / cost - 1.0
    return WalkAway(values, owner, creditor, headroom, _crossing(values, headroom))


def _crossing(values: PerState, headroom: PerState) -> Scalar:
    """Where headroom rises through zero, linear between two states."""
    first = jnp.argmax(headroom >= 0)
    is_above = jnp.arange(values.shape[0]) == first
    is_below = jnp.arange(values.shape[0]) == first - 1

    def pick(where, x):
        return jnp.sum(jnp.where(where, x, 0.0))

    low, high = pick(is_below, headroom), pick(is_above, headroom)
    share = safe_divide(-low, high - low)
    return pick(is_below, values) * (1.0 - share) + pick(is_above, values) * share
