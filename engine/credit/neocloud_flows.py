"""What a neocloud's quarter reports."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.credit.box_pools import PoolFlows
from engine.credit.workout import WorkoutFlows


class NeocloudFlows(eqx.Module):
    """One quarter of the average living member [USD bn], and who is alive."""

    revenue: Float[Array, "neocloud ..."]
    ebitda: Float[Array, "neocloud ..."]
    cash_ebitda: Float[Array, "neocloud ..."]
    billed: Float[Array, "neocloud ..."]
    receipts: Float[Array, "neocloud ..."]
    backstop: Float[Array, "neocloud ..."]
    costs: Float[Array, "neocloud ..."]
    prepaid: Float[Array, "neocloud ..."]
    interest_secured: Float[Array, "neocloud ..."]
    """With the premium of the guarantee, where one is charged."""
    interest_unsecured: Float[Array, "neocloud ..."]
    repaid_secured: Float[Array, "neocloud ..."]
    repaid_unsecured: Float[Array, "neocloud ..."]
    lent_secured: Float[Array, "neocloud ..."]
    lent_unsecured: Float[Array, "neocloud ..."]
    scheduled: Float[Array, "neocloud ..."]
    repaid_revolver: Float[Array, "neocloud ..."]
    repaid_rolled: Float[Array, "neocloud ..."]
    drawn_box: Float[Array, "neocloud ..."]
    drawn_revolver: Float[Array, "neocloud ..."]
    rolled: Float[Array, "neocloud ..."]
    issued: Float[Array, "neocloud ..."]
    """New notes, refinancing apart."""
    refinanced: Float[Array, "neocloud ..."]
    maturing: Float[Array, "neocloud ..."]
    raised: Float[Array, "neocloud ..."]
    capex: Float[Array, "neocloud ..."]
    deferred: Float[Array, "neocloud ..."]
    signed: Float[Array, "neocloud ..."]
    prepayment: Float[Array, "neocloud ..."]
    arrears_secured: Float[Array, "neocloud ..."]
    arrears_unsecured: Float[Array, "neocloud ..."]
    earned: Float[Array, "neocloud ..."]
    headroom: Float[Array, "neocloud ..."]
    secured_headroom: Float[Array, "neocloud ..."]
    equity_headroom: Float[Array, "neocloud ..."]
    dscr: Float[Array, "neocloud ..."]
    box_dscr: Float[Array, "neocloud ..."]
    """Cover of what the boxes' lenders are due, before any cure."""
    covenant: Float[Array, "neocloud ..."]
    """Headroom of the default tier; the highest where the boxes have none."""
    draws_open: Float[Array, "neocloud ..."]
    """Share of a draw that last quarter's test allows."""
    swept: Float[Array, "neocloud ..."]
    """Free cash that prepaid the boxes."""
    cure: Float[Array, "neocloud ..."]
    """Equity raised to cover the default tier; part of `raised`."""
    price: Float[Array, "neocloud ..."]
    market_cap: Float[Array, "neocloud ..."]
    alive: Float[Array, "neocloud ..."]
    failing: Float[Array, "neocloud ..."]
    claim_secured: Float[Array, "neocloud ..."]
    claim_unsecured: Float[Array, "neocloud ..."]
    recovery_secured: Float[Array, "neocloud ..."]
    recovery_unsecured: Float[Array, "neocloud ..."]
    pool: Float[Array, "neocloud ..."]
    secured: Float[Array, "neocloud ..."]
    unsecured: Float[Array, "neocloud ..."]
    cash: Float[Array, "neocloud ..."]
    book_gap: Float[Array, "neocloud ..."]
    premium: Float[Array, "neocloud ..."] | None = None
    """What lenders hand on of `interest_secured` to the guarantor."""
    pools: PoolFlows | None = None
    workout: WorkoutFlows | None = None
    """None where what fails is liquidated."""
    unpowered: Float[Array, "neocloud ..."] | None = None
    """Yearly revenue contracted that waits for power; None without a queue."""

    @property
    def stranding(self) -> Float[Array, "neocloud ..."]:
        """What fails this quarter and no longer serves its customers."""
        if self.workout is None:
            return self.failing
        return self.failing * self.workout.liquidated

    @property
    def bought(self) -> Float[Array, "..."] | None:
        """What buyers pay for what fails this quarter; None where nobody buys."""
        return None if self.workout is None else jnp.sum(self.workout.paid, axis=0)
