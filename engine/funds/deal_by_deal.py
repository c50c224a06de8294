"""Deal-by-deal ("American") carry with a clawback at the end."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine._types import ArrayLike, PerPeriod, Scalar
from engine.funds.distribute import distribute
from engine.numerics import floats, require, require_shape


class DealDistribution(NamedTuple):
    """Payments per period [USD bn]; `lp + gp` is what was distributed."""

    lp: PerPeriod
    """To investors, the clawback in the last period included."""
    gp: PerPeriod
    """To the manager, the clawback in the last period taken off."""
    carry: Float[Array, "deal period"]
    """Carry of each deal as first paid."""
    clawback: Scalar


def distribute_by_deal(
    contributions: ArrayLike,
    distributions: ArrayLike,
    pref: ArrayLike,
    carry: ArrayLike,
    catch_up: ArrayLike,
    tax: ArrayLike = 0.0,
) -> DealDistribution:
    r"""Runs the waterfall on each deal alone, then returns carry that was too much.

    Every deal is `distribute`: its own capital, hurdle and catch-up. A manager is thus
    paid on early winners before losers are known. At the end, with $G$ the carry paid,
    $\pi$ the profit of all deals and $H$ what investors still lack of capital and
    compounded preferred return,

    $$ \text{clawback} = \mathrm{clip}\big(\max(G - \text{carry}\cdot\max(\pi, 0),\
       H),\ 0,\ (1 - \text{tax})\,G\big). $$

    **Arguments:** `contributions[deal, period]`, `distributions[deal, period]` [USD
    bn] ≥ 0; `pref` [1/period] > −1; `carry` in [0, 1); `catch_up`, `tax` in [0, 1].

    **Returns:** `DealDistribution`. **Raises:** `ValueError` for other shapes and
    values.

    **References:** Metrick and Yasuda (2010), RFS 23(6), §1.3 (carry by deal and
    clawback); ILPA Principles 3.0 (2019), "Clawback" (the larger of excess carry and
    missing preferred return, net of tax).
    """
    contributions, distributions, pref, carry, catch_up, tax = floats(
        contributions, distributions, pref, carry, catch_up, tax
    )
    require_shape("contributions", contributions, (-1, -1))
    require_shape("distributions", distributions, contributions.shape)
    require("contributions", contributions, lambda x: x >= 0, "non-negative")
    require("distributions", distributions, lambda x: x >= 0, "non-negative")
    require("tax", tax, lambda x: (x >= 0) & (x <= 1), "in [0, 1]")
    require("pref", pref, lambda x: x > -1, "above -1 per period")
    require("carry", carry, lambda x: (x >= 0) & (x < 1), "in [0, 1)")
    require("catch_up", catch_up, lambda x: (x >= 0) & (x <= 1), "in [0, 1]")
    deals = jax.vmap(lambda c, d: distribute(c, d, pref, carry, catch_up))
    by_deal = deals(contributions, distributions)
    lp, gp = jnp.sum(by_deal.lp, axis=0), jnp.sum(by_deal.gp, axis=0)
    paid_in = jnp.sum(contributions, axis=0)
    n_periods = lp.shape[0]
    growth = (1 + pref) ** jnp.arange(n_periods - 1, -1, -1, dtype=lp.dtype)
    missing = jnp.sum((paid_in - lp) * growth)
    profit = jnp.sum(distributions) - jnp.sum(paid_in)
    paid = jnp.sum(gp)
    too_much = jnp.maximum(paid - carry * jnp.maximum(profit, 0.0), missing)
    clawback = jnp.clip(too_much, 0.0, (1 - tax) * paid)
    return DealDistribution(
        lp=lp.at[-1].add(clawback),
        gp=gp.at[-1].add(-clawback),
        carry=by_deal.gp,
        clawback=clawback,
    )
