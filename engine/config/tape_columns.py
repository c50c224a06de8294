"""What a tape's columns may be, and the figures of every deal that they make.

What a row leaves open is the template's; amounts of money left open are in proportion
to the size of the deal (`SIZES`).
"""

import functools

import numpy as np

from engine.config.base import Section
from engine.config.checks import SUMS
from engine.config.figures import FigureRecord, choices, records, stem
from engine.config.messages import suggest
from engine.config.tape_cells import Faults, numbers
from engine.config.tape_files import Table
from engine.units import factor

SIZES = {"spvs": "notes_usd_bn", "neoclouds": "legacy_revenue_usd_bn_per_year"}
"""The column that says how large a deal is against its template."""

REQUIRED = {
    "spvs": ("id", "tenant", SIZES["spvs"]),
    "neoclouds": ("id", SIZES["neoclouds"]),
}
"""Columns that a tape must have, filled in every row."""

UNSCALED = ("tenant_obligations_usd_bn",)
"""Money that is not the deal's own: as the template has it, whatever the size."""

OF_THE_WHOLE = ("growth_share",)
"""Shares of the whole market, which go with the size of the deal as its money does."""

_LEAST = 1e-6
"""Least amount of what a deal must have [USD bn]."""

_DATED = ("values", "amounts")


class Columns:
    """The columns that a tape of `family` may have, by the template's keys.

    A key that holds one number is a column. So is a dated one: its column says the
    level at `as_of` (a path) or the total (a schedule), in the template's proportions.
    """

    def __init__(self, family: str, template: Section, as_of: float):
        self.family = family
        self.as_of = as_of
        self.kinds = dict(choices(template))
        self.follows = dict(SUMS) if family == "neoclouds" else {}
        every = list(records(template))
        self.vectors = {r.path: r for r in every if isinstance(r.value, tuple)}
        self.scalars = {r.path: r for r in every if not isinstance(r.value, tuple)}
        self.levels: dict[str, FigureRecord] = {}
        for path, r in self.vectors.items():
            key, _, part = path.rpartition(".")
            if part in _DATED and key not in self.follows:
                self.levels[key] = r

    @property
    def names(self) -> list[str]:
        """Every column that may be there."""
        return ["id", *self.kinds, *self.scalars, *self.levels]

    @functools.cached_property
    def shares(self) -> dict[str, list[str]]:
        """The columns of every table of shares (`holders_notes.fund`, …)."""
        tables: dict[str, list[str]] = {}
        for column in self.scalars:
            key, dot, _ = column.rpartition(".")
            if dot:
                tables.setdefault(key, []).append(column)
        return tables

    def of_template(self, column: str) -> float:
        """What the template says in a column."""
        if column in self.scalars:
            return float(np.asarray(self.scalars[column].value))
        values = np.asarray(self.levels[column].value)
        if self.levels[column].path.endswith(".amounts"):
            return float(np.sum(values))
        dates = np.asarray(self.vectors[f"{column}.dates"].value)
        return float(np.interp(self.as_of, dates, values))


def check_columns(table: Table, known: Columns, faults: Faults) -> bool:
    """Notes columns that are missing or unknown; whether the rows can be read."""
    required = REQUIRED[known.family]
    strangers = [c for c in table.columns if c not in known.names]
    missing = [c for c in required if c not in table.columns]
    for column in missing:
        near = suggest(column, strangers)
        every = ", ".join(required)
        faults.whole(f"got no column {column!r}, expected {every} in every tape{near}")
    for column in strangers:
        same = [c for c in known.names if stem(c) in (stem(column), column)]
        if column in known.follows:
            text = f"expected none: it is in proportion to {known.follows[column]}"
        elif same:
            unit = factor(column)[1]
            given = f"the unit {unit}" if unit else "no unit"
            wanted = factor(same[0])[1]
            text = f"in {given}, expected the unit {wanted}: write {same[0]!r}"
        else:
            near = suggest(column, known.names)
            text = f"expected a key of a deal in {known.family}{near}"
        faults.whole(f"got unknown column {column!r}, {text}")
    return not missing


def figures(
    table: Table, known: Columns, is_cohort: np.ndarray, faults: Faults
) -> dict[str, np.ndarray]:
    """Every figure of every deal by key, a row per deal, in the units of the config."""
    cells = {
        column: _cells(table, known, column, r, faults)
        for column, r in (known.scalars | known.levels).items()
    }
    whole = {column: known.of_template(column) for column in cells}
    size = SIZES[known.family]
    scale = _proportion(cells[size], whole, size, np.ones(table.n_rows), faults)
    found: dict[str, np.ndarray] = {}
    for column, r in known.scalars.items():
        is_money = r.unit.startswith("USD bn") and column not in UNSCALED
        grows = is_money or column in OF_THE_WHOLE
        base = whole[column] * (scale if grows else np.ones(table.n_rows))
        if column == "dispersion_x":
            base = np.where(is_cohort, base, 0.0)
        found[column] = np.where(np.isnan(cells[column]), base, cells[column])
    for columns in known.shares.values():
        # A row that gives any share of a table gives them all: the others are nothing.
        gives = ~np.all([np.isnan(cells[c]) for c in columns], axis=0)
        for c in columns:
            found[c] = np.where(gives & np.isnan(cells[c]), 0.0, found[c])
    for path, r in known.vectors.items():
        key, _, part = path.rpartition(".")
        values = np.tile(np.asarray(r.value, float), (table.n_rows, 1))
        if part in _DATED:
            balance = known.follows.get(key)
            if balance is not None:
                own = _proportion(found[balance], whole, balance, scale, faults)
            else:
                own = _proportion(cells[key], whole, key, scale, faults)
            values = values * own[:, None]
        found[path] = values
    return found


def _cells(
    table: Table, known: Columns, column: str, record: FigureRecord, faults: Faults
) -> np.ndarray:
    if column not in table.columns:
        return np.full(table.n_rows, np.nan)
    low, high = record.bounds
    if record.unit.startswith("USD bn") and low > 0.0:
        low = _LEAST  # bounds of the template speak of its size, not of the deal's
    is_required = column in REQUIRED[known.family]
    return numbers(table, column, record.unit, (low, high), is_required, faults)


def _proportion(
    given: np.ndarray,
    whole: dict[str, float],
    column: str,
    otherwise: np.ndarray,
    faults: Faults,
) -> np.ndarray:
    """The row against the template; a template of nothing has nothing to scale."""
    is_open = np.isnan(given)
    if whole[column] != 0.0:
        return np.where(is_open, otherwise, given / whole[column])
    beyond = ~is_open & (given != 0.0)
    faults.where(beyond, column, given, "0 as in the template: it has no shape for it")
    return otherwise
