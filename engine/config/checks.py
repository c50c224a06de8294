"""What one figure cannot know about itself: dates, entities and sums across keys.

What is not well-formed is skipped: pydantic says what is wrong with it.
"""

import difflib
import math
from collections.abc import Iterator
from typing import Any

from engine.config.checks_of_deals import problems_of_deals
from engine.config.checks_of_markets import problems_of_chips, problems_of_markets
from engine.config.funds import TERMS, TOTAL
from engine.config.tables import (
    Problem,
    begins,
    figures,
    members,
    node,
    number,
    numbers,
)

HOLDERS = ("fund", "bond_fund", "bank", "insurer", "pension", "outside")
"""Who can hold a debt class."""

ORDER = {
    "spvs": (
        ("completion_date", "construction_start_date"),
        ("takeout_date", "issue_date"),
        ("lease_end_date", "rent_start_date"),
        ("rent_start_date", "issue_date"),
    )
}
"""By family, dates that come after others."""

ABOVE = {
    "spvs": (("lock_high_x", "lock_low_x"),),
    "labs": (("patience_high_x", "patience_low_x"),),
}
"""By family, figures above others."""

POSITIVE = (
    "hyperscaler_funding.supply_reference_usd_bn",
    "hyperscaler_funding.digestion_years",
    "hyperscaler_funding.lease_life_years",
    "workout.buyer_life_years",
)
"""Figures that something is divided by."""

SUMS = (
    ("ddtl_schedule_usd_bn", "ddtl_usd_bn"),
    ("oem_schedule_usd_bn", "oem_usd_bn"),
    ("notes_bullets_usd_bn", "notes_usd_bn"),
    ("convertibles_bullets_usd_bn", "convertibles_usd_bn"),
)
"""What a neocloud repays, and the balance that it sums to."""


INSTRUMENTS = ("secured", "unsecured", "notes", "takeout")
"""Classes of debt that cohorts of funds divide among them."""


def problems(table: dict[str, Any]) -> list[Problem]:
    """Every error that involves more than one key."""
    found: list[Problem] = []
    for check in (
        _grid,
        _dated,
        _shares,
        _order,
        _positive,
        _sums,
        _funding,
        _entities,
        _guarantee,
        _cohorts,
        _fund_terms,
        problems_of_deals,
        problems_of_markets,
        problems_of_chips,
    ):
        found.extend(check(table))
    return found


def _grid(table: dict[str, Any]) -> Iterator[Problem]:
    start, as_of, end = (
        number(table, f"grid.{key}") for key in ("start_date", "as_of_date", "end_date")
    )
    for key, date in (("start_date", start), ("as_of_date", as_of), ("end_date", end)):
        if date is not None and (4 * date) % 1:
            yield Problem(f"grid.{key}", f"got {date}, expected the end of a quarter")
    if start is None or as_of is None or end is None:
        return
    if not start < as_of < end:
        yield Problem(
            "grid.as_of_date",
            f"got {as_of}, expected a date after start_date {start} and before "
            f"end_date {end}",
        )
        return
    key = "adoption.history_usd_bn_per_year"
    values, n = numbers(table, f"{key}.values"), round((as_of - start) * 4)
    if values and len(values) != n:
        yield Problem(
            key,
            f"got {len(values)} values, expected {n}, one per quarter from start_date "
            "to as_of_date",
        )


QUESTIONS = ("criteria.", "hurdle.", "funding.plan_", "funding.start", "funding.end")
"""What results are held against: it does not enter the build, so it may be later."""


def _dated(table: dict[str, Any]) -> Iterator[Problem]:
    as_of = number(table, "grid.as_of_date")
    if as_of is None:
        return
    for path, figure in figures(table):
        if path.startswith(QUESTIONS):
            continue
        date = figure.get("date")
        begin = begins(date)
        if begin is not None and begin >= as_of - 1e-9:
            yield Problem(
                path,
                f"got a figure dated {date}, expected nothing dated after the quarter "
                f"that ends at as_of_date {as_of}",
            )


def _shares(table: dict[str, Any]) -> Iterator[Problem]:
    for path, figure in figures(table):
        value = number(figure, "value")
        if path.endswith("_share") and value is not None and value > 1:
            yield Problem(path, f"got {value}, expected a share of at most 1")


def _after(
    table: dict[str, Any], path: str, later: str, earlier: str
) -> Iterator[Problem]:
    last, first = number(table, f"{path}.{later}"), number(table, f"{path}.{earlier}")
    if last is not None and first is not None and not last > first:
        yield Problem(
            f"{path}.{later}", f"got {last}, expected a date after {earlier} {first}"
        )


def _order(table: dict[str, Any]) -> Iterator[Problem]:
    as_of = number(table, "grid.as_of_date")
    for family, pairs in ORDER.items():
        for name in members(table, family):
            for later, earlier in pairs:
                yield from _after(table, f"{family}.{name}", later, earlier)
    for name in members(table, "neoclouds"):
        for key in ("notes_bullets_usd_bn", "convertibles_bullets_usd_bn"):
            path = f"neoclouds.{name}.{key}"
            dates = numbers(table, f"{path}.dates")
            if as_of is not None and dates and min(dates) <= as_of:
                yield Problem(
                    path,
                    f"got a maturity at {min(dates)}, expected maturities after "
                    f"as_of_date {as_of}, when the debt is outstanding",
                )
    for section, low, high in (
        ("market", "price_floor_x", "price_cap_x"),
        ("market", "training_floor_x", "training_cap_x"),
    ):
        yield from _above(table, section, low, high)
    for family, pairs in ABOVE.items():
        for name in members(table, family):
            for high, low in pairs:
                yield from _above(table, f"{family}.{name}", low, high)


def _above(table: dict[str, Any], path: str, low: str, high: str) -> Iterator[Problem]:
    floor, cap = number(table, f"{path}.{low}"), number(table, f"{path}.{high}")
    if floor is not None and cap is not None and not cap > floor:
        yield Problem(f"{path}.{high}", f"got {cap}, expected more than {low} {floor}")


def _positive(table: dict[str, Any]) -> Iterator[Problem]:
    for path in POSITIVE:
        value = number(table, path)
        if value is not None and value <= 0:
            yield Problem(path, f"got {value}, expected more than 0")


def _sums(table: dict[str, Any]) -> Iterator[Problem]:
    for name in members(table, "neoclouds"):
        for key, balance in SUMS:
            path = f"neoclouds.{name}"
            amounts = numbers(table, f"{path}.{key}.amounts")
            owed = number(table, f"{path}.{balance}")
            if amounts and owed is not None and abs(sum(amounts) - owed) > 1e-6:
                yield Problem(
                    f"{path}.{key}",
                    f"got amounts that sum to {sum(amounts):.6g}, expected the "
                    f"balance {balance} {owed}",
                )


BUCKETS = "own_cash private_credit equity_other corporate_bonds securitised".split()


def _funding(table: dict[str, Any]) -> Iterator[Problem]:
    for when in ("before", "plan"):
        uses = [
            number(table, f"funding.{when}_{use}_usd_bn")
            for use in ("hardware", "building")
        ]
        sources = [number(table, f"funding.{when}_{b}_usd_bn") for b in BUCKETS]
        known = [x for x in (*uses, *sources) if x is not None]
        if len(known) < len(uses) + len(sources):
            continue
        used, paid = sum(known[:2]), sum(known[2:])
        if abs(used - paid) > 1e-6:
            yield Problem(
                f"funding.{when}_own_cash_usd_bn",
                f"got sources that sum to {paid:.6g}, expected what hardware and "
                f"building cost, {used:.6g}",
            )


def _names(
    table: dict[str, Any], path: str, expected: tuple[str, ...]
) -> Iterator[Problem]:
    shares = node(table, f"{path}.shares")
    if not isinstance(shares, dict):
        return
    unknown = [name for name in shares if name not in expected]
    for name in unknown:
        yield Problem(
            path, f"got unknown entity {name!r}, expected one of {_list(expected)}"
        )
    for name in expected:
        if name not in shares and not difflib.get_close_matches(name, unknown):
            yield Problem(path, f"got no share for {name!r}, expected one (0 for none)")


def _name(
    table: dict[str, Any], path: str, expected: tuple[str, ...]
) -> Iterator[Problem]:
    name = node(table, path)
    if isinstance(name, str) and name not in expected:
        text = f"got unknown entity {name!r}, expected one of {_list(expected)}"
        yield Problem(path, text)


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "(none)"


def _entities(table: dict[str, Any]) -> Iterator[Problem]:
    labs = tuple(members(table, "labs"))
    clouds = tuple(members(table, "hyperscalers"))
    hybrid = tuple(members(table, "hybrid"))
    vendors = tuple(members(table, "vendor"))
    for name in members(table, "neoclouds"):
        yield from _names(table, f"neoclouds.{name}.customers", labs + clouds)
        for key in ("holders_secured", "holders_unsecured"):
            yield from _names(table, f"neoclouds.{name}.{key}", HOLDERS)
    for name in labs:
        yield from _names(table, f"labs.{name}.providers", clouds)
    for name in members(table, "spvs"):
        for key in ("holders_notes", "holders_takeout"):
            yield from _names(table, f"spvs.{name}.{key}", HOLDERS)
        tenants = (*clouds, *hybrid, *labs, "outside")
        yield from _name(table, f"spvs.{name}.tenant", tenants)
        yield from _name(table, f"spvs.{name}.guarantor", (*vendors, "tenant"))
    backed = (*members(table, "neoclouds"), "nobody")
    for name in vendors:
        yield from _name(table, f"vendor.{name}.backs", backed)
    for name in hybrid:
        yield from _names(table, f"hybrid.{name}.customers", labs)
    yield from _names(table, "government.agency.buys", INSTRUMENTS)
    investors = (*members(table, "investors"), "outside")
    for name in members(table, "funds"):
        yield from _names(table, f"funds.{name}.investors", investors)
        yield from _names(table, f"funds.{name}.holdings", INSTRUMENTS)


def _guarantee(table: dict[str, Any]) -> Iterator[Problem]:
    path = "guarantee.premium_bps"
    premium = number(table, path)
    if premium is not None and node(table, "guarantee.implicit") is not None:
        text = f"got {premium:g} beside guarantee.implicit, expected no premium: "
        yield Problem(path, f"{text}nobody is charged for what nobody signed")


def _cohorts(table: dict[str, Any]) -> Iterator[Problem]:
    funds = members(table, "funds")
    cohorts = [name for name in funds if node(funds, f"{name}.kind") != "bond"]
    if TOTAL in cohorts and len(cohorts) > 1:
        text = f"got {TOTAL!r} among {len(cohorts)} cohorts, expected another name: "
        yield Problem(f"funds.{TOTAL}", f"{text}it is that of all of them")
    for kind in INSTRUMENTS:
        found = [number(funds, f"{c}.holdings.shares.{kind}") for c in cohorts]
        shares = [share for share in found if share is not None]
        total = math.fsum(shares)
        if shares and len(shares) == len(cohorts) and abs(total - 1.0) > 1e-9:
            yield Problem(
                f"funds.{cohorts[-1]}.holdings",
                f"got shares of {kind} that sum to {total:.6g} over all cohorts, "
                "expected one",
            )


def _fund_terms(table: dict[str, Any]) -> Iterator[Problem]:
    for name, fund in members(table, "funds").items():
        for first, *others in TERMS:
            given = [key for key in (first, *others) if node(fund, key) is not None]
            own = [key for key in given if key != "undrawn_usd_bn" or first == key]
            if not own:
                continue
            for key in (first, *others):
                if key not in given:
                    text = f"got nothing, expected a figure: {own[0]} is given, and "
                    yield Problem(
                        f"funds.{name}.{key}", f"{text}such terms go together"
                    )
