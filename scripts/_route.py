"""Bank or private credit by price, as the command prints it."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def by_price(configs: Mapping[str, Any]) -> dict[str, Any]:
    """What both lenders would ask for every class, in each story."""
    import jax
    import jax.numpy as jnp

    import engine
    from engine.credit.route import route

    def run(economy: Any, state: Any, grid: Any, scenario: Any) -> Any:
        drawn = economy.replace(scenario.draws)
        record = engine.simulate(economy, state, grid, scenario).record
        return record, route(record, drawn)

    found = {}
    for story, config in configs.items():
        economy, state, grid = config.build(jnp.float64)
        scenario = engine.reference_scenario(economy, grid)
        record, prices = jax.device_get(jax.jit(run)(economy, state, grid, scenario))
        found[story] = _table(economy, record, prices)
    return found


def _table(economy: Any, record: Any, prices: Any) -> dict[str, Any]:
    clouds, spvs = record.clouds, record.spvs
    names = [f"{m}.secured" for m in economy.members("neoclouds")]
    names += [
        f"{m}.{part}" for part in ("loan", "takeout") for m in economy.members("spvs")
    ]
    lent = np.concatenate(
        [
            clouds.alive * clouds.lent_secured,
            spvs.alive * spvs.lent_loan,
            spvs.alive * spvs.lent_takeout,
        ],
        axis=1,
    )
    owed = np.concatenate(
        [
            clouds.alive * clouds.secured,
            spvs.alive * spvs.loan,
            spvs.alive * spvs.takeout,
        ],
        axis=1,
    )
    table = {}
    for k, name in enumerate(names):
        total = float(lent[:, k].sum())
        if total <= 1e-9:
            continue

        def mean(series: Any, k: int = k, total: float = total) -> float:
            return float((lent[:, k] * series[:, k]).sum() / total)

        table[name] = {
            "lent_bn": total,
            "bank_rate": mean(prices.bank),
            "private_rate": mean(prices.private),
            "risk_weight": mean(prices.weight),
            "bank_share_by_price": mean(prices.by_price),
            "bank_share": mean(prices.bank_share),
            "bank_share_lent": mean(prices.lent_by_banks),
            "bank_share_held": float(
                (owed[:, k] * prices.held_by_banks[:, k]).sum() / owed[:, k].sum()
            ),
            "first_limited_quarter": _first(prices.room[:, k] < prices.by_price[:, k]),
        }
    return table


def _first(happens: Any) -> int | None:
    """Quarters from `as_of` to the first in which the single-name limit binds."""
    return int(np.argmax(happens)) if np.any(happens) else None
