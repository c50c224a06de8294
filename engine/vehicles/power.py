"""Who bears the price of power: purchase agreements, and contracts that pass it on.

An economy in which nobody states `power_cost` has none of it in its program.
"""

import equinox as eqx
from jaxtyping import Array, Float

from engine.economy import Economy

FIGURE = "power_cost"


class PowerClauses(eqx.Module):
    """What a dollar of revenue bears of power, over what is stated at signing."""

    fixed: Float[Array, "neocloud ..."]
    """Cost of what is bought ahead, less the whole cost at the price of signing."""
    floating: Float[Array, "neocloud ..."]
    """Cost of the rest at `power.price`."""
    signed: Float[Array, "neocloud ..."]
    """Of the cost at the price of signing, what a change of is passed on."""
    passed: Float[Array, "neocloud ..."]
    """The same at `power.price`."""

    @staticmethod
    def build(economy: Economy) -> "PowerClauses | None":
        """Assembles the clauses; None where no neocloud states what power costs it.

        With e = `power_cost`, the part of a dollar of revenue that power costs at the
        price of signing p0, and p = `power.price`: `ppa` of the power is bought at
        `ppa_price`, the rest at p, and customers bear `power_pass_through` of
        e(p/p0 - 1), whatever the seller pays (model.md section 4, Power).
        """
        if not economy.states("neoclouds", FIGURE):
            return None

        def stack(key: str, missing: float = 0.0) -> Float[Array, "neocloud ..."]:
            return economy.stack("neoclouds", key, missing)

        cost, hedged = stack(FIGURE), stack("ppa")
        signed = stack("power_signed", missing=1.0)
        agreed = stack("ppa_price") / signed
        spot = economy["power.price"] / signed
        borne = stack("power_pass_through") * cost
        return PowerClauses(
            fixed=cost * (hedged * agreed - 1.0),
            floating=cost * (1.0 - hedged) * spot,
            signed=borne,
            passed=borne * spot,
        )


def priced(
    clauses: PowerClauses | None,
    power: Float[Array, "..."] | None,
    sold: Float[Array, "neocloud ..."],
    signed: tuple[Float[Array, "neocloud ..."], Float[Array, "neocloud ..."]],
) -> Float[Array, "neocloud ..."]:
    """Annual revenue `sold`, of which `signed` (old and new contracts) is indexed.

    `power` is its price over `power.price`, None where that stands still. What expired
    chips fetch at market moves with the market's price, not with power.
    """
    if clauses is None:
        return sold
    now = _now(clauses.passed, power) - clauses.signed
    return sold + now * (signed[0] + signed[1])


def cost_share(
    clauses: PowerClauses | None,
    power: Float[Array, "..."] | None,
    stated: Float[Array, "neocloud ..."],
) -> Float[Array, "neocloud ..."]:
    """Cost per dollar sold, from the `stated` shares, at `power` as in `priced`."""
    if clauses is None:
        return stated
    return stated + clauses.fixed + _now(clauses.floating, power)


def dearer(
    cost: Float[Array, "..."] | None, power: Float[Array, "..."] | None
) -> Float[Array, "..."] | None:
    """What a dollar of revenue costs more than stated, of who sells at list prices.

    e(P - 1), with e = `power_cost` of a dollar at `power.price` and P the price over
    that; None where he states no e, or the price stands still.
    """
    return None if cost is None or power is None else cost * (power - 1.0)


def _now(
    at_figure: Float[Array, "neocloud ..."], power: Float[Array, "..."] | None
) -> Float[Array, "neocloud ..."]:
    return at_figure if power is None else at_figure * power[None]
