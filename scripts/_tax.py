"""Tax that a run doesn't charge, as the command prints it."""

import functools
from typing import Any

import numpy as np

YEARS = (5.0, 10.0)
"""Sums to these many years after `as_of`, beside the whole grid's."""


def tax(economy: Any, grid: Any, result: Any) -> dict[str, Any]:
    """Tax, cash before it and losses carried forward, by company [USD bn]."""
    from engine.metrics.tax import TaxRules
    from scripts.tie_outs.reported import read

    rules = read("tax")["rules"]
    given = TaxRules(
        rate=rules["rate_share"].value,
        bonus=rules["bonus_share"].value,
        life=rules["life_years"].value,
        interest_cap=rules["interest_cap_share"].value,
        loss_cap=rules["loss_cap_share"].value,
    )
    found = _compiled()(result.record, economy, given)
    ends = np.asarray(grid.modelled(grid.ends), np.float64)
    as_of = float(grid.as_of)
    return {
        name: {
            f"{what}_bn": _sums(np.asarray(series[:, i], np.float64), ends, as_of)
            for what, series in (("tax", found.tax), ("cash_before", found.cash))
        }
        | {"first": _first(np.asarray(found.tax[:, i]), ends)}
        for i, name in enumerate(found.companies)
    }


def _sums(series: np.ndarray, ends: np.ndarray, as_of: float) -> dict[str, float]:
    sums = {
        f"{n:.0f}_years": float(series[ends < as_of + n + 1e-6].sum()) for n in YEARS
    }
    return sums | {"grid": float(series.sum())}


def _first(series: np.ndarray, ends: np.ndarray) -> float | None:
    """End of the first quarter with any tax."""
    due = np.flatnonzero(series > 1e-9)
    return float(ends[due[0]]) if due.size else None


@functools.cache
def _compiled() -> Any:
    import jax

    from engine.metrics.tax import cash_tax

    return jax.jit(cash_tax)
