"""Balance sheets and flows of the cohorts of private-credit funds.

What only some types have (commitments, an incentive fee, a NAV loan) is None in an
economy without such a type.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.funds.carry import IncentiveFlows, IncentiveState
from engine.funds.commitments import CallFlows, CommitmentState
from engine.funds.nav_facility import NavLoanFlows


class FundState(eqx.Module):
    """Balance sheet and record of every cohort [USD bn]."""

    marked: Float[Array, "cohort ..."]
    """AI assets as reported: smoothed marks."""
    other: Float[Array, "cohort ..."]
    line: Float[Array, "cohort ..."]
    index: Float[Array, "cohort ..."]
    """NAV per share against `as_of`."""
    peak: Float[Array, "cohort ..."]
    absorbed: Float[Array, "cohort ..."]
    """Cumulated loss on lines that banks bear."""
    waiting: Float[Array, "cohort ..."]
    """Requests not yet met, as a share of redeemable capital."""
    lends: Float[Array, "cohort ..."]
    """Share of what all cohorts have lent at `as_of`: its weight in lending."""
    calls: CommitmentState | None = None
    incentive: IncentiveState | None = None
    nav_loan: Float[Array, "member ..."] | None = None
    """Of the cohorts that have one."""


class FundFlows(eqx.Module):
    """One quarter of every cohort [USD bn]."""

    value: Float[Array, "cohort ..."]
    """AI assets at true marks."""
    nav: Float[Array, "cohort ..."]
    income: Float[Array, "cohort ..."]
    interest: Float[Array, "cohort ..."]
    """Of the AI assets, part of income."""
    fee: Float[Array, "cohort ..."]
    line_interest: Float[Array, "cohort ..."]
    ordinary_loss: Float[Array, "cohort ..."]
    distributed: Float[Array, "cohort ..."]
    """Income paid to investors, or called from them where negative."""
    called: Float[Array, "cohort ..."]
    """Net lending called from investors, or principal returned where negative."""
    drawn: Float[Array, "cohort ..."]
    """Net lending that the bank line finances."""
    margin_call: Float[Array, "cohort ..."]
    sold: Float[Array, "cohort ..."]
    """Other assets: for margin calls, and for what investors do not pay."""
    redeemed: Float[Array, "cohort ..."]
    requests: Float[Array, "cohort ..."]
    """New requests and the queue, as a share of redeemable capital."""
    waiting: Float[Array, "cohort ..."]
    credit_loss: Float[Array, "cohort ..."]
    line_loss: Float[Array, "cohort ..."]
    """Of it, borne by banks: on bank and subscription lines and NAV loans."""
    gate_headroom: Float[Array, "cohort ..."]
    line_share: Float[Array, "cohort ..."]
    """Expected shortfall on lines, per unit."""
    lending: Float[Array, "cohort ..."]
    """Openness of the cohort as a lender."""
    openness: Float[Array, "..."]
    """Openness of all cohorts, by what they lend."""
    line: Float[Array, "cohort ..."]
    index: Float[Array, "cohort ..."]
    discount: Float[Array, "cohort ..."]
    """Of the market price to net asset value; 0 where there is no price."""
    calls: CallFlows | None = None
    incentive: IncentiveFlows | None = None
    nav_loan: NavLoanFlows | None = None

    # Of a record, whose first axis is the quarter: sums over cohorts, by quarter.

    @property
    def to_managers(self) -> Float[Array, "quarter ..."]:
        """Management and incentive fees."""
        fees = jnp.sum(self.fee, axis=1)
        if self.incentive is None:
            return fees
        return fees + jnp.sum(self.incentive.fee, axis=1)

    @property
    def owed_beside(self) -> Float[Array, "quarter ..."]:
        """Balances of subscription lines and NAV loans."""
        owed = jnp.zeros_like(self.openness)
        if self.calls is not None:
            owed = owed + jnp.sum(self.calls.line, axis=1)
        if self.nav_loan is not None:
            owed = owed + jnp.sum(self.nav_loan.balance, axis=1)
        return owed

    @property
    def service_beside(self) -> Float[Array, "quarter ..."]:
        """What their lenders get of the funds' income."""
        paid = jnp.zeros_like(self.openness)
        if self.calls is not None:
            paid = paid + jnp.sum(self.calls.interest, axis=1)
        if self.nav_loan is not None:
            paid = paid + jnp.sum(self.nav_loan.repaid, axis=1)
        return paid

    @property
    def lent_beside(self) -> Float[Array, "quarter ..."]:
        """What they lend, less principal that calls repay."""
        if self.calls is None:
            return jnp.zeros_like(self.openness)
        return jnp.sum(self.calls.drawn - self.calls.repaid, axis=1)

    @property
    def lost_beside(self) -> Float[Array, "quarter ..."]:
        """Their losses."""
        lost = jnp.zeros_like(self.openness)
        if self.calls is not None:
            lost = lost + jnp.sum(self.calls.loss, axis=1)
        if self.nav_loan is not None:
            lost = lost + jnp.sum(self.nav_loan.loss, axis=1)
        return lost
