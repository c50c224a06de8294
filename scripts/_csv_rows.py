"""A CSV with known columns: its rows with their numbers, or what is wrong with it."""

import csv
import math
import pathlib
from collections.abc import Sequence
from typing import Any

from scripts._output import BadInput

MOST_ROWS = 100_000


def numbered_rows(
    path: str, columns: Sequence[str], given_as: str
) -> list[tuple[int, dict[str, Any]]]:
    """Rows as the spreadsheet counts them: the header is row 1.

    `given_as` is what the user calls the file; `BadInput` where it cannot be read.
    """
    file = pathlib.Path(path)
    if not file.exists():
        raise BadInput(f"{given_as}: {path} does not exist, expected a CSV file")
    if file.is_dir():
        raise BadInput(f"{given_as}: {path} is a folder, expected a CSV file")
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, strict=True)
            header = tuple(name.strip() for name in reader.fieldnames or ())
            if set(header) != set(columns) or len(header) != len(columns):
                got = ", ".join(header) or "an empty file"
                raise BadInput(
                    f"{path}, row 1: got {got}, expected the columns "
                    f"{', '.join(columns)}"
                )
            reader.fieldnames = list(header)
            rows = []
            for row in reader:
                rows.append((reader.line_num, row))
                if len(rows) > MOST_ROWS:
                    raise BadInput(
                        f"{path}: more than {MOST_ROWS:,} rows, expected fewer"
                    )
            return rows
    except UnicodeDecodeError:
        raise BadInput(f"{path}: not UTF-8 text, expected a CSV file") from None
    except (csv.Error, OSError) as error:
        raise BadInput(f"{path}: {error}, expected a CSV file") from None


def is_ragged(row: dict[Any, Any]) -> bool:
    """Whether a row has more or fewer cells than the header."""
    return None in row or None in row.values()


def cells(row: dict[Any, Any], columns: Sequence[str]) -> str:
    """What is wrong with a ragged row."""
    found = len(row.get(None) or ())
    found += sum(v is not None for k, v in row.items() if k is not None)
    return f"{found} cells, expected {len(columns)} ({', '.join(columns)})"


def number(text: str) -> float | None:
    """A finite number, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
