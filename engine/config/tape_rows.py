"""What the cells of a row say of one another: dates in order, shares, one obligor."""

import numpy as np

from engine.config.checks import ABOVE, ORDER
from engine.config.tape_cells import Faults, is_empty
from engine.config.tape_columns import Columns
from engine.config.tape_files import Table


def check_rows(
    table: Table,
    known: Columns,
    is_cohort: np.ndarray,
    figures: dict[str, np.ndarray],
    faults: Faults,
) -> None:
    """Notes rows at odds with themselves, where they said so (not the template)."""
    for pairs, phrase in ((ORDER, "a date after"), (ABOVE, "more than")):
        for high, low in pairs.get(known.family, ()):
            if high in figures and low in figures:
                _above(table, high, low, phrase, figures, faults)
    for key, columns in known.shares.items():
        total = np.sum([figures[c] for c in columns], axis=0)
        may_be_less = key == "customers"
        beyond = total - 1.0 if may_be_less else np.abs(total - 1.0)
        got = [f"shares that sum to {x:.6g}" for x in total]
        wanted = "a sum of at most one" if may_be_less else "a sum of one"
        faults.where((beyond > 1e-9) & _told(table, *columns), key, got, wanted)
    spread = figures["dispersion_x"]
    one, many = (
        "0: a named deal is one obligor",
        "more than 0: a cohort has many members",
    )
    faults.where(~is_cohort & (spread != 0.0), "dispersion_x", spread, one)
    faults.where(is_cohort & (spread <= 0.0), "dispersion_x", spread, many)


def _told(table: Table, *columns: str) -> np.ndarray:
    """Rows that fill any of the columns."""
    filled = [
        [not is_empty(cell) for cell in table.columns[column]]
        for column in columns
        if column in table.columns
    ]
    return np.any(filled, axis=0) if filled else np.zeros(table.n_rows, bool)


def _above(
    table: Table,
    high: str,
    low: str,
    phrase: str,
    figures: dict[str, np.ndarray],
    faults: Faults,
) -> None:
    """The fault stands at the column that the row filled."""
    upper, lower = figures[high], figures[low]
    at_high = _told(table, high)
    wrong = ~(upper > lower)
    faults.where(
        wrong & at_high, high, upper, lambda row: f"{phrase} {low} {lower[row]:.10g}"
    )
    phrase = "a date before" if "date" in phrase else "less than"
    faults.where(
        wrong & ~at_high & _told(table, low),
        low,
        lower,
        lambda row: f"{phrase} {high} {upper[row]:.10g}",
    )
