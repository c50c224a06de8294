"""`buytime stress`: a table of ratios, and faults as sentences."""

import json
import subprocess
import sys

import pytest

from tests.config_files import CONFIGS

ROOT = CONFIGS.parent


def buytime(*words):
    return subprocess.run(
        [sys.executable, "-m", "scripts.main", "stress", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_troughs_lie_below_the_start_and_the_path_brings_failures_forward():
    run = buytime("configs/base.toml", "configs/stress/severe.toml", "--json")
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    banks = found["holders"]["banks"]
    assert banks["start_pct"] == pytest.approx(12.8, abs=0.01)
    assert banks["trough_of_path_in"] == "2027Q4"
    for holder in found["holders"].values():
        assert holder["trough_pct"] <= holder["trough_of_path_pct"]
        assert holder["trough_of_path_pct"] <= holder["start_pct"]
    assert max(found["residuals"].values()) < 1e-9
    dates = found["first_failure"]["neocloud_unsecured"]
    assert dates["under"] < dates["without"]


def test_a_file_that_is_no_stress_is_refused():
    run = buytime("configs/base.toml", "configs/base.toml")
    assert run.returncode == 2
    assert "expected" in run.stderr
    assert "Traceback" not in run.stderr
