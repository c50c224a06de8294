r"""Consistent expectations of one scenario: tenants foresee the rents that come out.

With $x$ the path of market rents (of shells and of chips) that tenants are told and
$F(x)$ the path that comes out, the expectation is consistent where $F(x) = x$. A run is
one sweep forward on what the last one brought, $x \leftarrow x + d\,(F(x) - x)$; the
step $d$ is halved whenever the residual $\max|F(x) - x|$ does not fall by a tenth.

Tenants who leave make rents fall, and their vehicles' failures stop what is built next,
which makes rents rise: $F$ is not monotone and has jumps, so that there may be no fixed
point, one, or several. Two starts are tried, the highest and the lowest rents that the
market allows; what is found is reported, not assumed.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from engine.contracts.foresight import foresee
from engine.drivers.sampling import Scenario
from engine.economy import Economy
from engine.grid import TimeGrid
from engine.jump import AbstractDefaultRule
from engine.layers import EconomyState
from engine.simulate import Result, simulate

TOLERANCE = 1e-10
"""Largest residual of a fixed point [rent over a contract rent at reference]."""

SWEEPS = 60
"""Most sweeps from one start."""

SAME = 1e-6
"""Largest distance of two paths that count as one fixed point."""

STATUSES = ("converged", "two_fixed_points", "not_converged")


class Sweeps(eqx.Module):
    """What one start came to."""

    result: Result
    path: Float[Array, "2 quarter"]
    """Rents that were foreseen in `result`: of shells, of chips."""
    iterations: int = eqx.field(static=True)
    residual: float = eqx.field(static=True)

    @property
    def is_fixed(self) -> bool:
        """Whether what came out is what was foreseen."""
        return self.residual <= TOLERANCE


class Consistent(eqx.Module):
    """The sweeps from high and from low rents, and what they say together."""

    optimistic: Sweeps
    pessimistic: Sweeps

    @property
    def result(self) -> Result:
        """The run to report: of the optimistic start unless only the other is fixed."""
        only = self.pessimistic.is_fixed and not self.optimistic.is_fixed
        return self.pessimistic.result if only else self.optimistic.result

    @property
    def distance(self) -> float:
        """Largest difference of the two paths."""
        gap = np.asarray(self.optimistic.path) - np.asarray(self.pessimistic.path)
        return float(np.max(np.abs(gap)))

    @property
    def status(self) -> str:
        """One of `STATUSES`; `converged` where all fixed points found are one."""
        found = (self.optimistic.is_fixed, self.pessimistic.is_fixed)
        if not any(found):
            return "not_converged"
        return (
            "two_fixed_points" if all(found) and self.distance > SAME else "converged"
        )


@jax.jit
def _sweep(
    economy: Economy,
    state: EconomyState,
    grid: TimeGrid,
    scenario: Scenario,
    rule: AbstractDefaultRule | None,
    path: Float[Array, "2 quarter"],
) -> tuple[Result, Array]:
    """A run in which tenants foresee `path`, and the path that comes out."""
    ahead = foresee(path[0], path[1])
    result = simulate(economy, state, grid, scenario, rule, ahead)
    record = result.record
    assert record is not None
    return result, jnp.stack([record.prices.shell, record.prices.level])


def simulate_consistent(
    economy: Economy,
    state: EconomyState,
    grid: TimeGrid,
    scenario: Scenario,
    rule: AbstractDefaultRule | None = None,
) -> Consistent:
    """Runs one scenario with rents that tenants foresee and that come out.

    **Arguments:** as of `engine.simulate`; the rule of expectations must be
    `consistent`. Not to be traced: the number of sweeps depends on the numbers.
    """

    def settle(shell: Array, chips: Array) -> Sweeps:
        path = jnp.stack([jnp.full((grid.n_model,), x) for x in (shell, chips)])
        step, before = 1.0, np.inf
        for n in range(1, SWEEPS + 1):
            result, found = _sweep(economy, state, grid, scenario, rule, path)
            residual = float(jnp.max(jnp.abs(found - path)))
            if residual <= TOLERANCE or n == SWEEPS:
                return Sweeps(result, path, n, residual)
            if residual > 0.9 * before:
                step = max(0.5 * step, 1.0 / 16.0)
            before = residual
            path = path + step * (found - path)
        raise AssertionError("unreachable: the last sweep returns")

    cap, floor = economy["market.price_cap"], economy["market.price_floor"]
    highest = cap ** economy["market.shell_elasticity"]
    return Consistent(
        optimistic=settle(highest, cap),
        pessimistic=settle(economy["market.shell_market_floor"], floor),
    )
