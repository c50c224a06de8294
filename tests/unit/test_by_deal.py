"""A sweep counted deal by deal, against loops over its scenarios."""

import csv
import math
import types

import jax
import jax.numpy as jnp
import numpy as np
import pyarrow.parquet as pq
import pytest

import engine
from engine.config import load
from engine.drivers.sampling import scenarios
from engine.economy import Blueprint, Economy
from engine.metrics import of_deals
from engine.metrics.causes import defaults
from engine.survival import HIGHEST
from scripts import _by_deal
from scripts._output import BadInput
from scripts._run import load_config
from scripts._sweep import sweep
from scripts._sweep_store import publish_table
from tests.config_files import CONFIGS

N_QUARTERS = 8
DATES = 2027.0 + 0.25 * np.arange(N_QUARTERS)
ECONOMY = Economy(
    {},
    Blueprint(
        (("neoclouds", ("c",)), ("spvs", ("s", "t"))),
        (
            ("neoclouds.c.kind", "named"),
            ("spvs.s.kind", "named"),
            ("spvs.t.kind", "named"),
        ),
    ),
)


def drawn(n: int) -> dict[str, np.ndarray]:
    """Outcomes of three deals; the last never defaults."""
    rng = np.random.default_rng(3)
    quarter = rng.integers(0, 2 * N_QUARTERS, (n, 3)).clip(max=N_QUARTERS)
    quarter[:, 2] = N_QUARTERS
    failed = np.where(quarter < N_QUARTERS, rng.uniform(1, 3, (n, 3)), 0.0)
    loss = failed * rng.uniform(0, 1, (n, 3))
    outcome = 2 * quarter + (rng.random((n, 3)) < 0.7)
    return {
        "outcome": outcome.astype(np.int32),
        "failed": failed.astype(np.float32),
        "loss": loss.astype(np.float32),
    }


def published(folder, columns, cuts):
    """The tables of a sweep whose blocks end at `cuts`, entered in reverse."""
    (folder / "deals").mkdir(parents=True)
    entries = []
    for i, (begin, end) in enumerate(zip([0, *cuts[:-1]], cuts, strict=True)):
        part = {k: v[begin:end] for k, v in columns.items()}
        found = _by_deal.block(part, N_QUARTERS)
        path = folder / "deals" / f"block-{i:06d}.parquet"
        entries.append({"index": i, "deals": publish_table(path, found)})
    n = columns["loss"].shape[0]
    _by_deal.conclude(
        folder, entries[::-1], n, DATES.tolist(), ECONOMY, 2026.75, (1.0, 1.6)
    )
    return pq.read_table(folder / "deals.parquet").to_pylist()


def test_a_row_says_what_loops_over_scenarios_find(tmp_path):
    n = 40
    columns = drawn(n)
    rows = published(tmp_path, columns, [16, 32, 40])
    assert [row["id"] for row in rows] == ["c", "s", "t"]
    for i, row in enumerate(rows):
        dates, covenants, debt, loss = [], 0, 0.0, []
        for scenario in range(n):
            quarter, by_covenant = divmod(int(columns["outcome"][scenario, i]), 2)
            if quarter < N_QUARTERS:
                dates.append(float(DATES[quarter]))
                covenants += by_covenant
            debt += float(columns["failed"][scenario, i])
            loss.append(float(columns["loss"][scenario, i]))
        assert row["defaults_1y"] == sum(date <= 2027.75 for date in dates)
        assert row["pd_1.6y"] == sum(date <= 2028.35 for date in dates) / n
        assert row["pd_ever"] == len(dates) / n
        assert row["expected_loss_usd_bn"] == pytest.approx(sum(loss) / n)
        error = row["expected_loss_standard_error_usd_bn"]
        assert error == pytest.approx(np.std(loss, ddof=1) / math.sqrt(n))
        assert row["expected_defaulted_debt_usd_bn"] == pytest.approx(debt / n)
        if dates:
            assert row["mean_default_date"] == pytest.approx(sum(dates) / len(dates))
            assert row["loss_given_default_share"] == pytest.approx(sum(loss) / debt)
            assert row["main_cause"] == "covenant"
            assert row["main_cause_share"] == covenants / len(dates)
    # What has no value is empty, never nought.
    assert rows[2]["mean_default_date"] is None
    assert rows[2]["loss_given_default_share"] is None
    with (tmp_path / "deals.csv").open() as file:
        typed = list(csv.DictReader(file))
    assert list(typed[0]) == list(rows[0])
    assert float(typed[1]["expected_loss_usd_bn"]) == rows[1]["expected_loss_usd_bn"]
    assert typed[2]["mean_default_date"] == ""


def test_the_interval_is_wilsons():
    # Newcombe (1998), Statistics in Medicine 17, table I, method 3.
    for count, n, expected in (
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ):
        found = [float(x[0]) for x in _by_deal.wilson(np.array([count]), n)]
        assert found == pytest.approx(expected, abs=5e-5)


def test_the_covenant_counts_in_the_quarter_of_default():
    alive = jnp.asarray([[1.0, 1.0, 1.0], [0.0, 1.0, 0.4], [0.0, 1.0, 0.3]])
    room = jnp.asarray([[0.5, 0.5, 0.5], [-0.2, 0.1, -0.1], [-1.0, 0.1, -1.0]])
    covenant = jnp.asarray([[0.5, 0.5, 0.6], [-0.2, -1.0, HIGHEST], [1.0, 1.0, -1.0]])
    flows = types.SimpleNamespace(alive=alive, headroom=room, covenant=covenant)
    none = types.SimpleNamespace(**{k: v[:, :0] for k, v in vars(flows).items()})
    record = types.SimpleNamespace(clouds=flows, spvs=none)
    quarters = of_deals.default_quarters(record)
    assert quarters.tolist() == [1, 3, 1]
    assert of_deals.by_covenant(record, quarters).tolist() == [True, False, False]


@pytest.mark.parametrize("text", ["0", "1,x", "90", "nan", "1,,3"])
def test_horizons_that_the_grid_lacks_are_refused(text):
    config = load(CONFIGS / "own_deals.toml")
    with pytest.raises(BadInput, match=r"--horizons: got .*, expected years after"):
        _by_deal.horizons(text, config)
    assert _by_deal.horizons("5, 1", config) == (1.0, 5.0)
    with pytest.raises(BadInput, match="expected none without"):
        _by_deal.horizons("1", load(CONFIGS / "chain.toml"))


def test_blocks_change_no_count_and_no_order(tmp_path):
    columns = drawn(40)
    rows = published(tmp_path / "cut", columns, [16, 32, 40])
    whole = published(tmp_path / "whole", columns, [40])
    again = published(tmp_path / "again", columns, [16, 32, 40])
    assert rows == again
    for row, one in zip(rows, whole, strict=True):
        for key, value in row.items():
            is_sum = isinstance(value, float)
            assert one[key] == (pytest.approx(value, rel=1e-12) if is_sum else value)


@pytest.mark.slow
def test_a_sweeps_table_is_that_of_its_single_runs(tmp_path):
    n = 6
    tape = CONFIGS / "tapes"
    own = tmp_path / "own.toml"
    own.write_text(
        f'extends = "{CONFIGS / "chain.toml"}"\n[tapes]\n'
        f'spvs = "{tape / "spvs.csv"}"\nneoclouds = "{tape / "neoclouds.csv"}"\n'
    )
    config = load_config(str(own), [])
    folder = tmp_path / "sweep"
    folder.mkdir()
    sweep(config, n, 0, folder, dtype="float64", kernel="xla", horizons=(3.0,))
    rows = {
        row["id"]: row for row in pq.read_table(folder / "deals.parquet").to_pylist()
    }
    economy, state, grid = config.build(jnp.float64)
    assert len(rows) == len(of_deals.deals(economy))
    ends = np.asarray(grid.modelled(grid.ends))
    drawn = scenarios(economy, grid, 4096, 0, "sobol", 0)
    dates: dict[str, list[float]] = {name: [] for name in rows}
    causes: dict[str, list[str]] = {name: [] for name in rows}
    run = jax.jit(lambda scenario: engine.simulate(economy, state, grid, scenario))
    for i in range(n):
        found = run(jax.tree.map(lambda leaf, i=i: leaf[i], drawn))
        for name, date, cause in defaults(found.record, economy, ends):
            dates[name].append(date)
            causes[name].append(cause.name)
    assert sum(map(len, dates.values())) > n
    for name, row in rows.items():
        if row["kind"] == "cohort":
            continue
        by = sum(date <= config.grid.as_of_date + 3.001 for date in dates[name])
        assert row["defaults_3y"] == by
        assert row["defaults_ever"] == len(dates[name])
        if dates[name]:
            assert row["mean_default_date"] == pytest.approx(np.mean(dates[name]))
            n_covenant = causes[name].count("covenant")
            expected = max(n_covenant, len(dates[name]) - n_covenant)
            assert row["main_cause_share"] == pytest.approx(expected / len(dates[name]))
    whole = pq.read_table(folder / "scenarios", columns=["metric:system.credit_loss"])
    total = float(np.mean(whole["metric:system.credit_loss"].to_numpy()))
    assert total > 1.0
    by_deal = sum(row["expected_loss_usd_bn"] for row in rows.values())
    assert by_deal == pytest.approx(total, rel=1e-9)
