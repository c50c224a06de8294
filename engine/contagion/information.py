"""What one failure does to the rest: the spread of the system and its openness (M9)."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy
from engine.grid import DT
from engine.once import computed_once


class SystemState(eqx.Module):
    """Spread of the system [1/year] and openness, in force next quarter."""

    shock: Float[Array, "..."]
    """What failures, losses and sales left, decaying."""
    spread: Float[Array, "..."]
    openness: Float[Array, "..."]


class SystemFlows(eqx.Module):
    """What spread this quarter."""

    spread: Float[Array, "..."]
    openness: Float[Array, "..."]
    impact: Float[Array, "..."]
    """Return lost on public assets by forced sales."""
    sales: Float[Array, "..."]


class Contagion(eqx.Module):
    """Impulses and decay of the system's spread."""

    cloud_weight: Float[Array, "neocloud ..."]
    spv_weight: Float[Array, "spv ..."]
    impulse: Float[Array, "..."]
    equity_pass: Float[Array, "..."]
    decay: Float[Array, "..."]
    loss_impulse: Float[Array, "..."]
    sale_impulse: Float[Array, "..."]
    closing: Float[Array, "..."]
    price_impact: Float[Array, "..."]

    @staticmethod
    def build(economy: Economy) -> "Contagion":
        """Assembles the contagion from the figures."""
        return Contagion(
            cloud_weight=economy.stack("neoclouds", "contagion_weight"),
            spv_weight=economy.stack("spvs", "contagion_weight"),
            impulse=economy["contagion.spread_impulse"],
            equity_pass=economy["contagion.equity_pass"],
            decay=economy["contagion.spread_decay"],
            loss_impulse=economy["contagion.loss_impulse"],
            sale_impulse=economy["contagion.sale_impulse"],
            closing=economy["contagion.closing_spread"],
            price_impact=economy["contagion.price_impact"],
        )

    def opening(self) -> SystemState:
        """Calm and open."""
        nothing = jnp.zeros_like(self.impulse)
        return SystemState(
            shock=nothing, spread=nothing, openness=jnp.ones_like(self.impulse)
        )

    @computed_once
    def __call__(
        self,
        equity: Float[Array, "neocloud ..."],
        failing_clouds: Float[Array, "neocloud ..."],
        failing_spvs: Float[Array, "spv ..."],
        credit_loss: Float[Array, "..."],
        sales: Float[Array, "..."],
        fund_openness: Float[Array, "..."],
        state: SystemState,
    ) -> tuple[SystemFlows, SystemState]:
        """Failures, losses and sales move next quarter's spread and openness.

        So does what markets see before a default: the fall of `equity`, the price of a
        neocloud's shares against `as_of`, re-prices the paper of its like.
        """
        news = jnp.sum(self.cloud_weight * failing_clouds, axis=0) + jnp.sum(
            self.spv_weight * failing_spvs, axis=0
        )
        impact = self.price_impact * sales
        shock = (
            state.shock * jnp.exp(-self.decay * DT)
            + self.impulse * news
            + self.loss_impulse * credit_loss / 1000.0
            + self.sale_impulse * impact
        )
        seen = jnp.sum(self.cloud_weight * jnp.clip(1.0 - equity, 0.0, 1.0), axis=0)
        spread = shock + self.equity_pass * seen
        openness = fund_openness * jnp.clip(1.0 - spread / self.closing, 0.0, 1.0)
        flows = SystemFlows(
            spread=spread, openness=openness, impact=impact, sales=sales
        )
        return flows, SystemState(shock=shock, spread=spread, openness=openness)
