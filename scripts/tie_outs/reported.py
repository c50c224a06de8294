"""Reported figures of a deal: a TOML file of values or ranges, each with its source."""

import math
import pathlib
import tomllib
from typing import Any, NamedTuple

from scripts._output import BadInput

FOLDER = pathlib.Path(__file__).parents[2] / "configs" / "reported"
CONFIDENCE = ("V1", "V2", "V3", "M", "D", "A", "choice")
_PROVENANCE = {"source", "date", "confidence"}
_ALLOWED = ({"value"} | _PROVENANCE, {"low", "high"} | _PROVENANCE)


class Reported(NamedTuple):
    """A figure, or the two ends of a guided range, and where it was read."""

    low: float
    high: float
    source: str
    date: str
    confidence: str

    @property
    def value(self) -> float:
        """The figure; of a range its middle."""
        return 0.5 * (self.low + self.high)

    @property
    def is_range(self) -> bool:
        return self.low != self.high


def read(name: str, folder: pathlib.Path = FOLDER) -> dict[str, Any]:
    """Sections of a file with `Reported` leaves; `BadInput` with every fault of it."""
    path = folder / f"{name}.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}, expected a TOML file") from None
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path}: {error}, expected TOML") from None
    faults: list[str] = []
    found = _section(table, str(path), faults)
    if faults:
        raise BadInput(*faults)
    return found


def _section(table: dict[str, Any], where: str, faults: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, dict) and _PROVENANCE & set(value):
            found[key] = _figure(value, f"{where}: {key}", faults)
        elif isinstance(value, dict):
            found[key] = _section(value, f"{where}: {key}", faults)
        else:
            found[key] = value
    return found


def _figure(given: dict[str, Any], where: str, faults: list[str]) -> Reported | None:
    said = len(faults)
    if set(given) not in _ALLOWED:
        faults.append(
            f"{where}: got {', '.join(sorted(given))}, expected value or low and high, "
            "with source, date and confidence"
        )
        return None
    for key in ("value", "low", "high"):
        number = given.get(key, 0.0)
        is_real = isinstance(number, int | float) and not isinstance(number, bool)
        if not is_real or not math.isfinite(number):
            faults.append(f"{where}.{key}: {number!r}, expected a finite number")
    for key in ("source", "date"):
        if not isinstance(given[key], str) or not given[key].strip():
            faults.append(f"{where}.{key}: {given[key]!r}, expected some text")
    if given["confidence"] not in CONFIDENCE:
        faults.append(
            f"{where}.confidence: {given['confidence']!r}, expected one of "
            f"{', '.join(CONFIDENCE)}"
        )
    if len(faults) > said:
        return None
    low, high = given.get("low", given.get("value")), given.get("high")
    high = low if high is None else high
    if low > high:
        faults.append(f"{where}: low {low!r} above high {high!r}")
        return None
    provenance = (given[key] for key in ("source", "date", "confidence"))
    return Reported(float(low), float(high), *provenance)
