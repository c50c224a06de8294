"""The accounting view of a run, as the command and the report print it."""

import functools
from typing import Any

import numpy as np

YEARS = 10
"""Years from `as_of` that are printed; files hold every quarter."""

AMOUNTS = (
    "lease_liability",
    "right_of_use",
    "ifrs16_asset",
    "not_commenced",
    "guarantee",
    "options",
    "off_balance_sheet",
)


def leases(economy: Any, grid: Any, result: Any) -> dict[str, Any]:
    """Amounts by company at `as_of` and at ten ends of year [USD bn]."""
    columns = quarterly(economy, grid, result)
    dates = np.asarray(next(iter(columns.values()))["date"])
    is_shown = np.isclose(dates, np.round(dates)) & (dates <= dates[0] + YEARS + 1)
    is_shown[0] = True
    return {
        "date": dates[is_shown].tolist(),
        "companies": {
            name: {k: found[k][is_shown].tolist() for k in AMOUNTS}
            for name, found in columns.items()
        },
    }


def quarterly(economy: Any, grid: Any, result: Any) -> dict[str, dict[str, Any]]:
    """Every company's series, `as_of` first."""
    first = grid.n_history - 1
    return {
        name: {k: x[first:] for k, x in found.items()}
        for name, found in whole(economy, grid, result).items()
    }


def whole(economy: Any, grid: Any, result: Any) -> dict[str, dict[str, Any]]:
    """The same from the grid's first quarter; companies that hold nothing are left out.

    What was reported before `as_of` is held against these.
    """
    view = _compiled()(result.record, economy, grid)
    dates = np.asarray(view.dates, np.float64)
    series = [
        np.asarray(x, np.float64)
        for x in (*vars(view.totals).values(), view.off_balance)
    ]
    return {
        name: {"date": dates}
        | {key: x[:, i] for key, x in zip(AMOUNTS, series, strict=True)}
        for i, name in enumerate(view.companies)
        if any(np.any(x[:, i]) for x in series)
    }


@functools.cache
def _compiled() -> Any:
    """One program for stories of like structure."""
    import jax

    from engine.metrics.accounting import accounting

    return jax.jit(accounting)


def long(economy: Any, grid: Any, result: Any) -> dict[str, Any]:
    """One row per company and quarter."""
    found = quarterly(economy, grid, result)
    columns: dict[str, Any] = {
        "company": np.repeat(
            np.array(list(found), dtype=object), len(next(iter(found.values()))["date"])
        )
    }
    for key in ("date", *AMOUNTS):
        columns[key] = np.concatenate([x[key] for x in found.values()])
    return columns
