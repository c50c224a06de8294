"""Clauses of a deal file that together say nothing, or something nobody meant."""

from collections.abc import Callable
from typing import Any

Wrong = Callable[[str, Any, str], None]
"""Key, value, what was expected."""

NEEDS = {
    "floor_pct": "floats",
    "step_pct": "step_from_years",
    "step_from_years": "step_pct",
    "in_kind_until_years": "in_kind_share",
    "toggle_margin_pct": "toggle",
    "make_whole_pct": "call_from_years",
}
"""Clause to the one without which it changes no payment.

Terms of a call may stand alone: they are those of a call that does not happen.
"""

REPAID = ("level", "linear", "balloon", "delayed_draw", "oem", "convertible")
"""Kinds that do not exist without a maturity."""

UNREAD = {
    "delayed_draw": ("amount_usd_bn", "starts_years"),
    "equity": ("coupon_pct", "tenor_years", "grace_years"),
}
"""Clauses that a kind does not have, though all others do."""

SHARES = 1e-9

CURABLE = ("dscr", "leverage", "ltv")
"""Tests of the default tier that owners may cure: the last two by repaying debt."""


def check_clauses(table: dict[str, Any], prefix: str, wrong: Wrong) -> None:
    """Clauses of one `[[instruments]]` table, whose keys and numbers are sound."""
    kind = table["kind"]
    for key, other in NEEDS.items():
        if table.get(key) and not table.get(other):
            wrong(prefix + key, table[key], f"{other} beside it: alone it does nothing")
    protected, priced = "call_protected", ("call_price_x", "call_from_years")
    if table.get(protected) and not any(table.get(key) for key in priced):
        wrong(prefix + protected, True, f"{' or '.join(priced)} beside it: par is par")
    if table.get(protected) and table.get("swept") is False:
        wrong(prefix + protected, True, "swept: nothing else is prepaid")
    for key in UNREAD.get(kind, ()):
        if key in table:
            wrong(prefix + key, table[key], f"no such clause of a {kind}")
    tenor, grace = table.get("tenor_years"), table.get("grace_years", 0)
    if tenor is None and kind in REPAID:
        wrong(f"{prefix}tenor_years", None, "a value: it would never be repaid")
    if tenor is not None and grace > tenor:
        wrong(f"{prefix}grace_years", grace, f"at most its tenor_years, {tenor:g}")
    if kind == "delayed_draw":
        until = table["availability_years"]
        for date in table["dates_years"]:
            if date > until:
                wrong(
                    f"{prefix}dates_years",
                    date,
                    f"at most availability_years, {until:g}: it would not be drawn",
                )
    if kind == "revolver" and table["amount_usd_bn"] > table["limit_usd_bn"]:
        limit = table["limit_usd_bn"]
        wrong(
            f"{prefix}amount_usd_bn",
            table["amount_usd_bn"],
            f"at most its limit_usd_bn, {limit:g}",
        )


def check_owners(instruments: list[dict[str, Any]], wrong: Wrong) -> None:
    """What is left goes to the owners once: their shares sum to one."""
    shares = [x["own"]["share"] for x in instruments if x["kind"] == "equity"]
    if shares and abs(sum(shares) - 1.0) > SHARES:
        wrong(
            "instruments: share",
            shares,
            f"shares of the equity that sum to 1, not {sum(shares):g}",
        )


def check_paths(
    instruments: list[dict[str, Any]],
    terms: dict[str, dict[str, Any]],
    paths: dict[str, Any],
    wrong: Wrong,
) -> None:
    """Paths that something in the deal reads, and that would be 0."""
    if "index" not in paths:
        floating = [x["name"] for x in instruments if x["contract"].get("floats")]
        if floating:
            wrong("paths.index_pct", None, f"a rate, on which {floating[0]!r} floats")
        elif terms["account"].get("cash_yield"):
            wrong("paths.index_pct", None, "a rate, of which account.yield_share is")
    if "value" not in paths:
        for tier in ("lock_up", "trap", "default"):
            if terms["covenants"][tier].get("ltv"):
                wrong(
                    "paths.value_usd_bn",
                    None,
                    f"a value, for covenants.{tier}.ltv_share",
                )
    if "parity" not in paths:
        for entry in instruments:
            if entry["kind"] == "convertible":
                wrong(
                    "paths.parity_x",
                    None,
                    f"what {entry['name']!r} converts into, against par",
                )


def check_cures(terms: dict[str, dict[str, Any]], wrong: Wrong) -> None:
    """Cures that owners can pay for, of a test that can be cured."""
    cures, default = terms["support"].get("cures"), terms["covenants"]["default"]
    if not cures:
        return
    if not terms["support"].get("capacity"):
        wrong("support.cures", cures, "support.capacity_usd_bn, which pays for them")
    if not any(default.get(test) for test in CURABLE):
        expected = "covenants.default with dscr_x, leverage_x or ltv_share to cure"
        wrong("support.cures", cures, expected)


def check_protection(
    instruments: list[dict[str, Any]], terms: dict[str, dict[str, Any]], wrong: Wrong
) -> None:
    """Protection of a row that something prepays: a sweep, a trap or a cure."""
    protected = [x["name"] for x in instruments if x["contract"].get("protected")]
    sweep, covenants = terms["sweep"], terms["covenants"]
    sweeps = sweep.get("share") or any(sweep.get("shares", ()))
    traps = covenants.get("trap_years") is not None and covenants["trap"]
    cured = [test for test in CURABLE[1:] if covenants["default"].get(test)]
    if protected and not (sweeps or traps or (terms["support"].get("cures") and cured)):
        expected = f"a sweep, a trap or a cure that prepays {protected[0]!r}"
        wrong("instruments: call_protected", True, expected)
