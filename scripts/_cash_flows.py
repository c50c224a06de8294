"""A run's cash flows, vehicle by vehicle: every row, every quarter, tied to reports.

Amounts are those of what is alive: a cohort's rows are weighted by the share that has
not failed, and a failed deal's end. Cash and debt add up within every quarter and roll
forward from one to the next; the check rows say how exactly.
"""

import pathlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from scripts._cash_rows import VEHICLES, Row, Vehicle
from scripts._reported import Report, reported
from scripts._ventures import PART, venture_rows

OPENING, CLOSING = "opening {}", "closing {}"
FAILED, CHECK = "{} of what failed", "check: sources less uses, {}"
MAX_SHEETS = 60
"""Vehicles that a workbook shows; the Parquet file holds them all."""


class Line(NamedTuple):
    """One row of a vehicle's table, by model quarter."""

    part: str
    item: str
    unit: str
    amounts: np.ndarray


class Table(NamedTuple):
    """A vehicle's table, and what was last reported of its rows."""

    family: str
    vehicle: str
    lines: list[Line]
    reports: dict[str, Report]


def tables(built: tuple[Any, Any, Any], result: Any) -> Iterator[Table]:
    """The table of every vehicle of a single run."""
    economy, state, grid = built
    for family, kind in VEHICLES.items():
        flows = getattr(result.record, kind.record)
        opening = getattr(state, kind.record)
        rows = [(row, np.asarray(row.flow(flows))) for row in _rows(kind)]
        known = reported(economy, grid, family)
        for i, name in enumerate(economy.members(family)):
            lines = list(_cash(kind, flows, opening, i, rows))
            lines += _debt(kind, flows, opening, i, rows)
            lines += _memo(kind, result.record, economy, family, i, rows)
            if family == "spvs":
                lines += _venture(lines, economy, grid, i)
            yield Table(family, name, lines, known.get(name, {}))


def _rows(kind: Vehicle) -> list[Row]:
    return [*kind.cash, *kind.debt, *kind.memo]


def _of(values: Any, i: int) -> np.ndarray:
    """A vehicle's series; a family of one has no axis of its own."""
    array = np.asarray(values, np.float64)
    return array if array.ndim < 2 else array[:, i]


def _at(values: Any, i: int) -> float:
    array = np.asarray(values, np.float64)
    return float(array if array.ndim == 0 else array[i])


def _alive(kind: Vehicle, flows: Any, i: int) -> tuple[np.ndarray, np.ndarray]:
    """Share alive at the start and at the end of each quarter."""
    if not kind.has_alive:
        one = np.ones_like(_of(flows.cash, i))
        return one, one
    after = _of(flows.alive, i)
    return np.concatenate([[1.0], after[:-1]]), after


def _rolled(
    part: str,
    opening: float,
    closing: np.ndarray,
    moves: list[tuple[Row, np.ndarray]],
    before: np.ndarray,
    after: np.ndarray,
) -> Iterator[Line]:
    """Opening, what fails, moves, closing, and what is left unexplained."""
    start = np.concatenate([[opening], closing[:-1]])
    total = before * start
    yield Line(part, OPENING.format(part), "USD bn", total)
    lost = -(before - after) * start
    if np.any(lost):
        yield Line(part, FAILED.format(part), "USD bn", lost)
    total = total + lost
    for row, amounts in moves:
        signed = row.sign * after * amounts
        yield Line(part, row.name, "USD bn", signed)
        total = total + signed
    yield Line(part, CLOSING.format(part), "USD bn", after * closing)
    yield Line(part, CHECK.format(part), "USD bn", total - after * closing)


def _cash(kind: Vehicle, flows: Any, state: Any, i: int, rows: list) -> Iterator[Line]:
    moves = [(row, _of(x, i)) for row, x in rows if row in kind.cash]
    before, after = _alive(kind, flows, i)
    opening = _at(state.cash, i)
    yield from _rolled("cash", opening, _of(flows.cash, i), moves, before, after)


def _debt(kind: Vehicle, flows: Any, state: Any, i: int, rows: list) -> Iterator[Line]:
    if not kind.balance:
        return
    moves = [(row, _of(x, i)) for row, x in rows if row in kind.debt]
    closing = sum(_of(getattr(flows, field), i) for field in kind.balance)
    before, after = _alive(kind, flows, i)
    if kind.opening:
        opening = sum(_at(getattr(state, field), i) for field in kind.opening)
    else:
        # What the state carries is only what was borrowed since `as_of`.
        opening = closing[0] - sum(row.sign * x[0] for row, x in moves)
    yield from _rolled("debt", opening, closing, moves, before, after)


def _memo(
    kind: Vehicle, record: Any, economy: Any, family: str, i: int, rows: list
) -> Iterator[Line]:
    """What is no cash of the vehicle: accruals, covers, default and recovery."""
    flows = getattr(record, kind.record)
    _, after = _alive(kind, flows, i)
    for row, x in rows:
        if row in kind.memo:
            yield Line("memo", row.name, "USD bn", after * _of(x, i))
    for field, name in (("dscr", "debt-service cover"), ("headroom", "headroom")):
        if hasattr(flows, field):
            yield Line("memo", name, "x", _of(getattr(flows, field), i))
    if not kind.has_alive:
        return
    yield Line("memo", "alive", "share", after)
    n, k = len(economy.members("neoclouds")), len(economy.members("spvs"))
    classes = (i, n + i) if family == "neoclouds" else (2 * n + i, 2 * n + k + i)
    for field, name in (
        ("failed", "claims that failed"),
        ("recovered", "recovered by lenders"),
        ("claimed", "paid by the guarantee"),
        ("loss", "loss of the lenders"),
    ):
        series = np.asarray(getattr(record.classes, field), np.float64)
        yield Line("memo", name, "USD bn", sum(series[:, c] for c in classes))


def _venture(lines: list[Line], economy: Any, grid: Any, i: int) -> Iterator[Line]:
    """The venture in which the vehicle has a part; nothing where it owns the whole."""
    share = float(economy.stack("spvs", "ownership")[i])
    if not 0.0 < share < 1.0:
        return
    starts = economy.stack("spvs", "rent_start")[i] + economy["physics.delay"]
    ends = np.asarray(grid.modelled(grid.ends), np.float64)
    signed = {line.item: line.amounts for line in lines if line.part != "debt"}
    for row in venture_rows(signed, share, np.where(ends <= float(starts), 1.0, 0.0)):
        yield Line(PART, row.item, "USD bn", row.amounts)


def long(found: list[Table], grid: Any) -> dict[str, Any]:
    """One row per vehicle, quarter and item; what was reported beside the first."""
    dates = np.asarray(grid.modelled(grid.ends), np.float64)
    n = dates.size
    lines = [(table, line) for table in found for line in table.lines]

    def each(values: list[Any]) -> np.ndarray:
        return np.repeat(np.array(values, dtype=object), n)

    columns: dict[str, Any] = {
        "family": each([t.family for t, _ in lines]),
        "vehicle": each([t.vehicle for t, _ in lines]),
        "date": np.tile(dates, len(lines)),
        "part": each([line.part for _, line in lines]),
        "item": each([line.item for _, line in lines]),
        "unit": each([line.unit for _, line in lines]),
        "amount": np.concatenate([line.amounts for _, line in lines]),
    }
    beside = {
        "reported": np.full(n * len(lines), np.nan),
        "difference": np.full(n * len(lines), np.nan),
        "reason": np.full(n * len(lines), None, dtype=object),
    }
    for row, (table, line) in enumerate(lines):
        report = table.reports.get(line.item)
        if report is not None:
            at = row * n
            beside["reported"][at] = report.value
            beside["difference"][at] = line.amounts[0] - report.value
            beside["reason"][at] = report.why(float(line.amounts[0]))
    return columns | beside


def write(folder: pathlib.Path, built: tuple[Any, Any, Any], result: Any) -> None:
    """`cash_flows.parquet`, all of it, and `cash_flows.xlsx`, a sheet per vehicle."""
    from scripts._tables import write_parquet, write_xlsx

    found = list(tables(built, result))
    grid = built[2]
    write_parquet(folder / "cash_flows.parquet", long(found, grid))
    dates = np.asarray(grid.modelled(grid.ends), np.float64)
    shown = found[:MAX_SHEETS]
    index = {
        "family": [table.family for table in found],
        "vehicle": [table.vehicle for table in found],
        "sheet": [
            _title(table) if i < MAX_SHEETS else "in cash_flows.parquet only"
            for i, table in enumerate(found)
        ],
    }
    sheets = {"vehicles": index}
    sheets |= {_title(table): _wide(table, dates) for table in shown}
    write_xlsx(folder / "cash_flows.xlsx", sheets)


def _title(table: Table) -> str:
    # A workbook's sheets have at most 31 letters, and names of deals may have more.
    return table.vehicle[:31]


def _wide(table: Table, dates: np.ndarray) -> dict[str, list[Any]]:
    """Items down, quarters across, as a credit desk reads them."""
    reports = [table.reports.get(line.item) for line in table.lines]
    first = [float(line.amounts[0]) for line in table.lines]
    both = list(zip(reports, first, strict=True))
    columns: dict[str, list[Any]] = {
        "item": [line.item for line in table.lines],
        "part": [line.part for line in table.lines],
        "unit": [line.unit for line in table.lines],
        "last reported": [None if r is None else r.value for r, _ in both],
        "difference": [None if r is None else x - r.value for r, x in both],
        "reason": [None if r is None else r.why(x) for r, x in both],
    }
    for q, date in enumerate(dates):
        columns[f"{date:.2f}"] = [float(line.amounts[q]) for line in table.lines]
    return columns
