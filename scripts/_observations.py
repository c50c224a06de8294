"""A CSV of dated observations: name, date, value, unit, source; bad rows are named."""

import datetime
import difflib
from typing import Any

from scripts._csv_rows import cells, is_ragged, number, numbered_rows
from scripts._output import BadInput

COLUMNS = ("name", "date", "value", "unit", "source")


def read(path: str) -> list[dict[str, Any]]:
    """Rows with a `day` and a number; `BadInput` with every fault of the file."""
    from calibration.indicators import BY_NAME

    lines = numbered_rows(path, COLUMNS, "--observations")
    faults: list[str] = []
    seen: dict[tuple[str, str], int] = {}
    found = []
    for line, row in lines:
        where = f"{path}, row {line}"
        if is_ragged(row):
            faults.append(f"{where}: {cells(row, COLUMNS)}")
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
        value = number(row["value"])
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
        seen.setdefault(key, line)
        if len(faults) == said:
            found.append({**row, "day": day, "value": value})
    if faults:
        raise BadInput(*faults)
    if not found:
        raise BadInput(f"{path}: no observations, expected at least one row")
    return found


def _day(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


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
