r"""A loan on a fund's net assets inside the step: swept from income, tested on its LTV.

The rule is that of `engine.funds.nav_loan`: with $B$ owed including interest, cash $d$
and net assets $V$ before the loan, the lender takes
clip(max(sweep·d, B − LTV·V), 0, min(B, d)).
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy
from engine.funds.borrowing import swept
from engine.funds.members import Members
from engine.grid import DT
from engine.once import computed_once


class NavLoanFlows(eqx.Module):
    """One quarter of the loan [USD bn]."""

    interest: Float[Array, "member ..."]
    """Added to what is owed."""
    repaid: Float[Array, "member ..."]
    loss: Float[Array, "member ..."]
    """Borne by banks."""
    balance: Float[Array, "member ..."]


class NavFacility(eqx.Module):
    """Terms of the loans, of the cohorts that have one."""

    members: Members
    start: Float[Array, "member ..."]
    spread: Float[Array, "member ..."]
    maximum_ltv: Float[Array, "member ..."]
    sweep: Float[Array, "member ..."]

    @staticmethod
    def build(economy: Economy) -> "NavFacility | None":
        """Assembles the terms; None if no cohort has such a loan."""
        members = Members.of(economy, "nav_loan")
        if members is None:
            return None

        def stack(key: str) -> Float[Array, "member ..."]:
            return members.pick(economy.cohort_figures(key, 0.0))

        return NavFacility(
            members=members,
            start=stack("nav_loan"),
            spread=stack("nav_loan_spread"),
            maximum_ltv=stack("nav_loan_ltv"),
            sweep=stack("nav_loan_sweep"),
        )

    def owed(
        self, balance: Float[Array, "member ..."], short: Float[Array, "..."]
    ) -> Float[Array, "member ..."]:
        """The balance with the quarter's interest."""
        return balance * (1.0 + (short + self.spread) * DT)

    @computed_once
    def __call__(
        self,
        balance: Float[Array, "member ..."],
        owed: Float[Array, "member ..."],
        cash: Float[Array, "member ..."],
        worth: Float[Array, "member ..."],
        credit_loss: Float[Array, "member ..."],
    ) -> NavLoanFlows:
        """Takes its part of the cash; loses what net assets do not cover.

        **Arguments:** `balance` at the start, `owed` with interest; `worth`, net assets
        before the loan; `credit_loss`, at most what banks may book this quarter (what
        is more is asked of later ones).
        """
        cash = jnp.maximum(cash, 0.0)
        repaid = swept(cash, owed, worth, self.sweep, self.maximum_ltv)
        left = owed - repaid
        loss = jnp.minimum(jnp.maximum(left - worth, 0.0), credit_loss)
        return NavLoanFlows(
            interest=owed - balance, repaid=repaid, loss=loss, balance=left - loss
        )
