"""What the figures need beyond the JSON files: paths of the stories, and fans.

Everything is returned as plain lists, so the page can be drawn without the engine.
"""

from typing import Any

import numpy as np

from scripts.report import flows

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
FAN = 512
"""Scenarios behind the fan charts."""

FAILED = -1.0
"""Where a headroom stays once the layer has failed: after that it means nothing."""


def story(built: tuple[Any, Any, Any], result: Any) -> dict[str, Any]:
    """Paths, failures, losses and flows of one run."""
    economy, _, grid = built
    record = result.record
    investors = record.investors
    names = economy.members("investors")
    losses = np.sum(np.asarray(investors.losses), axis=0)
    holders = {n: float(x) for n, x in zip(names, losses, strict=True)}
    holders |= {
        "outside": float(np.sum(investors.outside)),
        "bank": float(np.sum(investors.bank_direct + investors.bank_lines)),
        "government": float(np.sum(investors.government)),
    }
    # What falls on the fund's investors, quarter by quarter as they book it.
    fund = record.fund
    through = float(np.sum(np.maximum(fund.credit_loss - fund.line_loss, 0.0)))
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
    """Quantiles over `n` Sobol scenarios of headrooms and debt service cover."""
    import jax
    import jax.numpy as jnp

    import engine

    economy, state, grid = config.build(jnp.float32)

    @jax.jit
    def batch(economy: Any, state: Any, scenarios: Any) -> Any:
        def one(scenario: Any) -> Any:
            found = engine.simulate(economy, state, grid, scenario)
            record: Any = found.record
            clouds, spvs = record.clouds, record.spvs
            alive = clouds.alive, spvs.alive
            return found.headrooms, (clouds.dscr, spvs.dscr), alive

        return jax.lax.map(one, scenarios, batch_size=64)

    drawn = engine.scenarios(economy, grid, n, seed=seed)
    rooms, covers, alive = batch(economy, state, drawn)
    families = ("neoclouds", "spvs")
    names = [x for family in families for x in economy.members(family)]
    cover = np.concatenate([np.asarray(x) for x in covers], axis=2)
    living = np.concatenate([np.asarray(x) for x in alive], axis=2)
    return {
        "scenarios": n,
        "date": np.asarray(grid.modelled(grid.ends), np.float64).tolist(),
        "headroom": {k: headroom_fan(np.asarray(v)) for k, v in rooms.items()},
        "dscr": {
            name: dscr_fan(cover[:, :, i], living[:, :, i])
            for i, name in enumerate(names)
        },
    }


def headroom_fan(rooms: np.ndarray) -> dict[str, Any]:
    """Quantiles by quarter of `rooms[scenario, quarter]`, failures kept at −1."""
    gone = np.cumsum(rooms < 0, axis=1) > 0
    kept = np.where(gone, FAILED, rooms.astype(np.float64))
    values = np.quantile(kept, QUANTILES, axis=0)
    quantiles = {str(q): row.tolist() for q, row in zip(QUANTILES, values, strict=True)}
    return {"quantiles": quantiles, "failed": np.mean(gone, axis=0).tolist()}


def dscr_fan(cover: np.ndarray, alive: np.ndarray) -> dict[str, Any]:
    """Quantiles where something is due and most scenarios still have the vehicle."""
    # The engine writes 11 where nothing is due.
    # … and 0 before the rent starts, when interest is paid from the notes themselves.
    is_due = (cover < 10.99) & (cover != 0.0) & (alive > 1e-6)
    share = np.mean(is_due, axis=0)
    rows: dict[str, list[float | None]] = {str(q): [] for q in QUANTILES}
    for t in range(cover.shape[1]):
        values = cover[is_due[:, t], t] if share[t] >= 0.25 else None
        for q in QUANTILES:
            found = None if values is None else float(np.quantile(values, q))
            rows[str(q)].append(found)
    return {"quantiles": rows, "share": share.tolist()}
