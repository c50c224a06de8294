"""What a guarantee does to the stories, as the command and the report print it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

SCENARIOS, SEED = 1024, 0
TOLD = ("base", "slow", "disproved")
"""Stories without a guarantee of their own: the variants put it on."""


def guarantee(configs: Mapping[str, Any]) -> dict[str, Any]:
    """Every story under every variant of the guarantee, on the same scenarios."""
    import jax.numpy as jnp

    from calibration.guaranteed import Estimate, Guaranteed, compare

    built = {
        name: config.build(jnp.float32)
        for name, config in configs.items()
        if name in TOLD
    }
    economy, _, grid = built["base"]
    horizon = float(economy["criteria.horizon"])
    found = compare(
        Guaranteed(economy, grid, SCENARIOS, SEED),
        {name: x[0] for name, x in built.items()},
        horizon,
    )

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(x) for key, x in value.items()}
        return dataclasses.asdict(value) if isinstance(value, Estimate) else value

    return {
        "scenarios": SCENARIOS,
        "seed": SEED,
        "horizon": horizon,
        "stories": {
            story: {
                variant: {key: plain(value) for key, value in row.items()}
                for variant, row in variants.items()
            }
            for story, variants in found.items()
        },
    }
