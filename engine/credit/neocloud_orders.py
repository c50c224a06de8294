"""What a neocloud wants to build this quarter, before it is known who pays for it.

docs/model.md section 5, "Neocloud, in order", steps 4 and 9.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.credit.guarantee import Guarantee
from engine.credit.neocloud_terms import NeocloudTerms
from engine.drivers import Drivers
from engine.grid import DT
from engine.market import Prices
from engine.vehicles.neocloud import NeocloudPaths


def resuming(
    terms: NeocloudTerms, deferred_capex: Float[Array, "neocloud ..."]
) -> Float[Array, "neocloud ..."]:
    """Capex put off for want of money that is taken up again [USD bn]."""
    return deferred_capex * jnp.minimum(DT / terms.resume, 1.0)


def offered(
    quarter: Drivers,
    terms: NeocloudTerms,
    paths: NeocloudPaths,
    guarantee: Guarantee,
    contracts: Float[Array, "vintage neocloud ..."],
) -> Float[Array, "neocloud ..."]:
    """Yearly revenue of the contracts that customers offer [USD bn/year].

    `contracts` is the register of signed revenue, aged into this quarter.
    """
    expired = paths.expiring + jnp.sum(terms.ending * contracts, axis=0)
    return (
        (terms.growth * quarter.money_growth * DT + terms.rebook * expired)
        * jnp.clip(quarter.ratio, 0.0, 1.0)
        * (1.0 + guarantee.volume)
    )


def unit_cost(prices: Prices, terms: NeocloudTerms) -> Float[Array, "neocloud ..."]:
    """Capex per dollar of yearly revenue, of a contract signed at today's price."""
    return terms.capex_per_revenue / jnp.clip(prices.level, 0.5, 1.5)
