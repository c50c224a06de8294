import copy
import html
import re

import pytest

from scripts import _fans
from scripts.report import chain, flows, guarantee, positions, style, tornado
from scripts.report.page import render

LAYERS = ("lab", "neocloud_equity", "neocloud_secured", "bank_spv", "lp")
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
    "positions",
    "method",
)


def transferred(holder, final, loss):
    return {
        "origin": "openai",
        "vehicle": "coreweave",
        "instrument": "secured",
        "holder": holder,
        "final": final,
        "loss_bn": loss,
    }


LEAK = {
    "total_bn": 4.0,
    "open": True,
    "parts_bn": {"fund_lines": 4.0},
    "quarters_to_half": 3.0,
    "quarters_to_most": None,
}
CHAIN = {
    "total_bn": 3.5,
    "classification": "expensive_failure",
    "first_failure": {"layer": "neocloud_equity", "date": 2028.0},
    "rows": [transferred("fund", "pension", 3.0), transferred("bank", "bank", 0.5)],
    "by_origin": {"openai": 3.5},
    "leaks": {"bank": LEAK, "public": LEAK | {"open": False}},
    "shareholders": [{"vehicle": "coreweave", "holder": "nvidia", "loss_bn": 5.0}],
    "commitments": [{"lab": "openai", "supplier": "oracle", "loss_bn": 7.0}],
}


def estimate(value, error=0.1):
    return {"value": value, "standard_error": error}


GUARANTEED = {
    "default_probability": estimate(0.5),
    "years_later": None,
    "credit_loss_bn": estimate(50.0),
    "ratio": estimate(1.27),
    "expected_claims_bn": estimate(20.0),
    "claims_quantiles_bn": {"0.95": 40.0},
    "subsidy_bn": estimate(15.0),
    "contingent_liability_bn": estimate(300.0),
    "fair_premium_per_year": estimate(0.009, 0.0001),
    "default_dates": [2030.0, 2031.0, 2100.0],
}
PAID = {
    "midpoint": 2028.8,
    "irr": 0.083,
    "irr_status": "ok",
    "moic": 1.3,
    "value_bn": 3.7,
    "loss_bn": 0.0,
}
NOTHING = {"value": None, "to": None, "status": "none_within_bounds"}
TURN = {"value": 2.661, "to": "bet_won", "status": "at_jump", "within_range": True}
FLIP = {
    "story": "base",
    "key": "capex_x",
    "unit": "x",
    "value": 2.9,
    "range": [2.4, 3.3],
    "classification": "expensive_failure",
    "below": TURN,
    "above": NOTHING,
}


def shift(value, status="ok"):
    return {
        "value": value,
        "status": status,
        "check_up": -3.0,
        "check_down": -3.1,
        "step": 1e-5,
        "moves": {
            "size": 0.01,
            "up": -0.03,
            "down": None,
            "status_up": "ok",
            "status_down": "always_holds",
        },
    }


def criterion(value, status="ok", **changes):
    is_found = value is not None
    found = {
        "value": value,
        "status": status,
        "bound": None if is_found else 2046.8,
        "equivalents": {
            "duration_10_90": 7.5 if is_found else None,
            "hurdle_date_article": 2029.4 if is_found else None,
            "hurdle_date_life_adjusted": None,
        },
        "binding": {"quarter": 3, "date": 2030.0, "limit": "x", "headroom": 0.0},
        "sensitivities": {},
        "gradients": {},
        "event": None,
        "full_grid": {"value": None, "status": "never_holds", "bound": 2027.3},
    }
    if is_found:
        found["sensitivities"] = {
            "rate.future": shift(-3.0),
            "leverage.future": shift(None, "at_jump"),
        }
        found["gradients"] = {"gpu.decay": -4.0, "physics.delay": 900.0}
    return found | changes


def fan(n):
    rows = {str(q): [q] * n for q in _fans.QUANTILES}
    return {"quantiles": rows, "failed": [0.0] * n}


@pytest.fixture(scope="module")
def material():
    dates = [2027.0 + 0.25 * i for i in range(8)]
    requirement = {
        "ebitda_bn": 360.0,
        "revenue_bn": 553.8,
        "gdp_share": 0.0191,
        "cloud_multiple": 1.38,
        "equity_yield": 0.225,
    }
    told = {
        "order_of_failure": [
            {
                "layer": "neocloud_equity",
                "entity": "coreweave",
                "event": "default",
                "date": 2028.0,
                "loss_bn": 40.0,
            }
        ],
        "classification": "expensive_failure",
        "residuals": {"cash": 1e-15, "balance_sheet": 2e-13, "seniority": 0.0},
        "chain": CHAIN,
    }
    path = {
        "date": dates,
        "middle": dates,
        "revenue": [100.0 + 60 * i for i in range(8)],
        "failures": dict.fromkeys(LAYERS, 9999.0) | {"neocloud_equity": 2028.0},
        "losses": dict.fromkeys(LAYERS, 0.0) | {"neocloud_equity": 40.0},
        "holders": {"pension": 1.0, "insurer": 2.0, "outside": 0.0, "bank": 0.5},
        "capital": [
            {"source": "End users", "target": "openai", "kind": "revenue", "value": 9},
            {"source": "openai", "target": "coreweave", "kind": "compute", "value": 5},
        ],
    }
    layers = {
        "lab": criterion(2028.9),
        "neocloud_equity": criterion(2029.96),
        "neocloud_secured": criterion(
            2031.1, "at_jump", event={"name": "neocloud_equity"}
        ),
        "bank_spv": criterion(None, "always_holds"),
        "lp": criterion(None, "not_converged", bound=None),
        "system.return": criterion(2030.2, "at_kink"),
    }
    heat = {
        "criterion": "neocloud_equity",
        "axes": {"rate.future": [-0.01, 0.0], "leverage.future": [0.0, 0.1]},
        "value": [[2030.0, None], [2029.96, 2030.3]],
        "status": [["ok", "always_holds"], ["ok", "at_kink"]],
    }
    return {
        "config": {
            "path": "configs/<base>.toml",
            "set": [],
            "hash": "ab" * 32,
            "as_of": 2026.75,
            "start": 2025.0,
            "end": 2051.0,
            "horizon": 2031.75,
            "folder": None,
        },
        "hurdle": {
            "article": requirement,
            "life_adjusted": requirement | {"revenue_bn": 841.3},
            "gradients": {
                "hurdle.return_pct": requirement
                | {"life_adjusted": requirement, "unit": "per %"}
            },
        },
        "breakeven": {
            "base": 2028.8,
            "earliest": "neocloud_equity",
            "layers": layers,
        },
        "maps": {"future": heat},
        "positions": {
            "base": 2028.8,
            "horizon": 2033.75,
            "payoffs": {name: [PAID] for name in positions.NAMES},
            "exposures": {
                name: {
                    "shifts.rate_all_pct": {"value": -50.0, "status": "ok"},
                    "adoption.ceiling_share": {"value": None, "status": "at_jump"},
                }
                for name in positions.NAMES
            },
        },
        "guarantee": {
            "scenarios": 1024,
            "horizon": 2031.75,
            "stories": {"slow": dict.fromkeys(guarantee.VARIANTS, GUARANTEED)},
        },
        "flips": [FLIP, FLIP | {"key": "power.price", "below": NOTHING}],
        "stories": {"base": told, "disproved": told},
        "paths": {"base": path, "disproved": path},
        "history": {"date": [2025.1, 2025.4], "revenue": [31.0, 41.0]},
        "fans": {
            "scenarios": 512,
            "date": dates,
            "headroom": {name: fan(8) for name in LAYERS},
            "dscr": {"coreweave": fan(8)},
        },
        "summary": None,
        "sweep": {},
        "versions": None,
        "figures": {
            "number": 2,
            "ranged": 1,
            "confidence": {"choice": 1, "V1": 1},
            "names": {
                "gpu.decay": {
                    "path": "gpu.decay_per_year",
                    "value": 0.2,
                    "factor": 1.0,
                    "confidence": "V1",
                    "range": [0.1, 0.3],
                },
                "physics.delay": {
                    "path": "physics.delay_years",
                    "value": 1.0,
                    "factor": 1.0,
                    "confidence": "choice",
                    "range": [0.0, 1.0],
                },
            },
        },
    }


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
