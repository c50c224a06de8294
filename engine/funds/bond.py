"""The bond fund: holds notes at market prices, owes nothing."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.funds.holders import ClassFlows
from engine.once import computed_once


class BondFundFlows(eqx.Module):
    """One quarter of the bond fund [USD bn]."""

    value: Float[Array, "..."]
    interest: Float[Array, "..."]
    called: Float[Array, "..."]
    credit_loss: Float[Array, "..."]


class BondFund(eqx.Module):
    """Holdings by class."""

    shares: Float[Array, "class ..."]

    @computed_once
    def __call__(
        self, flows: ClassFlows, price: Float[Array, "class ..."]
    ) -> BondFundFlows:
        """Passes interest through; calls from or returns to investors net lending."""
        held = self.shares
        return BondFundFlows(
            value=jnp.sum(held * (flows.balance * price + flows.receivable), axis=0),
            interest=jnp.sum(held * flows.interest, axis=0),
            called=jnp.sum(
                held * (flows.lent - flows.repaid - flows.recovered - flows.claimed),
                axis=0,
            ),
            credit_loss=jnp.sum(held * flows.loss, axis=0),
        )
