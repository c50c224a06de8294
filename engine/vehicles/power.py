"""Who bears the price of power: purchase agreements, and contracts that pass it on.

An economy in which no neocloud states `power_cost` has none of it in its program.
"""

import equinox as eqx
from jaxtyping import Array, Float

from engine.economy import Economy

FIGURE = "power_cost"


class PowerClauses(eqx.Module):
    """What power above or below the price of signing does to a dollar of revenue."""

    dearer: Float[Array, "neocloud ..."]
    """Cost per dollar sold on top of the stated shares; below 0 where it is cheaper."""
    passed_on: Float[Array, "neocloud ..."]
    """Price of a signed contract on top of the signed one, per dollar."""
    floating: Float[Array, "neocloud ..."] | None = None
    """By what `dearer` rises when power doubles from `power.price`."""
    passing: Float[Array, "neocloud ..."] | None = None
    """By what `passed_on` does."""

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
        clauses = PowerClauses(
            dearer=cost * (hedged * agreed + (1.0 - hedged) * spot - 1.0),
            passed_on=stack("power_pass_through") * cost * (spot - 1.0),
        )
        if "power.path.values" not in economy.figures:
            return clauses
        return PowerClauses(
            dearer=clauses.dearer,
            passed_on=clauses.passed_on,
            floating=cost * (1.0 - hedged) * spot,
            passing=stack("power_pass_through") * cost * spot,
        )


def in_quarter(
    clauses: PowerClauses | None, power: Float[Array, "..."] | None
) -> PowerClauses | None:
    """The clauses at the quarter's price, `power` times that of the figure.

    None without clauses; as they are where the price of power stands still.
    """
    if clauses is None or power is None:
        return clauses
    if clauses.floating is None or clauses.passing is None:
        return clauses
    rise = power[None] - 1.0
    return PowerClauses(
        dearer=clauses.dearer + clauses.floating * rise,
        passed_on=clauses.passed_on + clauses.passing * rise,
        floating=clauses.floating,
        passing=clauses.passing,
    )


def priced(
    clauses: PowerClauses | None,
    sold: Float[Array, "neocloud ..."],
    signed: tuple[Float[Array, "neocloud ..."], Float[Array, "neocloud ..."]],
) -> Float[Array, "neocloud ..."]:
    """Annual revenue `sold`, of which `signed` (old and new contracts) is indexed.

    What expired chips fetch at market moves with the market's price, not with power.
    """
    if clauses is None:
        return sold
    return sold + clauses.passed_on * (signed[0] + signed[1])


def cost_share(
    clauses: PowerClauses | None, stated: Float[Array, "neocloud ..."]
) -> Float[Array, "neocloud ..."]:
    """Cost per dollar sold, from the `stated` shares."""
    return stated if clauses is None else stated + clauses.dearer
