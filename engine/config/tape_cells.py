"""From cells to numbers, names and kinds, with every fault noted by row and column."""

import dataclasses
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.config.messages import suggest
from engine.config.tape_files import Table

MAX_FAULTS = 20
"""Faults of a tape that are told one by one; the rest are counted."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")


@dataclasses.dataclass
class Faults:
    """What is wrong with a tape: sentences, those of the whole table first."""

    table: Table
    found: list[tuple[int, str]] = dataclasses.field(default_factory=list)

    def whole(self, text: str) -> None:
        """Notes a fault of the whole table."""
        self.found.append((0, f"{self.table.file}: {text}"))

    def cell(self, row: int, column: str, got: Any, expected: str) -> None:
        """Notes a fault of one cell; `row` counts deals from 0."""
        number, file = self.table.numbers[row], self.table.file
        got = got if isinstance(got, str) else _short(got)
        text = f"{file}: row {number}: {column}: got {got}, expected {expected}"
        self.found.append((number, text))

    def where(
        self,
        wrong: np.ndarray,
        column: str,
        got: Sequence[Any] | np.ndarray,
        expected: str | Callable[[int], str],
    ) -> None:
        """Notes every row in which `wrong`; `expected` is a text, or of the row."""
        for row in np.flatnonzero(wrong):
            text = expected if isinstance(expected, str) else expected(int(row))
            self.cell(int(row), column, got[int(row)], text)

    @property
    def messages(self) -> list[str]:
        """The first faults by row, and how many there are beyond."""
        ordered = [text for _, text in sorted(self.found, key=lambda pair: pair[0])]
        more = len(ordered) - MAX_FAULTS
        if more <= 0:
            return ordered
        return [*ordered[:MAX_FAULTS], f"{self.table.file}: … and {more:,} more errors"]


def _short(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:.10g}"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def is_empty(cell: Any) -> bool:
    """Whether a cell says nothing."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def numbers(
    table: Table,
    column: str,
    unit: str,
    bounds: tuple[float, float],
    required: bool,
    faults: Faults,
) -> np.ndarray:
    """Numbers of a column, NaN where the cell is empty (or faulty, which is noted)."""
    values = np.full(table.n_rows, np.nan)
    low, high = bounds
    for row, cell in enumerate(table.columns[column]):
        if is_empty(cell):
            if required:
                faults.cell(row, column, "nothing", f"a number in {unit}")
            continue
        value = _number(cell)
        if value is None:
            faults.cell(row, column, cell if not isinstance(cell, str) else repr(cell),
                        f"a number in {unit}")  # fmt: skip
        elif not math.isfinite(value):
            faults.cell(row, column, repr(cell), "a finite number")
        elif not low <= value <= high:
            expected = f"a value within its bounds [{low}, {high}]"
            if unit == "share" and value > 1:
                expected = "a share of at most 1"
            faults.cell(row, column, value, expected)
        else:
            values[row] = value
    return values


def _number(cell: Any) -> float | None:
    if isinstance(cell, bool):
        return None
    if isinstance(cell, int | float):
        return float(cell)
    if not isinstance(cell, str) or "_" in cell:
        return None
    try:
        return float(cell)
    except ValueError:
        return None


def kinds(
    table: Table, column: str, known: Sequence[str], otherwise: str, faults: Faults
) -> list[str]:
    """Names of a column that must be known; `otherwise` where the cell is empty."""
    found = []
    for row, cell in enumerate(table.columns[column]):
        name = cell.strip() if isinstance(cell, str) else cell
        if is_empty(cell):
            found.append(otherwise)
        elif name in known:
            found.append(name)
        else:
            wanted = f"one of {', '.join(known)}{suggest(str(name), known)}"
            what = "unknown entity " if column == "tenant" else ""
            faults.cell(row, column, f"{what}{_short(name)}", wanted)
            found.append(otherwise)
    return found


def identities(table: Table, taken: dict[str, str], faults: Faults) -> list[str]:
    """Names of the deals: well-formed, each once, none of them `taken`."""
    first: dict[str, int] = {}
    names = []
    for row, cell in enumerate(table.columns["id"]):
        name = str(cell).strip() if not is_empty(cell) else ""
        names.append(name)
        if not name:
            faults.cell(row, "id", "nothing", "a name for the deal")
        elif not _ID.fullmatch(name):
            expected = "at most 40 letters, digits, hyphens and underscores"
            faults.cell(row, "id", repr(name), expected)
        elif name in first:
            expected = f"another name than in row {table.numbers[first[name]]}"
            faults.cell(row, "id", f"{name!r} again", expected)
        elif name in taken:
            faults.cell(row, "id", repr(name), f"another name than {taken[name]}")
        first.setdefault(name, row)
    return names
