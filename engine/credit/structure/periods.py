r"""Periods of a stand-alone deal: equal lengths, dates in years from the close.

Payments fall on period ends and interest accrues on the balance at the period's start.
Every date is a real number; what falls inside a period is pro-rated, so that every
outcome is continuous in every date (docs/model.md, section 0).
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine._types import ArrayLike, PerPeriod, Scalar
from engine.numerics import floats


class Periods(eqx.Module):
    """Number of periods and how many make a year (both shape the program)."""

    n: int = eqx.field(static=True)
    per_year: int = eqx.field(static=True, default=4)

    def __check_init__(self):
        for name in ("n", "per_year"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number above 0, got {value}")

    @property
    def dt(self) -> float:
        """Length of a period [years]."""
        return 1.0 / self.per_year

    def begins(self, like: Array) -> PerPeriod:
        """Start of every period [years], in the dtype of `like`."""
        return jnp.arange(self.n, dtype=like.dtype) * self.dt

    def remaining(self, date: Scalar) -> PerPeriod:
        """Periods from the start of each period to `date`, negative after it."""
        return (date - self.begins(date)) * self.per_year

    def overlap(self, begin: Scalar, end: Scalar) -> PerPeriod:
        """Share of each period that lies in [begin, end]."""
        starts = self.begins(begin)
        covered = jnp.minimum(end, starts + self.dt) - jnp.maximum(begin, starts)
        return jnp.clip(covered * self.per_year, 0.0, 1.0)

    def after(self, date: Scalar) -> PerPeriod:
        """Share of each period after `date`."""
        return jnp.clip(1.0 - self.remaining(date), 0.0, 1.0)

    def matures(self, date: Scalar) -> PerPeriod:
        """Share of a payment dated `date` that falls on each period's end."""
        return self.overlap(date - self.dt, date)

    def at_close(self, date: Scalar) -> Scalar:
        """Share of a payment dated `date` that falls on the close itself."""
        return jnp.clip(1.0 - date * self.per_year, 0.0, 1.0)


class Paths(eqx.Module):
    """What the structure is given from outside, by period [USD bn, 1/year].

    `cfads`: cash flow available for debt service. `plan`: the base case that sculpted
    debt was struck on. `spend`: construction cost. `index`: reference rate of floating
    coupons, also earned on cash. `value`: what the assets fetch in a liquidation.
    `parity`: conversion value of a convertible against its par.
    """

    cfads: Float[Array, " period"]
    plan: Float[Array, " period"]
    spend: Float[Array, " period"]
    index: Float[Array, " period"]
    value: Float[Array, " period"]
    parity: Float[Array, " period"]

    @staticmethod
    def of(
        cfads: ArrayLike,
        index: ArrayLike | None = None,
        *,
        plan: ArrayLike | None = None,
        spend: ArrayLike | None = None,
        value: ArrayLike | None = None,
        parity: ArrayLike | None = None,
    ) -> "Paths":
        """Paths with nothing where nothing is given; the plan is then `cfads`."""
        (flow,) = floats(cfads)
        flow = jnp.asarray(flow, flow.dtype)

        def path(given):
            if given is None:
                return jnp.zeros_like(flow)
            return jnp.broadcast_to(floats(given)[0].astype(flow.dtype), flow.shape)

        return Paths(
            cfads=flow,
            plan=flow if plan is None else path(plan),
            spend=path(spend),
            index=path(index),
            value=path(value),
            parity=path(parity),
        )
