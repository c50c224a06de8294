"""A tape as columns of cells: CSV or Parquet, refused before it is loaded whole."""

import csv
import dataclasses
import pathlib
from typing import Any

MAX_ROWS = 20_000
"""Most deals of one tape; more are refused without being read."""

_MAX_CELL = 10_000
"""Most characters of a cell: longer means that the file is no table."""

_FIRST_ROW = 2
# A spreadsheet counts the header as row 1.


@dataclasses.dataclass(frozen=True)
class Table:
    """Cells by column, in order; a cell is text, a number or None where empty."""

    file: str
    columns: dict[str, list[Any]]
    numbers: list[int]
    """Row of each deal as a spreadsheet counts: the header is row 1."""

    @property
    def n_rows(self) -> int:
        """Number of deals."""
        return len(self.numbers)


class NotATape(Exception):
    """Why a file cannot be read as a table, in a sentence."""


def read_table(path: pathlib.Path) -> Table:
    """Reads a tape; raises `NotATape`, having read at most `MAX_ROWS` rows of it."""
    name = path.name or str(path)
    if path.is_dir():
        raise NotATape(f"{name}: {path} is a folder, expected a CSV or Parquet file")
    read = {".csv": _read_csv, ".parquet": _read_parquet}.get(path.suffix.lower())
    if read is None:
        raise NotATape(
            f"{name}: got a file of type {path.suffix or '(none)'!r}, expected .csv or "
            ".parquet"
        )
    try:
        if path.stat().st_size == 0:
            raise NotATape(f"{name}: the file is empty, expected a table of deals")
        header, columns, numbers = read(path, name)
    except FileNotFoundError:
        raise NotATape(f"{name}: no such file at {path}, expected a table") from None
    except OSError as error:
        raise NotATape(f"{name}: cannot be read ({error.strerror or error})") from None
    again = [column for i, column in enumerate(header) if column in header[:i]]
    if again:
        raise NotATape(f"{name}: got column {again[0]!r} twice, expected it once")
    if not numbers:
        raise NotATape(f"{name}: got a header without rows, expected at least one deal")
    return Table(name, dict(zip(header, columns, strict=True)), numbers)


def _too_many(name: str, n: str) -> NotATape:
    return NotATape(
        f"{name}: got {n} rows, expected at most {MAX_ROWS:,} deals in a tape: group "
        "the smaller ones"
    )


_Columns = tuple[list[str], list[list[Any]], list[int]]


def _read_csv(path: pathlib.Path, name: str) -> _Columns:
    csv.field_size_limit(_MAX_CELL)
    rows: list[list[str]] = []
    numbers: list[int] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines, strict=True)
            header = [cell.strip() for cell in next(reader, [])]
            if not any(header):
                raise NotATape(
                    f"{name}: got an empty header, expected columns in row 1"
                )
            for number, row in enumerate(reader, start=_FIRST_ROW):
                if not any(cell.strip() for cell in row):
                    continue
                if len(row) != len(header):
                    raise NotATape(
                        f"{name}: row {number}: got {len(row)} cells, expected "
                        f"{len(header)} as in the header"
                    )
                if len(rows) == MAX_ROWS:
                    raise _too_many(name, f"more than {MAX_ROWS:,}")
                rows.append(row)
                numbers.append(number)
    except UnicodeDecodeError:
        raise NotATape(f"{name}: not UTF-8 text, expected a CSV table") from None
    except csv.Error as error:
        raise NotATape(f"{name}: not a CSV table ({error})") from None
    columns = [list(column) for column in zip(*rows, strict=True)]
    return header, columns or [[] for _ in header], numbers


def _read_parquet(path: pathlib.Path, name: str) -> _Columns:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            n = file.metadata.num_rows
            if n > MAX_ROWS:
                raise _too_many(name, f"{n:,}")
            table = file.read()
    except pa.ArrowException as error:
        text = str(error).splitlines()[0]
        raise NotATape(f"{name}: not a Parquet table ({text})") from None
    columns = [column.to_pylist() for column in table.columns]
    return table.column_names, columns, list(range(_FIRST_ROW, _FIRST_ROW + n))
