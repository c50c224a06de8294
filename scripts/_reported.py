"""What was last reported of a vehicle, and why the first quarter differs from it."""

import math
from typing import Any, NamedTuple

import numpy as np

from engine.grid import DT

TIES = "ties"


class Report(NamedTuple):
    """A figure of the config, in the amount of a quarter, and why the model's differs.

    `keys` are the figures it comes from, by engine name.
    """

    value: float
    keys: tuple[str, ...]
    reason: str

    def why(self, amount: float) -> str:
        """The figures compared, and the reason if they do not tie."""
        is_same = math.isclose(amount, self.value, rel_tol=1e-6, abs_tol=1e-9)
        return f"{TIES if is_same else self.reason} ({', '.join(self.keys)})"


def reported(economy: Any, grid: Any, family: str) -> dict[str, dict[str, Report]]:
    """Reports by vehicle and row of its table."""
    of = {
        "neoclouds": _neocloud,
        "spvs": _spv,
        "hybrid": _hybrid,
        "hyperscalers": _hyperscaler,
        "labs": _cash_only,
        "vendor": _cash_only,
    }[family]
    dates = float(grid.as_of) - DT / 2, float(grid.as_of)
    return {
        name: of(_Figures(economy, f"{family}.{name}"), *dates)
        for name in economy.members(family)
    }


class _Figures:
    """Figures of one vehicle as numbers."""

    def __init__(self, economy: Any, member: str):
        self._economy, self.member = economy, member

    def __call__(self, key: str) -> Any:
        return np.asarray(self._economy[f"{self.member}.{key}"], np.float64)

    def of(self, name: str) -> Any:
        return np.asarray(self._economy[name], np.float64)

    def is_kind(self, key: str, kind: str) -> bool:
        return self._economy.blueprint.choice(f"{self.member}.{key}") == kind

    def report(self, value: Any, reason: str, *keys: str) -> Report:
        return Report(float(value), keys, reason)


def _cash_only(f: _Figures, quarter: float, as_of: float) -> dict[str, Report]:
    del quarter, as_of
    return {"opening cash": f.report(f("cash"), "", "cash")}


def _neocloud(f: _Figures, quarter: float, as_of: float) -> dict[str, Report]:
    del as_of
    last = np.interp(quarter, f("legacy_revenue.dates"), f("legacy_revenue.values"))
    owed = f("ddtl") + f("oem") + f("notes") + f("convertibles")
    secured = f("ddtl") * f("ddtl_coupon") + f("oem") * f("oem_coupon")
    notes = f("notes") * f("notes_coupon")
    unsecured = notes + f("convertibles") * f("convertibles_coupon")
    moved = "moved by shifts, or weighted by the share that is alive"
    return {
        "opening cash": f.report(f("cash"), "", "cash"),
        "opening debt": f.report(
            owed,
            "scaled by shifts.leverage_all",
            "ddtl",
            "oem",
            "notes",
            "convertibles",
        ),
        "revenue": f.report(
            last * DT,
            "contracts that start or end since the last reported quarter, and what "
            "expired chips fetch",
            "legacy_revenue",
        ),
        "interest, secured": f.report(
            -secured * DT, moved, "ddtl", "ddtl_coupon", "oem", "oem_coupon"
        ),
        "interest, unsecured": f.report(
            -unsecured * DT,
            moved,
            "notes",
            "notes_coupon",
            "convertibles",
            "convertibles_coupon",
        ),
    }


def _spv(f: _Figures, quarter: float, as_of: float) -> dict[str, Report]:
    del quarter
    start, is_drawn = float(f("rent_start")), f.is_kind("funding", "drawn")
    is_floating = f.is_kind("coupon_kind", "floating")
    rate = f.of("rates.short") + f("margin") if is_floating else f("coupon")
    rent = 0.0
    if start <= as_of and f.is_kind("rent_rule", "yield"):
        rent = f("ownership") * f("rent_yield") * f("asset_cost") * DT
    late = (
        "interest on what is drawn, capitalised until rent starts"
        if is_drawn
        else "coupon moved by shifts"
    )
    found = {
        "opening debt": f.report(
            f("notes"),
            "drawn by as_of of a commitment" if is_drawn else "scaled by shifts",
            "notes",
        ),
        "interest, loan": f.report(
            -f("notes") * rate * DT,
            late,
            "notes",
            "margin" if is_floating else "coupon",
        ),
    }
    if start > as_of or f.is_kind("rent_rule", "yield"):
        reason = f"rent starts {start:.2f}, or the tenant left"
        found["rent collected"] = f.report(rent, reason, "rent_start")
    return found


def _hybrid(f: _Figures, quarter: float, as_of: float) -> dict[str, Report]:
    del quarter, as_of
    interest = f("legacy_debt") * f("legacy_coupon") * DT
    return {
        "opening cash": f.report(f("cash"), "", "cash"),
        "opening debt": f.report(
            f("legacy_debt"), "what matured in the grid's history", "legacy_debt"
        ),
        "EBITDA of the core": f.report(
            f("core_ebitda") * DT, "growth since as_of", "core_ebitda"
        ),
        "interest": f.report(
            -interest,
            "what matured in the grid's history, and new debt",
            "legacy_debt",
            "legacy_coupon",
        ),
    }


def _hyperscaler(f: _Figures, quarter: float, as_of: float) -> dict[str, Report]:
    del as_of
    interest = f("legacy_debt") * f("coupon") * DT
    earned = f("cash") * f.of("rates.short") * DT
    planned = np.interp(quarter, f("capex.dates"), f("capex.values"))
    return {
        "opening cash": f.report(f("cash"), "", "cash"),
        "opening debt": f.report(f("legacy_debt"), "", "legacy_debt"),
        "operating cash flow": f.report(
            f("ocf") * DT + interest - earned,
            "growth since as_of, AI revenue and what labs pay",
            "ocf, after interest paid and earned",
            "legacy_debt",
            "coupon",
            "cash",
            "rates.short",
        ),
        "interest": f.report(-interest, "bonds issued", "legacy_debt", "coupon"),
        "capex": f.report(
            -planned * DT, "planned path since, and builders' response", "capex"
        ),
    }
