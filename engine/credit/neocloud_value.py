"""What a neocloud is worth: to its owners alive, to its creditors in default.

docs/model.md section 5, "Neocloud, in order", steps 12 and 13.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.credit.neocloud_terms import NeocloudDues, NeocloudState, NeocloudTerms
from engine.credit.workout import Running
from engine.drivers import Drivers
from engine.market import Prices
from engine.numerics import ratio_above
from engine.once import computed_once
from engine.survival import HIGHEST
from engine.vehicles.neocloud import Earnings, Operations


class Estate(eqx.Module):
    """What a default of this quarter would recover."""

    pool: Float[Array, "neocloud ..."]
    secured: Float[Array, "neocloud ..."]
    unsecured: Float[Array, "neocloud ..."]
    headroom: Float[Array, "neocloud ..."]


def liquidation(
    prices: Prices, terms: NeocloudTerms, state: NeocloudState
) -> Float[Array, "neocloud ..."]:
    """What the pledged chips fetch in a forced sale [USD bn]."""
    return state.chips * terms.fire_sale * jnp.minimum(prices.level, 1.0)


def running_on(
    terms: NeocloudTerms,
    dues: NeocloudDues,
    operations: Operations,
    earnings: Earnings,
    contracts: Float[Array, "vintage neocloud ..."],
    state: NeocloudState,
) -> Running | None:
    """What the company brings if it runs on; None where it is always liquidated."""
    if terms.workout is None:
        return None
    return Running(
        contracted=dues.legacy_value + jnp.sum(terms.remaining * contracts, axis=0),
        margin=terms.valuation_margin,
        received=ratio_above(earnings.receipts, operations.billed, 1.0),
        to_build=dues.committed_left + state.deferred_capex,
        prepaid=state.deferred_revenue,
        sold=operations.sold,
        decay=terms.collateral_decay,
        debt=state.debt,
    )


@computed_once
def estate(
    pool: Float[Array, "neocloud ..."], terms: NeocloudTerms, state: NeocloudState
) -> Estate:
    """Absolute priority: the pool to the secured, the rest to the unsecured."""
    claim = state.secured
    to_secured = jnp.minimum(pool, claim)
    rest = pool - to_secured + state.cash + terms.other_assets
    return Estate(
        pool=pool,
        secured=ratio_above(to_secured, claim, 1.0),
        unsecured=ratio_above(jnp.minimum(rest, state.unsecured), state.unsecured, 1.0),
        headroom=jnp.clip(ratio_above(pool, claim, 1.0 + HIGHEST) - 1.0, -1.0, HIGHEST),
    )


@computed_once
def market_cap(
    quarter: Drivers,
    terms: NeocloudTerms,
    dues: NeocloudDues,
    run_rate: Float[Array, "neocloud ..."],
    state: NeocloudState,
    late: Float[Array, "neocloud ..."] | None = None,
) -> Float[Array, "neocloud ..."]:
    """Contracted value plus a multiple of run-rate EBITDA, less what is owed.

    `late` is capex that waits for chips, and is still to be paid [USD bn].
    """
    value = dues.legacy_value + jnp.sum(terms.remaining * state.contracts, axis=0)
    multiple = terms.multiple_floor + (
        terms.multiple - terms.multiple_floor
    ) * jnp.clip(quarter.ratio, 0.0, 1.0)
    unpaid = state.deferred_capex if late is None else state.deferred_capex + late
    return jnp.maximum(
        terms.valuation_margin * value
        + multiple * run_rate
        - (state.debt - state.cash)
        - dues.committed_left
        - unpaid,
        0.0,
    )
