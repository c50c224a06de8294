r"""Default: the share of a vehicle that survives a quarter, given its headroom.

Headroom is dimensionless, $h = \text{available} / \text{required} - 1$. A vehicle is
alive at the end of quarter $t$ with weight

$$ a_t = a_{t-1}\, s(h_t), $$

so default is absorbing under every rule, and `HardDefault` keeps $a_t \in \{0, 1\}$.
The jumps of the model (default, covenant acceleration, non-renewal, repudiation) all
go through `jump`; kinks (`min`, `clip`) never do.
"""

import abc

import equinox as eqx
import jax.numpy as jnp

from engine._types import ArrayLike, Scalar, Values
from engine.numerics import c2_ramp, floats, require


class AbstractDefaultRule(eqx.Module):
    """How headroom becomes survival."""

    @abc.abstractmethod
    def survival(self, headroom: Values) -> Values:
        """Share in [0, 1] that survives, elementwise in `headroom` [1]."""


class HardDefault(AbstractDefaultRule):
    r"""The contract: $s(h) = 1[h \ge 0]$. Its pathwise gradient is zero everywhere."""

    def survival(self, headroom: Values) -> Values:
        """1 where headroom is not negative, else 0."""
        return jnp.where(headroom >= 0, jnp.ones_like(headroom), 0.0)


class RampDefault(AbstractDefaultRule):
    r"""A $C^2$ ramp on $|h| \le w$, exactly 0 and 1 outside.

    Compact support matters: a logistic's tail, compounded over 100 quarters, defaults
    healthy borrowers. Changing `width` does not recompile, so annealing is free.

    **Arguments:** `width` [1], positive.
    """

    width: Scalar = eqx.field(converter=jnp.asarray)

    def __check_init__(self):
        # Transformations rebuild modules with placeholders: only numbers are checked.
        if eqx.is_inexact_array(self.width):
            require("width", self.width, lambda width: width > 0, "positive")

    def survival(self, headroom: Values) -> Values:
        """The ramp at headroom / width."""
        headroom, width = floats(headroom, self.width)
        return c2_ramp(headroom / width)


def jump(headroom: ArrayLike, rule: AbstractDefaultRule) -> Values:
    """Survival through the chosen default rule: the one public jump.

    **Arguments:** `headroom` [1], any shape; `rule`, `HardDefault()` or
    `RampDefault(width)`.

    **Returns:** the surviving share in [0, 1], same shape.

    **Derivative:** exact of the rule; zero under `HardDefault`, so an average over
    scenarios must not be differentiated through it.
    """
    (headroom,) = floats(headroom)
    return rule.survival(headroom)
