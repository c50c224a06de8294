r"""What lenders ask for a box, by who will pay for what it finances.

Loans against contracts of investment-grade customers are cheaper than those against
contracts of labs. docs/model.md section 5, "Off-takers". A neocloud that does not state
`investment_grade_discount` pays its `box_margin` whoever its customers are.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy

DISCOUNT = "investment_grade_discount"
OTHERS = "investment_grade_others"


def box_margins(economy: Economy) -> Float[Array, "neocloud ..."]:
    r"""Margin of what each neocloud draws, before what moves it [1/year].

    $$ \mu_i = \text{box\_margin}_i - d_i s_i, \quad
       s_i = \sum_{j} c_{ij} + o_i \Big(1 - \sum_{l} c_{il} - \sum_{j} c_{ij}\Big) $$

    with customers' shares $c$ of labs $l$ (below investment grade) and hyperscalers $j$
    (investment grade), and the part $o$ = `investment_grade_others` of all others. A
    borrower draws pro rata to its customers, and every box is priced by its own, so
    that the mean margin of a draw is that of the mix.
    """
    margin = economy.stack("neoclouds", "box_margin")
    if not economy.states("neoclouds", DISCOUNT):
        return margin

    def served(family: str) -> Float[Array, "neocloud ..."]:
        shares = [
            economy.stack("neoclouds", f"customers.{name}")
            for name in economy.members(family)
        ]
        return jnp.sum(jnp.stack(shares), axis=0)

    graded, below = served("hyperscalers"), served("labs")
    of_others = economy.stack("neoclouds", OTHERS, missing=0.0)
    graded = graded + of_others * (1.0 - graded - below)
    return margin - economy.stack("neoclouds", DISCOUNT, missing=0.0) * graded
