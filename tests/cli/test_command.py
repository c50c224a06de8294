"""The command as users meet it: exit statuses, streams, strict JSON."""

import json
import pathlib
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).parents[2]
BASE = "configs/base.toml"


def buytime(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scripts.main", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def document(run: subprocess.CompletedProcess[str]) -> dict:
    def refuse(token: str) -> None:
        raise AssertionError(f"{token} is not strict JSON")

    return json.loads(run.stdout, parse_constant=refuse)


def test_hurdle_reads_as_printed():
    run = buytime("hurdle", BASE, "--json")
    assert run.returncode == 0, run.stderr
    found = document(run)
    expected = {
        "ebitda_bn": 360.0,
        "revenue_bn": 553.846,
        "gdp_share": 0.0191,
        "cloud_multiple": 1.38,
        "equity_yield": 0.225,
    }
    assert found["article"] == pytest.approx(expected, rel=5e-3)
    assert found["life_adjusted"]["revenue_bn"] == pytest.approx(840, abs=3)
    assert found["life_adjusted"]["gdp_share"] == pytest.approx(0.026, abs=1e-3)
    parts = sum(bucket["revenue_bn"] for bucket in found["buckets"].values())
    assert parts == pytest.approx(found["life_adjusted"]["revenue_bn"])


def test_a_gradient_predicts_what_an_override_does():
    base = document(buytime("hurdle", BASE, "--json"))
    moved = document(
        buytime("hurdle", BASE, "--json", "--set", "hurdle.return_pct=12.1")
    )
    slope = base["gradients"]["hurdle.return_pct"]["revenue_bn"]
    change = moved["article"]["revenue_bn"] - base["article"]["revenue_bn"]
    assert change == pytest.approx(0.1 * slope, rel=1e-9)


def test_check_says_what_a_sweep_costs():
    run = buytime("check", BASE, "--scenarios", "1000", "--json")
    assert run.returncode == 0, run.stderr
    found = document(run)
    assert found["ok"] is True
    assert len(found["hash"]) == 64
    assert set(found["estimate"]) == {"seconds", "memory_gb", "output_gb"}


def test_schema_is_json_schema():
    found = document(buytime("schema", "--json"))
    assert found["type"] == "object"
    assert "adoption" in found["properties"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "VERB"),
        (("hurdle",), "config"),
        (("bogus", BASE), "bogus"),
        (("sweep", BASE, "--out", "x"), "--scenarios"),
        (("check", BASE, "--scenarios", "-5"), "at least 1"),
        (("hurdle", "nowhere.toml"), "nowhere.toml"),
        (("hurdle", "configs"), "folder"),
        (("check", BASE, "--set", "hurdle.retrun_pct=12"), "return_pct"),
        (("check", BASE, "--set", "hurdle.return_pct=nan"), "hurdle.return_pct"),
        (
            ("sweep", BASE, "--scenarios", "9", "--out", "x", "--engine", "ray"),
            "expected local",
        ),
    ],
)
def test_bad_input_is_one_sentence(words: tuple[str, ...], says: str):
    began = time.perf_counter()
    run = buytime(*words)
    assert run.returncode == 2, run.stderr
    assert says in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stderr.count("\n") == 1
    assert run.stdout == ""
    # Under a second on an idle machine.
    assert time.perf_counter() - began < 10


def test_bad_input_is_json_where_json_is_asked_for():
    run = buytime("hurdle", "nowhere.toml", "--json")
    assert run.returncode == 2
    assert document(run)["ok"] is False


def test_help_answers_without_starting_jax():
    code = (
        "import sys; from scripts.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print('jax' in sys.modules or 'numpy' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert run.stdout.splitlines()[-1] == "False"


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> tuple[dict, pathlib.Path]:
    folder = tmp_path_factory.mktemp("run")
    run = buytime("run", BASE, "--json", "--out", str(folder))
    assert run.returncode == 0, run.stderr
    return document(run), folder


def test_run_says_who_fails_and_why_it_adds_up(ran):
    found, _ = ran
    assert {"metrics", "order_of_failure", "residuals", "classification"} <= set(found)
    assert found["classification"] in ("bet_won", "expensive_failure", "systemic")
    assert set(found["residuals"]) == {"cash", "balance_sheet", "seniority"}
    assert all(abs(x) < 1e-9 for x in found["residuals"].values())
    for metric in found["metrics"].values():
        assert set(metric) == {"value", "unit", "status"}
        assert (metric["value"] is None) == (metric["status"] != "ok")
    keys = {"layer", "entity", "event", "date", "loss_bn", "cause"}
    dates = [event["date"] for event in found["order_of_failure"]]
    assert all(set(event) == keys for event in found["order_of_failure"])
    assert dates == sorted(dates)
    # In base neoclouds fail first, and what is like them is re-priced most.
    spreads = [x["spread"] for x in found["spreads_met"]]
    assert spreads == sorted(spreads, reverse=True)
    highest = found["metrics"]["system.highest_spread_met"]["value"]
    assert spreads[0] == highest > found["metrics"]["system.peak_spread"]["value"]
    assert found["spreads_met"][0]["entity"] in ("nebius", "rest_of_neoclouds")


def test_run_writes_its_tables(ran):
    _, folder = ran
    names = {"run.json", "run.xlsx", "series.parquet", "rows.parquet", "leases.parquet"}
    names |= {"cash_flows.parquet", "cash_flows.xlsx"}
    assert names <= {path.name for path in folder.iterdir()}


def test_a_bad_tape_is_refused_with_its_rows(tmp_path: pathlib.Path):
    tape = "id,tenant,notes_usd_bn\nalpha,meta,2\nalpha,mete,-1\n"
    (tmp_path / "deals.csv").write_text(tape)
    config = tmp_path / "own.toml"
    config.write_text(f'extends = "{ROOT / BASE}"\n[tapes]\nspvs = "deals.csv"\n')
    for verb in ("check", "run"):
        run = buytime(verb, str(config), "--json")
        assert run.returncode == 2
        messages = document(run)["errors"]
        assert [m[: m.index(": got")] for m in messages] == [
            "deals.csv: row 3: id",
            "deals.csv: row 3: tenant",
            "deals.csv: row 3: notes_usd_bn",
        ]


def test_check_says_what_a_tape_holds_and_costs():
    own = document(buytime("check", "configs/own_deals.toml", "--json"))
    assert own["tapes"]["spvs"]["deals"] == 6
    assert own["tapes"]["neoclouds"]["template"] == "rest_of_neoclouds"
    assert "holders_notes.fund" in own["tapes"]["spvs"]["columns"]
    base = document(buytime("check", BASE, "--json"))
    assert "tapes" not in base
    assert own["estimate"]["seconds"] > base["estimate"]["seconds"]
    assert own["estimate"]["memory_gb"] > base["estimate"]["memory_gb"]
