r"""What lenders ask for running on: a fee, a higher margin, and a debt yield.

A bank loan that a take-out does not repay runs on to the next of its dates.
docs/model.md section 5, "SPV, in order", step 3. A config in which no SPV states a
clause has none of it in its program: the loan then runs on as it was.
"""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy

FEE, STEP, YIELD = "extension_fee", "extension_step", "extension_debt_yield"


def is_stated(economy: Economy) -> bool:
    """Whether any SPV has a clause on extensions."""
    return any(economy.states("spvs", key) for key in (FEE, STEP, YIELD))


class Extended(NamedTuple):
    """What an extension costs in the quarter in which it begins [USD bn]."""

    curtailed: Float[Array, "spv ..."]
    """Repaid so that the rest passes the test."""
    fee: Float[Array, "spv ..."]


class Extension(eqx.Module):
    """Clauses by SPV; 0 is none."""

    fee: Float[Array, "spv ..."]
    """Of the balance extended [1]."""
    step: Float[Array, "spv ..."]
    """Added to the loan's rate by each extension [1/year]."""
    least: Float[Array, "spv ..."]
    """Least yearly cash flow over debt, at an extension [1/year]."""

    @staticmethod
    def build(economy: Economy) -> "Extension | None":
        """Assembles the clauses; None where no SPV states one."""
        if not is_stated(economy):
            return None
        fee, step, least = (
            economy.stack("spvs", key, missing=0.0) for key in (FEE, STEP, YIELD)
        )
        return Extension(fee=fee, step=step, least=least)

    def rise(self, begun: Float[Array, "spv ..."]) -> Float[Array, "spv ..."]:
        """What `begun` extensions have added to the loan's rate [1/year]."""
        return self.step * begun

    def begin(
        self,
        extending: Float[Array, "spv ..."],
        left: Float[Array, "spv ..."],
        second: Float[Array, "spv ..."],
        cfads: Float[Array, "spv ..."],
    ) -> Extended:
        r"""Repays what the test does not carry, and charges a fee on the rest.

        $$ K = x \max\big(0,\ L - \max(0,\ 4\,\text{CFADS}/y - B_2)\big), \quad
           \text{fee} = \varepsilon (xL - K) $$

        **Arguments:** `extending` $x$, share of the loan whose date is now; `left` $L$,
        what the take-out leaves of it; `second` $B_2$, the take-out's own balance;
        `cfads` of the quarter [USD bn].
        """
        is_tested = self.least > 0.0
        least = jnp.where(is_tested, self.least, 1.0)
        carried = jnp.maximum(4.0 * cfads / least - second, 0.0)
        beyond = jnp.where(is_tested, jnp.maximum(left - carried, 0.0), 0.0)
        curtailed = extending * beyond
        return Extended(curtailed, self.fee * (extending * left - curtailed))
