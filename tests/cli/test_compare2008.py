import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
CONFIG = "configs/comparisons/2008.toml"


def buytime(*words):
    return subprocess.run(
        [sys.executable, "-m", "scripts.main", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def refuse(token):
    raise AssertionError(f"{token} is not strict JSON")


def test_four_cells_as_strict_json():
    run = buytime("compare2008", CONFIG, "--json")
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout, parse_constant=refuse)
    assert found["initial_loss_bn"] == 500.0
    assert len(found["cells"]) == 4
    for name, cell in found["cells"].items():
        assert cell["loss_bn"]["initial"] == 500.0, name
        assert cell["residual"] < 1e-9, name
        held = cell["holders_bn"]
        assert abs(sum(held["peak"].values()) - cell["loss_bn"]["peak"]) < 1e-9
        assert abs(sum(held["final"].values()) - cell["loss_bn"]["final"]) < 1e-9
        speed = cell["quarters_to_share_of_peak"]["reported"]
        assert 1 <= speed["50_pct"] <= speed["90_pct"] <= speed["peak"]


def test_bad_input_is_a_sentence_and_status_two():
    for words in (
        ("compare2008", CONFIG, "--set", "funds.gate_share=2"),
        ("compare2008", "nowhere.toml"),
        ("compare2008", "configs"),
    ):
        run = buytime(*words)
        assert run.returncode == 2, words
        assert "expected" in run.stderr
        assert "Traceback" not in run.stderr
