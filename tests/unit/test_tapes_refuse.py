import pathlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.config import EconomyConfig
from engine.config.tape_cells import MAX_FAULTS
from engine.config.tape_files import MAX_ROWS
from engine.config.tapes import Tapes, read_tapes
from tests.config_files import CONFIGS, errors

HEADER = "id,tenant,notes_usd_bn,coupon_pct,completion_date,holders_notes.fund"
GOOD = ("alpha,meta,2.0,6.5,2028.5,1.0", "beta,outside,1.0,,,")
CLOUDS = "id,legacy_revenue_usd_bn_per_year,ddtl_usd_bn,customers.openai"

BAD = {
    "duplicate id": (
        "alpha,meta,2.0,6.5,2028.5,1.0", "id: got 'alpha' again", "than in row 2",
    ),
    "id of the config": (
        "hyperion,meta,2.0,,,", "id: got 'hyperion'", "spvs.hyperion of the config",
    ),
    "no id": (",meta,2.0,,,", "id: got nothing", "a name for the deal"),
    "id with a dot": ("a.b,meta,2.0,,,", "id: got 'a.b'", "letters, digits"),
    "text in a number": (
        "gamma,meta,2.0,six,,", "coupon_pct: got 'six'", "expected a number in %",
    ),
    "no principal": (
        "gamma,meta,,6.5,,", "notes_usd_bn: got nothing", "a number in USD bn",
    ),
    "negative principal": (
        "gamma,meta,-2.0,,,", "notes_usd_bn: got -2", "within its bounds [1e-06, ",
    ),
    "infinite": ("gamma,meta,inf,,,", "notes_usd_bn: got 'inf'", "a finite number"),
    "not a number": ("gamma,meta,nan,,,", "notes_usd_bn: got 'nan'", "finite number"),
    "unknown tenant": (
        "gamma,mete,2.0,,,", "tenant: got unknown entity 'mete'", "did you mean 'meta'",
    ),
    "no tenant": ("gamma,,2.0,,,", "tenant: got nothing", "one of meta, "),
    "completion before start": (
        "gamma,meta,2.0,,2023.5,", "completion_date: got 2023.5",
        "after construction_start_date 2024.75",
    ),
    "share over one": (
        "gamma,meta,2.0,,,1.5", "holders_notes.fund: got 1.5", "a share of at most 1",
    ),
    "holders do not sum to one": (
        "gamma,meta,2.0,,,0.6", "holders_notes: got shares that sum to 0.6",
        "a sum of one",
    ),
}  # fmt: skip


def write(path: pathlib.Path, *lines: str) -> pathlib.Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def refused(base: EconomyConfig, path: pathlib.Path, family: str = "spvs"):
    tapes = Tapes(**{family: str(path)})
    deals, messages = read_tapes(base.model_copy(update={"tapes": tapes}))
    assert deals == {}  # nothing half-loaded
    assert all(m.startswith(f"{path.name}: ") for m in messages), messages
    return messages


@pytest.mark.parametrize("what", BAD)
def test_a_bad_cell_is_one_sentence_with_its_row(what, base, tmp_path):
    bad, *says = BAD[what]
    messages = refused(base, write(tmp_path / "deals.csv", HEADER, *GOOD, bad))
    assert len(messages) == 1, messages
    for part in ("deals.csv: row 4: ", *says, "expected "):
        assert part in messages[0]


COLUMNS = {
    "missing": ("tenant", "landlord", "got no column 'tenant', expected id, tenant"),
    "misspelt": ("coupon_pct", "cuopon_pct", "did you mean 'coupon_pct'?"),
    "wrong unit": ("coupon_pct", "coupon_bps", "expected the unit %: write 'coupon_"),
    "no unit": ("coupon_pct", "coupon", "in no unit, expected the unit %"),
    "twice": ("coupon_pct", "notes_usd_bn", "got column 'notes_usd_bn' twice"),
    "unknown holder": ("notes.fund", "notes.funds", "did you mean 'holders_notes.fund"),
}


@pytest.mark.parametrize("what", COLUMNS)
def test_a_bad_column_is_a_sentence_of_the_whole_tape(what, base, tmp_path):
    old, new, says = COLUMNS[what]
    header = HEADER.replace(old, new)
    (message, *_) = refused(base, write(tmp_path / "deals.csv", header, GOOD[0]))
    assert message.startswith("deals.csv: got ")
    assert says in message


def test_what_a_neocloud_repays_is_in_proportion_to_what_it_owes(base, tmp_path):
    header = CLOUDS.replace("customers.openai", "ddtl_schedule_usd_bn")
    path = write(tmp_path / "clouds.csv", header, "gamma,1.0,2.0,2.0")
    (message,) = refused(base, path, "neoclouds")
    assert "'ddtl_schedule_usd_bn', expected none: it is in proportion to" in message
    path = write(tmp_path / "clouds.csv", CLOUDS, "gamma,1.0,2.0,1.2")
    (message,) = refused(base, path, "neoclouds")
    assert "row 2: customers.openai: got 1.2, expected a share of at most 1" in message


def test_all_errors_of_a_tape_come_in_one_pass_and_are_counted(base, tmp_path):
    bad = [BAD[what][0] for what in ("text in a number", "unknown tenant")]
    named = [b.replace("gamma", f"gamma-{i}") for i, b in enumerate(bad * 40)]
    path = write(
        tmp_path / "deals.csv", HEADER + ",cupon_pct", *(f"{x},1" for x in named)
    )
    messages = refused(base, path)
    assert "did you mean 'coupon_pct'" in messages[0]  # the whole table comes first
    assert "row 2: coupon_pct: got 'six'" in messages[1]
    assert "row 3: tenant: got unknown entity 'mete'" in messages[2]
    assert len(messages) == MAX_FAULTS + 1
    assert messages[-1] == f"deals.csv: … and {81 - MAX_FAULTS} more errors"


FILES = {
    "empty": ("deals.csv", b"", "the file is empty"),
    "blank": ("deals.csv", b"\n\n", "an empty header"),
    "header only": ("deals.csv", HEADER.encode() + b"\n", "a header without rows"),
    "binary": ("deals.csv", b"\x00\xff\xfe", "not UTF-8"),
    "ragged": (
        "deals.csv", f"{HEADER}\na,meta\n".encode(), "row 2: got 2 cells, expected 6",
    ),
    "prose": ("deals.csv", b'Dear all, "find" the\n"deals', "not a CSV table"),
    "no Parquet": ("deals.parquet", b"id,tenant\n", "not a Parquet table"),
    "spreadsheet": ("deals.xlsx", b"PK", "got a file of type '.xlsx', expected .csv"),
}  # fmt: skip


@pytest.mark.parametrize("what", FILES)
def test_a_file_that_is_no_table_is_one_sentence(what, base, tmp_path):
    name, content, says = FILES[what]
    (tmp_path / name).write_bytes(content)
    (message,) = refused(base, tmp_path / name)
    assert says in message


def test_a_missing_file_and_a_folder_are_refused(base, tmp_path):
    assert "no such file" in refused(base, tmp_path / "nowhere.csv")[0]
    (tmp_path / "folder.csv").mkdir()
    assert "is a folder" in refused(base, tmp_path / "folder.csv")[0]


def test_ten_million_rows_are_refused_without_being_read(base, tmp_path):
    # The rows beyond the limit would be faults of their own, were they looked at.
    path = tmp_path / "deals.csv"
    with path.open("w") as file:
        file.write(
            HEADER + "\n" + "".join(f"d{i},meta,1,,,\n" for i in range(MAX_ROWS))
        )
        file.write("not a row\n")
    (message,) = refused(base, path)
    assert "row 20002: got 1 cells" in message  # the limit itself is read …
    text = path.read_text().removesuffix("not a row\n")
    path.write_text(text + "one,meta,1,,,\n" + "not a row\n" * 10)
    (message,) = refused(base, path)
    assert "more than 20,000 rows, expected at most 20,000 deals" in message

    columns = {"id": pa.nulls(10_000_000, pa.string()).dictionary_encode()}
    pq.write_table(pa.table(columns), tmp_path / "deals.parquet")
    (message,) = refused(base, tmp_path / "deals.parquet")
    assert "got 10,000,000 rows, expected at most 20,000 deals" in message


def test_a_number_may_not_be_text_in_parquet_either(base, tmp_path):
    table = {"id": ["alpha"], "tenant": ["meta"], "notes_usd_bn": ["two"]}
    pq.write_table(pa.table(table), tmp_path / "deals.parquet")
    (message,) = refused(base, tmp_path / "deals.parquet")
    assert "row 2: notes_usd_bn: got 'two', expected a number in USD bn" in message


SECTION = {
    'spvs = "deals.csv"\nspvs_template = "rest"': (
        "own.toml: tapes.spvs_template: got unknown entity 'rest', expected one of hyp"
    ),
    'replaces = ["spvs.rest_of_spvs"]': (
        "own.toml: tapes.replaces: got 'spvs.rest_of_spvs', expected a tape of spvs"
    ),
    'spvs = "deals.csv"\nreplaces = ["spvs.rest"]': (
        "own.toml: tapes.replaces: got 'spvs.rest', expected one of spvs.hyperion"
    ),
    'spv = "deals.csv"': "own.toml: tapes.spv: got unknown key 'spv'",
}


@pytest.mark.parametrize("section", SECTION)
def test_a_bad_section_of_tapes_is_one_sentence(section, tmp_path):
    write(tmp_path / "deals.csv", HEADER, *GOOD)
    path = tmp_path / "own.toml"
    write(path, f'extends = "{CONFIGS / "base.toml"}"', "[tapes]", section)
    (message,) = errors(path)
    assert SECTION[section] in message
