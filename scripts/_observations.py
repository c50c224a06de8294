"""A CSV of dated observations: name, date, value, unit, source; bad rows are named."""

import csv
import datetime
import difflib
import math
import pathlib
from typing import Any

from scripts._output import BadInput

COLUMNS = ("name", "date", "value", "unit", "source")
MOST_ROWS = 100_000


def read(path: str) -> list[dict[str, Any]]:
    """Rows with a `day` and a number; `BadInput` with every fault of the file."""
    from calibration.indicators import BY_NAME

    lines = _lines(path)
    faults: list[str] = []
    seen: dict[tuple[str, str], int] = {}
    found = []
    for number, row in lines:
        where = f"{path}, row {number}"
        if None in row or None in row.values():
            faults.append(
                f"{where}: {_count(row)} cells, expected {len(COLUMNS)} "
                f"({', '.join(COLUMNS)})"
            )
            continue
        row = {key: text.strip() for key, text in row.items()}
        said = len(faults)
        indicator = BY_NAME.get(row["name"])
        if indicator is None:
            near = difflib.get_close_matches(row["name"], BY_NAME, 1)
            hint = f", did you mean {near[0]!r}?" if near else ""
            faults.append(f"{where}: name {row['name']!r} is no indicator{hint}")
        elif row["unit"] != indicator.unit:
            faults.append(
                f"{where}: unit {row['unit']!r} of {row['name']}, "
                f"expected {indicator.unit!r}"
            )
        day = _day(row["date"])
        if day is None:
            faults.append(f"{where}: date {row['date']!r}, expected YYYY-MM-DD")
        value = _value(row["value"])
        if value is None:
            faults.append(f"{where}: value {row['value']!r}, expected a finite number")
        elif row["unit"].startswith("usd_bn") and value < 0.0:
            faults.append(f"{where}: value {row['value']!r}, expected 0 or more")
        if not row["source"]:
            faults.append(f"{where}: no source, expected where the value was read")
        key = row["name"], row["date"]
        if key in seen:
            faults.append(
                f"{where}: {row['name']} of {row['date']} stands in row {seen[key]} "
                "already, expected one value a day"
            )
        seen.setdefault(key, number)
        if len(faults) == said:
            found.append({**row, "day": day, "value": value})
    if faults:
        raise BadInput(*faults)
    if not found:
        raise BadInput(f"{path}: no observations, expected at least one row")
    return found


def _lines(path: str) -> list[tuple[int, dict[str, Any]]]:
    """Numbered rows as the spreadsheet counts them: the header is row 1."""
    file = pathlib.Path(path)
    if not file.exists():
        raise BadInput(f"--observations: {path} does not exist, expected a CSV file")
    if file.is_dir():
        raise BadInput(f"--observations: {path} is a folder, expected a CSV file")
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, strict=True)
            header = tuple(name.strip() for name in reader.fieldnames or ())
            if set(header) != set(COLUMNS) or len(header) != len(COLUMNS):
                got = ", ".join(header) or "an empty file"
                raise BadInput(
                    f"{path}, row 1: got {got}, expected the columns "
                    f"{', '.join(COLUMNS)}"
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


def _count(row: dict[Any, Any]) -> int:
    more = len(row.get(None) or ())
    return more + sum(v is not None for k, v in row.items() if k is not None)


def _day(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def _value(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def decimal(day: datetime.date) -> float:
    """A day as a decimal year."""
    first = datetime.date(day.year, 1, 1)
    length = (datetime.date(day.year + 1, 1, 1) - first).days
    return day.year + (day - first).days / length


def end_of_quarter(date: float) -> datetime.date:
    """The last day of the quarter that ends at a decimal year: 2026.75 is 09-30."""
    year, quarter = divmod(round(date * 4), 4)
    after = datetime.date(year, 3 * quarter + 1, 1)
    return after - datetime.timedelta(days=1)
