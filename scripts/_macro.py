"""A macro path from a CSV of quarterly values: consecutive quarters, from the first."""

from typing import Any

from scripts._csv_rows import cells, is_ragged, number, numbered_rows
from scripts._output import BadInput

BOUNDS = {
    "short_rate_pct": (0.1, 30.0),
    "spread_x": (0.1, 20.0),
    "equity_x": (0.01, 10.0),
    "other_capital_usd_bn": (-5_000.0, 5_000.0),
    "drawn_usd_bn": (0.0, 20_000.0),
}
"""Column of a number: the values that are believed (rates have the engine's floor)."""

COLUMNS = ("quarter", *BOUNDS, "source")


def read(path: str, begins: list[float]) -> dict[str, list[float]]:
    """Columns of the path; `begins` are the starts of the quarters it may give."""
    rows = numbered_rows(path, COLUMNS, "macro_csv")
    faults: list[str] = []
    columns: dict[str, list[float]] = {name: [] for name in BOUNDS}
    if not rows:
        faults.append(f"{path}: no quarters, expected at least one row")
    if len(rows) > len(begins):
        faults.append(f"{path}: {len(rows)} quarters, expected at most {len(begins)}")
    for (line, row), begin in zip(rows, begins, strict=False):
        where = f"{path}, row {line}"
        if is_ragged(row):
            faults.append(f"{where}: {cells(row, COLUMNS)}")
            continue
        if row["quarter"].strip() != label(begin):
            faults.append(
                f"{where}: quarter {row['quarter']!r}, expected {label(begin)} (one "
                "row a quarter, from the first that the engine models)"
            )
        if not row["source"].strip():
            faults.append(f"{where}: no source, expected where the values come from")
        for name, (low, high) in BOUNDS.items():
            value = number(row[name])
            if value is None or not low <= value <= high:
                faults.append(
                    f"{where}: {name} {row[name]!r}, expected a number between "
                    f"{low:g} and {high:g}"
                )
            else:
                columns[name].append(value)
    if faults:
        raise BadInput(*faults)
    return columns


def label(begin: float) -> str:
    """A quarter by the decimal year at which it begins: 2026.75 is 2026Q4."""
    year, quarter = divmod(round(begin * 4), 4)
    return f"{year}Q{quarter + 1}"


def held(values: list[float], n: int, after: float | None = None) -> Any:
    """`n` values: those given, then `after`, or the last one held."""
    import numpy as np

    rest = values[-1] if after is None else after
    return np.array([*values, *[rest] * (n - len(values))])
