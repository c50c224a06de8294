"""A deal typed into a file: what it writes, and what it says of a bad one."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import openpyxl
import pyarrow.parquet as pq
import pytest

from scripts._deal_file import read_deal
from scripts._output import BadInput

ROOT = pathlib.Path(__file__).parents[2]
EXAMPLE = ROOT / "configs/deals_standalone/box.toml"
SMALL = """
[time]
periods = 8
per_year = 1
[paths]
cfads_usd_bn = 20
[[instruments]]
name = "loan"
kind = "level"
rank = 0
amount_usd_bn = 100
coupon_pct = 5
tenor_years = 8
[[instruments]]
name = "owners"
kind = "equity"
rank = 9
amount_usd_bn = 20
[uses]
plant_usd_bn = 120
"""


def buytime(*words):
    return subprocess.run(
        [sys.executable, "-m", "scripts.main", "deal", *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def test_the_example_closes_and_its_table_balances(tmp_path):
    run = buytime(EXAMPLE, "--out", tmp_path, "--json")
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout, parse_constant=lambda token: pytest.fail(token))
    sources, uses = found["sources_bn"], found["uses_bn"]
    assert sum(sources.values()) == pytest.approx(sum(uses.values()), abs=1e-9)
    assert found["sizing"]["status"] == "ok"
    assert found["residual_bn"] < 1e-9
    table = pq.read_table(tmp_path / "deal.parquet").to_pydict()
    columns = {name: np.array(values, float) for name, values in table.items()}
    names = list(found["instruments"])
    # Every line is there: recompute the change of all accounts from the file alone.
    lines = "fees interest principal repaid_line called premium swept cured distributed"
    out = sum(columns[f"{x}.{line}"] for x in names for line in lines.split())
    into = sum(columns[f"{x}.{line}"] for x in names for line in ("draws", "revolved"))
    into = into + columns["cfads"] + columns["earned"] + columns["cure"]
    accounts = columns["cash"] + columns["reserve"] + columns["trapped"]
    before = np.append(found["uses_bn"]["reserve"], accounts[:-1])
    net = into + columns["supported"] - out - columns["spend"]
    np.testing.assert_allclose(accounts - before, net, atol=1e-9)
    np.testing.assert_allclose(columns["notes.balance"][-1], 0, atol=1e-9)
    book = openpyxl.load_workbook(tmp_path / "deal.xlsx", read_only=True)
    assert book.sheetnames == ["periods", "instruments"]


def test_sources_that_are_not_uses_are_refused(tmp_path):
    path = tmp_path / "deal.toml"
    path.write_text(SMALL.replace("plant_usd_bn = 120", "plant_usd_bn = 121"))
    run = buytime(path)
    assert run.returncode == 2
    assert run.stderr == (
        "deal.toml: uses: sources are 120.000000 and uses 121.000000 USD bn, expected "
        "them to be equal\n"
    )


BAD = {
    "misspelt key": ("coupon_pct = 5", "coupn_pct = 5", "did you mean 'coupon_pct'?"),
    "wrong unit": ("coupon_pct = 5", "coupon_bps = 500", "coupon_bps: unknown key"),
    "kind": ('"level"', '"levle"', "kind: got 'levle', expected one of balloon"),
    "negative": ("= 100", "= -100", "amount_usd_bn: got -100, expected a number at"),
    "nan": ("= 100", "= nan", "amount_usd_bn: got nan, expected a finite number"),
    "text": ("= 100", '= "100"', "amount_usd_bn: got '100', expected a number"),
    "periods": ("periods = 8", "periods = 8.5", "time.periods: got 8.5, expected a wh"),
    "path": (
        "bn = 20\n[[",
        "bn = [1, 2]\n[[",
        "cfads_usd_bn: got '2 numbers', expected",
    ),
    "no path": (
        "cfads_usd_bn = 20",
        "",
        "paths.cfads_usd_bn: got None, expected a num",
    ),
    "twice": ('"owners"', '"loan"', "name: got 'loan', expected a text that no other"),
    "no rank": ("rank = 0", "", "instruments[0].rank: got None, expected a value"),
    "share over 1": ("rank = 9", "rank = 9\nshare = 1.2", "between 0 and 1"),
    "no use": (
        "plant_usd_bn",
        "plant",
        "uses.plant: got 120, expected a key that ends",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_said_in_a_sentence(name, tmp_path):
    old, new, sentence = BAD[name]
    assert SMALL.count(old) >= 1
    path = tmp_path / "deal.toml"
    path.write_text(SMALL.replace(old, new, 1))
    with pytest.raises(BadInput) as caught:
        read_deal(str(path))
    assert any(sentence in message for message in caught.value.messages)
    assert all(m.startswith("deal.toml: ") for m in caught.value.messages)


def test_all_errors_of_a_file_in_one_pass(tmp_path):
    path = tmp_path / "deal.toml"
    text = SMALL.replace("coupon_pct", "coupn_pct").replace(
        "per_year = 1", "per_year = 3"
    )
    path.write_text(text.replace('"equity"', '"equty"'))
    with pytest.raises(BadInput) as caught:
        read_deal(str(path))
    assert len(caught.value.messages) == 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "the file is empty"), ("a = = 1", "not TOML"), (None, "no such file")],
)
def test_what_is_no_deal_file_is_refused(text, sentence, tmp_path):
    path = tmp_path / "deal.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BadInput, match=sentence):
        read_deal(str(path))
    with pytest.raises(BadInput, match="is a folder"):
        read_deal(str(tmp_path))


def test_a_floating_loan_is_not_sized(tmp_path):
    path = tmp_path / "deal.toml"
    text = EXAMPLE.read_text().replace(
        "coupon_pct = 6.5", "coupon_pct = 3\nfloats = true"
    )
    path.write_text(text)
    run = buytime(path)
    assert run.returncode == 2
    assert run.stderr == (
        "deal.toml: sizing.debt: got 'notes', expected a term loan at a fixed coupon\n"
    )


def sculpted(path, tenor: str, more: str = "") -> pathlib.Path:
    text = SMALL.replace('"level"', '"sculpted"').replace("tenor_years = 8", tenor)
    path.write_text(text.replace("rank = 0", f"rank = 0\n{more}", 1))
    return path


def test_a_sculpted_loan_longer_than_the_deal_is_refused(tmp_path):
    path = sculpted(tmp_path / "deal.toml", "tenor_years = 9")
    run = buytime(path)
    assert run.returncode == 2
    assert run.stderr == (
        "deal.toml: instruments[0].tenor_years: got 9.0, expected at most 8: the cash "
        "flow that it is sculpted to ends with the deal's 8 years (time.periods)\n"
    )
    sculpted(path, "tenor_years = 8", "starts_years = 2")
    with pytest.raises(BadInput, match=r"got 8\.0, expected at most 6 from year 2 on"):
        read_deal(str(path))


@pytest.mark.parametrize("tenor", ["tenor_years = 8", "tenor_years = 7.5", ""])
def test_a_sculpted_loan_within_the_deal_or_without_a_tenor_is_read(tenor, tmp_path):
    deal = read_deal(str(sculpted(tmp_path / "deal.toml", tenor)))
    assert deal.instruments[0]["kind"] == "sculpted"


def test_the_small_deal_is_sound(tmp_path):
    path = tmp_path / "deal.toml"
    path.write_text(SMALL)
    deal = read_deal(str(path))
    assert [x["name"] for x in deal.instruments] == ["loan", "owners"]
    assert deal.instruments[0]["contract"]["coupon"] == pytest.approx(0.05)
