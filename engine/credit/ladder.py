"""The shortfall ladder of a neocloud: what pays when cash does not."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.once import computed_once


class Rungs(eqx.Module):
    """Capacities, or amounts drawn, of the ladder's rungs in order [USD bn]."""

    notes: Float[Array, "neocloud ..."]
    revolver: Float[Array, "neocloud ..."]
    roll: Float[Array, "neocloud ..."]
    deferral: Float[Array, "neocloud ..."]
    """Of committed capex, net of the draws that would have financed it."""
    equity: Float[Array, "neocloud ..."]
    minimum_cash: Float[Array, "neocloud ..."]

    @property
    def total(self) -> Float[Array, "neocloud ..."]:
        """Sum of the rungs."""
        return (
            self.notes
            + self.revolver
            + self.roll
            + self.deferral
            + self.equity
            + self.minimum_cash
        )


@computed_once
def climb(
    gap: Float[Array, "neocloud ..."], capacity: Rungs
) -> tuple[Rungs, Float[Array, "neocloud ..."]]:
    """Fills the gap rung by rung; returns what each gave and what stays unpaid."""
    left = jnp.maximum(gap, 0.0)
    drawn = []
    for rung in (
        capacity.notes,
        capacity.revolver,
        capacity.roll,
        capacity.deferral,
        capacity.equity,
        capacity.minimum_cash,
    ):
        step = jnp.minimum(left, jnp.maximum(rung, 0.0))
        drawn.append(step)
        left = left - step
    return Rungs(*drawn), left
