"""What the figures need beyond the JSON files: paths of the stories, and fans.

Everything is returned as plain lists, so the page can be drawn without the engine.
"""

from typing import Any

import numpy as np

from scripts.report import flows

FAN = 512
"""Scenarios behind the fan charts of a report without a sweep."""


def story(built: tuple[Any, Any, Any], result: Any) -> dict[str, Any]:
    """Paths, failures, losses and flows of one run."""
    economy, _, grid = built
    record = result.record
    investors = record.investors
    names = (*economy.members("investors"), "outside")
    holders = {n: float(result.metrics[f"{n}.loss"]) for n in names}
    holders |= {
        "bank": float(np.sum(investors.bank_direct + investors.bank_lines)),
        "government": float(np.sum(investors.government)),
    }
    # What falls on the fund's investors, quarter by quarter as they book it.
    fund = record.fund
    through = float(np.sum(fund.credit_loss - fund.line_loss))
    return {
        "date": np.asarray(grid.modelled(grid.ends)).tolist(),
        "middle": np.asarray(record.drivers.middles).tolist(),
        "revenue": np.asarray(record.drivers.revenue).tolist(),
        "failures": {k: float(v) for k, v in result.failures.items()},
        "losses": {k: float(v) for k, v in result.losses.items()} | {"fund": through},
        "holders": holders,
        "capital": flows.capital(economy, grid, result),
    }


def fans(config: Any, n: int = FAN, seed: int = 0) -> dict[str, Any]:
    """Quantiles of headrooms and debt service cover, where no sweep was made."""
    import jax
    import jax.numpy as jnp

    import engine
    from scripts import _fans

    economy, state, grid = config.build(jnp.float32)

    @jax.jit
    def batch(economy: Any, state: Any, scenarios: Any) -> Any:
        watch = _fans.watch(economy)
        found = engine.simulate_batch(
            economy, state, grid, scenarios, chunk=n, watch=watch
        )
        return found.watched

    drawn = engine.scenarios(economy, grid, n, seed=seed)
    watched = batch(economy, state, drawn)
    dates = np.asarray(grid.modelled(grid.ends), np.float64).tolist()
    return _fans.fans(
        {k: _fans.counts(np.asarray(v)) for k, v in watched.items()}, dates
    )
