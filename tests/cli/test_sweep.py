import json
import pathlib
import types
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pyarrow.parquet as pq
import pytest

import engine
from engine.economy import Blueprint, Economy, Range
from engine.grid import TimeGrid
from scripts import _batch, _fans, _sweep, _sweep_store, _sweep_summary
from scripts._output import BadInput
from scripts._sweep_store import take_up

BLOCK = 64


class Result(NamedTuple):
    metrics: dict[str, Any]
    statuses: dict[str, Any]
    failures: dict[str, Any]
    losses: dict[str, Any]
    residuals: dict[str, Any]
    distances: dict[str, Any]
    classification: Any
    watched: Any


def simulate_batch(economy, state, grid, scenarios, watch) -> Result:
    """A toy economy: the GPU shocks decide when the one layer fails."""
    del state, watch
    level = jnp.cumsum(scenarios.shocks[:, :, 2], axis=1) + economy["a.x"]
    is_low = level < -2.0
    quarter = jnp.argmax(is_low, axis=1)
    date = grid.as_of.astype(level.dtype) + quarter.astype(level.dtype) * 0.25
    failed = jnp.where(jnp.any(is_low, axis=1), date, 9999.0)
    return Result(
        metrics={"a.dscr": level[:, -1], "a.irr": scenarios.draws["a.x"]},
        statuses={"a.dscr": jnp.where(level[:, -1] < 0, 1, 0)},
        failures={"neocloud": failed},
        losses={"neocloud": jnp.where(failed < 9000, 10.0, 0.0).astype(level.dtype)},
        residuals={"cash": jnp.zeros_like(failed)},
        distances={"sales": level[:, 0]},
        classification=jnp.where(failed < 9000, 1, 0),
        watched={
            "path:headroom:neocloud": jnp.clip(level * 20 + 100, 0, 253).astype(
                jnp.uint8
            ),
            "path:dscr:a": jnp.where(level > 0, 100, 255).astype(jnp.uint8),
        },
    )


class Config:
    """As much of a config as a sweep reads."""

    hash = "0" * 64
    criteria = types.SimpleNamespace(horizon_date=types.SimpleNamespace(value=2028.0))
    grid = types.SimpleNamespace(as_of_date=2026.75, end_date=2030.0)

    def build(self, dtype):
        figures = {"a.x": jnp.asarray(1.0, dtype)}
        ranges = (Range("a.x", "uniform", 0.0, 2.0),)
        grid = TimeGrid(jnp.asarray(2025.0, dtype), n_quarters=20, n_history=7)
        return Economy(figures, Blueprint((), (), ranges)), {}, grid


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engine, "simulate_batch", simulate_batch, raising=False)
    monkeypatch.setattr(_batch, "BLOCK", BLOCK)
    monkeypatch.setattr(
        _batch.compile_batch, "__defaults__", ("sobol", (), BLOCK, "xla")
    )
    monkeypatch.setattr(_batch.n_blocks, "__defaults__", (BLOCK,))
    monkeypatch.setattr(_sweep, "start", lambda devices: jax)
    monkeypatch.setattr("scripts._names.unit", lambda name: "x")
    monkeypatch.setattr("scripts._names.classifications", lambda: ("bet_won", "other"))


def run(folder: pathlib.Path, n: int = 200, **options) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    return _sweep.sweep(Config(), n, 7, folder, kernel="xla", **options)


def blocks(folder: pathlib.Path) -> dict[str, bytes]:
    files = [*folder.glob("*/block-*.parquet"), folder / "fans.json"]
    there = [p for p in sorted(files) if p.exists()]
    return {str(p.relative_to(folder)): p.read_bytes() for p in there}


@pytest.fixture
def whole(tmp_path: pathlib.Path) -> pathlib.Path:
    run(tmp_path / "whole")
    return tmp_path / "whole"


def test_interruption_changes_nothing(whole, tmp_path, monkeypatch):
    folder = tmp_path / "cut"
    write = _sweep.publish_table

    def fails_in_third_block(path, columns):
        # After the block's scenarios, before its fans.
        if path.name == "block-000002.parquet" and path.parent.name == "fans":
            raise KeyboardInterrupt
        return write(path, columns)

    monkeypatch.setattr(_sweep, "publish_table", fails_in_third_block)
    with pytest.raises(KeyboardInterrupt):
        run(folder)
    assert not (folder / "summary.json").exists()
    assert len(list((folder / "fans").iterdir())) == 2
    assert not (folder / "fans.json").exists()
    monkeypatch.setattr(_sweep, "publish_table", write)
    assert run(folder, resume=True)["new_blocks"] == 2
    assert blocks(folder) == blocks(whole)
    summary = (folder / "summary.json").read_bytes()
    assert summary == (whole / "summary.json").read_bytes()


def test_a_damaged_or_missing_block_is_run_again(whole):
    before = blocks(whole)
    damaged = whole / "scenarios" / "block-000001.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-20] + bytes(20))
    (whole / "scenarios" / "block-000003.parquet").unlink()
    (whole / "fans" / "block-000000.parquet").unlink()
    assert run(whole, resume=True)["new_blocks"] == 3
    assert blocks(whole) == before


def test_an_interruption_leaves_no_table_by_deal_half_written(tmp_path, monkeypatch):
    def outcomes(columns):
        # As a program with two deals would write them, from the toy's own shocks.
        level = np.asarray(columns["metric:a.dscr"])
        failed = np.stack([level, -level], axis=1).clip(min=0.0)
        outcome = np.where(failed > 0.5, 6, 26).astype(np.int32)
        deals = {"outcome": outcome, "failed": failed, "loss": 0.4 * failed}
        return columns | {f"deal:{k}": v for k, v in deals.items()}

    names = (("neoclouds", ("c",)), ("spvs", ("s",)))
    choices = (("neoclouds.c.kind", "named"), ("spvs.s.kind", "named"))
    build = Config.build

    def with_deals(self, dtype):
        economy, state, grid = build(self, dtype)
        ranges = economy.blueprint.ranges
        blueprint = Blueprint(names, choices, ranges)
        return Economy(economy.figures, blueprint), state, grid

    compiled = _batch.compile_batch

    def batch(*given, **more):
        found = compiled(*given, **more)
        return found._replace(run=lambda drawn: outcomes(found.run(drawn)))

    monkeypatch.setattr(Config, "build", with_deals)
    monkeypatch.setattr("scripts._by_deal.is_kept", lambda economy: True)
    monkeypatch.setattr("scripts._by_deal.watch", lambda economy: lambda found: {})
    monkeypatch.setattr(_batch, "compile_batch", batch)
    run(tmp_path / "whole", horizons=(1.0, 2.0))
    write = _sweep.publish_table

    def fails_in_third_block(path, columns):
        if path.name == "block-000002.parquet" and path.parent.name == "deals":
            raise KeyboardInterrupt
        return write(path, columns)

    monkeypatch.setattr(_sweep, "publish_table", fails_in_third_block)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", horizons=(1.0, 2.0))
    assert not list((tmp_path / "cut").glob("deals.*"))
    monkeypatch.setattr(_sweep, "publish_table", write)
    again = run(tmp_path / "cut", resume=True, horizons=(1.0, 2.0))
    assert again["new_blocks"] == 2
    for name in ("deals.parquet", "deals.csv"):
        whole = (tmp_path / "whole" / name).read_bytes()
        assert (tmp_path / "cut" / name).read_bytes() == whole
    rows = pq.read_table(tmp_path / "cut" / "deals.parquet").to_pylist()
    levels = pq.read_table(tmp_path / "cut" / "scenarios", columns=["metric:a.dscr"])
    level = levels["metric:a.dscr"].to_numpy()
    assert 0 < rows[0]["defaults_ever"] == int(np.sum(level > 0.5)) < 200
    # Other horizons are read from the blocks: nothing runs again.
    run(tmp_path / "cut", resume=True, horizons=(0.5,))
    assert "pd_0.5y" in pq.read_table(tmp_path / "cut" / "deals.parquet").column_names
    # A block of a version without deals is run again.
    (tmp_path / "cut" / "deals" / "block-000001.parquet").unlink()
    assert run(tmp_path / "cut", resume=True)["new_blocks"] == 1


@pytest.mark.parametrize("devices", [1, 2])
def test_devices_change_nothing(whole, tmp_path, devices):
    run(tmp_path / "other", devices=devices)
    assert blocks(tmp_path / "other") == blocks(whole)


def test_scenarios_do_not_depend_on_how_many_follow(whole, tmp_path):
    run(tmp_path / "short", n=70)
    columns = ["scenario", "metric:a.dscr", "draw:a.x"]
    long = pq.read_table(whole / "scenarios", columns=columns)
    short = pq.read_table(tmp_path / "short" / "scenarios", columns=columns)
    assert short.num_rows == 70
    assert long.slice(0, 70).equals(short)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "--resume"),
        ({"resume": True, "n": 201}, "scenarios 200"),
        ({"resume": True, "dtype": "float64"}, "dtype float32"),
        ({"resume": True, "outputs": ("a.irr",)}, "outputs"),
    ],
)
def test_another_sweep_is_not_taken_up(whole, options, message):
    with pytest.raises(BadInput, match=message):
        run(whole, **options)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"hash": 1}', "not json"])
def test_a_manifest_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(BadInput, match="not the manifest"):
        take_up(tmp_path, {}, resume=True)


def test_summary_says_what_the_blocks_hold(whole):
    summary = json.loads((whole / "summary.json").read_text())
    table = pq.read_table(whole / "scenarios").to_pydict()
    dscr, status = np.array(table["metric:a.dscr"]), np.array(table["status:a.dscr"])
    found = summary["metrics"]["a.dscr"]
    good = dscr[status == 0].astype(float)
    assert found["mean"] == pytest.approx(good.mean())
    assert found["standard_error"] == pytest.approx(
        good.std(ddof=1) / np.sqrt(good.size)
    )
    assert found["share_ok"] == pytest.approx(good.size / 200)
    assert found["unit"] == "x"
    worst = np.sort(good)[: int(np.ceil(0.05 * good.size))]
    assert found["expected_shortfall"] == pytest.approx(worst.mean())
    failed = np.array(table["failure:neocloud"])
    layer = summary["layers"]["neocloud"]
    assert layer["probability"] == pytest.approx(np.mean(failed <= 2028.0))
    assert layer["loss_bn"]["tail"] == "upper"
    assert sum(summary["classification"].values()) == pytest.approx(1.0)
    text = (whole / "summary.json").read_text()
    assert str(whole.parent) not in text
    assert "NaN" not in text


@pytest.mark.parametrize("numbers", [1, 500, 10**9])
def test_columns_are_the_same_however_many_are_read_together(
    whole, monkeypatch, numbers
):
    monkeypatch.setattr(_sweep_store, "AT_ONCE", numbers)
    manifest = json.loads((whole / "manifest.json").read_text())
    columns = _sweep_store.Columns(whole, manifest["blocks"])
    files = sorted((whole / "scenarios").glob("*.parquet"))
    for name in columns.names:
        parts = [pq.read_table(file)[name].to_numpy() for file in files]
        np.testing.assert_array_equal(columns[name], np.concatenate(parts))
    assert columns.get("metric:nobody.nothing") is None


def test_fans_show_every_scenario_of_the_sweep(whole):
    fans = json.loads((whole / "fans.json").read_text())
    assert fans["scenarios"] == 200
    assert len(fans["date"]) == 13
    last = pq.read_table(whole / "scenarios")["metric:a.dscr"].to_numpy()
    byte = np.clip(last * 20 + 100, 0, 253).astype(int)
    median = fans["headroom"]["neocloud"]["quantiles"]["0.5"][-1]
    assert abs(median - np.median(_fans.EDGES[byte])) < 0.03
    share = fans["dscr"]["a"]["share"][-1]
    assert share == pytest.approx(np.mean(last > 0))


def test_outputs_select_metrics(tmp_path):
    run(tmp_path / "some", n=10, outputs=("a.i*",))
    summary = json.loads((tmp_path / "some" / "summary.json").read_text())
    assert list(summary["metrics"]) == ["a.irr"]
    with pytest.raises(BadInput, match=r"did you mean 'a\.dscr'"):
        run(tmp_path / "none", n=10, outputs=("a.dscrr",))


def test_what_is_not_a_number_has_a_count_and_no_mean():
    values = np.array([np.nan, np.inf, 1.0, 3.0])
    assert _sweep_summary.statistics(values)["mean"] == 2.0
    assert _sweep_summary.statistics(values)["share_ok"] == 0.5
    assert _sweep_summary.statistics(values[:2])["mean"] is None
