"""Reads a resolved table as plain data; what is not well-formed is not there.

So checks run beside pydantic's, and every error of a file is reported in one pass.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple


class Problem(NamedTuple):
    """An error at a dotted path."""

    path: str
    text: str


def node(table: Any, path: str) -> Any:
    """What stands at a dotted path, or None."""
    for key in path.split("."):
        if not isinstance(table, dict) or key not in table:
            return None
        table = table[key]
    return table


def number(table: Any, path: str) -> float | None:
    """The finite number or figure at a dotted path, or None."""
    found = node(table, path)
    if isinstance(found, dict):
        found = found.get("value")
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return float(found) if math.isfinite(found) else None


def numbers(table: Any, path: str) -> list[float]:
    """The numbers at a dotted path, or an empty list if any is not one."""
    found = node(table, path)
    if not isinstance(found, list | tuple):
        return []
    good = [
        float(x)
        for x in found
        if isinstance(x, int | float) and not isinstance(x, bool) and math.isfinite(x)
    ]
    return good if len(good) == len(found) else []


def figures(table: Any, prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every table that carries provenance, with its path."""
    if not isinstance(table, dict):
        return
    for key, value in table.items():
        path = f"{prefix}{key}"
        if isinstance(value, dict) and ("source" in value or "value" in value):
            yield path, value
        else:
            yield from figures(value, f"{path}.")


def members(table: dict[str, Any], family: str) -> dict[str, Any]:
    """Entities of a family, by name."""
    found = table.get(family)
    return found if isinstance(found, dict) else {}


def begins(date: object) -> float | None:
    """First instant of "YYYY", "YYYY-MM", "YYYY-MM-DD" or "YYYYQn", in years."""
    text = str(date)
    try:
        year = int(text[:4])
        if len(text) == 4:
            return float(year)
        if text[4] == "Q":
            return year + (int(text[5:]) - 1) / 4
        month = int(text[5:7])
        day = int(text[8:10]) if len(text) > 7 else 1
    except (ValueError, IndexError):
        return None
    return year + (month - 1) / 12 + (day - 1) / 372
