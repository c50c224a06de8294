"""Layer 2, the market for compute: demand over last quarter's fleet sets the price."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.bottlenecks.capacity import Capacity, without_shortage
from engine.bottlenecks.chips import delivered_part, ship
from engine.bottlenecks.power import CONNECTIONS, TABLE, connect
from engine.drivers import Drivers
from engine.economy import Economy
from engine.grid import DT, span
from engine.once import computed_once

VINTAGES = 40
"""Quarters of age that a register remembers (ten years)."""

HOURS_PER_YEAR = 8760.0


def aged(register: Float[Array, "vintage ..."]) -> Float[Array, "vintage ..."]:
    """A register one quarter older, with an empty newest vintage."""
    return jnp.concatenate([jnp.zeros_like(register[:1]), register[:-1]], axis=0)


def newest(
    register: Float[Array, "vintage ..."], entry: Float[Array, "..."]
) -> Float[Array, "vintage ..."]:
    """The register with `entry` written into its newest vintage."""
    return jnp.concatenate([entry[None], register[1:]], axis=0)


class Fleet(eqx.Module):
    """Gigawatts of chips by age in quarters, and of the shells that house them."""

    gigawatts: Float[Array, "vintage ..."]
    shells: Float[Array, "..."]
    waiting: Float[Array, "..."] | None = None
    """Financed gigawatts without power; None where nothing waits."""
    on_order: Float[Array, "..."] | None = None
    """Gigawatts without chips; None where all that is ordered is delivered."""


class Prices(eqx.Module):
    """What the market for compute says this quarter."""

    utilisation: Float[Array, "..."]
    level: Float[Array, "..."]
    """φ·w: price of compute against the reference."""
    spot: Float[Array, "..."]
    """USD bn per GW-year of a new chip."""
    marginal_cost: Float[Array, "..."]
    shell: Float[Array, "..."]
    """Market rent of a shell per unit of a contract rent struck at reference."""
    shell_ahead: Float[Array, "window ..."]
    """The same as a tenant expects it for the next sixteen quarters."""
    additions: Float[Array, "..."]
    in_service: Float[Array, "..."]
    chips_ahead: Float[Array, "window ..."] | None = None
    """`level` as tenants foresee it; None where they take today's."""
    waiting: Float[Array, "..."] | None = None
    """Financed gigawatts without power at the end of the quarter."""
    wait: Float[Array, "..."] | None = None
    """Years until the last of them has power, at this quarter's connections."""
    powered: Float[Array, "..."] | None = None
    """Of all that asks for power, what gets it in the quarter."""
    chips: Float[Array, "..."] | None = None
    """Share of all chips on order that is delivered in the quarter."""
    on_order: Float[Array, "..."] | None = None
    """Gigawatts on order at the end of the quarter."""


class Market(eqx.Module):
    """Parameters of the market; demand comes from the drivers."""

    alive: Float[Array, "vintage ..."]
    retiring: Float[Array, "vintage ..."]
    reference_utilisation: Float[Array, "..."]
    slope: Float[Array, "..."]
    floor: Float[Array, "..."]
    cap: Float[Array, "..."]
    reference_price: Float[Array, "..."]
    marginal_cost: Float[Array, "..."]
    pipeline: Float[Array, "..."]
    shortage: Float[Array, "..."]
    shell_floor: Float[Array, "..."]
    shell_elasticity: Float[Array, "..."]
    shell_wear: Float[Array, "..."]
    indexation: Float[Array, "..."]
    """Growth of the market rent of shells [1/year]."""
    power: Float[Array, "..."] | None = None
    """Power's part of `marginal_cost`, at `power.price`; None if that stands still."""
    queue: Capacity | None = None
    chips: Capacity | None = None

    @staticmethod
    def build(economy: Economy) -> "Market":
        """Assembles the market from the figures."""
        life = economy["market.chip_life"]
        alive = span(jnp.zeros_like(life), life, VINTAGES)
        after = jnp.concatenate([alive[1:], jnp.zeros_like(alive[:1])])
        power = (
            economy["power.price"]
            * HOURS_PER_YEAR
            * economy["power.load"]
            * economy["power.pue"]
            / 1e6
        )
        return Market(
            alive=alive,
            retiring=alive - after,
            reference_utilisation=economy["market.reference_utilisation"],
            slope=economy["market.price_slope"],
            floor=economy["market.price_floor"],
            cap=economy["market.price_cap"],
            reference_price=economy["market.reference_price"],
            marginal_cost=power + economy["market.opex"],
            pipeline=economy["market.pipeline"],
            shortage=economy["market.shortage_response"],
            shell_floor=economy["market.shell_market_floor"],
            shell_elasticity=economy["market.shell_elasticity"],
            shell_wear=DT / economy["market.shell_life"],
            indexation=economy["macro.cpi"] * economy["market.shell_indexation"],
            power=power if "power.path.values" in economy.figures else None,
            queue=Capacity.build(economy, TABLE, CONNECTIONS),
            chips=Capacity.build(economy, "market.chips", "supply"),
        )

    def opening(self, economy: Economy) -> Fleet:
        """The fleet at `as_of`: grown exponentially to today's gigawatts in service."""
        ages = jnp.arange(VINTAGES, dtype=self.alive.dtype) * DT
        shape = jnp.exp(-economy["market.fleet_growth"] * ages)
        scale = economy["market.fleet"] / jnp.sum(shape * self.alive)
        return Fleet(
            gigawatts=shape * scale,
            shells=economy["market.fleet"],
            waiting=economy.figures.get("market.queue.opening"),
            # Nothing beyond what schedules and plans say.
            on_order=None if self.chips is None else jnp.zeros_like(self.chips.growth),
        )

    def price_level(self, utilisation: Float[Array, "..."]) -> Float[Array, "..."]:
        """φ: piecewise linear in utilisation, 1 at the reference."""
        tension = utilisation - self.reference_utilisation
        return jnp.clip(1.0 + self.slope * tension, self.floor, self.cap)

    def running_cost(self, quarter: Drivers) -> Float[Array, "..."]:
        """Cost of running a GW-year at the quarter's price of power."""
        if self.power is None or quarter.power is None:
            return self.marginal_cost
        return self.marginal_cost + self.power * (quarter.power - 1.0)

    def shell_rent(
        self, level: Float[Array, "..."], years: Float[Array, "..."]
    ) -> Float[Array, "..."]:
        """Market rent of a shell against a contract rent struck at reference."""
        indexed = (1.0 + self.indexation) ** years
        return jnp.maximum(level**self.shell_elasticity * indexed, self.shell_floor)

    @computed_once
    def __call__(
        self, quarter: Drivers, openness: Float[Array, "..."], fleet: Fleet
    ) -> tuple[Prices, Fleet]:
        """Clears on last quarter's fleet, then energises what is due."""
        in_service = jnp.sum(self.alive * fleet.gigawatts, axis=0)
        # Where nobody lends for decades, nothing is left.
        utilisation = quarter.demand / jnp.maximum(in_service, 1e-6)
        level = self.price_level(utilisation) * quarter.gpu_factor
        # Chips go after six years, shells stay: what was built too much weighs on
        # rents long after the chips' price has recovered.
        occupied = self.price_level(quarter.demand / fleet.shells)
        ahead = self.price_level(quarter.demand_ahead / fleet.shells)
        retired = jnp.sum(self.retiring * fleet.gigawatts, axis=0)
        worth = jnp.clip(utilisation / self.reference_utilisation, 0.0, 1.0)
        renewed = retired * worth
        best = without_shortage(
            self.reference_utilisation, in_service, fleet.waiting, fleet.on_order
        )
        tight = jnp.maximum(utilisation - best, 0.0)
        financed = (
            quarter.after_pipeline * quarter.planned_additions * quarter.response
            + renewed
            + self.shortage * DT * tight * in_service
        )
        shipped = ship(
            self.chips,
            quarter.years,
            self.pipeline * DT * quarter.pipeline + financed * openness,
            fleet.on_order,
        )
        connected = connect(
            self.queue,
            quarter.years,
            shipped.delivered,
            delivered_part(shipped.share, renewed),
            openness,
            fleet.waiting,
        )
        register = newest(aged(fleet.gigawatts), connected.additions)
        powered = jnp.sum(self.alive * register, axis=0)
        cost = self.running_cost(quarter)
        prices = Prices(
            utilisation=utilisation,
            level=level,
            spot=jnp.maximum(self.reference_price * level, cost),
            marginal_cost=cost,
            shell=self.shell_rent(occupied, quarter.years),
            shell_ahead=self.shell_rent(ahead, quarter.years),
            additions=connected.additions,
            in_service=powered,
            waiting=connected.waiting,
            wait=connected.wait,
            powered=connected.share,
            chips=shipped.share,
            on_order=shipped.on_order,
        )
        shells = jnp.maximum(fleet.shells * (1.0 - self.shell_wear), powered)
        return prices, Fleet(register, shells, connected.waiting, shipped.on_order)
