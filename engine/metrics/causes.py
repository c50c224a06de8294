"""Why a neocloud or an SPV defaulted: which due its sources did not reach.

Read from the record of one run; nothing in the step reads it. A vehicle fails when
its headroom is negative (docs/model.md, section 5), and that is the smaller of two:
of its covenant, then lenders accelerated; or of its liquidity, then dues are met by
rank until sources end, and the first that is not met in full is the cause. In the
quarter of a default every rung of the ladder is used, so that the sources are in the
record to the last one.
"""

from typing import Any, NamedTuple

import numpy as np

from engine.economy import Economy
from engine.metrics.layers import named
from engine.survival import HIGHEST

CAUSES = {
    "operating_loss": "running costs above what customers pay",
    "construction": "construction or committed capex not paid",
    "overrun": "construction beyond budget and beyond its guarantee not paid",
    "damages": "damages for delay not paid",
    "interest": "interest not paid",
    "principal": "scheduled principal not paid",
    "maturity": "notes that mature neither repaid nor refinanced",
    "residual": "loan not taken out at the last extended maturity",
    "covenant": "lenders accelerate: default tier failed in two successive quarters",
    "non_renewal": "the tenant does not renew",
    "repudiation": "the tenant repudiates",
    "price": "shares below their floor, no default",
}
"""What may bind, and what it means."""

_PAID = 1e-9
"""A due is met if less than this share of all dues is missing."""

Amounts = dict[str, float]


class Cause(NamedTuple):
    """What bound when a vehicle failed.

    `dues` by rank and `sources` are of the average living member in that quarter
    [USD bn], empty where no payment was missed; `missing` is the difference.
    """

    name: str
    missing: float
    dues: Amounts
    sources: Amounts


def _first_unmet(dues: list[tuple[str, float]], sources: float) -> str:
    """The first due by rank that `sources` do not meet in full."""
    left, total = sources, sum(x for _, x in dues)
    for name, due in dues:
        left -= due
        if due > 0.0 and left < -_PAID * total:
            return name
    return dues[-1][0]


def _payment(dues: list[tuple[str, float]], sources: Amounts) -> Cause:
    found: Amounts = {}
    for name, due in dues:
        found[name] = found.get(name, 0.0) + due
    there = sum(sources.values())
    missing = sum(found.values()) - there
    return Cause(_first_unmet(dues, there), missing, found, sources)


def _at(flows: Any, quarter: int, i: int) -> Any:
    """Reads a field of a vehicle's flows in one quarter."""

    def read(name: str) -> float:
        return float(np.asarray(getattr(flows, name))[quarter, i])

    return read


def _is_covenant(read: Any) -> bool:
    """Whether the covenant's headroom is the smaller one."""
    return read("covenant") < HIGHEST and read("covenant") <= read("headroom")


def cloud_default(clouds: Any, quarter: int, i: int) -> Cause:
    """Why neocloud `i` has a negative headroom in `quarter` (docs/model.md, 5).

    Dues by rank: operating loss, secured interest and principal, unsecured interest,
    what matures beyond its refinancing, committed capex that may not be deferred.
    """
    x = _at(clouds, quarter, i)
    if _is_covenant(x):
        return Cause("covenant", 0.0, {}, {})
    moved = (
        x("cash_ebitda") + x("earned") + x("lent_secured") + x("lent_unsecured")
        + x("raised") + x("prepayment") - x("interest_secured")
        - x("interest_unsecured") - x("repaid_secured") - x("repaid_unsecured")
        - x("capex")
    )  # fmt: skip
    sources = {
        "cash": x("cash") - moved,
        "interest_earned": x("earned"),
        "operations": max(x("cash_ebitda"), 0.0),
        "new_notes": x("issued"),
        "revolver": x("drawn_revolver"),
        "rolled": x("rolled"),
        "equity": x("raised") - x("cure"),
    }
    dues = [
        ("operating_loss", max(-x("cash_ebitda"), 0.0)),
        ("interest", x("interest_secured")),
        ("principal", x("scheduled")),
        ("interest", x("interest_unsecured")),
        ("maturity", x("maturing") - x("refinanced")),
    ]
    # The headroom is relative to all dues: what is not debt's is capex's.
    there = sum(sources.values())
    known = sum(due for _, due in dues)
    g = x("headroom")
    owed = (there + x("refinanced")) / (1.0 + g) - x("refinanced") if g > -1.0 else 0.0
    return _payment([*dues, ("construction", max(owed - known, 0.0))], sources)


def spv_default(spvs: Any, drawn: bool, quarter: int, i: int) -> Cause:
    """Why SPV `i` has a negative headroom in `quarter` (docs/model.md, 5).

    Dues by rank: own construction, what it costs beyond budget, damages, coupons,
    repayments; of these what is left at the last attempt at a take-out comes last.
    `drawn`: its loan is drawn as it builds.
    """
    x = _at(spvs, quarter, i)
    if _is_covenant(x):
        return Cause("covenant", 0.0, {}, {})
    building = getattr(spvs, "building", None)
    past = 0.0 if getattr(spvs, "past", None) is None else x("past")
    risk = (lambda name: 0.0) if building is None else _at(building, quarter, i)
    deferred = x("equity") - (x("spend") - x("draw") if drawn else 0.0)
    dues = [
        ("construction", 0.0 if drawn else x("spend")),
        ("overrun", risk("overrun") - risk("guaranteed")),
        ("damages", risk("credited")),
        ("interest", x("interest_loan") + x("interest_takeout")),
        ("principal", x("scheduled") + x("repaid_takeout") - x("swept_takeout")),
        ("residual", x("residual")),
    ]
    missing = x("arrears") - x("rolled")
    sources = {
        "rent": x("cfads"),
        "leaver": x("owed") - past,
        "interest_earned": x("earned"),
        "equity": deferred - risk("guaranteed"),
        "damages": risk("received"),
        "sponsor": x("sponsor") - x("cure"),
        "rolled": x("rolled"),
    }
    paid = sum(due for _, due in dues) - missing
    return _payment(dues, {"cash": paid - sum(sources.values()), **sources})


def cause_of(
    record: Any, economy: Economy, layer: str, quarter: int, i: int
) -> Cause | None:
    """Why member `i` fails the event of `layer` in `quarter`; None: no such layer."""
    if layer.startswith("neocloud"):
        if float(record.clouds.headroom[quarter, i]) < 0.0:
            return cloud_default(record.clouds, quarter, i)
        return Cause("price", 0.0, {}, {})
    if not layer.endswith("_spv"):
        return None
    if layer == "tenant_spv":
        tenancies = record.tenancies
        rooms = {
            "default": float(record.spvs.headroom[quarter, i]),
            "non_renewal": float(tenancies.renewal_due[quarter, i]),
            "repudiation": float(tenancies.repudiation[quarter, i]),
        }
        lowest = min(rooms, key=lambda name: rooms[name])
        if lowest != "default":
            return Cause(lowest, 0.0, {}, {})
    drawn = economy.where("spvs", "funding", "drawn")[i]
    return spv_default(record.spvs, drawn, quarter, i)


def defaults(
    record: Any, economy: Economy, ends: Any
) -> list[tuple[str, float, Cause]]:
    """Every named vehicle that defaults: who, when, and why; the earliest first."""
    found = []
    for family, layer in (("neoclouds", "neocloud_unsecured"), ("spvs", "bank_spv")):
        flows = record.clouds if family == "neoclouds" else record.spvs
        is_named = named(economy, family)
        for i, member in enumerate(economy.members(family)):
            gone = np.asarray(flows.alive)[:, i] < 0.5
            if not (is_named[i] and gone.any()):
                continue
            quarter = int(np.argmax(gone))
            cause = cause_of(record, economy, layer, quarter, i)
            assert cause is not None
            found.append((member, float(np.asarray(ends)[quarter]), cause))
    return sorted(found, key=lambda x: x[1])
