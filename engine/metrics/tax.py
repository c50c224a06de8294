r"""Cash tax that hybrid cloud and neoclouds would pay: an output, charged nowhere.

Hyperscalers' operating cash flow and vendors' margins are reported after tax, and SPVs
pass their income through; these two families are before tax. In each quarter, with
equipment written off when it is bought (bonus share $b$; the rest over its life),

$$ y_t = E_t + \text{earned}_t - \iota_t - b C_t - D_t, \qquad
   \iota_t = \min(I_t + \iota'_c,\ \kappa \max(0, E_t) + \text{earned}_t), $$
$$ u_t = \min(N', \lambda\max(0, y_t)), \qquad N = N' - u_t + \max(0, -y_t), \qquad
   \text{tax}_t = \tau(\max(0, y_t) - u_t), $$

$\iota'_c$ what interest was not deducted before, $N$ losses carried forward. Years are
not netted: a loss of one quarter meets the income of the next under the limit λ.

**References:** 26 U.S.C. §§ 11(b), 163(j), 168(k) and 172 as amended in 2025.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from engine.economy import Economy
from engine.grid import DT


class TaxRules(NamedTuple):
    """Rates and limits; shares, and the life of what is not written off, in years."""

    rate: float
    bonus: float
    life: float
    interest_cap: float
    loss_cap: float


class CashTax(eqx.Module):
    """By model quarter and company [USD bn], weighted with who is alive."""

    companies: tuple[str, ...] = eqx.field(static=True)
    tax: Float[Array, "quarter company"]
    cash: Float[Array, "quarter company"]
    """EBITDA and interest earned less interest: what the tax is held against."""
    losses: Float[Array, "quarter company"]
    """Carried forward at the end of the quarter."""


def cash_tax(record: Any, economy: Economy, rules: TaxRules) -> CashTax:
    """The tax of one run, as a pure function of its record.

    **Arguments:** `record` and `economy` of a single run (no batch axis); `rules`.
    Nothing is carried over from before `as_of`: the tax is at most what is due.
    """
    hybrid, clouds = record.hybrid, record.clouds

    def both(own: Array, theirs: Array) -> Array:
        return jnp.concatenate([own[:, None], theirs * clouds.alive], axis=1)

    ebitda = both(hybrid.ebitda, clouds.ebitda)
    earned = both(hybrid.earned, clouds.earned)
    interest = both(
        hybrid.interest, clouds.interest_secured + clouds.interest_unsecured
    )
    capex = both(hybrid.capex, clouds.capex)
    tax, losses = taxed(ebitda, earned, interest, capex, rules)
    return CashTax(
        companies=(*economy.members("hybrid"), *economy.members("neoclouds")),
        tax=tax,
        cash=ebitda + earned - interest,
        losses=losses,
    )


def taxed(
    ebitda: Float[Array, "quarter company"],
    earned: Float[Array, "quarter company"],
    interest: Float[Array, "quarter company"],
    capex: Float[Array, "quarter company"],
    rules: TaxRules,
) -> tuple[Float[Array, "quarter company"], Float[Array, "quarter company"]]:
    """Tax and losses carried forward, by quarter; all amounts in USD bn a quarter."""
    nothing = jnp.zeros_like(ebitda[0])

    def quarter(
        state: tuple[Array, ...], flows: tuple[Array, ...]
    ) -> tuple[tuple[Array, ...], tuple[Array, Array]]:
        losses, waiting, basis = state
        made, got, paid, spent = flows
        allowed = rules.interest_cap * jnp.maximum(made, 0.0) + got
        deducted = jnp.minimum(paid + waiting, allowed)
        basis = basis + (1.0 - rules.bonus) * spent
        worn = basis * (DT / rules.life)
        income = made + got - deducted - rules.bonus * spent - worn
        gain = jnp.maximum(income, 0.0)
        used = jnp.minimum(losses, rules.loss_cap * gain)
        losses = losses - used + gain - income
        tax = rules.rate * (gain - used)
        return (losses, waiting + paid - deducted, basis - worn), (tax, losses)

    _, found = lax.scan(quarter, (nothing,) * 3, (ebitda, earned, interest, capex))
    return jax.tree.map(jnp.asarray, found)
