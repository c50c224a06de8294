"""One line of a tie-out: a reported figure, the model's, and whether they agree."""

from typing import Any

from scripts.tie_outs.reported import Reported

TOLERANCE = 0.1
"""Relative difference within which a figure ties."""

INPUT, FITTED, OUTCOME = "opens on it", "fitted", "outcome"
"""The model was given the figure (it then only says that nothing was lost on the way);
a figure of the config was chosen to fit it; or the model comes to it by itself."""


def tie(
    item: str,
    reported: Reported,
    model: float,
    unit: str = "USD bn",
    kind: str = OUTCOME,
    note: str = "",
) -> dict[str, Any]:
    """The line; a guided range is held against its middle, and said to be inside."""
    difference = model / reported.value - 1.0 if reported.value else model
    return {
        "item": item,
        "low": reported.low,
        "high": reported.high,
        "reported": reported.value,
        "model": model,
        "unit": unit,
        "difference": difference,
        "inside": reported.low - 1e-9 <= model <= reported.high + 1e-9,
        "ties": abs(difference) <= TOLERANCE,
        "kind": kind,
        "note": note,
        "source": reported.source,
        "date": reported.date,
        "confidence": reported.confidence,
    }


def derived(low: float, high: float, says: str, *inputs: Reported) -> Reported:
    """A figure made of reported ones: as good as they are, and no newer."""
    return Reported(low, high, says, max(x.date for x in inputs), "D")


def total(inputs: list[Reported], says: str) -> Reported:
    """Their sum."""
    low, high = sum(x.low for x in inputs), sum(x.high for x in inputs)
    return derived(low, high, says, *inputs)
