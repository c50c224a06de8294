r"""What creditors make of a failed neocloud: they take the best of three.

Its chips are liquidated; or it is sold as a going concern, as far as buyers can pay; or
lenders exchange debt for equity and run it themselves (a distressed exchange). In the
last two its contracts run on. docs/model.md section 5, "Workout". Without a table
`[workout]` only the first is in the program.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from engine.economy import Economy
from engine.jump import AbstractDefaultRule, jump
from engine.numerics import ratio_above
from engine.once import once
from engine.survival import headroom


class Workout(eqx.Module):
    """What a buyer deducts, and what an exchange costs, of the going concern [1]."""

    discount: Float[Array, "..."]
    cost: Float[Array, "..."]

    @staticmethod
    def build(economy: Economy) -> "Workout | None":
        """Assembles the terms; none without a table `[workout]`."""
        if "workout.buyer_discount" not in economy.figures:
            return None
        return Workout(
            discount=economy["workout.buyer_discount"],
            cost=economy["workout.exchange_cost"],
        )


class WorkoutFlows(eqx.Module):
    """What each way would bring [USD bn], and which one is taken [share]."""

    going_concern: Float[Array, "neocloud ..."]
    liquidation: Float[Array, "neocloud ..."]
    sale: Float[Array, "neocloud ..."]
    """What buyers pay, within their means."""
    exchange: Float[Array, "neocloud ..."]
    liquidated: Float[Array, "neocloud ..."]
    """1 where chips are liquidated; below, where the company is sold."""
    sold: Float[Array, "neocloud ..."]
    capacity: Float[Array, "..."]
    """What buyers can pay this quarter."""
    paid: Float[Array, "neocloud ..."]
    """What they pay for what fails this quarter."""


class Running(eqx.Module):
    """What a company brings if it runs on, at the end of the quarter."""

    contracted: Float[Array, "neocloud ..."]
    """Present value of the revenue of signed contracts [USD bn]."""
    margin: Float[Array, "neocloud ..."]
    received: Float[Array, "neocloud ..."]
    """Share of billed revenue that customers pay [1]."""
    to_build: Float[Array, "neocloud ..."]
    """Committed and deferred capex [USD bn]."""
    prepaid: Float[Array, "neocloud ..."]
    """Revenue that was paid before, and brings no cash [USD bn]."""
    sold: Float[Array, "neocloud ..."]
    """Revenue of today [USD bn/year]."""
    decay: Float[Array, "neocloud ..."]
    """Of the chips' resale value [1/year]."""
    debt: Float[Array, "neocloud ..."]
    """All claims at the start of the quarter [USD bn]."""

    def worth(
        self, liquidation: Float[Array, "neocloud ..."]
    ) -> Float[Array, "neocloud ..."]:
        r"""The going concern: what contracts bring, and what chips fetch after them.

        $G = \max(0, m \bar h C - \text{to build} - \text{prepaid}
        + \mathcal{L} e^{-\kappa C/s})$: chips wait for the $C/s$ years of today's
        sales $s$ that are contracted, and may then still be liquidated.
        """
        cash = self.margin * self.received * self.contracted
        years = ratio_above(self.contracted, self.sold)
        after = liquidation * jnp.exp(-self.decay * years)
        return jnp.maximum(cash - self.to_build - self.prepaid + after, 0.0)


def resolve(
    workout: Workout | None,
    liquidation: Float[Array, "neocloud ..."],
    running: Running | None,
    capacity: Float[Array, "..."] | None,
    before: Float[Array, "neocloud ..."],
    alive: Float[Array, "neocloud ..."],
    is_cohort: Bool[Array, "neocloud ..."],
    rule: AbstractDefaultRule,
) -> tuple[Float[Array, "neocloud ..."], WorkoutFlows | None]:
    r"""What the secured creditors' pool is worth, and how it comes about.

    $$ \text{pool}_i = \max(\mathcal{L}_i, S_i, X_i), \quad
       S_i = b_i \min\Big(1, \frac{K}{\sum_j \delta_j b_j + a_i b_i}\Big) $$

    (a cohort without $a_i b_i$) with bids $b = \min((1-d)G, \text{debt})$: nobody pays
    more than buys out every creditor. A named company that lives sees what it would get
    if it failed as well.

    **Arguments:**

    - `liquidation`: $\mathcal{L}$, what chips fetch in a forced sale [USD bn].
    - `running`: what gives the going concern $G$; None without a workout.
    - `capacity`: $K$, what buyers can pay this quarter [USD bn].
    - `before`, `alive`: share alive at the start and at the end of the quarter [1], so
      that $a$ is the latter and $\delta$ the difference.

    **Returns:** the pool, and the three ways; None and liquidation without a workout.

    **Derivative:** of the pool that of the way taken; the shares of the ways jump by
    `rule`.
    """
    if workout is None or running is None or capacity is None:
        return liquidation, None
    worth = once(running.worth(liquidation))
    failing = before - alive
    bid = jnp.minimum((1.0 - workout.discount) * worth, running.debt)
    exchange = jnp.minimum((1.0 - workout.cost) * worth, running.debt)
    all_bids = jnp.sum(failing * bid, axis=0)[None]
    asked = all_bids + jnp.where(is_cohort, 0.0, alive * bid)
    rationed = jnp.minimum(capacity[None] / jnp.maximum(asked, 1e-9), 1.0)
    sale = bid * rationed
    going = jnp.maximum(sale, exchange)
    # Creditors liquidate where nothing is better, and sell where an exchange isn't.
    liquidated = jump(headroom(liquidation, going), rule)
    sold = (1.0 - liquidated) * jump(headroom(sale, exchange), rule)
    flows = WorkoutFlows(
        going_concern=worth,
        liquidation=liquidation,
        sale=sale,
        exchange=exchange,
        liquidated=liquidated,
        sold=sold,
        capacity=capacity,
        paid=failing * sold * sale,
    )
    return jnp.maximum(liquidation, going), once(flows)
