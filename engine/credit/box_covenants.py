r"""Covenants of a neocloud's delayed-draw boxes: draw-stop, sweep, acceleration, cure.

docs/model.md section 5, "Neocloud, in order", step 8. The boxes of an issuer are tested
as one; `box_pools.py` tells them apart where a deal asks for it.
"""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.credit.covenants import (
    Acceleration,
    cover,
    cure_due,
    failed,
    passed,
    threshold,
)
from engine.economy import Economy
from engine.once import computed_once


class BoxTerms(eqx.Module):
    """Thresholds on the cover of the boxes' debt service."""

    draw_stop: Float[Array, "neocloud ..."]
    """Cover at and below which no draw is made, as tested last quarter."""
    trap: Float[Array, "neocloud ..."]
    """Cover below which free cash prepays; all of it a `band` below."""
    default: Acceleration
    band: Float[Array, "neocloud ..."]
    sweep: Float[Array, "neocloud ..."]
    """Share of free cash that prepays at any cover."""

    @staticmethod
    def build(economy: Economy) -> "BoxTerms":
        """Assembles the thresholds; a figure of 0 is none."""

        def stack(key: str) -> Float[Array, "neocloud ..."]:
            return economy.stack("neoclouds", key)

        return BoxTerms(
            draw_stop=threshold(stack("draw_stop")),
            trap=threshold(stack("trap")),
            default=Acceleration.build(stack("default"), stack("cure")),
            band=stack("covenant_band"),
            sweep=stack("sweep"),
        )


class BoxTest(NamedTuple):
    """A quarter's test."""

    dscr: Float[Array, "neocloud ..."]
    reach: Float[Array, "neocloud ..."]
    """The cover with all equity that could go into a cure."""
    cure: Float[Array, "neocloud ..."]
    """Equity raised for it [USD bn]."""
    headroom: Float[Array, "neocloud ..."]


@computed_once
def draws_open(
    terms: BoxTerms, tested: Float[Array, "neocloud ..."]
) -> Float[Array, "neocloud ..."]:
    """Share of a draw that last quarter's test allows."""
    return passed(tested, terms.draw_stop, terms.band)


@computed_once
def examine_boxes(
    terms: BoxTerms,
    cash: Float[Array, "neocloud ..."],
    service: Float[Array, "neocloud ..."],
    equity: Float[Array, "neocloud ..."],
    before: Float[Array, "neocloud ..."],
) -> BoxTest:
    """Tests the boxes' `cash` against their `service`, and cures what can be cured.

    **Arguments:** `cash`, `service` of the quarter, `equity` that could still be
    raised [USD bn]; `before`, last quarter's reach [1].
    """
    dscr, safe = cover(cash, service)
    owners = terms.default.owners * equity
    cure = jnp.minimum(cure_due(cash, service, terms.default.least), owners)
    reach = dscr + owners / safe
    return BoxTest(dscr, reach, cure, terms.default.headroom(reach, before))


@computed_once
def sweep(
    terms: BoxTerms,
    dscr: Float[Array, "neocloud ..."],
    free: Float[Array, "neocloud ..."],
    older: Float[Array, "neocloud ..."],
    newer: Float[Array, "neocloud ..."],
) -> tuple[Float[Array, "neocloud ..."], Float[Array, "neocloud ..."]]:
    """What free cash prepays of the older and then of the newer boxes [USD bn].

    Prepayments fall on the last instalments: schedules stand, and end earlier.
    """
    there = share_swept(terms, failed(dscr, terms.trap, terms.band)) * free
    first = prepaid(older, there)
    return first, prepaid(newer, there - first)


def share_swept(
    terms: BoxTerms, caught: Float[Array, "neocloud ..."]
) -> Float[Array, "neocloud ..."]:
    """Part of free cash that goes to lenders: all of it where a test caught it."""
    return terms.sweep + (1.0 - terms.sweep) * caught


def prepaid(
    left: Float[Array, "neocloud ..."], cash: Float[Array, "neocloud ..."]
) -> Float[Array, "neocloud ..."]:
    """What `cash` prepays; not what rounding leaves of a repaid box."""
    return jnp.minimum(jnp.maximum(left, 0.0), cash)
