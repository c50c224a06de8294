r"""Incentive fees inside the step: on income each quarter, or on the whole fund.

With $x$ what is shared and $h$ the hurdle's part of it, the fee is that of
`engine.funds.income_fee`: catch_up·clip(x − h, 0, r) + carry·max(x − h − r, 0),
r = carry·h/(catch_up − carry). Funds whose investors come and go take it of a quarter's
income. Closed ones take it of all profit since `as_of`, as if the fund were wound up at
its marks, above what was taken before: nothing is paid back.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy
from engine.funds.incentive import fee_above
from engine.grid import DT
from engine.once import computed_once

CLOSED = ("drawdown", "managed_account")
"""Types whose fee is on the whole fund; all others' is on income."""


class IncentiveState(eqx.Module):
    """Accounts since `as_of` [USD bn]."""

    hurdle: Float[Array, "cohort ..."]
    """What investors must get back to have their preferred return."""
    invested: Float[Array, "cohort ..."]
    """What they must get back to have their money."""
    taken: Float[Array, "cohort ..."]

    def keeping(self, kept: Float[Array, "cohort ..."]) -> "IncentiveState":
        """The accounts if investors do not get `kept` of what was counted as paid."""
        return IncentiveState(
            hurdle=self.hurdle + kept, invested=self.invested + kept, taken=self.taken
        )


class IncentiveFlows(eqx.Module):
    """One quarter of the manager [USD bn]."""

    fee: Float[Array, "cohort ..."]
    managed: Float[Array, "cohort ..."]
    """Assets at marks, and undrawn commitments."""


class Incentive(eqx.Module):
    """Hurdle, carry and catch-up of every cohort."""

    is_closed: Float[Array, "cohort ..."]
    hurdle: Float[Array, "cohort ..."]
    carry: Float[Array, "cohort ..."]
    catch_up: Float[Array, "cohort ..."]

    @staticmethod
    def build(economy: Economy) -> "Incentive | None":
        """Assembles the terms; None if no cohort's manager has an incentive fee."""
        names = [f"funds.{c}.incentive" for c in economy.cohorts()]
        if not any(name in economy.figures for name in names):
            return None
        hurdle = economy.cohort_figures("incentive_hurdle", 0.0)
        kinds = [economy.blueprint.choice(f"funds.{c}.kind") for c in economy.cohorts()]
        return Incentive(
            is_closed=jnp.asarray([kind in CLOSED for kind in kinds], hurdle.dtype),
            hurdle=hurdle,
            carry=economy.cohort_figures("incentive", 0.0),
            catch_up=economy.cohort_figures("catch_up", 0.0),
        )

    def opening(self, nav: Float[Array, "cohort ..."]) -> IncentiveState:
        """Profit and hurdle count from the net asset value at `as_of`."""
        return IncentiveState(hurdle=nav, invested=nav, taken=jnp.zeros_like(nav))

    @computed_once
    def __call__(
        self,
        income: Float[Array, "cohort ..."],
        called: Float[Array, "cohort ..."],
        nav_before: Float[Array, "cohort ..."],
        worth: Float[Array, "cohort ..."],
        managed: Float[Array, "cohort ..."],
        state: IncentiveState,
    ) -> tuple[IncentiveFlows, IncentiveState]:
        """The quarter's fee, and the accounts after it.

        **Arguments:** `income` after all costs but this fee; `called` net from
        investors; `worth`, net assets at the end before `kept`, what a lender keeps
        of the income (it stays investors').
        """
        # As if all income were paid out: what is kept instead is worth as much.
        hurdle = state.hurdle + jnp.maximum(state.hurdle, 0.0) * self.hurdle * DT
        hurdle = hurdle + called - income
        invested = state.invested + called - income
        profit = worth - invested + state.taken
        is_closed = self.is_closed > 0.0
        shared = jnp.where(is_closed, profit, income)
        first = jnp.where(is_closed, hurdle - invested, self.hurdle * DT * nav_before)
        entitled = fee_above(shared, first, self.carry, self.catch_up)
        due = jnp.maximum(entitled - state.taken, 0.0)
        fee = jnp.where(is_closed, due, entitled)
        after = IncentiveState(
            hurdle=hurdle + fee, invested=invested + fee, taken=state.taken + fee
        )
        return IncentiveFlows(fee=fee, managed=managed), after
