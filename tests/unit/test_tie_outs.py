"""Reported figures are read strictly, and a line says honestly whether it ties."""

import pytest

from scripts._output import BadInput
from scripts.tie_outs.reported import FOLDER, Reported, read
from scripts.tie_outs.rows import derived, tie, total

FIGURE = '{ value = 2.0, source = "a filing", date = "2026-06", confidence = "V1" }'


def figure(low, high=None, date="2026-06"):
    return Reported(low, low if high is None else high, "a filing", date, "V1")


def written(folder, text):
    (folder / "deal.toml").write_text(text)
    return folder


def leaves(found):
    for value in found.values():
        if isinstance(value, dict):
            yield from leaves(value)
        elif isinstance(value, Reported):
            yield value


@pytest.mark.parametrize("name", sorted(p.stem for p in FOLDER.glob("*.toml")))
def test_every_reported_figure_has_a_source_a_date_and_a_confidence(name):
    found = list(leaves(read(name)))
    assert len(found) >= 5  # the tax rules; the deals have dozens
    assert all(x.source and x.date >= "2025" for x in found)


def test_a_range_is_held_by_its_middle(tmp_path):
    text = FIGURE.replace("value = 2.0", "low = 1.0, high = 3.0")
    found = read("deal", written(tmp_path, f"[guidance]\nrevenue = {text}\n"))
    guided = found["guidance"]["revenue"]
    assert (guided.low, guided.high, guided.value) == (1.0, 3.0, 2.0)
    assert guided.is_range


def test_every_fault_of_a_file_is_said_at_once(tmp_path):
    text = "\n".join(
        [
            "[a]",
            "one = " + FIGURE.replace("2.0", '"two"'),
            "two = " + FIGURE.replace("V1", "sure"),
            "three = " + FIGURE.replace("a filing", " "),
            "four = " + FIGURE.replace("value = 2.0", "low = 3.0, high = 1.0"),
            "five = " + FIGURE.replace("value = 2.0", "low = 3.0"),
            "six = " + FIGURE.replace("2.0", "nan"),
        ]
    )
    with pytest.raises(BadInput) as caught:
        read("deal", written(tmp_path, text))
    messages = caught.value.messages
    keys = ("one", "two", "three", "four", "five", "six")
    assert len(messages) == len(keys)
    for key, message in zip(keys, messages, strict=True):
        assert "deal.toml" in message
        assert key in message


def test_a_file_that_is_missing_or_no_toml_is_said(tmp_path):
    with pytest.raises(BadInput, match="expected a TOML file"):
        read("deal", tmp_path)
    with pytest.raises(BadInput, match="expected TOML"):
        read("deal", written(tmp_path, "[a"))


@pytest.mark.parametrize(
    ("model", "ties"), [(2.19, True), (2.21, False), (1.81, True), (1.79, False)]
)
def test_a_line_ties_within_a_tenth(model, ties):
    row = tie("x", figure(2.0), model)
    assert row["ties"] is ties
    assert row["difference"] == pytest.approx(model / 2.0 - 1.0)
    assert row["inside"] is False


def test_a_line_can_be_inside_a_wide_range_and_not_tie():
    row = tie("x", figure(1.0, 3.0), 2.9)
    assert row["inside"] is True
    assert row["ties"] is False


def test_what_is_derived_is_as_old_as_its_newest_input():
    inputs = [figure(1.0, 2.0), figure(3.0, date="2026-08")]
    found = total(inputs, "both")
    assert (found.low, found.high) == (4.0, 5.0)
    assert (found.date, found.confidence) == ("2026-08", "D")
    assert derived(0.0, 0.0, "nothing", figure(1.0)).value == 0.0
