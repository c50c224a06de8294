"""Wrong-way risk of vendors, as the command prints it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

SCENARIOS, SEED = 1024, 0


def wrong_way(configs: Mapping[str, Any]) -> dict[str, Any]:
    """What vendors owe when those they back fail, in the drawn scenarios of `base`."""
    import jax.numpy as jnp

    from calibration.wrong_way import vendors

    economy, _, grid = configs["base"].build(jnp.float32)
    found = vendors(economy, grid, SCENARIOS, SEED)
    return {
        "scenarios": SCENARIOS,
        "seed": SEED,
        "horizon": float(economy["criteria.horizon"]),
        "vendors": {
            name: {
                key: None if value is None else dataclasses.asdict(value)
                for key, value in row._asdict().items()
            }
            for name, row in found.items()
        },
    }
