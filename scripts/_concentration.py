"""Look-through exposures, as the command prints them."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def concentration(configs: Mapping[str, Any]) -> dict[str, Any]:
    """Every final holder to every tenant at `as_of`, with concentration and overlap."""
    import jax
    import jax.numpy as jnp

    from engine.metrics.chain import FUNDS
    from engine.metrics.concentration import look_through

    economy, state, _ = configs["base"].build(jnp.float64)
    found = jax.jit(look_through)(economy, state)
    matrix = np.asarray(found.exposure)

    def by_tenant(row: Any) -> dict[str, float]:
        return dict(zip(found.tenants, np.asarray(row).tolist(), strict=True))

    return {
        "exposure_bn": {
            name: by_tenant(row)
            for name, row in zip(found.holders, matrix, strict=True)
        },
        "funds_bn": {
            name: by_tenant(row) for name, row in zip(FUNDS, found.by_fund, strict=True)
        },
        "total_bn": float(matrix.sum()),
        "by_tenant_bn": by_tenant(matrix.sum(axis=0)),
        "hhi": dict(
            zip(found.holders, np.asarray(found.herfindahl).tolist(), strict=True)
        ),
        "common": {
            a: dict(zip(found.holders, np.asarray(row).tolist(), strict=True))
            for a, row in zip(found.holders, found.common, strict=True)
        },
    }
