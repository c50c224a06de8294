r"""Preferred: a cumulative dividend behind all debt, redeemed at a date if ever."""

import equinox as eqx
import jax.numpy as jnp

from engine.credit.structure.contract import Contract, bullet_share, row
from engine.credit.structure.instrument import AbstractInstrument
from engine.credit.structure.periods import Paths, Periods
from engine.credit.structure.rows import Rows


class Preferred(AbstractInstrument):
    r"""`coupon` is the dividend; what is not paid is added to the balance.

    Paid behind the sweep and the lock-up, ahead of the owners; never a default.
    """

    contract: Contract

    def rows(self, paths: Paths, periods: Periods) -> Rows:
        """One row."""
        share = bullet_share(self.contract.remaining(periods))
        base = row(self.contract, paths, periods, share)
        one, zero = jnp.ones_like(base.rank), jnp.zeros_like(base.rank)
        return eqx.tree_at(
            lambda r: (r.is_debt, r.deferrable, r.subordinated, r.swept),
            base,
            (zero, one, one, zero),
        )
