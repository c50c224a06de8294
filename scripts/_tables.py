"""A run as tables: what every array of the record is called, and its files."""

import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

MAX_COLUMNS = 16_384
"""Most columns that a sheet of a workbook can hold."""

FAMILY = {
    "labs": "labs",
    "tenancies": "spvs",
    "hyperscalers": "hyperscalers",
    "clouds": "neoclouds",
    "spvs": "spvs",
    "classes": "classes",
    "price": "classes",
    "investors": "investors",
    "fund": "cohorts",
    "public": "public_markets",
}
"""Part of a record: whose entities its last axis counts."""


def series(record: Any, economy: Any, grid: Any) -> dict[str, np.ndarray]:
    """Columns by quarter: `date`, then "<field>.<…>[.<entity>]" for every array."""
    columns: dict[str, np.ndarray] = {}
    n = None
    for path, values in leaves(record):
        array = np.asarray(values)
        if array.ndim == 0:
            continue
        n = array.shape[0] if n is None else n
        if array.shape[0] != n:
            continue
        for suffix, column in _columns(path, array, economy):
            columns[".".join((*path, *suffix))] = column
    if n is None:
        return {}
    return {"date": np.asarray(grid.ends, np.float64)[-n:]} | columns


def rows(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same, one row per quarter and item: date, item, value."""
    items = [name for name in columns if name != "date"]
    n = columns["date"].size
    return {
        "date": np.tile(columns["date"], len(items)),
        "item": np.repeat(np.array(items, dtype=object), n),
        "value": np.concatenate([columns[k].astype(np.float64) for k in items])
        if items
        else np.zeros(0),
    }


def leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple, Any]]:
    """Arrays of nested modules, tuples and dicts, with the names that lead to them."""
    if node is None:
        return
    if hasattr(node, "_asdict"):
        node = node._asdict()
    elif hasattr(node, "__dataclass_fields__"):
        node = {name: getattr(node, name) for name in node.__dataclass_fields__}
    elif isinstance(node, list | tuple):
        node = {str(i): value for i, value in enumerate(node)}
    if isinstance(node, dict):
        for name, value in node.items():
            yield from leaves(value, (*path, str(name)))
    elif hasattr(node, "shape"):
        yield path, node


def _columns(
    path: tuple[str, ...], array: np.ndarray, economy: Any
) -> Iterator[tuple[tuple[str, ...], np.ndarray]]:
    """Trailing axes spelt out: the last by entity, others (ranks) by number."""
    if array.ndim == 1:
        yield (), array
        return
    for index in np.ndindex(array.shape[1:]):
        entity = _member(path, array.shape[-1], index[-1], economy)
        yield (*map(str, index[:-1]), entity), array[(slice(None), *index)]


def _member(path: tuple[str, ...], size: int, index: int, economy: Any) -> str:
    """Name of an entity, where the path says of which family it is; else its number."""
    families = dict(economy.blueprint.families)
    family = next((FAMILY[part] for part in path if part in FAMILY), "")
    members = list(families.get(family, ()))
    if family == "cohorts":
        members = list(economy.cohorts())
    if family == "classes":
        clouds, spvs = families["neoclouds"], families["spvs"]
        members = [f"{x}.{kind}" for kind in ("secured", "unsecured") for x in clouds]
        members += [f"{x}.{kind}" for kind in ("notes", "takeout") for x in spvs]
    return members[index] if len(members) == size else str(index)


def write_parquet(path: pathlib.Path, columns: dict[str, np.ndarray]) -> None:
    """One table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({k: pa.array(v) for k, v in columns.items()}), path)


def write_xlsx(path: pathlib.Path, sheets: dict[str, dict[str, Any]]) -> None:
    """One workbook, a sheet per table, header first."""
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    for title, columns in sheets.items():
        sheet = book.create_sheet(title[:31])
        sheet.freeze_panes = "B2"
        sheet.append(list(columns))
        cells = [np.asarray(v, dtype=object).tolist() for v in columns.values()]
        for row in zip(*cells, strict=True):
            sheet.append([_cell(value) for value in row])
    book.save(path)


def _cell(value: Any) -> Any:
    """What a spreadsheet can hold; a number that is none stays empty."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    # Text that begins like a formula must not become one.
    if isinstance(value, str) and value[:1] in "=+-@":
        return f"'{value}"
    return value
