"""Covenants of an SPV: sweep, trap with release, cure and acceleration.

docs/model.md section 5, "SPV, in order", step 6.
"""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.credit.covenants import Acceleration, Cover, cure_due, failed, threshold
from engine.economy import Economy
from engine.grid import DT
from engine.once import computed_once
from engine.survival import HIGHEST


class SpvCovenants(eqx.Module):
    """Thresholds on debt service cover, and what follows."""

    trap: Float[Array, "spv ..."]
    """Cover below which what would be distributed is held; all a `band` below."""
    release: Float[Array, "spv ..."]
    """Share of what is held that prepays debt in a quarter."""
    default: Acceleration
    band: Float[Array, "spv ..."]

    @staticmethod
    def build(economy: Economy) -> "SpvCovenants":
        """Assembles the thresholds; a figure of 0 is none."""

        def stack(key: str) -> Float[Array, "spv ..."]:
            return economy.stack("spvs", key)

        return SpvCovenants(
            trap=threshold(stack("trap")),
            release=jnp.minimum(DT / stack("trap_hold"), 1.0),
            default=Acceleration.build(stack("default"), stack("cure")),
            band=stack("covenant_band"),
        )


class SpvTest(NamedTuple):
    """A quarter's test of the default tier."""

    reach: Float[Array, "spv ..."]
    cure: Float[Array, "spv ..."]
    headroom: Float[Array, "spv ..."]


class Excess(NamedTuple):
    """Where cash above dues and reserve goes [USD bn]."""

    swept_loan: Float[Array, "spv ..."]
    """Of the loan, by the sweep and out of the trap."""
    swept_takeout: Float[Array, "spv ..."]
    trapped: Float[Array, "spv ..."]
    """In the trap account at the quarter's end."""
    distributed: Float[Array, "spv ..."]


@computed_once
def examine_spv(
    terms: SpvCovenants,
    started: Float[Array, "..."],
    cfads: Float[Array, "spv ..."],
    service: Float[Array, "spv ..."],
    cover: Cover,
    sponsor: Float[Array, "spv ..."],
    before: Float[Array, "spv ..."],
) -> SpvTest:
    """Tests cover in the share of the quarter after rent start, and cures it.

    `sponsor` is what the sponsor would still put in; `before` last quarter's reach.
    """
    top = 1.0 + HIGHEST
    owners = terms.default.owners * sponsor
    due = started * cure_due(cfads, service, terms.default.least)
    reach = started * (cover.ratio + owners / cover.service - top) + top
    headroom = terms.default.headroom(reach, before)
    return SpvTest(reach, jnp.minimum(due, owners), headroom)


@computed_once
def divide_excess(
    terms: SpvCovenants,
    sweeping: Float[Array, "..."],
    free: Float[Array, "spv ..."],
    dscr: Float[Array, "spv ..."],
    excess: Float[Array, "spv ..."],
    held: Float[Array, "spv ..."],
    loan: Float[Array, "spv ..."],
    takeout: Float[Array, "spv ..."],
) -> Excess:
    """Sweeps `excess`, traps or releases it with what is `held`, distributes the rest.

    **Arguments:** `sweeping`, share that the sweep takes this quarter; `free`, share
    that the lock-up lets go [1]; `excess` above dues and reserve, `held` in the trap
    account, `loan` and `takeout` after scheduled principal [USD bn].
    """
    # What rounding leaves of a repaid loan is not prepaid.
    loan, takeout = jnp.maximum(loan, 0.0), jnp.maximum(takeout, 0.0)
    debt = loan + takeout
    swept = jnp.minimum(sweeping * excess, debt)
    there = excess - swept + held
    caught = failed(dscr, terms.trap, terms.band) * there
    prepaid = jnp.minimum(terms.release * caught, debt - swept)
    total = swept + prepaid
    first = jnp.minimum(total, loan)
    return Excess(first, total - first, caught - prepaid, free * (there - caught))
