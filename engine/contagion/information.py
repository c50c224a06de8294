"""What one failure does to the rest: the spread of the system and its openness (M9)."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.contagion.resemblance import FearState, Resemblance, Spreads
from engine.economy import Economy
from engine.grid import DT
from engine.once import computed_once


class SystemState(eqx.Module):
    """Spread of the system [1/year] and openness, in force next quarter."""

    shock: Float[Array, "..."]
    """What failures, losses and sales left, decaying."""
    spread: Float[Array, "..."]
    openness: Float[Array, "..."]
    fear: FearState | None
    """By issuer, where what resembles the failed one is re-priced more."""

    @property
    def met(self) -> Spreads:
        """What each borrower meets: the system's spread, or its own."""
        if self.fear is None:
            return Spreads(clouds=self.spread, spvs=self.spread, hybrid=self.spread)
        return self.fear.met

    def by_class(self) -> Float[Array, "..."]:
        """The same by class of debt, in the order of `Marks`."""
        if self.fear is None:
            return self.spread
        met = self.fear.met
        return jnp.concatenate([met.clouds, met.clouds, met.spvs, met.spvs])


class SystemFlows(eqx.Module):
    """What spread this quarter."""

    spread: Float[Array, "..."]
    openness: Float[Array, "..."]
    impact: Float[Array, "..."]
    """Return lost on public assets by forced sales; with public markets, the rise of
    lenders' spread per `sale_impulse` that the fall of their prices brings."""
    sales: Float[Array, "..."]
    met: Spreads | None
    """Spread of each borrower, where it differs from the system's."""


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
    resemblance: Resemblance | None

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
            resemblance=Resemblance.build(economy),
        )

    def opening(self) -> SystemState:
        """Calm and open."""
        nothing = jnp.zeros_like(self.impulse)
        resemblance = self.resemblance
        return SystemState(
            shock=nothing,
            spread=nothing,
            openness=jnp.ones_like(self.impulse),
            fear=None if resemblance is None else resemblance.opening(),
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
        impact: Float[Array, "..."] | None = None,
    ) -> tuple[SystemFlows, SystemState]:
        """Failures, losses and sales move next quarter's spread and openness.

        What sales do to prices is `impact` where public markets say it.

        So does what markets see before a default: the fall of `equity`, the price of a
        neocloud's shares against `as_of`, re-prices the paper of its like. With
        `resemblance` each borrower meets a spread of its own around the system's.
        """
        clouds = self.cloud_weight * failing_clouds
        spvs = self.spv_weight * failing_spvs
        fallen = self.cloud_weight * jnp.clip(1.0 - equity, 0.0, 1.0)
        left = jnp.exp(-self.decay * DT)
        if impact is None:
            impact = self.price_impact * sales
        shock = (
            state.shock * left
            + self.impulse * (jnp.sum(clouds, axis=0) + jnp.sum(spvs, axis=0))
            + self.loss_impulse * credit_loss / 1000.0
            + self.sale_impulse * impact
        )
        spread = shock + self.equity_pass * jnp.sum(fallen, axis=0)
        openness = fund_openness * jnp.clip(1.0 - spread / self.closing, 0.0, 1.0)
        fear = None
        if self.resemblance is not None and state.fear is not None:
            failed = self.impulse * clouds, self.impulse * spvs
            seen = self.equity_pass * fallen
            fear = self.resemblance(failed, seen, left, spread, state.fear)
        flows = SystemFlows(
            spread=spread,
            openness=openness,
            impact=impact,
            sales=sales,
            met=None if fear is None else fear.met,
        )
        after = SystemState(shock=shock, spread=spread, openness=openness, fear=fear)
        return flows, after
