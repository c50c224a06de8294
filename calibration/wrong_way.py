r"""Wrong-way risk of a vendor that backs its customer (M7).

It owns shares of a neocloud, buys what the neocloud cannot sell, and owes residual
values of SPVs. All of it falls due when the neocloud buys no more chips: exposure is
largest where the income that should carry it is least.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

import engine
from calibration.guaranteed import Estimate
from engine.economy import Economy
from engine.grid import TimeGrid
from engine.vehicles.neocloud import backing

CHUNK = 256

Row = Float[np.ndarray, " scenario"]


class WrongWay(NamedTuple):
    """What a vendor pays and loses, beside what it earns; to the horizon."""

    cost: Estimate
    """Backstop, residual values, and the fall of its stake [USD bn]."""
    profit: Estimate
    """On its sales [USD bn]."""
    correlation: Estimate | None
    """Of the two over scenarios; None where one of them does not vary."""
    default: Estimate
    """Probability that the neocloud it backs defaults."""
    cost_ratio: Estimate | None
    """Mean cost where the neocloud defaults, over that of all: 1 is no wrong way."""
    profit_ratio: Estimate | None
    """The same of its profit."""


def wrong_way(cost: Row, profit: Row, fails: Row) -> WrongWay:
    r"""Dependence of a vendor's cost on its own income and on its customer's default.

    A ratio is $E[x \mid D]/E[x] = E[x 1_D]/(E[x] P(D))$, with the error of its means;
    the error of a correlation $r$ is $(1 - r^2)/\sqrt{n - 3}$, as of normal variables.

    **Arguments:** of `scenario`: `cost`, `profit` [USD bn], `fails` 0 or 1.

    **References:** Hull and White (2012), "CVA and wrong-way risk", FAJ 68(5); Fisher
    (1915), Biometrika 10(4) (error of a correlation).
    """
    return WrongWay(
        cost=Estimate.mean(cost),
        profit=Estimate.mean(profit),
        correlation=_correlation(cost, profit),
        default=Estimate.mean(fails),
        cost_ratio=_conditional(cost, fails),
        profit_ratio=_conditional(profit, fails),
    )


def _correlation(x: Row, y: Row) -> Estimate | None:
    if min(x.std(), y.std()) < 1e-9:
        return None
    r = float(np.corrcoef(x, y)[0, 1])
    return Estimate(r, (1.0 - r * r) / float(np.sqrt(x.size - 3)))


def _conditional(x: Row, fails: Row) -> Estimate | None:
    """None where nobody fails, or everybody: there is nothing to compare."""
    part, whole = fails.mean(), x.mean()
    if part in (0.0, 1.0) or abs(whole) < 1e-9:
        return None
    ratio = (x * fails).mean() / (whole * part)
    # Linear in the three means about their values.
    influence = x * fails / (whole * part) - ratio * (x / whole + fails / part)
    error = influence.std(ddof=1) / np.sqrt(x.size)
    return Estimate(float(ratio), float(error))


def vendors(
    economy: Economy, grid: TimeGrid, n: int, seed: int = 0
) -> dict[str, WrongWay]:
    """`WrongWay` of every vendor that backs a neocloud, from `n` scenarios."""
    backs = np.asarray(backing(economy))
    drawn = engine.scenarios(economy, grid, n, seed=seed)
    run = jax.jit(functools.partial(_columns, economy, grid))
    columns = jax.device_get(run(drawn))
    return {
        name: wrong_way(*(np.asarray(x[:, v], np.float64) for x in columns))
        for v, name in enumerate(economy.members("vendor"))
        if backs[v].any()
    }


def _columns(economy: Economy, grid: TimeGrid, drawn: engine.Scenario) -> Any:
    """Cost, profit and default by scenario and vendor."""
    state = engine.opening_state(economy, grid)
    ends = grid.modelled(grid.ends)
    inside = (ends <= economy["criteria.horizon"] + 1e-6).astype(ends.dtype)[:, None]
    last = jnp.sum(inside > 0.0) - 1

    def one(scenario: engine.Scenario) -> Any:
        record: Any = engine.simulate(economy, state, grid, scenario).record
        flows, alive = record.vendor, record.clouds.alive[last]
        paid = jnp.sum(inside * (flows.backstop + flows.guarantees), axis=0)
        fell = flows.stake[0] - flows.stake[last]
        fails = 1.0 - jnp.min(jnp.where(backing(economy) > 0.5, alive, 1.0), axis=1)
        return paid + fell, jnp.sum(inside * flows.profit, axis=0), fails

    return jax.lax.map(one, drawn, batch_size=CHUNK)
