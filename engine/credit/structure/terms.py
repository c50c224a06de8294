"""What the documents say beside the instruments: reserve, sweep, tests, support."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine._types import Scalar
from engine.credit.structure.contract import FOREVER, figure


class Reserve(eqx.Module):
    """Debt service reserve account: `years` of service ahead, for senior ranks."""

    years: Scalar = figure(0.0)
    """Service of so many years is to be held, at most two."""
    rank: Scalar = figure(0.0)
    """The most junior rank it serves; it is topped up right behind it."""
    opening: Scalar = figure(0.0)
    """In the account at the close [USD bn]."""
    starts: Scalar = figure(0.0)
    """When it has to be full [years]."""


class Sweep(eqx.Module):
    """Share of excess cash that repays debt, by leverage (debt over yearly CFADS)."""

    share: Scalar = figure(0.0)
    """Share swept below the lowest band."""
    leverage: Float[Array, " band"] = figure(())
    """Leverage at which each band begins, ascending [x]."""
    shares: Float[Array, " band"] = figure(())
    """Share swept within each band."""
    starts: Scalar = figure(0.0)
    minimum_cash: Scalar = figure(0.0)
    """Stays in the account before anything is swept or distributed [USD bn]."""


class Tier(eqx.Module):
    """Thresholds of one tier of tests; 0 or a huge number where there is none."""

    dscr: Scalar = figure(0.0)
    """At least [x]."""
    icr: Scalar = figure(0.0)
    """Interest cover, at least [x]."""
    leverage: Scalar = figure(FOREVER)
    """Debt over yearly CFADS, at most [x]."""
    ltv: Scalar = figure(FOREVER)
    """Debt over the value of the assets, at most [1]."""
    liquidity: Scalar = figure(0.0)
    """Cash and undrawn lines, at least [USD bn]."""


class Covenants(eqx.Module):
    """Three tiers, tested each period from `starts`.

    `lock_up`: no distributions, and no draws of lines with a draw-stop. `trap`:
    what would be distributed goes to an account, and repays debt when it has been there
    for `trap_years`. `default`: acceleration, unless the owners cure.
    """

    lock_up: Tier = eqx.field(default_factory=Tier)
    trap: Tier = eqx.field(default_factory=Tier)
    default: Tier = eqx.field(default_factory=Tier)
    starts: Scalar = figure(0.0)
    trap_years: Scalar = figure(FOREVER)


class Support(eqx.Module):
    """Owners' money behind the deal: equity cures and cash against a shortfall."""

    capacity: Scalar = figure(0.0)
    """What they would pay in all [USD bn]."""
    cures: Scalar = figure(0.0)
    """How many periods they may cure DSCR, leverage or LTV of the default tier."""


class Terms(eqx.Module):
    """All of them, and the cash at the close."""

    reserve: Reserve = eqx.field(default_factory=Reserve)
    sweep: Sweep = eqx.field(default_factory=Sweep)
    covenants: Covenants = eqx.field(default_factory=Covenants)
    support: Support = eqx.field(default_factory=Support)
    cash: Scalar = figure(0.0)
    """In the operating account at the close [USD bn]."""
    cash_yield: Scalar = figure(0.0)
    """Share of the reference rate that accounts earn."""


def bands(sweep: Sweep) -> tuple[Float[Array, " band"], Float[Array, " band"]]:
    """Thresholds and steps of the share at each of them."""
    before = jnp.concatenate([sweep.share[None], sweep.shares[:-1]])
    return sweep.leverage, sweep.shares - before
