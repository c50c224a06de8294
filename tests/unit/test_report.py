import copy
import html
import re

import pytest

from scripts.report import chain, flips, flows, look_through, style, tornado
from scripts.report.page import render
from tests import report_material
from tests.report_material import CHAIN, criterion, transferred

SECTIONS = (
    "answer",
    "hurdle",
    "timing",
    "map",
    "failures",
    "fans",
    "flows",
    "chain",
    "guarantee",
    "look-through",
    "positions",
    "leases",
    "deals",
    "method",
)


@pytest.fixture(scope="module")
def material():
    return report_material.material()


@pytest.fixture(scope="module")
def page(material):
    return render(material)


def prose(page):
    """What a reader sees: no scripts, styles or tags."""
    bare = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.S)
    return html.unescape(re.sub(r"<[^>]+>", " ", bare))


def test_page_is_one_file_that_fetches_nothing(page):
    markup = re.sub(r"<script>.*?</script>", "", page, flags=re.S)
    assert re.findall(r"(?:src|href)\s*=\s*[\"'](?!#)", markup) == []
    assert "@import" not in markup
    assert "url(" not in markup
    assert page.count("<script") == page.count("</script>")
    assert len(page.encode()) < 8e6


@pytest.mark.parametrize("name", SECTIONS)
def test_page_has_every_section(page, name):
    assert f'id="{name}"' in page


def test_no_number_without_a_meaning_is_printed(page):
    assert (
        re.findall(r"\b(?:nan|NaN|inf|Infinity|None|null|undefined)\b", prose(page))
        == []
    )


def test_every_navigation_link_has_its_target(page):
    for name in re.findall(r'href="#(\w+)"', page):
        assert f'id="{name}"' in page


def test_answer_names_the_first_financed_layer_and_its_date(page):
    text = " ".join(prose(page).split())
    assert "until December 2029" in text
    assert "Neocloud equity breaks first" in text
    assert "no derivative at jump" in text


def test_text_from_a_config_cannot_become_markup(page):
    assert "configs/&lt;base&gt;.toml" in page


def test_a_layer_that_failed_at_base_is_said_and_not_dated(material):
    changed = copy.deepcopy(material)
    found = changed["breakeven"]["layers"]["neocloud_equity"]
    found |= {"value": None, "status": "fails_at_base", "sensitivities": {}}
    text = " ".join(prose(render(changed)).split())
    assert "There is no time to buy" in text


def test_a_layer_that_never_breaks_is_said(material):
    changed = copy.deepcopy(material)
    never = criterion(None, "always_holds")
    for name in changed["breakeven"]["layers"]:
        changed["breakeven"]["layers"][name] = never
    assert "No financed layer breaks" in prose(render(changed))


def test_page_without_maps_and_losses_says_so(material):
    changed = copy.deepcopy(material) | {"maps": {}}
    for told in changed["stories"].values():
        told["chain"] |= {"rows": [], "total_bn": 0.0}
    text = prose(render(changed))
    assert "Not computed for this report" in text
    assert "No credit loss arises" in text


def test_the_picture_of_a_loss_conserves_it_at_every_holder():
    shown = chain.chart(CHAIN).data[0]
    into, out = {}, {}
    for a, b, value in zip(
        shown.link.source, shown.link.target, shown.link.value, strict=True
    ):
        out[a] = out.get(a, 0.0) + value
        into[b] = into.get(b, 0.0) + value
    first, last = set(out) - set(into), set(into) - set(out)
    assert sum(out[n] for n in first) == pytest.approx(3.5)
    assert sum(into[n] for n in last) == pytest.approx(3.5)
    for node in set(into) & set(out):
        assert into[node] == pytest.approx(out[node])
    assert "Pension funds 3.0" in shown.node.label


def test_an_agency_has_a_column_where_it_bears_a_loss():
    assert "Agency" not in chain.heads(CHAIN)
    own = transferred("agency", "agency", 0.25) | {"instrument": "notes"}
    told = CHAIN | {"rows": [*CHAIN["rows"], own], "total_bn": 3.75}
    heads, rows = chain.heads(told), chain.origins(told)
    assert heads[-2:] == ["Agency", "Total"]
    assert [len(row) for row in rows] == [len(heads)] * len(rows)
    assert (rows[-1][-2], rows[-1][-1]) == ("0.25", "3.75")


def test_the_page_says_which_leak_is_open(page):
    text = " ".join(prose(page).split())
    assert "1, banks 4.00 fund lines 4.0 open" in text
    assert "2, public markets 4.00 fund lines 4.0 closed" in text
    assert "suppliers of OpenAI 7.0" in text


def test_the_page_says_what_would_turn_the_verdict(page):
    text = " ".join(prose(page).split())
    assert "capex_x [x] 2.9 2.4 to 3.3 ≤ 2.661* won (jump)" in text
    assert "No value within its bounds turns any story: power.price" in text


def test_the_page_says_what_each_layer_earns(page):
    text = " ".join(prose(page).split())
    assert "Its unsecured notes 1.30× 8.3%" in text
    assert "-0.50 – jump" in text


def test_the_page_gives_the_guarantee_its_errors(page):
    text = " ".join(prose(page).split())
    assert "all four effects 50.0 ± 10.0 %" in text
    assert "1.270 ± 0.100" in text
    assert "90 ± 1" in text


def test_the_page_holds_the_deals_against_their_documents(page, material):
    text = " ".join(prose(page).split())
    assert "9 of 10 lines are within" in text
    assert "interest on Treasuries: 1.47 against 1.16 (+26.7 %): waited in" in text
    assert "revenue of the last quarter 4.00 to 5.00 4.40 -2.2 % ties, in" in text
    assert "End of Q4 2026, USD bn" in text
    assert "Meta 12.3 12.3 12.3 12.3 12.3 12.3 12.3" in text
    without = copy.deepcopy(material) | {"tie_outs": {"coreweave": None}}
    assert "the config has neither deal" in prose(render(without))


def test_a_derivative_too_steep_to_hold_is_flagged_not_drawn(material):
    found = material["breakeven"]["layers"]["lab"]
    assert tornado.steep(found, material["figures"]) == ["physics.delay_years"]
    shown = tornado.chart(found, material["figures"])
    assert max(abs(x) for x in shown.data[0].x if x is not None) < tornado.LIMIT


def test_a_shift_without_a_derivative_says_so_in_the_chart(material):
    found = material["breakeven"]["layers"]["lab"]
    shown = tornado.chart(found, material["figures"])
    assert any("no derivative: at jump" in text for text in shown.data[0].text)
    low, high = shown.layout.xaxis.range
    assert all(low < x < high for x in shown.data[1].x)


def test_payments_between_the_same_two_add_up_and_dust_is_left_out():
    book = flows.Ledger()
    for value in (1.0, 2.0):
        book.pay("a", "b", value, "loss")
    book.pay("a", "c", 0.001, "loss")
    assert book.links() == [{"source": "a", "target": "b", "kind": "loss", "value": 3}]


@pytest.mark.parametrize(
    ("value", "text"),
    [(-0.001, "0.00"), (-1.5, "−1.50"), (float("nan"), "–"), (None, "–"), (1, "+1.00")],
)
def test_numbers_are_written_for_people(value, text):
    assert style.number(value, 2, sign=True) == text


@pytest.mark.parametrize(("date", "text"), [(2026.75, "Q3 2026"), (2027.0, "Q4 2026")])
def test_a_quarter_is_named_by_its_end(date, text):
    assert style.quarter(date) == text


def test_exposures_are_summed_and_shared_as_given(material):
    found = look_through.content(material)
    assert found["largest"] == [("OpenAI", "75\u2009%"), ("Meta", "25\u2009%")]
    assert found["rows"][0][1:] == ["4.0", "OpenAI", "75\u2009%", "0.62"]
    # A holder of nothing has no largest share.
    assert found["rows"][1][3] == "–"
    assert look_through.content({}) is None


def test_a_flip_whose_search_did_not_end_has_no_value(material):
    side = {"value": None, "to": "systemic", "status": "not_converged"}
    silent = {"value": None, "to": None, "status": "none_within_bounds"}
    one = {"story": "base", "key": "k", "unit": "1", "value": 1.0, "range": None}
    found = {"flips": [{**one, "below": side, "above": silent}]}
    assert flips.rows(found)[0][-1] == "≤ ? systemic"
    assert flips.silent(found) == []


def test_flip_values_have_no_exponent_and_dates_their_quarter():
    def cell(value, unit):
        side = {"value": value, "to": "bet_won", "status": "ok", "within_range": False}
        none = {"value": None, "to": None, "status": "none_within_bounds"}
        one = {"story": "base", "key": "k", "unit": unit, "value": value, "range": None}
        return flips.rows({"flips": [{**one, "below": side, "above": none}]})[0]

    assert cell(2029.374, "decimal year")[1] == "2029.37"
    assert cell(14400.0, "USD bn")[3] == "≤ 14\u2009400 won"
    assert cell(6.147e-05, "share")[3] == "≤ 0.00006147 won"
