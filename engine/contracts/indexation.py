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
            struck=rate_when_signed(economy),
        )


def rate_when_signed(economy: Economy) -> Float[Array, ""]:
    """Short rate at which what runs at `as_of` is taken to have been signed."""
    return economy["rates.short"] + economy["shifts.rate_all"]


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
    """Opening of the short rate at each signing: nothing was signed since `as_of`."""
    return jnp.zeros_like(contracts) if is_indexed(economy) else None


def signing(
    struck: Float[Array, "vintage neocloud ..."] | None, short: Float[Array, "..."]
) -> Float[Array, "vintage neocloud ..."] | None:
    """The register after the quarter: what is signed in it, at today's `short`."""
    if struck is None:
        return None
    return newest(aged(struck), jnp.broadcast_to(short, struck.shape[1:]))


class ContractPrices(eqx.Module):
    """Prices over the signed ones [1]."""

    legacy: Float[Array, "neocloud ..."]
    """Of what ran at `as_of`."""
    signed: Float[Array, "vintage neocloud ..."]
    """Of what was signed since, by age."""

    def rise(
        self,
        legacy: Float[Array, "neocloud ..."],
        running: Float[Array, "vintage neocloud ..."],
    ) -> Float[Array, "neocloud ..."]:
        """What they add to yearly revenue at signed prices, `running` by age."""
        new = jnp.sum((self.signed - 1.0) * running, axis=0)
        return (self.legacy - 1.0) * legacy + new


def contract_prices(
    indexation: Indexation | None,
    since: Float[Array, "neocloud ..."] | None,
    struck: Float[Array, "vintage neocloud ..."] | None,
    short: Float[Array, "..."],
) -> ContractPrices | None:
    r"""Where the indices have taken the price of every contract.

    $c^{k\Delta}(1 + \iota(r_t - r_s))$ of the signed one at age k, signed at $r_s$.

    **Arguments:** `since`, by consumer prices since `as_of` [1]; `struck`, the register
    as it was at the start of the quarter; `short`, $r_t$ [1/year].

    **Returns:** None without an index.

    **Derivative:** smooth; by the short rate ι of what consumer prices made of it.
    """
    if indexation is None or since is None or struck is None:
        return None
    rate = indexation.rate
    moved = rate[None] * (short[None, None] - aged(struck))
    return ContractPrices(
        legacy=since * (1.0 + rate * (short - indexation.struck)[None]),
        signed=indexation.grown * (1.0 + moved),
    )
