"""Macro paths put the drivers where they say; the stress table by hand."""

import dataclasses
import functools

import jax.numpy as jnp
import numpy as np
import pytest

from engine.config import load
from engine.config.stress import load_stress
from engine.drivers import drive
from engine.drivers.macro import macro_shocks
from engine.investors import InvestorFlows
from engine.metrics.stress import Balances, MacroPath, stress
from scripts._macro import BOUNDS, COLUMNS, held, label, read
from scripts._output import BadInput
from tests.config_files import CONFIGS
from tests.helpers import filled

BEGINS = [2026.75 + k / 4 for k in range(12)]
GOOD = ("2026Q4", "2.5", "1.8", "0.75", "-40", "302", "choice: a test")


@functools.cache
def built():
    economy, _, grid = load(CONFIGS / "chain.toml").build(jnp.float64)
    return economy, grid


def test_drivers_take_the_path_and_then_revert():
    economy, grid = built()
    short, spread = jnp.array([0.02, 0.001, 0.05]), jnp.array([1.5, 3.0, 0.8])
    drivers = drive(economy, grid, macro_shocks(economy, grid, short, spread))
    np.testing.assert_allclose(drivers.short[:3], short, rtol=1e-13)
    np.testing.assert_allclose(drivers.spread_factor[:3], spread, rtol=1e-13)
    beta, level = economy["rates.ten_year_beta"], economy["rates.short"]
    np.testing.assert_allclose(
        drivers.ten_year[:3], economy["rates.ten_year"] + beta * (short - level)
    )
    # No shock afterwards: what is left of the deviation halves at its own speed.
    kept = np.exp(-economy["rates.reversion"] * 0.25)
    np.testing.assert_allclose(drivers.short[3] - level, kept * (short[2] - level))
    assert np.all(np.asarray(drivers.gpu_factor) == 1.0)


def test_the_path_holds_under_a_shift_of_rates():
    economy, grid = built()
    shifted = economy.replace({"shifts.rate_future": jnp.asarray(0.01)})
    shocks = macro_shocks(shifted, grid, jnp.array([0.03]), jnp.array([1.0]))
    assert float(drive(shifted, grid, shocks).short[0]) == pytest.approx(0.03)


def test_more_quarters_than_the_grid_are_refused():
    economy, grid = built()
    many = jnp.ones(grid.n_model + 1)
    with pytest.raises(ValueError, match=f"expected at most the grid's {grid.n_model}"):
        macro_shocks(economy, grid, many, many)


def test_the_table_by_hand():
    economy = built()[0].replace({"banks.cet1": jnp.asarray(100.0)})
    balances = Balances(*map(jnp.asarray, (1000.0, 500.0, 0.8, 0.5, 60.0, 600.0)))
    path = MacroPath(
        other_capital=jnp.array([-10.0, 5.0]),
        drawn=jnp.array([0.0, 250.0]),
        equity=jnp.array([0.6, 1.0]),
    )
    flows = filled(InvestorFlows, jnp.zeros(2))
    booked = dict(
        bank_direct=jnp.array([1.0, 0.0]),
        bank_lines=jnp.array([0.0, 2.0]),
        losses=jnp.array([[5.0, 9.0], [5.0, 9.0]]),
        used=jnp.array([[0.0, 6.0], [0.0, 3.0]]),
    )
    flows = dataclasses.replace(flows, **booked)
    found = stress(economy, balances, path, flows)
    banks, pensions, insurers = (found[k] for k in ("banks", "pensions", "insurers"))
    assert float(banks.start) == 0.1
    np.testing.assert_allclose(banks.macro, [0.09, 95.0 / 1250.0])
    np.testing.assert_allclose(banks.total, [0.089, 92.0 / 1250.0])
    np.testing.assert_allclose(pensions.macro, [0.8 * 0.8, 0.8])
    np.testing.assert_allclose(pensions.total, [0.64 - 0.008, 0.8 - 0.016])
    np.testing.assert_allclose(insurers.total, [54.0 / 600.0, 57.0 / 600.0])


def written(tmp_path, *rows):
    path = tmp_path / "macro.csv"
    path.write_text("\n".join([",".join(COLUMNS), *map(",".join, rows)]) + "\n")
    return str(path)


def test_the_shipped_path_is_read():
    stressed = load_stress(CONFIGS / "stress" / "severe.toml")
    found = read(str(CONFIGS / "stress" / stressed.macro_csv), BEGINS)
    assert set(found) == set(BOUNDS)
    # The supervisor's own fall, from 12.8 % to 11.2 % of risk-weighted assets.
    falls = np.cumsum(found["other_capital_usd_bn"])
    assert falls.min() == -201.0
    rows = {f.name: f.engine_value for f in stressed.figures}
    assert 0.128 - 201.0 / rows["banks.risk_weighted"] == pytest.approx(0.112, abs=1e-4)


def test_every_fault_of_a_path_is_named_in_one_pass(tmp_path):
    bad = ("2027Q2", "nan", "0", "0.75", "many", "-1", " ")
    with pytest.raises(BadInput) as caught:
        read(written(tmp_path, GOOD, bad, GOOD[:3]), BEGINS)
    said = str(caught.value)
    for words in (
        "row 3: quarter '2027Q2', expected 2027Q1",
        "row 3: short_rate_pct 'nan', expected a number between 0.1 and 30",
        "row 3: spread_x '0', expected a number between 0.1 and 20",
        "row 3: other_capital_usd_bn 'many', expected a number",
        "row 3: drawn_usd_bn '-1', expected a number between 0 and",
        "row 3: no source",
        "row 4: 3 cells, expected 7",
    ):
        assert words in said


def test_an_empty_or_overlong_path_is_refused(tmp_path):
    with pytest.raises(BadInput, match="no quarters"):
        read(written(tmp_path), BEGINS)
    with pytest.raises(BadInput, match="2 quarters, expected at most 1"):
        read(written(tmp_path, GOOD, GOOD), BEGINS[:1])


def test_quarters_have_labels_and_paths_are_held():
    assert [label(x) for x in (2026.75, 2027.0, 2027.5)] == [
        "2026Q4",
        "2027Q1",
        "2027Q3",
    ]
    assert held([1.0, 2.0], 4).tolist() == [1.0, 2.0, 2.0, 2.0]
    assert held([1.0, 2.0], 3, after=0.0).tolist() == [1.0, 2.0, 0.0]
