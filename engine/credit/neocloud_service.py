"""Debt service of a neocloud: what each class of debt is due in a quarter.

docs/model.md section 5, "Neocloud, in order", steps 1 to 3.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.credit.guarantee import Guarantee, with_premium
from engine.credit.neocloud_terms import NeocloudDues, NeocloudState, NeocloudTerms
from engine.drivers import Drivers
from engine.grid import DT
from engine.once import computed_once


class Service(eqx.Module):
    """Debt service due this quarter [USD bn]."""

    interest_opening: Float[Array, "neocloud ..."]
    """Of the secured interest, on what was drawn by `as_of`."""
    interest_box: Float[Array, "neocloud ..."]
    """Of the secured interest, on boxes drawn since."""
    interest_secured: Float[Array, "neocloud ..."]
    """With the premium of the guarantee, where one is charged."""
    interest_unsecured: Float[Array, "neocloud ..."]
    premium: Float[Array, "neocloud ..."] | None
    ddtl: Float[Array, "neocloud ..."]
    oem: Float[Array, "neocloud ..."]
    box: Float[Array, "neocloud ..."]
    notes: Float[Array, "neocloud ..."]
    converts: Float[Array, "neocloud ..."]
    new_notes: Float[Array, "neocloud ..."]

    @property
    def interest(self) -> Float[Array, "neocloud ..."]:
        """Of all classes."""
        return self.interest_secured + self.interest_unsecured

    @property
    def scheduled(self) -> Float[Array, "neocloud ..."]:
        """Principal of the secured class by schedule."""
        return self.ddtl + self.oem + self.box

    @property
    def bullets(self) -> Float[Array, "neocloud ..."]:
        """Notes and convertibles that fall due."""
        return self.notes + self.converts + self.new_notes


@computed_once
def service_due(
    quarter: Drivers,
    terms: NeocloudTerms,
    dues: NeocloudDues,
    guarantee: Guarantee,
    state: NeocloudState,
    draws: Float[Array, "vintage neocloud ..."],
    issues: Float[Array, "vintage neocloud ..."],
) -> Service:
    """Interest on balances, principal by schedule and by age of what was drawn."""
    opening = state.ddtl * terms.ddtl_coupon + state.oem * terms.oem_coupon
    box = state.box * (quarter.short + state.box_margin)
    secured = (
        opening
        + box
        + state.revolver * (quarter.short + terms.revolver_margin)
        + state.rolled * (quarter.short + guarantee.spread)
    )
    unsecured = (
        state.notes * terms.notes_coupon
        + state.converts * terms.converts_coupon
        + state.new_notes * state.note_coupon
    )
    premium = guarantee.due("secured", state.secured)
    return Service(
        interest_opening=with_premium(
            opening * DT, guarantee.due("secured", state.ddtl + state.oem)
        ),
        interest_box=with_premium(box * DT, guarantee.due("secured", state.box)),
        interest_secured=with_premium(secured * DT, premium),
        interest_unsecured=unsecured * DT,
        premium=premium,
        ddtl=jnp.minimum(state.ddtl, dues.ddtl),
        oem=jnp.minimum(state.oem, dues.oem),
        box=jnp.minimum(state.box, jnp.sum(terms.repaying * draws, axis=0)),
        notes=jnp.minimum(state.notes, dues.notes),
        converts=jnp.minimum(state.converts, dues.converts),
        new_notes=jnp.minimum(
            state.new_notes, jnp.sum(terms.maturing * issues, axis=0)
        ),
    )
