"""The answer in three sentences, each number with its status."""

from typing import Any

from markupsafe import Markup

from scripts.report.style import chip, date, layer, month, number, quarter, said

FINANCED = (
    "neocloud_equity",
    "neocloud_unsecured",
    "neocloud_secured",
    "bank_spv",
    "chip_spv",
    "tenant_spv",
)
RETURN = "system.return"
_THIN = "\u2009"


def sentences(material: dict[str, Any]) -> list[Markup]:
    """Until when; who first, then who; what a rate point and leverage cost."""
    return [_until(material), _order(material), _price(material)]


def earliest(study: dict[str, Any]) -> dict[str, Any]:
    """The financed layer that breaks first."""
    return study["layers"][study["earliest"]]


def _until(material: dict[str, Any]) -> Markup:
    study = material["breakeven"]
    found, name = earliest(study), said(study["earliest"])
    value, status = found["value"], chip(found["status"])
    if found["status"] in ("fails_at_base", "never_holds"):
        text = "There is no time to buy: {} has failed already at the base case {}."
        return Markup(text).format(Markup("<b>{}</b>").format(name), status)
    if value is None:
        text = (
            "No financed layer breaks at any midpoint of adoption up to {} {}: how "
            "late is too late cannot be said within the dates searched."
        )
        return Markup(text).format(date(found.get("bound")), status)
    same = found["equivalents"] or {}
    base = study.get("base")
    text = Markup(
        "Productivity may be late <b>until {month}</b> – the midpoint of adoption at "
        "t* = {value} {status}, {margin} years after the base case’s {base} – before "
        "the first financed layer breaks by {horizon}"
    ).format(
        horizon=quarter(material["config"]["horizon"]),
        month=month(value),
        value=date(value, 2),
        status=status,
        margin=number(value - base, 2) if base is not None else "some",
        base=date(base, 2),
    )
    words = []
    if same.get("duration_10_90") is not None:
        words.append(
            f"adoption takes {number(same['duration_10_90'], 1)} years from 10 to 90"
            f"{_THIN}%"
        )
    hurdles = [
        f"the {label} in {month(same[key])}"
        for key, label in (
            ("hurdle_date_article", "article’s hurdle"),
            ("hurdle_date_life_adjusted", "life-adjusted one"),
        )
        if same.get(key) is not None
    ]
    if hurdles:
        words.append("AI revenue meets " + " and ".join(hurdles))
    if words:
        text += f"; on that path {', and '.join(words)}"
    return text + _full(found, material["config"]["end"]) + "."


def _full(found: dict[str, Any], end: float) -> Markup:
    """The same question to the end of the grid, where the answer differs."""
    full = found.get("full_grid") or {}
    same = full.get("status") == found["status"] and full.get("value") is not None
    if not full or (same and abs(full["value"] - found["value"]) < 0.005):
        return Markup("")
    until = Markup("; asked to last until {} instead, it ").format(date(end, 0))
    if full.get("value") is not None:
        return until + Markup("breaks beyond {} {}").format(
            date(full["value"], 2), chip(full["status"])
        )
    said_so = {
        "never_holds": "lasts at no midpoint searched",
        "fails_at_base": "has failed at base",
        "always_holds": "lasts at every midpoint searched",
    }
    text = said_so.get(full["status"], "has no date")
    return until + Markup("{} {}").format(text, chip(full["status"]))


def _order(material: dict[str, Any]) -> Markup:
    """Layers by t*, then what that costs in the stories."""
    study = material["breakeven"]
    solved = {k: x for k, x in study["layers"].items() if not k.endswith(".return")}
    dated = sorted(
        ((k, x) for k, x in solved.items() if x["value"] is not None),
        key=lambda item: item[1]["value"],
    )
    failed = [k for k, x in solved.items() if x["status"] == "fails_at_base"]
    first = study["earliest"]
    after = [(k, x) for k, x in dated if k in FINANCED and k != first]
    before = [
        (k, x)
        for k, x in dated
        if k not in FINANCED and x["value"] < (solved[first]["value"] or -1e9)
    ]
    parts = [
        Markup("<b>{} breaks first</b> among those who were financed").format(
            layer(first)
        )
    ]
    if after:
        parts.append(Markup(", then {}").format(_listed(after)))
    if before:
        parts.append(
            Markup("; before any of them, at a still earlier midpoint, {}").format(
                _listed(before)
            )
        )
    if failed:
        names = _and([said(k) for k in failed])
        parts.append(Markup("; {} has failed at base already").format(names))
    never = [k for k, x in solved.items() if x["status"] == "always_holds"]
    if never:
        names = _and([said(k) for k in never])
        verb = "holds" if len(never) == 1 else "hold"
        parts.append(Markup("; {} {} at every midpoint searched").format(names, verb))
    return Markup("").join([*parts, "."])


def _listed(found: list[tuple[str, Any]]) -> Markup:
    """Layers with their dates; those that break together are named together."""
    groups: list[tuple[list[str], Any]] = []
    for name, x in found:
        if groups and abs(groups[-1][1]["value"] - x["value"]) < 0.005:
            groups[-1][0].append(name)
        else:
            groups.append(([name], x))
    return Markup(
        _and(
            [
                Markup("{} ({} {})").format(
                    _and([said(n) for n in names]),
                    date(x["value"], 2),
                    chip(x["status"]),
                )
                for names, x in groups
            ]
        )
    )


def _and(items: list[Any]) -> Any:
    if len(items) < 2:
        return items[0] if items else ""
    return Markup(", ").join(items[:-1]) + " and " + items[-1]


def _price(material: dict[str, Any]) -> Markup:
    layers = material["breakeven"]["layers"]
    found = earliest(material["breakeven"])
    text = Markup(
        "A <b>rate point</b> (100{thin}bp) moves t* by {rate} years on new debt and "
        "{rate_all} on all debt, <b>ten points of debt</b> in the capital structure by "
        "{lever} on new debt and {lever_all} on all"
    ).format(
        thin=_THIN,
        rate=_shift(found, "rate.future", 0.01),
        rate_all=_shift(found, "rate.all", 0.01),
        lever=_shift(found, "leverage.future", 0.1),
        lever_all=_shift(found, "leverage.all", 0.1),
    )
    jumped = _jumped(material)
    if jumped:
        text += jumped
    system = layers.get(RETURN)
    if system is None or system["value"] is None:
        status = chip(system["status"]) if system else "not computed"
        return text + Markup(
            "; what they cost in return has no value here ({})."
        ).format(status)
    return text + Markup(
        "; judged not by solvency but by <b>return</b> on the whole build-out "
        "(t* = {value} {status}) it is {rate} years per rate point and {lever} per "
        "ten points of debt."
    ).format(
        value=date(system["value"], 2),
        status=chip(system["status"]),
        rate=_shift(system, "rate.future", 0.01),
        lever=_shift(system, "leverage.future", 0.1),
    )


def _shift(found: dict[str, Any], key: str, size: float) -> Markup:
    """A derivative times a step; where it has no meaning, its status instead."""
    shift = (found.get("sensitivities") or {}).get(key) or {}
    value = shift.get("value")
    status = str(shift.get("status") or found["status"])
    if value is None:
        return Markup("<i>no derivative</i> {}").format(chip(status))
    return Markup("<b>{}</b> {}").format(
        number(value * size, 2, sign=True), chip(status)
    )


def _jumped(material: dict[str, Any]) -> Markup | None:
    """Where solving again for ten whole points differs from the derivative."""
    found = earliest(material["breakeven"])
    parts = []
    for kind, label in (("future", "on new debt"), ("all", "on all")):
        again = _again(found, (material.get("maps") or {}).get(kind), kind)
        if again is not None:
            parts.append(Markup("{} {}").format(again, label))
    if not parts:
        return None
    return Markup(" (solved again for the whole ten: {})").format(_and(parts))


def _again(found: dict[str, Any], table: Any, kind: str) -> Markup | None:
    """The map's cell ten points up, if it says something else than the derivative."""
    key = f"leverage.{kind}"
    slope = (found.get("sensitivities") or {}).get(key, {}).get("value")
    if not table or slope is None or found["value"] is None:
        return None
    rates, points = table["axes"][f"rate.{kind}"], table["axes"][key]
    if 0.0 not in rates or 0.1 not in points:
        return None
    i, j = rates.index(0.0), points.index(0.1)
    value, status = table["value"][i][j], table["status"][i][j]
    if value is None:
        return chip(status)
    moved = value - found["value"]
    if abs(moved - 0.1 * slope) < 0.05:
        return None
    shown = number(moved, 2, sign=True)
    return Markup("<b>{}</b> {}").format(shown, chip(status))
