"""Which layer are you in: payoffs and exposures, as the command and report print."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

N_MIDPOINTS = 17
EARLIER, LATER = 1.0, 7.0
"""Years around the base midpoint at which payoffs are computed."""

STEPS = {
    "adoption.midpoint": 0.02,
    "shifts.rate_future": 1e-4,
    "shifts.rate_all": 1e-4,
    "shifts.leverage_future": 1e-3,
    "shifts.leverage_all": 1e-3,
    "adoption.ceiling": 2e-4,
    "market.chip_decay": 1e-3,
    "physics.delay": 0.01,
    "neoclouds.coreweave.collected": 1e-3,
    "contagion.equity_pass": 1e-4,
}
"""Drivers, and the larger of the two steps of their differences in engine units."""


def positions(configs: Mapping[str, Any]) -> dict[str, Any]:
    """Every position of the base config against timing, and what moves it."""
    import jax.numpy as jnp

    from calibration.payoffs import Payoffs, against_timing, exposures

    config = configs["base"]
    economy, _, grid = config.build(jnp.float64)
    found = Payoffs(economy, grid, list(STEPS))
    base = float(found.economy["adoption.midpoint"])
    midpoints = np.linspace(base - EARLIER, base + LATER, N_MIDPOINTS)
    records = {record.name: record for record in config.figures}
    names = {k: records[k].path if k in records else k for k in STEPS}
    return {
        "base": base,
        "horizon": float(economy["criteria.return_horizon"]),
        "payoffs": against_timing(found, midpoints.tolist()),
        "exposures": {
            name: {names[k]: dataclasses.asdict(x) for k, x in row.items()}
            for name, row in exposures(found, STEPS).items()
        },
    }
