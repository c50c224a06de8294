"""Indexed prices of compute contracts: by consumer prices, by the short rate.

docs/model.md section 4, "Indexation". An economy in which no neocloud states either
figure has none of it in its program.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy
from engine.grid import DT, TimeGrid
from engine.market import VINTAGES, aged, newest

FIGURES = ("cpi_indexation", "rate_indexation")


def is_indexed(economy: Economy) -> bool:
    """Whether a neocloud states an index."""
    return any(economy.states("neoclouds", figure) for figure in FIGURES)


class Indexation(eqx.Module):
    """By how much a signed price moves with each index."""

    rate: Float[Array, "neocloud ..."]
    """Rise of a price per unit rise of the short rate since signing [years]."""
    grown: Float[Array, "vintage neocloud ..."]
    """Price of a contract by its age, over the signed one, by consumer prices [1]."""
    struck: Float[Array, "..."]
    """Short rate at which what runs at `as_of` is taken to have been signed."""

    @staticmethod
    def build(economy: Economy) -> "Indexation | None":
        """Assembles the indices; None where no neocloud states one."""
        if not is_indexed(economy):
            return None
        ages = jnp.arange(VINTAGES, dtype=economy["macro.cpi"].dtype) * DT
        return Indexation(
            rate=economy.stack("neoclouds", FIGURES[1], missing=0.0),
            grown=(1.0 + _by_prices(economy))[None] ** ages[:, None],
            struck=economy["rates.short"] + economy["shifts.rate_all"],
        )


def _by_prices(economy: Economy) -> Float[Array, " neocloud"]:
    """Yearly rise of a contract's price with consumer prices [1/year]."""
    return economy["macro.cpi"] * economy.stack("neoclouds", FIGURES[0], missing=0.0)


def since_as_of(
    economy: Economy, grid: TimeGrid
) -> Float[Array, "quarter neocloud"] | None:
    """Price of what runs at `as_of` over its price then, by consumer prices."""
    if not is_indexed(economy):
        return None
    years = grid.modelled(grid.middles) - grid.as_of
    return (1.0 + _by_prices(economy))[None] ** jnp.maximum(years, 0.0)[:, None]


def register(
    economy: Economy, contracts: Float[Array, "vintage neocloud"]
) -> Float[Array, "vintage neocloud"] | None:
    """Opening of `struck`: signed revenue times the short rate at its signing."""
    return jnp.zeros_like(contracts) if is_indexed(economy) else None


def signing(
    struck: Float[Array, "vintage neocloud ..."] | None,
    signed: Float[Array, "neocloud ..."],
    short: Float[Array, "..."],
) -> Float[Array, "vintage neocloud ..."] | None:
    """The register after the quarter, of what is `signed` at today's `short`."""
    return None if struck is None else newest(aged(struck), signed * short)


def surcharge(
    indexation: Indexation | None,
    since: Float[Array, "neocloud ..."] | None,
    legacy: Float[Array, "neocloud ..."],
    running: Float[Array, "vintage neocloud ..."],
    contracts: Float[Array, "vintage neocloud ..."],
    struck: Float[Array, "vintage neocloud ..."] | None,
    short: Float[Array, "..."],
) -> Float[Array, "neocloud ..."] | None:
    r"""What the indices add to a year's revenue of signed contracts [USD bn].

    $$ L^-[c_t(1 + \iota(r_t - r_s)) - 1]
       + \sum_k \text{live}_k [(c_k(1 + \iota r_t) - 1) v_k - c_k \iota (vr)_k] $$

    **Arguments:**

    - `since`: $c_t$, by consumer prices since `as_of` [1].
    - `legacy`: $L^-$, yearly revenue of what was signed by `as_of` [USD bn].
    - `running`: share of the quarter in which a contract of that age runs [1].
    - `contracts`, `struck`: registers $v$ and $vr$; the former aged into this quarter,
      the latter as it was at its start.
    - `short`: $r_t$ [1/year].

    **Returns:** None without an index.

    **Derivative:** smooth; by the short rate ι times the revenue that is indexed.
    """
    if indexation is None or since is None or struck is None:
        return None
    rate, grown = indexation.rate, indexation.grown
    old = legacy * (since * (1.0 + rate * (short - indexation.struck)[None]) - 1.0)
    now = (grown * (1.0 + rate * short[None])[None] - 1.0) * contracts
    new = running * (now - grown * rate[None] * aged(struck))
    return old + jnp.sum(new, axis=0)
