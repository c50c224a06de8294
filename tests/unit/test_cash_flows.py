import collections

import numpy as np
import openpyxl
import pyarrow.parquet as pq
import pytest

from engine.grid import DT
from scripts import _cash_flows, _ventures
from scripts._cash_rows import VEHICLES
from tests.properties.runs import built, run

STORY = "disproved"  # a neocloud and SPVs default in it: their rows must end


@pytest.fixture(scope="module")
def story():
    _, economy, state, grid = built(STORY)
    return (economy, state, grid), run(STORY)


@pytest.fixture(scope="module")
def found(story):
    return list(_cash_flows.tables(*story))


def by_item(table, part):
    return {line.item: line.amounts for line in table.lines if line.part == part}


def test_every_vehicle_has_a_table(found, story):
    economy = story[0][0]
    members = [(f, m) for f in VEHICLES for m in economy.members(f)]
    assert [(t.family, t.vehicle) for t in found] == members


@pytest.mark.parametrize("part", ["cash", "debt"])
def test_sources_are_uses_in_every_quarter(found, part):
    # Recomputed from the rows as printed, not from the check row.
    tested = 0
    for table in found:
        rows = by_item(table, part)
        if not rows:
            continue
        closing = rows.pop(f"closing {part}")
        check = rows.pop(f"check: sources less uses, {part}")
        scale = np.maximum(np.max([np.abs(x) for x in rows.values()], axis=0), 1.0)
        assert np.max(np.abs(sum(rows.values()) - closing) / scale) < 1e-10
        assert np.max(np.abs(check) / scale) < 1e-10
        tested += 1
    assert tested >= (9 if part == "cash" else 6)


@pytest.mark.parametrize("part", ["cash", "debt"])
def test_a_quarter_opens_where_the_last_closed(found, part):
    for table in found:
        rows = by_item(table, part)
        if rows:
            opening, closing = rows[f"opening {part}"], rows[f"closing {part}"]
            np.testing.assert_allclose(opening[1:], closing[:-1], rtol=1e-12)


def test_the_rows_of_a_failed_deal_end(found):
    coreweave = next(t for t in found if t.vehicle == "coreweave")
    alive = by_item(coreweave, "memo")["alive"]
    gone = np.flatnonzero(alive == 0.0)
    assert gone.size > 0
    for part in ("cash", "debt"):
        for item, amounts in by_item(coreweave, part).items():
            # In the quarter of default, what was there leaves with the failed.
            if not item.startswith(("opening", f"{part} of what failed")):
                assert np.all(amounts[gone] == 0.0), item
    memo = by_item(coreweave, "memo")
    lost = memo["loss of the lenders"] + memo["paid by the guarantee"]
    failed = np.sum(memo["claims that failed"])
    recovered = np.sum(memo["recovered by lenders"])
    assert failed > 0.0
    # Recoveries arrive over years: by the end of the grid nearly all have.
    assert np.sum(lost) + recovered == pytest.approx(failed, rel=1e-3)


def test_the_rows_are_the_contract_of_hyperion(found):
    hyperion = next(t for t in found if t.vehicle == "hyperion")
    rows = by_item(hyperion, "cash")
    np.testing.assert_allclose(rows["interest, loan"][0], -27.3 * 0.06581 * DT)
    np.testing.assert_allclose(rows["rent collected"][:8], 0.0)
    assert by_item(hyperion, "debt")["opening debt"][0] == pytest.approx(27.3)
    x = (2026.75 - 2024.8) / (2029.25 - 2024.8)
    left = 1.0 - x * x * (3.0 - 2.0 * x)  # of the S-curve
    assert np.sum(rows["construction"]) == pytest.approx(-23.03 * left, rel=1e-9)


def test_first_quarters_tie_to_what_was_reported(found):
    # Away from `ties` every difference says why; what must tie does.
    told = collections.Counter()
    for table in found:
        for line in table.lines:
            report = table.reports.get(line.item)
            if report is None:
                continue
            why = report.why(float(line.amounts[0]))
            is_tied = why.startswith("ties")
            assert is_tied or len(report.reason) > 10, (table.vehicle, line.item)
            assert all(key in why for key in report.keys)
            told["tied" if is_tied else "explained"] += 1
            if line.item == "opening cash":
                assert is_tied, table.vehicle
    assert told["tied"] > told["explained"] > 5


def test_files_hold_all_of_it(story, found, tmp_path):
    _cash_flows.write(tmp_path, *story)
    table = pq.read_table(tmp_path / "cash_flows.parquet")
    n = story[0][2].n_model
    assert table.num_rows == n * sum(len(t.lines) for t in found)
    columns = table.to_pydict()
    assert set(columns) == {
        "family", "vehicle", "date", "part", "item", "unit", "amount", "reported",
        "difference", "reason",
    }  # fmt: skip
    told = [i for i, reason in enumerate(columns["reason"]) if reason]
    for i in told:
        gap = columns["amount"][i] - columns["reported"][i]
        assert columns["difference"][i] == pytest.approx(gap)
        assert columns["date"][i] == min(columns["date"])
    book = openpyxl.load_workbook(tmp_path / "cash_flows.xlsx", read_only=True)
    assert book.sheetnames == ["vehicles", *(t.vehicle for t in found)]
    header = next(book["hyperion"].iter_rows(values_only=True))
    assert header[:7] == (
        "item", "part", "unit", "last reported", "difference", "reason", "2027.00",
    )  # fmt: skip
    assert len(header) == 6 + n


OWNERS = ("the vehicle", "the other owners")


def test_a_venture_adds_up_and_hands_everything_on(found, story):
    economy, _, grid = story[0]
    ventures = [t for t in found if by_item(t, "venture")]
    assert [t.vehicle for t in ventures] == [
        name
        for name in economy.members("spvs")
        if 0.0 < float(economy[f"spvs.{name}.ownership"]) < 1.0
    ]
    assert "hyperion" in [t.vehicle for t in ventures]
    for table in ventures:
        rows, own = by_item(table, "venture"), by_item(table, "cash")
        memo = by_item(table, "memo")
        share = float(economy[f"spvs.{table.vehicle}.ownership"])
        put = {x: rows[f"contributed by {x}"] for x in OWNERS}
        got = {x: -rows[f"distributed to {x}"] for x in OWNERS}
        assert sum(np.sum(x) for x in put.values()) > 1.0
        for x in (*put.values(), *got.values()):
            assert np.min(x) >= 0.0
        # Level by level: what the vehicle pays in, less what it gets, is its own rows.
        level = [
            "rent collected", "operating costs", "owed by a tenant who left",
            "construction", "construction beyond budget",
            "damages from the contractor", "damages to the tenant",
        ]  # fmt: skip
        net = got["the vehicle"] - put["the vehicle"]
        np.testing.assert_allclose(net, sum(own[x] for x in level), atol=1e-10)
        others = got["the other owners"] - put["the other owners"]
        whole = sum(rows[f"{x}, venture"] for x in level)
        np.testing.assert_allclose(net + others, whole, atol=1e-10)
        np.testing.assert_allclose(others * share, net * (1.0 - share), atol=1e-10)
        np.testing.assert_allclose(
            rows["check: sources less uses, venture"], 0.0, atol=1e-10
        )
        accounts = [x for item, x in rows.items() if item.startswith("cash of the veh")]
        assert len(accounts) == 4
        np.testing.assert_allclose(sum(accounts), own["closing cash"], atol=1e-10)
        escrow = rows["cash of the vehicle in Treasury bills before rent"]
        starts = float(economy[f"spvs.{table.vehicle}.rent_start"])
        dates = np.asarray(grid.modelled(grid.ends))
        assert np.all(escrow[dates > starts + 1e-9] == 0.0)
        assert np.max(memo["alive"]) == 1.0


def test_the_venture_of_hyperion_is_the_campus(found):
    """All of it against the deal's own figures: 28.79 to build, Meta's 5.76 of it."""
    rows = by_item(next(t for t in found if t.vehicle == "hyperion"), "venture")
    x = (2026.75 - 2024.8) / (2029.25 - 2024.8)
    left = 1.0 - x * x * (3.0 - 2.0 * x)
    assert np.sum(rows["construction, venture"]) == pytest.approx(-28.7875 * left)
    meta = np.sum(rows["contributed by the other owners"])
    assert meta == pytest.approx(5.7575 * left, rel=1e-9)


def test_a_venture_by_hand():
    """80 % of 10 of rent, 2 of costs, 4 to build; then damages above what comes in."""
    nothing = np.zeros(2)
    cash = {
        "rent collected": np.array([8.0, 0.8]),
        "operating costs": np.array([-1.6, 0.0]),
        "damages to the tenant": np.array([0.0, -2.4]),
        "construction": np.array([-3.2, 0.0]),
        "closing cash": np.array([5.0, 7.0]),
        "in the debt service reserve": np.array([1.0, 2.0]),
        "in the trap account": nothing,
    }
    rows = dict(_ventures.venture_rows(cash, 0.8, np.array([1.0, 0.0])))
    expected = {
        "contributed by the vehicle": [3.2, 1.6],
        "contributed by the other owners": [0.8, 0.4],
        "rent collected, venture": [10.0, 1.0],
        "construction, venture": [-4.0, 0.0],
        "distributed to the vehicle": [-6.4, 0.0],
        "distributed to the other owners": [-1.6, 0.0],
        "check: sources less uses, venture": [0.0, 0.0],
        "cash of the vehicle in Treasury bills before rent": [4.0, 0.0],
        "cash of the vehicle free after rent starts": [0.0, 5.0],
    }
    for item, amounts in expected.items():
        np.testing.assert_allclose(rows[item], amounts, atol=1e-14, err_msg=item)
