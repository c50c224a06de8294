"""Delayed-draw term loans and notes by vintage: what each age of draw repays."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.grid import DT, span
from engine.market import VINTAGES


def box_profile(
    rate: Float[Array, ""], tenor: Float[Array, ""], grace: Float[Array, ""]
) -> Float[Array, " vintage"]:
    r"""Share of a draw repaid at each age in quarters.

    Level service over a real `tenor` [years] after a real `grace` [quarters], struck
    at `rate` [1/year]; the balance left after $x$ quarters of amortisation is
    $b(x) = ((1+\rho)^n - (1+\rho)^x)/((1+\rho)^n - 1)$. The first payment falls in the
    quarter after the draw and the grace.
    """
    n, rho = tenor / DT, rate * DT
    ages = jnp.arange(VINTAGES, dtype=rate.dtype)

    def left(elapsed: Float[Array, " vintage"]) -> Float[Array, " vintage"]:
        grown = (1.0 + rho) ** jnp.clip(elapsed, 0.0, n)
        whole = (1.0 + rho) ** n
        return (whole - grown) / (whole - 1.0)

    return left(ages - 1.0 - grace) - left(ages - grace)


def bullet_profile(tenor: Float[Array, ""]) -> Float[Array, " vintage"]:
    """Share of a bullet of real `tenor` [years] that falls due at each age."""
    return span(tenor - DT, tenor, VINTAGES)


def remaining_value(
    live: Float[Array, " vintage"], rate: Float[Array, ""]
) -> Float[Array, " vintage"]:
    """Value, at the end of a quarter, of what a vintage of each age still earns.

    `live` is the share of each quarter of age that pays one unit per year; quarterly
    discounting at the annual `rate`.
    """
    q = (1.0 + rate) ** -DT
    ages = jnp.arange(VINTAGES, dtype=rate.dtype)
    discounted = live * DT * q**ages
    after = jnp.sum(discounted) - jnp.cumsum(discounted)
    return after / q**ages
