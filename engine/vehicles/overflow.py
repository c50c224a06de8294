r"""Overflow (M15): customers of failed neoclouds that the hybrid cloud takes on.

What failing neoclouds sold looks for a home in the next quarter. How much moves depends
on the price (an elasticity of substitution), how much is taken on what the hybrid cloud
can still borrow below its leverage limit; what isn't taken is lost. docs/model.md,
section 4.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy
from engine.grid import DT
from engine.numerics import ratio_above


class OverflowState(eqx.Module):
    """Yearly revenue by payer, labs first and the unnamed last [USD bn/year]."""

    served: Float[Array, "payer ..."]
    seeking: Float[Array, "payer ..."]
    """What failed last quarter and looks for a home."""


class OverflowFlows(eqx.Module):
    """Revenue that sought and found a home, at the failed price [USD bn/year]."""

    sought: Float[Array, "..."]
    taken: Float[Array, "..."]
    capex: Float[Array, "..."]
    """What taking it costs this quarter [USD bn]."""


class Overflow(eqx.Module):
    """Terms on which the hybrid cloud takes customers of failed neoclouds."""

    elasticity: Float[Array, "..."]
    limit: Float[Array, "..."]
    """Net debt over EBITDA up to which it takes any."""
    unit_capex: Float[Array, "..."]
    kept: Float[Array, "..."]
    """Share of contracts that runs on after a quarter."""
    shares: Float[Array, "neocloud payer ..."]
    """Payers' shares of a neocloud's revenue, without hyperscalers."""

    @staticmethod
    def build(economy: Economy) -> "Overflow":
        """Assembles the terms; hyperscalers fall back on fleets of their own."""

        def customers(family: str) -> list[Float[Array, " neocloud"]]:
            return [
                economy.stack("neoclouds", f"customers.{name}")
                for name in economy.members(family)
            ]

        labs = customers("labs")
        unnamed = 1.0 - sum(labs) - sum(customers("hyperscalers"))
        return Overflow(
            elasticity=economy.only("hybrid", "overflow_elasticity"),
            limit=economy.only("hybrid", "overflow_limit"),
            unit_capex=economy.only("hybrid", "overflow_capex"),
            kept=jnp.exp(-DT / economy.only("hybrid", "overflow")),
            shares=jnp.stack([*labs, unnamed], axis=1),
        )

    def opening(self) -> OverflowState:
        """Nothing sought, nothing served."""
        nothing = jnp.zeros_like(self.shares[0])
        return OverflowState(served=nothing, seeking=nothing)

    def freed(
        self,
        billed: Float[Array, "neocloud ..."],
        failing: Float[Array, "neocloud ..."],
    ) -> Float[Array, "payer ..."]:
        """Yearly revenue of what fails this quarter, by payer; `billed` per quarter."""
        lost = failing * billed / DT
        return jnp.sum(self.shares * lost[:, None], axis=0)

    def take(
        self,
        level: Float[Array, "..."],
        ebitda: Float[Array, "..."],
        net_debt: Float[Array, "..."],
        open_: Float[Array, "..."],
        state: OverflowState,
    ) -> tuple[OverflowFlows, Float[Array, "payer ..."]]:
        """What is taken of what seeks a home, and what is served after the quarter.

        `level` is the price of compute against the reference, `ebitda` of the quarter,
        `net_debt` at its start [USD bn], `open_` the openness of the market for money.
        """
        sought = jnp.sum(state.seeking, axis=0)
        dearer = jnp.maximum(level - 1.0, 0.0)
        moving = jnp.clip(1.0 - self.elasticity * dearer, 0.0, 1.0) * sought
        room = open_ * jnp.maximum(self.limit * 4.0 * ebitda - net_debt, 0.0)
        taken = jnp.minimum(moving, room / self.unit_capex)
        share = ratio_above(taken, sought)
        # Contracts are struck anew, at the market price where that is below the old.
        found = state.seeking * (share * jnp.minimum(level, 1.0))
        flows = OverflowFlows(sought=sought, taken=taken, capex=self.unit_capex * taken)
        return flows, state.served * self.kept + found
