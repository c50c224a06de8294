import json
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import openpyxl
import pyarrow.parquet as pq

from engine.economy import Blueprint, Economy
from engine.grid import TimeGrid
from scripts._output import dumps
from scripts._tables import rows, series, write_parquet, write_xlsx

GRID = TimeGrid(jnp.asarray(2025.0), n_quarters=6, n_history=2)
FAMILIES = (("neoclouds", ("coreweave", "rest")), ("spvs", ("hyperion",)))
ECONOMY = Economy({}, Blueprint(FAMILIES, ()))


class Flows(NamedTuple):
    headroom: Any
    paid: Any


class Record(NamedTuple):
    clouds: Flows
    classes: Any
    level: Any
    constant: Any


def record() -> Record:
    two = jnp.arange(8.0).reshape(4, 2)
    return Record(
        clouds=Flows(two, jnp.stack([two, two + 100], axis=1)),
        classes=jnp.ones((4, 6)),
        level=jnp.arange(4.0),
        constant=jnp.asarray(1.0),
    )


def test_columns_carry_the_names_of_entities():
    columns = series(record(), ECONOMY, GRID)
    np.testing.assert_array_equal(columns["date"], [2025.75, 2026.0, 2026.25, 2026.5])
    np.testing.assert_array_equal(columns["clouds.headroom.rest"], [1, 3, 5, 7])
    # Ranks are numbers, though there are as many as entities.
    np.testing.assert_array_equal(columns["clouds.paid.1.rest"], [101, 103, 105, 107])
    assert "classes.rest.unsecured" in columns
    assert "classes.hyperion.takeout" in columns
    assert "level" in columns
    assert "constant" not in columns


def test_rows_hold_every_number_of_the_columns():
    columns = series(record(), ECONOMY, GRID)
    long = rows(columns)
    assert long["value"].size == 4 * (len(columns) - 1)
    chosen = long["value"][long["item"] == "level"]
    np.testing.assert_array_equal(chosen, columns["level"])


def test_files_read_back(tmp_path):
    columns = series(record(), ECONOMY, GRID)
    write_parquet(tmp_path / "series.parquet", columns)
    assert pq.read_table(tmp_path / "series.parquet").column_names == list(columns)
    sheet = {"name": ["=1+1", "b"], "value": [np.nan, np.float32(2.0)]}
    write_xlsx(tmp_path / "run.xlsx", {"metrics": sheet})
    cells = openpyxl.load_workbook(tmp_path / "run.xlsx")["metrics"]
    found = [[cell.value for cell in row] for row in cells.iter_rows()]
    # What looks like a formula is text, what is not a number is empty.
    assert found == [["name", "value"], ["'=1+1", None], ["b", 2.0]]


def test_json_is_strict():
    text = dumps(
        {
            "nan": float("nan"),
            "inf": np.float32("inf"),
            "zero": -0.0,
            "list": jnp.asarray([1.0, jnp.nan]),
            "flag": np.bool_(True),
            "pair": Flows(1, None),
        }
    )
    assert json.loads(text) == {
        "nan": None,
        "inf": None,
        "zero": 0.0,
        "list": [1.0, None],
        "flag": True,
        "pair": {"headroom": 1, "paid": None},
    }
    assert "-0" not in text
