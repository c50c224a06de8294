r"""Sculpted: principal follows the plan's cash flow, so that cover is constant."""

import jax.numpy as jnp
from jax import lax

from engine.credit.structure.contract import Contract, bullet_share, row
from engine.credit.structure.instrument import AbstractInstrument
from engine.credit.structure.periods import Paths, Periods
from engine.credit.structure.rows import Rows
from engine.numerics import ratio_above


class Sculpted(AbstractInstrument):
    r"""Repays the share $1 - V_{k+1}/V_k$ of its balance.

    $V_k = (V_{k+1} + \text{plan}_k\,o_k)/(1 + r_k)$ is the value of the plan's cash
    flow over the loan's life ($o$ the share of the period in it). The share does not
    depend on cover or size: a loan of $V_0/\text{DSCR}$ has that cover in every period
    of the plan. Where the plan does not even cover interest, principal is zero rather
    than negative, and later periods catch up.

    **References:** Yescombe (2014), *Principles of Project Finance*, §12.3–12.5.
    """

    contract: Contract

    def rows(self, paths: Paths, periods: Periods) -> Rows:
        """One row."""
        own = self.contract
        life = own.repaying(periods) * jnp.clip(own.remaining(periods), 0.0, 1.0)
        rate = own.rate(paths, periods)

        def discount(ahead, period):
            flow, rate = period
            now = (ahead + flow) / (1.0 + rate)
            return now, (now, ahead)

        start = jnp.zeros_like(rate[0])
        _, (value, ahead) = lax.scan(
            discount, start, (paths.plan * life, rate), reverse=True
        )
        share = 1.0 - ratio_above(ahead, value, 1.0, 1e-12)
        done = bullet_share(own.remaining(periods))
        repay = jnp.clip(jnp.maximum(share, done), 0.0, 1.0)
        return row(own, paths, periods, own.due(repay, periods))
