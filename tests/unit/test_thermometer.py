import datetime
import types

import jax.numpy as jnp
import numpy as np
import pytest

from calibration.indicators import BY_NAME, INDICATORS, ITEMS, Reading
from calibration.thermometer import Observation, shape, thermometer
from engine.drivers.adoption import revenue_curve
from scripts import _observations
from scripts._output import BadInput
from scripts.thermometer import stated
from tests.config_files import CONFIGS
from tests.properties.runs import as_shipped

SHIPPED = CONFIGS / "observations" / "2026-10.csv"
HEAD = "name,date,value,unit,source\n"
GOOD = "neocloud_cds,2026-10-01,855.5,bps,a watch list\n"
CLOUD = "neoclouds.coreweave"


def faults(tmp_path, text):
    file = tmp_path / "seen.csv"
    if isinstance(text, bytes):
        file.write_bytes(text)
    else:
        file.write_text(text)
    with pytest.raises(BadInput) as caught:
        _observations.read(str(file))
    assert all("\n" not in m for m in caught.value.messages)
    return [m.replace(str(file), "FILE") for m in caught.value.messages]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("neocloud_cdx,2026-10-01,1,bps,x\n", "row 2: name 'neocloud_cdx' is no ind"),
        ("neocloud_cds,2026-13-01,1,bps,x\n", "row 2: date '2026-13-01'"),
        ("neocloud_cds,1.10.2026,1,bps,x\n", "expected YYYY-MM-DD"),
        ("neocloud_cds,2026-10-01,many,bps,x\n", "row 2: value 'many'"),
        ("neocloud_cds,2026-10-01,nan,bps,x\n", "expected a finite number"),
        ("neocloud_cds,2026-10-01,1,pct,x\n", "unit 'pct' of neocloud_cds, expected"),
        ("neocloud_cds,2026-10-01,1,bps,\n", "row 2: no source"),
        ("neocloud_backlog,2026-10-01,-1,usd_bn,x\n", "expected 0 or more"),
        ("neocloud_cds,2026-10-01,1,bps\n", "row 2: 4 cells, expected 5"),
        ("neocloud_cds,2026-10-01,1,bps,x,y\n", "row 2: 6 cells, expected 5"),
        (GOOD + GOOD, "row 3: neocloud_cds of 2026-10-01 stands in row 2 already"),
    ],
)
def test_a_bad_row_is_one_sentence_with_its_number(tmp_path, row, says):
    (message,) = faults(tmp_path, HEAD + row)
    assert says in message


def test_a_misspelt_indicator_gets_a_suggestion(tmp_path):
    (message,) = faults(tmp_path, HEAD + "neocloud_cdss,2026-10-01,1,bps,x\n")
    assert "did you mean 'neocloud_cds'?" in message


def test_all_faults_of_a_file_come_at_once(tmp_path):
    bad = "a,2026-10-01,1,bps,x\nneocloud_cds,x,y,bps,z\n"
    assert len(faults(tmp_path, HEAD + bad)) == 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "an empty file"),
        (HEAD, "no observations"),
        ("name,date,value\nx,y,1\n", "expected the columns"),
        (b"\xff\xfe\x00name", "not UTF-8"),
        (HEAD + '"open,2026-10-01', "expected a CSV file"),
    ],
)
def test_a_file_that_is_none_is_one_sentence(tmp_path, text, says):
    (message,) = faults(tmp_path, text)
    assert says in message


def test_a_folder_and_a_missing_file_are_one_sentence(tmp_path):
    for path, says in ((tmp_path, "folder"), (tmp_path / "none.csv", "not exist")):
        with pytest.raises(BadInput, match=says):
            _observations.read(str(path))


def test_the_shipped_file_reads_and_every_row_has_a_source():
    rows = _observations.read(str(SHIPPED))
    assert len(rows) > 25
    assert {BY_NAME[r["name"]].item for r in rows} == set(ITEMS)


def test_ages_count_from_a_stated_day_and_never_from_the_clock():
    rows = [{"day": datetime.date(2026, 10, 1)}]
    as_of = _observations.end_of_quarter(2026.75)
    assert as_of == datetime.date(2026, 9, 30)
    assert stated(None, as_of, rows) == datetime.date(2026, 10, 1)
    assert stated("2026-11-22", as_of, rows) == datetime.date(2026, 11, 22)
    with pytest.raises(BadInput, match="expected YYYY-MM-DD"):
        stated("soon", as_of, rows)


@pytest.mark.parametrize("day", [(2024, 2, 29), (2026, 1, 1), (2026, 12, 31)])
def test_a_day_is_a_decimal_year_and_back(day):
    date = _observations.decimal(datetime.date(*day))
    after = datetime.date(*day) + datetime.timedelta(days=1)
    assert _observations.decimal(after) - date == pytest.approx(1 / 365.5, rel=2e-3)


def seen(name, *values, last=2026.7, years=0.5):
    n = len(values)
    dates = [last - years * (n - 1 - i) for i in range(n)]
    return [
        Observation(name, d, "2026-09-01", v, 30, "a test")
        for d, v in zip(dates, values, strict=True)
    ]


def test_the_shape_of_growth_by_hand():
    linear = shape(seen("x", 10.0, 20.0, 30.0))
    assert linear["second_difference"] == pytest.approx(0.0)
    assert linear["shape"] == "between linear and exponential"
    doubling = shape(seen("x", 10.0, 20.0, 40.0))
    assert doubling["second_difference_of_log"] == pytest.approx(0.0)
    assert doubling["second_difference"] == pytest.approx(40.0)  # (40 − 20)/0.5
    assert doubling["growth_per_year"] == pytest.approx(3.0)
    assert shape(seen("x", 10.0, 20.0, 25.0))["shape"] == "slower than linear"


def test_the_price_of_the_notes_is_the_yield_that_the_tie_out_knows():
    at = Reading(110.2, 110.2, 0.05, 2025.84)
    assert BY_NAME["spv_price"].to_figure(at) == pytest.approx(0.0557 - 0.05, abs=5e-5)
    par = Reading(100.0, 100.0, 0.05, 2025.84)
    assert BY_NAME["spv_price"].to_figure(par) == pytest.approx(0.06581 - 0.05)


def stub(economy, grid, scenario):
    """t* = 2030 − 10 (spread − 0.062) − 100 max(0, 0.98 − collected); delay is free."""
    spread = economy[f"{CLOUD}.note_spread"] - 0.062
    lost = jnp.maximum(0.98 - economy[f"{CLOUD}.collected"], 0.0)
    g = 2030.0 - 10.0 * spread - 100.0 * lost - economy["adoption.midpoint"]
    first = jnp.where(g > 0, jnp.full_like(g, 9999.0), jnp.full_like(g, 2030.0))
    return types.SimpleNamespace(
        values={"neocloud_equity": g, "tenant_spv.return": g + 50.0},
        alternatives={},
        binding={},
        first={"neocloud_equity": first},
        events={"neocloud_equity": first},
    )


def read(*observations, **options):
    own = as_shipped("base")
    bounds = {
        f.name: tuple(sorted(x * f.factor for x in f.bounds))
        for f in own.config.figures
    }
    found = thermometer(
        own.economy, own.grid, observations, bounds, limit_states=stub, **options
    )
    return found, {x["name"]: x for x in found["indicators"]}


@pytest.fixture(scope="module")
def readings():
    return read(
        *seen("neocloud_cds", 620.0, 855.5),
        *seen("take_or_pay", 97.5),
        *seen("transformer_lead_time", 150.0, 160.0),
        *seen("substation_wait", 4.0),
        *seen("largest_customer", 36.0),
        *seen("spv_price", 110.2),
        *seen("power_tariff", 900.0),
    )


def test_every_sub_item_is_listed_with_the_keys_that_are_promised(readings):
    found, rows = readings
    assert found["criterion"] == "neocloud_equity"
    assert found["break_even"] == pytest.approx(2030.0)
    assert [x.name for x in INDICATORS] == list(rows)
    keys = {"name", "reading", "unit", "age_days", "colour"}
    for row in rows.values():
        assert keys | {"shift_of_break_even_years", "status"} <= set(row)
        if row["shift_of_break_even_years"] is None:
            assert row["status"] != "ok"
    assert {x["item"] for x in rows.values()} == set(ITEMS)


def test_a_shift_is_t_star_solved_again(readings):
    cds, paid = readings[1]["neocloud_cds"], readings[1]["take_or_pay"]
    assert cds["shift_of_break_even_years"] == pytest.approx(-10 * (0.08555 - 0.062))
    assert cds["linear_shift_years"] == pytest.approx(-10 * (0.08555 - 0.062))
    assert paid["shift_of_break_even_years"] == pytest.approx(-100 * 0.005)
    assert (cds["colour"], paid["colour"]) == ("green", "amber")


def test_thresholds_are_where_the_map_falls_by_so_much(readings):
    thresholds = readings[1]["neocloud_cds"]["thresholds"]
    assert thresholds["amber"]["above"] == pytest.approx(0.062 + 0.025)
    assert thresholds["red"]["above"] is None or thresholds["red"][
        "above"
    ] == pytest.approx(0.162)
    assert thresholds["amber"]["below"] is None


def test_what_the_engine_has_no_figure_for_says_so(readings):
    rows = readings[1]
    assert rows["largest_customer"]["status"] == "no_driver"
    assert rows["largest_customer"]["colour"] is None
    assert rows["adjuster_power"]["status"] == "no_observation"
    assert rows["substation_wait"]["status"] == "needs_two_observations"
    assert rows["spv_price"]["status"] == "always_holds"
    assert rows["power_tariff"]["status"] == "out_of_bounds"
    assert rows["transformer_lead_time"]["figure_value"] == pytest.approx(
        10 * 7 / 365.25
    )


def test_stale_is_older_than_the_indicator_allows(readings):
    assert readings[1]["neocloud_cds"]["is_stale"]  # 30 days, prices 14
    assert not readings[1]["take_or_pay"]["is_stale"]


def test_a_layer_that_fails_at_the_reading_is_red():
    _, rows = read(*seen("take_or_pay", 96.5))
    assert rows["take_or_pay"]["colour"] == "red"
    assert rows["take_or_pay"]["shift_of_break_even_years"] is None
    assert rows["take_or_pay"]["status"] == "fails_at_base"


def test_growth_on_the_base_path_implies_the_base_midpoint():
    own = as_shipped("base")
    dates = jnp.asarray([2026.9, 2027.4])
    revenue = np.asarray(revenue_curve(own.economy, own.grid, dates))
    _, rows = read(*seen("ai_revenue", *revenue.tolist(), last=2027.4))
    row = rows["ai_revenue"]
    assert row["implied_midpoint"] == pytest.approx(2028.8, abs=0.02)
    assert row["margin_years"] == pytest.approx(1.2, abs=0.02)
    assert row["shift_of_break_even_years"] is None
    assert (row["status"], row["colour"]) == ("moves_midpoint", "green")


def test_revenue_that_falls_has_no_midpoint():
    _, rows = read(*seen("ai_revenue", 150.0, 120.0))
    assert rows["ai_revenue"]["status"] == "no_growth"
    assert rows["ai_revenue"]["colour"] == "red"


def test_an_unknown_criterion_is_refused():
    with pytest.raises(ValueError, match="bogus"):
        read(*seen("take_or_pay", 98.0), criterion="bogus")
