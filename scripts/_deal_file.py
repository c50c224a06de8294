"""A stand-alone deal file: every key, what it may be, and all that is wrong at once."""

import dataclasses
import difflib
import math
import pathlib
from typing import Any

from engine.units import factor
from scripts._deal_clauses import (
    check_clauses,
    check_cures,
    check_owners,
    check_paths,
    check_protection,
)
from scripts._output import BadInput

INF = math.inf
PATHS = {
    "cfads_usd_bn": ("cfads", -INF, INF),
    "plan_usd_bn": ("plan", 0.0, INF),
    "spend_usd_bn": ("spend", 0.0, INF),
    "value_usd_bn": ("value", 0.0, INF),
    "index_pct": ("index", -5.0, 50.0),
    "parity_x": ("parity", 0.0, INF),
}
"""Key of a path to its name and bounds: one number, or one a period."""

CLAUSES = {
    "rank": ("rank", 0.0, 99.0),
    "amount_usd_bn": ("amount", 0.0, INF),
    "coupon_pct": ("coupon", -5.0, 50.0),
    "floats": ("floats", False, True),
    "floor_pct": ("floor", -5.0, 50.0),
    "step_pct": ("step", -20.0, 20.0),
    "step_from_years": ("step_from", 0.0, INF),
    "starts_years": ("starts", 0.0, INF),
    "tenor_years": ("tenor", 0.0, INF),
    "grace_years": ("grace", 0.0, INF),
    "in_kind_share": ("in_kind", 0.0, 1.0),
    "in_kind_until_years": ("in_kind_until", 0.0, INF),
    "toggle": ("toggle", False, True),
    "toggle_margin_pct": ("toggle_margin", 0.0, 20.0),
    "subordinated": ("subordinated", False, True),
    "swept": ("swept", False, True),
    "call_at_years": ("call_at", 0.0, INF),
    "call_share": ("call_share", 0.0, 1.0),
    "call_from_years": ("call_from", 0.0, INF),
    "call_price_x": ("call_price", 0.5, 2.0),
    "make_whole_pct": ("make_whole", -5.0, 20.0),
    "call_protected": ("protected", False, True),
}
"""Key of a clause that every kind has to its field of `Contract` and bounds."""

OWN = {
    "residual": ("residual_share", 0.0, 1.0),
    "dates": ("dates_years", 0.0, INF),
    "amounts": ("amounts_usd_bn", 0.0, INF),
    "availability": ("availability_years", 0.0, INF),
    "fee": ("fee_pct", 0.0, 20.0),
    "limit": ("limit_usd_bn", 0.0, INF),
    "share": ("share", 0.0, 1.0),
}
"""Clause of its own of a kind to its key and bounds; others are called as the field."""

TIER = {
    "dscr_x": ("dscr", 0.0, 20.0),
    "icr_x": ("icr", 0.0, 50.0),
    "leverage_x": ("leverage", 0.0, INF),
    "ltv_share": ("ltv", 0.0, INF),
    "liquidity_usd_bn": ("liquidity", 0.0, INF),
}
TERMS = {
    "reserve": {
        "years": ("years", 0.0, 2.0),
        "rank": ("rank", 0.0, 99.0),
        "opening_usd_bn": ("opening", 0.0, INF),
        "starts_years": ("starts", 0.0, INF),
    },
    "sweep": {
        "share": ("share", 0.0, 1.0),
        "leverage_x": ("leverage", 0.0, INF),
        "shares": ("shares", 0.0, 1.0),
        "starts_years": ("starts", 0.0, INF),
        "minimum_cash_usd_bn": ("minimum_cash", 0.0, INF),
    },
    "covenants": {
        "starts_years": ("starts", 0.0, INF),
        "trap_years": ("trap_years", 0.0, INF),
    },
    "support": {
        "capacity_usd_bn": ("capacity", 0.0, INF),
        "cures": ("cures", 0.0, 99.0),
    },
    "account": {
        "cash_usd_bn": ("cash", 0.0, INF),
        "yield_share": ("cash_yield", 0.0, 1.0),
    },
}
SIZING = {
    "cost_usd_bn": ("cost", 0.0, INF),
    "dscr_x": ("dscr", 0.1, 20.0),
    "gearing_share": ("gearing", 1e-6, 1.0),
    "upfront_fee_pct": ("upfront_fee", 0.0, 20.0),
    "commitment_fee_pct": ("commitment_fee", 0.0, 20.0),
}
LISTS = {"dates", "amounts", "leverage", "shares", "cost"}
"""Fields that are lists outside the tiers of covenants."""


@dataclasses.dataclass
class DealFile:
    """What a file says, in the engine's units."""

    name: str
    n: int
    per_year: int
    paths: dict[str, list[float]]
    instruments: list[dict[str, Any]]
    terms: dict[str, dict[str, Any]]
    uses: dict[str, float]
    sizing: dict[str, Any] | None


class Reader:
    """Takes values out of tables and remembers what was wrong with them."""

    def __init__(self, file: str):
        self.file = file
        self.errors: list[str] = []

    def wrong(self, key: str, got: Any, expected: str) -> None:
        """One sentence: file, key, value, what was expected."""
        self.errors.append(f"{self.file}: {key}: got {got!r}, expected {expected}")

    def unknown(self, prefix: str, table: dict, known: list[str]) -> None:
        """Keys that nobody reads, with the nearest that somebody does."""
        for key in table:
            if key not in known:
                close = difflib.get_close_matches(key, known, 1, 0.6)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                self.errors.append(f"{self.file}: {prefix}{key}: unknown key{hint}")

    def table(self, of: dict, key: str, prefix: str = "") -> dict:
        """A table that may be missing."""
        found = of.get(key, {})
        if not isinstance(found, dict):
            self.wrong(prefix + key, found, "a table")
            return {}
        return found

    def number(self, key: str, value: Any, low: Any, high: Any) -> Any:
        """A number within bounds in the engine's unit, or 0 with an error noted."""
        if isinstance(low, bool):
            if not isinstance(value, bool):
                self.wrong(key, value, "true or false")
            return float(value is True)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.wrong(key, value, "a number")
            return 0.0
        if not math.isfinite(value):
            self.wrong(key, value, "a finite number")
            return 0.0
        if not low <= value <= high:
            bound = (
                f"between {low:g} and {high:g}" if high < INF else f"at least {low:g}"
            )
            self.wrong(key, value, f"a number {bound}")
            return 0.0
        return value * factor(key)[0]

    def numbers(self, key: str, value: Any, low: Any, high: Any) -> list[float]:
        """A list of numbers."""
        if not isinstance(value, list):
            self.wrong(key, value, "a list of numbers")
            return []
        return [self.number(key, x, low, high) for x in value]

    def keys(self, prefix: str, table: dict, known: dict, more: list[str]) -> dict:
        """All known keys of a table, by field."""
        self.unknown(prefix, table, [*known, *more])
        found = {}
        for key, (field, low, high) in known.items():
            if key in table:
                is_list = field in LISTS and known is not TIER
                read = self.numbers if is_list else self.number
                found[field] = read(prefix + key, table[key], low, high)
        return found


def read_deal(path: str) -> DealFile:
    """Reads a deal file; raises `BadInput` with all that is wrong with it."""
    from engine.config.errors import ConfigError
    from engine.config.load import read_toml

    try:
        table = read_toml(pathlib.Path(path))
    except ConfigError as error:
        raise BadInput(*error.messages) from None
    reader = Reader(pathlib.Path(path).name)
    deal = _read(reader, table)
    if reader.errors:
        raise BadInput(*reader.errors)
    return deal


def _read(reader: Reader, table: dict[str, Any]) -> DealFile:
    top = ["name", "time", "paths", "instruments", "uses", "sizing", *TERMS]
    reader.unknown("", table, top)
    time = reader.table(table, "time")
    reader.unknown("time.", time, ["periods", "per_year"])
    n, per_year = time.get("periods"), time.get("per_year", 4)
    if isinstance(n, bool) or not isinstance(n, int) or not 2 <= n <= 1200:
        reader.wrong("time.periods", n, "a whole number between 2 and 1200")
        n = 2
    if per_year not in (1, 2, 4, 12):
        reader.wrong("time.per_year", per_year, "1, 2, 4 or 12")
        per_year = 4
    name = table.get("name", reader.file)
    if not isinstance(name, str):
        reader.wrong("name", name, "a text")
    paths = _paths(reader, reader.table(table, "paths"), n)
    instruments = _instruments(reader, table.get("instruments"), n / per_year)
    terms = _terms(reader, table)
    if not reader.errors:
        check_owners(instruments, reader.wrong)
        check_paths(instruments, terms, paths, reader.wrong)
        check_cures(terms, reader.wrong)
        check_protection(instruments, terms, reader.wrong)
    return DealFile(
        name=str(name),
        n=n,
        per_year=per_year,
        paths=paths,
        instruments=instruments,
        terms=terms,
        uses=_uses(reader, table),
        sizing=_sizing(reader, table),
    )


def _paths(reader: Reader, table: dict, n: int) -> dict[str, list[float]]:
    reader.unknown("paths.", table, list(PATHS))
    if "cfads_usd_bn" not in table:
        reader.wrong("paths.cfads_usd_bn", None, "a number or one number a period")
    found = {}
    for key, (name, low, high) in PATHS.items():
        if key not in table:
            continue
        value, full = table[key], f"paths.{key}"
        if not isinstance(value, list):
            found[name] = [reader.number(full, value, low, high)] * n
            continue
        if len(value) != n:
            reader.wrong(full, f"{len(value)} numbers", f"{n}, one a period")
            continue
        found[name] = reader.numbers(full, value, low, high)
    return found


def _instruments(reader: Reader, given: Any, years: float) -> list[dict[str, Any]]:
    from engine.credit.structure import KINDS

    if not isinstance(given, list) or not given:
        reader.wrong("instruments", given, "at least one [[instruments]] table")
        return []
    found, names = [], set()
    for i, table in enumerate(given):
        prefix, before = f"instruments[{i}].", len(reader.errors)
        if not isinstance(table, dict):
            reader.wrong(prefix[:-1], table, "a table")
            continue
        name, kind = table.get("name"), table.get("kind")
        if not isinstance(name, str) or not name or name in names:
            reader.wrong(f"{prefix}name", name, "a text that no other instrument has")
        names.add(name)
        if kind not in KINDS:
            close = difflib.get_close_matches(str(kind), list(KINDS), 1, 0.5)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            reader.wrong(f"{prefix}kind", kind, f"one of {', '.join(KINDS)}{hint}")
            continue
        fields = [f for f in KINDS[kind].__dataclass_fields__ if f != "contract"]
        own = {
            OWN.get(f, (f,))[0]: (f, *OWN.get(f, (f, -INF, INF))[1:]) for f in fields
        }
        clauses = reader.keys(prefix, table, CLAUSES | own, ["name", "kind"])
        optional = {"dates", "amounts"} if kind == "equity" else set()
        if kind == "equity":
            clauses.setdefault("share", 1.0)
        implied = {"amount"} if "amounts" in fields else set()
        for key, (field, *_) in (CLAUSES | own).items():
            needed = field in {"rank", "amount", *fields} - optional - implied
            if needed and field not in clauses:
                reader.wrong(prefix + key, None, "a value")
            clauses.setdefault(field, []) if field in optional else None
        clauses.setdefault("amount", 0.0)
        if len(clauses.get("dates", [])) != len(clauses.get("amounts", [])):
            reader.wrong(f"{prefix}amounts_usd_bn", clauses["amounts"], "one a date")
        split = {f: clauses.pop(f) for f in fields if f in clauses}
        if kind == "sculpted":
            _sculpted_within(reader, prefix, clauses, years)
        if len(reader.errors) == before:
            check_clauses(table, prefix, reader.wrong)
        found.append({"name": name, "kind": kind, "own": split, "contract": clauses})
    return found


def _sculpted_within(
    reader: Reader, prefix: str, clauses: dict[str, Any], years: float
) -> None:
    """A stated tenor of a sculpted loan ends within the deal's periods.

    Beyond them there is no plan to sculpt to: it would be repaid, and sized, as a
    shorter loan than the file says.
    """
    starts, tenor = clauses.get("starts", 0.0), clauses.get("tenor")
    if tenor is not None and starts + tenor > years * (1 + 1e-9):
        after = f" from year {starts:g} on" if starts else ""
        reader.wrong(
            f"{prefix}tenor_years",
            tenor,
            f"at most {years - starts:g}{after}: the cash flow that it is sculpted to "
            f"ends with the deal's {years:g} years (time.periods)",
        )


def _terms(reader: Reader, table: dict) -> dict[str, dict[str, Any]]:
    found = {}
    for part, known in TERMS.items():
        given = reader.table(table, part)
        tiers = ["lock_up", "trap", "default"] if part == "covenants" else []
        found[part] = reader.keys(f"{part}.", given, known, tiers)
        for tier in tiers:
            inner = reader.table(given, tier, f"{part}.")
            found[part][tier] = reader.keys(f"{part}.{tier}.", inner, TIER, [])
    sweep = found["sweep"]
    levels = sweep.get("leverage", [])
    if len(levels) != len(sweep.get("shares", [])):
        reader.wrong("sweep.shares", sweep.get("shares"), "one for each leverage_x")
    if sorted(levels) != levels:
        reader.wrong("sweep.leverage_x", levels, "ascending numbers")
    return found


def _uses(reader: Reader, table: dict) -> dict[str, float]:
    given = reader.table(table, "uses")
    for key in given:
        if not key.endswith("_usd_bn"):
            reader.wrong(f"uses.{key}", given[key], "a key that ends in _usd_bn")
    if given and "sizing" in table:
        reader.wrong("uses", list(given), "no uses beside [sizing], which finds them")
    return {
        key.removesuffix("_usd_bn"): reader.number(f"uses.{key}", value, 0.0, INF)
        for key, value in given.items()
    }


def _sizing(reader: Reader, table: dict) -> dict[str, Any] | None:
    if "sizing" not in table:
        return None
    given = reader.table(table, "sizing")
    found = reader.keys("sizing.", given, SIZING, ["debt", "equity"])
    for key in ("cost_usd_bn", "dscr_x"):
        if key not in given:
            reader.wrong(f"sizing.{key}", None, "a value")
    listed = table.get("instruments")
    known = [
        (x.get("name"), x.get("kind"))
        for x in (listed if isinstance(listed, list) else [])
        if isinstance(x, dict)
    ]
    for key, is_equity in (("debt", False), ("equity", True)):
        name = given.get(key)
        if not any(name == n and (k == "equity") == is_equity for n, k in known):
            reader.wrong(f"sizing.{key}", name, f"the name of the {key} instrument")
        found[key] = name
    return found
