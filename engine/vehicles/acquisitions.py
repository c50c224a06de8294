r"""What hyperscalers pay for failed neoclouds, where a config says that they buy.

They bid with a share of the cash above their minimum, as last quarter left it.
docs/model.md, section 3. Without a table `[workout]` none of it is in the program.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy
from engine.grid import DT
from engine.numerics import ratio_above


class AcquisitionFlows(eqx.Module):
    """Price paid, cost earned back, and cost not yet earned back [USD bn]."""

    paid: Float[Array, "hyperscaler ..."]
    returned: Float[Array, "hyperscaler ..."]
    held: Float[Array, "hyperscaler ..."]

    @property
    def net(self) -> Float[Array, "hyperscaler ..."]:
        """What is left after what is paid."""
        return self.returned - self.paid


class Acquisitions(eqx.Module):
    """What buyers spend at most, and over what life they earn it back."""

    share: Float[Array, "..."]
    """Of their cash above the minimum, in a quarter [1]."""
    life: Float[Array, "..."]
    """Mean life of the contracts bought [years]."""

    @staticmethod
    def build(economy: Economy) -> "Acquisitions | None":
        """Assembles the terms; none without a table `[workout]`."""
        if "workout.buyer_cash" not in economy.figures:
            return None
        return Acquisitions(
            share=economy["workout.buyer_cash"], life=economy["workout.buyer_life"]
        )

    @staticmethod
    def opening(economy: Economy) -> Float[Array, " hyperscaler"] | None:
        """Nothing bought at `as_of`."""
        if "workout.buyer_cash" not in economy.figures:
            return None
        return jnp.zeros_like(economy.stack("hyperscalers", "cash"))

    def settle(
        self,
        price: Float[Array, "..."],
        spare: Float[Array, "hyperscaler ..."],
        held: Float[Array, "hyperscaler ..."],
    ) -> AcquisitionFlows:
        r"""Divides the price among buyers by spare cash; what they hold pays back.

        $P_j = P s_j / \sum s$ and $A_j = A'_j (1 - \min(1, \Delta/n)) + P_j$: no
        more than cost comes back, so the bargain is nobody's profit in the accounts.

        **Arguments:** `price` $P$, what estates get this quarter; `spare` $s$, cash
        above the minimum at the start of the quarter; `held` $A'$ [USD bn].
        """
        free = jnp.maximum(spare, 0.0)
        paid = price * ratio_above(free, jnp.sum(free, axis=0))
        returned = held * jnp.minimum(DT / self.life, 1.0)
        return AcquisitionFlows(
            paid=paid, returned=returned, held=held - returned + paid
        )
