"""A deal's own rows of a run, and when a run can be held against its documents."""

import math
from typing import Any, NamedTuple

import numpy as np

from scripts.tie_outs.reported import read


class Deal(NamedTuple):
    """Rows by name and quarter [USD bn], the quarters' ends, and the deal's figures."""

    rows: dict[str, np.ndarray]
    ends: np.ndarray
    economy: Any
    vehicle: str
    reported: dict[str, Any]

    def __call__(self, key: str) -> Any:
        """A figure of the deal, by engine name."""
        return np.asarray(self.economy[f"{self.vehicle}.{key}"], np.float64)

    def until(self, item: str, date: float) -> float:
        """Sum of a row over the quarters that end by `date`."""
        return float(self.rows[item][self.ends < date + 1e-6].sum())

    def at(self, item: str, date: float) -> float:
        """A row in the quarter that ends at `date`."""
        return float(self.rows[item][np.argmin(np.abs(self.ends - date))])


def deal(name: str, built: tuple[Any, Any, Any], result: Any) -> Deal | None:
    """The deal called `name`; None where the config has none or opens elsewhere."""
    from scripts._cash_flows import tables

    economy, _, grid = built
    reported = read(name)
    family, member = reported["vehicle"].split(".")
    is_there = member in economy.members(family)
    if not is_there or not math.isclose(float(grid.as_of), reported["as_of_date"]):
        return None
    rows = next(t for t in tables(built, result) if t.vehicle == member).lines
    return Deal(
        rows={line.item: np.asarray(line.amounts, np.float64) for line in rows},
        ends=np.asarray(grid.modelled(grid.ends), np.float64),
        economy=economy,
        vehicle=reported["vehicle"],
        reported=reported,
    )


def label(end: float) -> str:
    """The quarter that ends at `end`, as 2026Q4."""
    index = round(end * 4) - 1
    return f"{index // 4}Q{index % 4 + 1}"
