r"""Customers that leave a contract for compute early, against a payment.

docs/model.md section 4, "Termination". An economy in which no neocloud states
`termination` has none of it in its program.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.contracts.indexation import ContractPrices
from engine.economy import Economy
from engine.grid import DT
from engine.jump import AbstractDefaultRule, jump
from engine.market import VINTAGES, aged, newest
from engine.numerics import ratio_above

FIGURES = ("termination", "minimum_term")


class Freed(eqx.Module):
    """Contracts that customers left early, and the price level at every signing."""

    contracts: Float[Array, "vintage neocloud ..."]
    """Yearly revenue as signed, by age of the contract [USD bn]."""
    levels: Float[Array, "vintage neocloud ..."]

    @staticmethod
    def opening(
        economy: Economy, register: Float[Array, "vintage neocloud"]
    ) -> "Freed | None":
        """Nobody has left at `as_of`; None where nobody may."""
        if not economy.states("neoclouds", FIGURES[0]):
            return None
        nothing = jnp.zeros_like(register)
        return Freed(contracts=nothing, levels=nothing)


class Left(eqx.Module):
    """What leaving brings in a quarter [USD bn]."""

    payment: Float[Array, "neocloud ..."]
    """Owed by those who leave now."""
    prepaid: Float[Array, "neocloud ..."]
    """The part of it that they had paid when they signed."""
    sold: Float[Array, "neocloud ..."]
    """Yearly revenue at market of all that was left."""
    freed: Freed


class Termination(eqx.Module):
    """Terms by neocloud and age of a contract, per dollar of its yearly price."""

    payment: Float[Array, "vintage neocloud ..."]
    prepaid: Float[Array, "vintage neocloud ..."]
    market: Float[Array, "vintage neocloud ..."]
    """Value of the rest of the term at today's market price, over its own [1]."""
    saved: Float[Array, "vintage neocloud ..."]
    """What leaving saves before the market is paid, over the value of the rest [1]."""
    sunk: Float[Array, "vintage neocloud ..."]
    """What of that was prepaid and is not saved [1]."""
    may: Float[Array, "vintage neocloud ..."]
    """1 past the minimum term."""
    fetched: Float[Array, "vintage neocloud ..."]
    """Market price of chips of that age over that of new ones, while they run [1]."""

    @staticmethod
    def build(
        economy: Economy,
        live: Float[Array, "vintage neocloud"],
        ended: Float[Array, "vintage neocloud"],
    ) -> "Termination | None":
        r"""Assembles the terms; None where no neocloud states a payment.

        With $R_k$ the payments left at age k, $W_k$ their value at `valuation_rate`,
        $M_k$ that of the same chips at market, ageing at δ, ψ = `termination`,
        p = `prepayment` and g the price over the signed one: leaving costs
        $(ψg - p) R_k + \ell M_k$, staying $(g - p) W_k$.
        """
        if not economy.states("neoclouds", FIGURES[0]):
            return None
        decay = economy["market.chip_decay"]
        rows = economy.rows("neoclouds", "delivery", "valuation_rate", "prepayment")
        # Who states no payment may not leave: no contract is that old.
        rows["termination"] = economy.stack("neoclouds", FIGURES[0], missing=1.0)
        rows["minimum_term"] = economy.stack("neoclouds", FIGURES[1], missing=1e3)
        rows["live"], rows["ended"] = live.T, ended.T
        delay = economy["physics.delay"]

        def of(deal: dict[str, Array]) -> dict[str, Array]:
            ages = jnp.arange(VINTAGES, dtype=decay.dtype) * DT
            served = jnp.maximum(ages - deal["delivery"] - delay, 0.0)
            fetched = jnp.exp(-decay * served)
            q = (1.0 + deal["valuation_rate"]) ** -ages
            rest = _rest(deal["live"]) * DT
            value = _rest(deal["live"] * q) * DT / q
            market = _rest(deal["live"] * fetched * q) * DT / q
            payment, prepaid = deal["termination"] * rest, deal["prepayment"] * rest
            runs = deal["live"] + deal["ended"]
            past = served >= deal["minimum_term"] - 0.5 * DT
            may = jnp.where(past & (deal["live"] > 0.0), 1.0, 0.0).astype(q.dtype)
            return {
                "payment": payment,
                "prepaid": prepaid,
                "market": ratio_above(market, value),
                "saved": ratio_above(value - payment, value),
                "sunk": ratio_above(deal["prepayment"] * value - prepaid, value),
                "may": may,
                "fetched": fetched * jnp.minimum(runs, 1.0),
            }

        return Termination(**jax.vmap(of, out_axes=1)(rows))


def _rest(series: Float[Array, " vintage"]) -> Float[Array, " vintage"]:
    """Sum from each age on, the quarter itself included."""
    return jnp.cumsum(series[::-1])[::-1]


def leave(
    termination: Termination | None,
    level: Float[Array, "..."],
    contracts: Float[Array, "vintage neocloud ..."],
    indexed: ContractPrices | None,
    freed: Freed | None,
    rule: AbstractDefaultRule,
) -> tuple[Float[Array, "vintage neocloud ..."], Left | None]:
    r"""Lets customers go whose payment and market price together cost less.

    Headroom of staying at age k, with ℓ the market's price level over that at signing:
    $h_k = \ell M_k/W_k - [(g-p)W_k - (ψg-p)R_k]/W_k$.

    **Arguments:** `level`, of the market's price today [1]; `contracts`, yearly revenue
    by age at signed prices, aged into this quarter [USD bn]; `indexed`, prices over
    the signed ones, None where none moves; `freed`, as it was at its start.

    **Returns:** the contracts that stay, and what the others bring; as they are and
    None where nobody may leave.

    **Derivative:** of the share that stays by `rule`; smooth in all else.
    """
    if termination is None or freed is None:
        return contracts, None
    signed = aged(freed.levels)
    relative = ratio_above(level[None, None], signed, 1.0)
    saved, payment = termination.saved, termination.payment
    if indexed is not None:
        saved, payment = saved * indexed.signed, payment * indexed.signed
    headroom = relative * termination.market - (saved - termination.sunk)
    stays = jump(headroom, rule)
    going = termination.may * (1.0 - stays) * contracts
    left = aged(freed.contracts) + going
    price = jnp.minimum(relative * termination.fetched, 1.0)
    return contracts - going, Left(
        payment=jnp.sum(payment * going, axis=0),
        prepaid=jnp.sum(termination.prepaid * going, axis=0),
        sold=jnp.sum(price * left, axis=0),
        freed=Freed(contracts=left, levels=signed),
    )


def signing(left: Left | None, level: Float[Array, "..."]) -> Freed | None:
    """The registers after the quarter; contracts are struck at today's price level."""
    if left is None:
        return None
    struck = jnp.broadcast_to(jnp.clip(level, 0.5, 1.5), left.sold.shape)
    return Freed(
        contracts=left.freed.contracts, levels=newest(left.freed.levels, struck)
    )
