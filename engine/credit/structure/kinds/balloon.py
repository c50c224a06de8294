r"""Balloon: level payments down to a residual, which is due at maturity."""

import jax.numpy as jnp

from engine._types import Scalar
from engine.credit.structure.contract import (
    Contract,
    bullet_share,
    figure,
    level_share,
    row,
)
from engine.credit.structure.instrument import AbstractInstrument
from engine.credit.structure.periods import Paths, Periods
from engine.credit.structure.rows import Rows


class Balloon(AbstractInstrument):
    r"""A share ρ of the amount stands to maturity, the rest amortises level.

    With $s_k$ the level share and $u_k = \prod_{j<k}(1 - s_j)$,
    the balance is $b_k = \rho + (1-\rho) u_k$ of the amount and the share repaid
    $(1-\rho)\,u_k s_k / b_k$, plus all that is left at maturity.

    **Arguments:** `residual`, ρ in [0, 1].
    """

    contract: Contract
    residual: Scalar = figure()

    def rows(self, paths: Paths, periods: Periods) -> Rows:
        """One row."""
        own = self.contract
        level = level_share(own.rate(paths, periods), own.remaining(periods))
        level = jnp.clip(level * own.repaying(periods), 0.0, 1.0)
        left = jnp.cumprod(1.0 - level)
        before = jnp.concatenate([jnp.ones_like(left[:1]), left[:-1]])
        amortising = (1.0 - self.residual) * before
        # A residual of nothing is a level loan; its last share would be 0/0.
        whole = jnp.maximum(self.residual + amortising, 1e-12)
        share = amortising * level / whole
        done = bullet_share(own.remaining(periods))
        return row(own, paths, periods, jnp.maximum(share, done))
