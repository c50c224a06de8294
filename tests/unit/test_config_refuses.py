import pathlib

import pytest

from engine.config import ConfigError, load_sweep
from tests.config_files import CONFIGS, PROVENANCE, errors, replace

# ── Bad input: (what, file, old, new, what the sentence says) ────────────────────────

HYPERION, COREWEAVE = "deals/hyperion.toml", "deals/coreweave.toml"
BAD = {
    "misspelt key": (
        HYPERION, "\ncoupon_pct =", "\ncuopon_pct =",
        ("hyperion.toml: spvs.hyperion.cuopon_pct: ", "'coupon_pct'", "did you mean"),
    ),
    "misspelt section": (
        "base.toml", "[macro]", "[marco]", ("base.toml: marco: ", "'macro'"),
    ),
    "misspelt kind": (
        COREWEAVE, 'kind = "named"', 'kind = "nmaed"',
        ("coreweave.toml: neoclouds.coreweave", "'nmaed'", "named or cohort"),
    ),
    "misspelt choice": (
        "base.toml", '"logistic"', '"logistc"',
        ("base.toml: adoption.shape: ", "'logistc'", "'logistic'"),
    ),
    "wrong unit": (
        HYPERION, "\ncoupon_pct =", "\ncoupon_bps =",
        ("hyperion.toml: spvs.hyperion.coupon_bps: ", "unit", "'coupon_pct'", "%"),
    ),
    "no unit": (
        HYPERION, "\ncoupon_pct =", "\ncoupon =",
        ("hyperion.toml: spvs.hyperion.coupon: ", "no unit", "'coupon_pct'"),
    ),
    "missing key": (
        "base.toml", "\nshort_pct", "\n# short_pct",
        ("base.toml: rates.short_pct: ", "nothing", "%"),
    ),
    "share over one": (
        COREWEAVE, "rebook_share = { value = 0.5", "rebook_share = { value = 1.5",
        ("coreweave.toml: neoclouds.coreweave.rebook_share: ", "1.5", "at most 1"),
    ),
    "completion before start": (
        HYPERION, "completion_date = { value = 2029.25",
        "completion_date = { value = 2024.25",
        ("hyperion.toml: spvs.hyperion.completion_date: ", "2024.25", "2024.8"),
    ),
    "maturity before issue": (
        "deals/vantage.toml", "takeout_date = { value = 2029.75",
        "takeout_date = { value = 2024.75",
        ("vantage.toml: spvs.vantage.takeout_date: ", "2024.75", "issue_date 2025.8"),
    ),
    "bullet before as_of": (
        COREWEAVE, "dates = [2030.5, 2031.12", "dates = [2024.5, 2031.12",
        ("neoclouds.coreweave.notes_bullets_usd_bn: ", "2024.5", "as_of_date 2026.75"),
    ),
    "holders do not sum to one": (
        COREWEAVE, "shares = { fund = 0.45", "shares = { fund = 0.55",
        ("neoclouds.coreweave.holders_secured: ", "sum to 1.1", "one"),
    ),
    "investors do not sum to one": (
        "base.toml", "shares = { pension = 0.6", "shares = { pension = 0.5",
        ("base.toml: funds.drawdown_ai.investors: ", "sum to 0.9", "one"),
    ),
    "cohorts hold more than there is": (
        "base.toml", "shares = { secured = 0.3,", "shares = { secured = 0.4,",
        ("base.toml: funds.accounts.holdings: ", "secured that sum to 1.1", "one"),
    ),
    "unknown instrument": (
        "base.toml", "shares = { secured = 0.3,", "shares = { secure = 0.3,",
        ("base.toml: funds.drawdown_ai.holdings: ", "'secure'", "secured, unsecured"),
    ),
    "a cohort with the name of the total": (
        "base.toml", "[funds.listed_ai]", "[funds.private_credit]",
        ("base.toml: funds.private_credit: ", "among 7 cohorts", "another name"),
    ),
    "a gate on a closed fund": (
        "base.toml", 'kind = "listed"', 'kind = "listed"\ngate_share = 1',
        ("base.toml: funds.listed_ai.gate_share: ", "unknown key", "none such"),
    ),
    "customers beyond one": (
        COREWEAVE, "shares = { openai = 0.25", "shares = { openai = 0.75",
        ("neoclouds.coreweave.customers: ", "sum to 1.3", "at most one"),
    ),
    "unknown customer": (
        COREWEAVE, "shares = { openai = 0.25", "shares = { opanai = 0.25",
        ("neoclouds.coreweave.customers: ", "'opanai'", "openai, anthropic, xai, meta"),
    ),
    "unknown tenant": (
        HYPERION, 'tenant = "meta"', 'tenant = "mete"',
        ("spvs.hyperion.tenant: ", "'mete'", "amazon, oracle, openai"),
    ),
    "nan": (
        "base.toml", "short_pct = { value = 3.9", "short_pct = { value = nan",
        ("base.toml: rates.short_pct", "nan", "finite"),
    ),
    "infinite": (
        COREWEAVE, "cash_usd_bn = { value = 4.4", "cash_usd_bn = { value = inf",
        ("neoclouds.coreweave.cash_usd_bn", "inf", "finite"),
    ),
    "text for a number": (
        "base.toml", "short_pct = { value = 3.9", 'short_pct = { value = "3.9"',
        ("rates.short_pct.value: ", "'3.9'", "a number"),
    ),
    "bare number": (
        "base.toml", "[rates]\n", "[rates]\nbeta = 3\n",
        ("base.toml: rates.beta: ", "unknown key"),
    ),
    "outside bounds": (
        "base.toml", "short_pct = { value = 3.9", "short_pct = { value = 39.0",
        ("base.toml: rates.short_pct: ", "39.0", "[0.0, 20.0]"),
    ),
    "range without the value": (
        "base.toml", "range = [3.3, 5.0]", "range = [4.3, 5.0]",
        ("base.toml: rates.short_pct: ", "3.9", "range [4.3, 5.0]"),
    ),
    "dated after as_of": (
        "base.toml", 'date = "2026-09-16"', 'date = "2026-10-02"',
        ("base.toml: rates.short_pct: ", "2026-10-02", "as_of_date 2026.75"),
    ),
    "not a date": (
        "base.toml", 'date = "2026-09-16"', 'date = "autumn"',
        ("base.toml: rates.short_pct.date: ", "'autumn'", "YYYY"),
    ),
    "edges out of order": (
        "deals/openai.toml", "edges = [2026.0, 2027.0", "edges = [2027.0, 2026.0",
        ("openai.toml: labs.openai.commitments_usd_bn: ", "increasing"),
    ),
    "amounts of the wrong length": (
        "deals/openai.toml", "amounts = [45.0, ", "amounts = [",
        ("openai.toml: labs.openai.commitments_usd_bn: ", "4 amounts", "6 edges"),
    ),
    "schedule does not sum to the balance": (
        COREWEAVE, "ddtl_usd_bn = { value = 18.3", "ddtl_usd_bn = { value = 18.8",
        ("neoclouds.coreweave.ddtl_schedule_usd_bn: ", "18.3", "ddtl_usd_bn 18.8"),
    ),
    "history of the wrong length": (
        "base.toml", "values = [31.0, ", "values = [",
        ("adoption.history_usd_bn_per_year: ", "6 values", "7"),
    ),
    "dispersed named deal": (
        COREWEAVE, "dispersion_x = { value = 0.0", "dispersion_x = { value = 0.3",
        ("neoclouds.coreweave.dispersion_x: ", "0.3", "one obligor"),
    ),
    "deal file of no entity": (
        HYPERION, "[spvs.hyperion]", "[spv.hyperion]",
        ("hyperion.toml: ", "spv.hyperion", "one entity"),
    ),
    "missing deal file": (
        "base.toml", "deals/oracle.toml", "deals/orcale.toml",
        ("base.toml: deals: orcale.toml: ", "no such file"),
    ),
    "not TOML": ("base.toml", "[macro]", "[macro", ("base.toml: not TOML",)),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_one_clear_sentence(what, copy):
    file, old, new, says = BAD[what]
    replace(copy / file, old, new)
    messages = errors(copy / "base.toml")
    assert len(messages) == 1, messages
    for part in says:
        assert part in messages[0]
    assert messages[0].startswith(f"{pathlib.Path(file).name}: ")


def test_all_errors_of_a_config_come_in_one_pass(copy):
    # An unknown kind hides nothing, and errors across keys stand beside misspelt ones.
    for what in ("wrong unit", "completion before start", "share over one", "nan"):
        replace(copy / BAD[what][0], *BAD[what][1:3])
    for what in ("misspelt kind", "holders do not sum to one", "unknown tenant"):
        replace(copy / BAD[what][0], *BAD[what][1:3])
    messages = errors(copy / "base.toml")
    assert len(messages) == 7, messages


FILES = {
    "empty": ("", "empty"),
    "only comments": ("# nothing\n", "empty"),
    "not TOML": ("{json: true}", "not TOML"),
    "binary": (b"\xff\xfe\x00", "not UTF-8"),
    "unknown parent": ('extends = "nowhere.toml"\n', "no such file"),
    "parent is a folder": ('extends = "."\n', "is a folder"),
    "parent is a number": ("extends = 3\n", "expected a path"),
    "two levels": ('extends = "configs/scenarios/slow.toml"\n', "one level"),
    "misspelt in a scenario": (
        'extends = "configs/base.toml"\n[adoption]\nmidpoint_dat = 2030\n',
        "midpoint_dat",
    ),
    "bare number in a scenario": (
        'extends = "configs/base.toml"\n[adoption]\nmidpoint_date = 2030.0\n',
        "adoption.midpoint_date: got 2030.0, expected a table",
    ),
    "new value outside bounds": (
        'extends = "configs/base.toml"\n[rates]\n'
        f"short_pct = {{ value = 50.0, range = [40, 60], {PROVENANCE} }}\n",
        "rates.short_pct: got 50.0",
    ),
}


@pytest.mark.parametrize("what", FILES)
def test_a_bad_file_is_one_clear_sentence(what, copy):
    content, says = FILES[what]
    path = copy.parent / "config.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (message,) = errors(path)
    assert message.startswith("config.toml: ")
    assert says in message


def test_a_folder_and_a_missing_file_are_refused(tmp_path):
    assert "is a folder" in errors(tmp_path)[0]
    assert "no such file" in errors(tmp_path / "nowhere.toml")[0]


OVERRIDES = {
    "adoption.midpont_date=2030": "did you mean 'midpoint_date'",
    "adoption.midpoint=2030": "did you mean 'midpoint_date'",
    "adoption.midpoint_date": "expected key.path=value",
    "adoption.midpoint_date=nan": "finite",
    "adoption.midpoint_date=soon": "expected a number",
    "adoption.midpoint_date=1999": "within its bounds",
    "adoption=3": "a key that holds one value",
    "adoption.shape=gompretz": "did you mean 'gompertz'",
    "neoclouds.coreweave.customers.opanai=0.1": "did you mean 'openai'",
    "neoclouds.coreweave.rebook_share=1.2": "at most 1",
    "=3": "expected key.path=value",
}


@pytest.mark.parametrize("override", OVERRIDES)
def test_a_bad_override_is_one_clear_sentence(override):
    (message,) = errors(CONFIGS / "base.toml", (override,))
    assert message.startswith("--set: ")
    assert OVERRIDES[override] in message


def test_a_bad_sweep_is_refused(tmp_path, base):
    path = tmp_path / "sweep.toml"
    axis = 'name = "shifts.rate_futre_pct"\nlow = 1.0\nhigh = 0.0\nsteps = 3'
    path.write_text(f"[[axes]]\n{axis}\n")
    with pytest.raises(ConfigError) as caught:
        load_sweep(path, base)
    assert len(caught.value.messages) == 2
    assert "shifts.rate_future_pct" in caught.value.messages[0]
    path.write_text("axes = []\n")
    with pytest.raises(ConfigError):
        load_sweep(path, base)
