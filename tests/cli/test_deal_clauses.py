"""Clauses of a deal file that would say nothing are refused, and yields are whole."""

import pytest

from scripts._deal_file import read_deal
from scripts._output import BadInput
from scripts._run import start
from scripts.deal import run
from tests.cli.test_deal import SMALL

LOAN = "tenor_years = 8"
DRAWS = """kind = "delayed_draw"
dates_years = [0, 2]
amounts_usd_bn = [60, 40]
availability_years = 2
fee_pct = 1
"""
KIND = 'kind = "level"\n'
AMOUNT = "amount_usd_bn = 100\n"
SECOND = '[[instruments]]\nname = "b"\nkind = "equity"\nrank = 9\namount_usd_bn = 0\n'

SILENT = {
    "floor of a fixed loan": (
        (LOAN, f"{LOAN}\nfloor_pct = 3"),
        "instruments[0].floor_pct: got 3, expected floats beside it",
    ),
    "step without a date": (
        (LOAN, f"{LOAN}\nstep_pct = 1"),
        "instruments[0].step_pct: got 1, expected step_from_years beside it",
    ),
    "make-whole without a call date": (
        (LOAN, f"{LOAN}\ncall_at_years = 2\nmake_whole_pct = 0.5"),
        "instruments[0].make_whole_pct: got 0.5, expected call_from_years beside it",
    ),
    "protection at par": (
        (LOAN, f"{LOAN}\ncall_protected = true"),
        "instruments[0].call_protected: got True, expected call_price_x or call_from_y",
    ),
    "protection of what nobody prepays": (
        (LOAN, f"{LOAN}\ncall_protected = true\ncall_price_x = 1.02"),
        "instruments: call_protected: got True, expected a sweep, a trap or a cure",
    ),
    "protection of what is not swept": (
        (LOAN, f"{LOAN}\ncall_protected = true\ncall_price_x = 1.02\nswept = false"),
        "instruments[0].call_protected: got True, expected swept",
    ),
    "cures of no test": (
        ("[uses]", "[support]\ncures = 2\ncapacity_usd_bn = 5\n[uses]"),
        "support.cures: got 2.0, expected covenants.default with dscr_x, leverage_x or",
    ),
    "cures that nobody pays": (
        (
            "[uses]",
            "[support]\ncures = 2\n[covenants]\ndefault = { dscr_x = 1 }\n[uses]",
        ),
        "support.cures: got 2.0, expected support.capacity_usd_bn, which pays",
    ),
    "margin without a toggle": (
        (LOAN, f"{LOAN}\ntoggle_margin_pct = 1"),
        "instruments[0].toggle_margin_pct: got 1, expected toggle beside it",
    ),
    "no maturity": (
        (LOAN, ""),
        "instruments[0].tenor_years: got None, expected a value: it would never be re",
    ),
    "grace beyond maturity": (
        (LOAN, f"{LOAN}\ngrace_years = 9"),
        "instruments[0].grace_years: got 9, expected at most its tenor_years, 8",
    ),
    "floating on nothing": (
        (LOAN, f"{LOAN}\nfloats = true"),
        "paths.index_pct: got None, expected a rate, on which 'loan' floats",
    ),
    "loan to no value": (
        ("[uses]", "[covenants]\ntrap = { ltv_share = 0.8 }\n[uses]"),
        "paths.value_usd_bn: got None, expected a value, for covenants.trap.ltv_share",
    ),
    "amount of a facility": (
        (KIND, DRAWS),
        "instruments[0].amount_usd_bn: got 100, expected no such clause of a delayed",
    ),
    "draw after availability": (
        (
            KIND + "rank = 0\n" + AMOUNT,
            DRAWS.replace("[0, 2]", "[0, 3]") + "rank = 0\n",
        ),
        "instruments[0].dates_years: got 3, expected at most availability_years, 2",
    ),
    "line drawn over its limit": (
        (KIND, 'kind = "revolver"\nlimit_usd_bn = 50\nfee_pct = 1\n'),
        "instruments[0].amount_usd_bn: got 100, expected at most its limit_usd_bn, 50",
    ),
    "convertible into nothing": (
        (KIND, 'kind = "convertible"\n'),
        "paths.parity_x: got None, expected what 'loan' converts into",
    ),
    "owners paid twice": (
        ("[uses]", f"{SECOND}[uses]"),
        "instruments: share: got [1.0, 1.0], expected shares of the equity that sum",
    ),
}


@pytest.fixture(scope="module", autouse=True)
def _started():
    start()


def written(tmp_path, *changes):
    text = SMALL
    for old, new in changes:
        assert text.count(old) >= 1
        text = text.replace(old, new, 1)
    path = tmp_path / "deal.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("what", SILENT)
def test_a_clause_that_would_do_nothing_is_refused(what, tmp_path):
    change, sentence = SILENT[what]
    with pytest.raises(BadInput) as caught:
        read_deal(written(tmp_path, change))
    assert len(caught.value.messages) == 1
    assert caught.value.messages[0].startswith(f"deal.toml: {sentence}")


def answer(tmp_path, *changes):
    document, _ = run(read_deal(written(tmp_path, *changes)), "deal.toml")
    return document["instruments"]


def test_terms_of_a_call_may_stand_without_a_call(tmp_path):
    terms = f"{LOAN}\ncall_from_years = 3\ncall_price_x = 1.02"
    assert read_deal(written(tmp_path, (LOAN, terms))).instruments[0]["kind"] == "level"


def test_two_owners_share_what_is_left_once(tmp_path):
    change = ("rank = 9\n", "rank = 9\nshare = 0.75\n")
    found = answer(tmp_path, change, ("[uses]", f"{SECOND}share = 0.25\n[uses]"))
    left = 8 * 20 - found["loan"]["paid_bn"]
    assert found["owners"]["paid_bn"] == pytest.approx(0.75 * left)
    assert found["b"]["paid_bn"] == pytest.approx(0.25 * left)


def test_a_convertible_earns_what_its_shares_are_worth(tmp_path):
    found = answer(
        tmp_path,
        (KIND, 'kind = "convertible"\n'),
        ("bn = 20\n", "bn = 20\nparity_x = 1.5\n"),
    )["loan"]
    assert found["paid_bn"] == pytest.approx(8 * 5)
    assert found["shares_bn"] == pytest.approx(150)
    assert found["average_life_years"] == pytest.approx(8)
    value = sum(5 / (1 + found["irr"]) ** k for k in range(1, 9))
    assert value + 150 / (1 + found["irr"]) ** 8 == pytest.approx(100)


def test_what_is_still_owed_at_the_end_has_no_yield_yet(tmp_path):
    found = answer(tmp_path, (LOAN, "tenor_years = 10"))["loan"]
    assert found["final_balance_bn"] > 10
    assert found["irr"] is None
    assert found["irr_status"] == "outstanding"
    assert found["loss_bn"] == 0
