"""At which value of a contested figure a story would be called something else."""

from typing import Any

from scripts.report.style import STORIES, number, words

SIGNS = {"below": "≤", "above": "≥"}
SHORT = {"bet_won": "won", "expensive_failure": "failure", "systemic": "systemic"}


def heads(material: dict[str, Any]) -> list[str]:
    """Figure, where it stands, its range, then the stories."""
    return ["Figure", "Stands at", "Range", *(STORIES[s][0] for s in _told(material))]


def rows(material: dict[str, Any]) -> list[list[str]]:
    """Figures that would turn some story, those within their range first."""
    found = material.get("flips") or []
    by_key: dict[str, dict[str, Any]] = {}
    for x in found:
        by_key.setdefault(x["key"], {})[x["story"]] = x
    table = []
    for key, stories in by_key.items():
        cells = [_cell(stories.get(story)) for story in _told(material)]
        if all(cell == "–" for cell in cells):
            continue
        one = next(iter(stories.values()))
        limits = one["range"]
        unit = one["unit"]
        stands = {_figure(x["value"], unit) for x in stories.values()}
        table.append(
            (
                not any(_is_near(x) for x in stories.values()),
                [
                    f"{key} [{unit}]",
                    " / ".join(sorted(stands)),
                    " to ".join(_figure(x, unit) for x in limits)
                    if limits
                    else "threshold",
                    *cells,
                ],
            )
        )
    return [row for _, row in sorted(table, key=lambda x: x[0])]


def silent(material: dict[str, Any]) -> list[str]:
    """Figures that turn no story anywhere within their bounds."""
    turning: set[str] = set()
    every: dict[str, None] = {}
    for x in material.get("flips") or []:
        every[x["key"]] = None
        if any(x[side]["to"] is not None for side in SIGNS):
            turning.add(x["key"])
    return [key for key in every if key not in turning]


def _told(material: dict[str, Any]) -> list[str]:
    found = {x["story"] for x in material.get("flips") or []}
    return [story for story in STORIES if story in found]


def _figure(value: float, unit: str) -> str:
    """Four digits and no exponent; a date to the hundredth of a year."""
    if unit == "decimal year":
        return f"{value:.2f}"
    short = float(f"{value:.4g}")
    if abs(short) >= 1000.0:
        return number(short, 0)
    return f"{short:.9f}".rstrip("0").rstrip(".").replace("-", "−")


def _is_near(x: dict[str, Any]) -> bool:
    return any(x[side].get("within_range") for side in SIGNS)


def _cell(x: dict[str, Any] | None) -> str:
    if x is None:
        return "–"
    parts = []
    for side, sign in SIGNS.items():
        flip = x[side]
        if flip["status"] == "not_converged":
            parts.append(f"{sign} ? {SHORT.get(flip['to'], words(flip['to']))}")
        if flip["value"] is None:
            continue
        mark = "*" if flip["within_range"] else ""
        jump = " (jump)" if flip["status"] == "at_jump" else ""
        text = SHORT.get(flip["to"], words(flip["to"]))
        at = _figure(flip["value"], x["unit"])
        parts.append(f"{sign} {at}{mark} {text}{jump}")
    return "; ".join(parts) or "–"
