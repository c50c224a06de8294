"""The figures of a config as one flat list: path, engine name, unit and provenance."""

import dataclasses
from collections.abc import Iterator

from engine.config.base import (
    Bullets,
    Figure,
    FrozenModel,
    Path,
    Schedule,
    Section,
    Series,
    Shares,
    Vector,
)
from engine.units import LABELS, factor


@dataclasses.dataclass(frozen=True)
class FigureRecord:
    """One figure as written, and how the engine calls and counts it."""

    path: str
    name: str
    unit: str
    value: float | tuple[float, ...]
    source: str
    date: str
    confidence: str
    bounds: tuple[float, float]
    range: tuple[float, float] | None = None
    distribution: str = "uniform"
    mode: float | None = None
    note: str = ""
    factor: float = 1.0

    @property
    def engine_value(self) -> float | tuple[float, ...]:
        """The value in the engine's unit."""
        if isinstance(self.value, tuple):
            return tuple(v * self.factor for v in self.value)
        return self.value * self.factor


def stem(key: str) -> str:
    """A config key without its unit suffix: what the engine calls it."""
    matches = [suffix for suffix in LABELS if key.endswith(suffix) and key != suffix]
    return key.removesuffix(max(matches, key=len)) if matches else key


def engine_name(path: str) -> str:
    """A dotted config path without unit suffixes."""
    return ".".join(stem(part) for part in path.split("."))


def _children(model: FrozenModel) -> Iterator[tuple[str, object]]:
    for key in type(model).model_fields:
        value = getattr(model, key)
        if isinstance(value, dict):
            yield from ((f"{key}.{name}", member) for name, member in value.items())
        else:
            yield key, value


def choices(model: FrozenModel, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Static choices below `model`, by dotted name."""
    for key, value in _children(model):
        if isinstance(value, str):
            yield prefix + key, value
        elif isinstance(value, Section):
            yield from choices(value, f"{prefix}{key}.")


def records(model: FrozenModel, prefix: str = "") -> Iterator[FigureRecord]:
    """Figures below `model`, in file order."""
    for key, value in _children(model):
        path = prefix + key
        if isinstance(value, Section):
            yield from records(value, f"{path}.")
        elif isinstance(value, Figure):
            yield _record(path, value, value.value)
        elif isinstance(value, Vector):
            yield from _parts(path, value)


def _parts(path: str, vector: Vector) -> Iterator[FigureRecord]:
    match vector:
        case Shares():
            for name, share in vector.shares.items():
                yield _record(f"{path}.{name}", vector, share, unit="share")
        case Series():
            yield _record(path, vector, vector.values)
        case Schedule():
            yield _dates(f"{path}.edges", vector, vector.edges)
            yield _record(f"{path}.amounts", vector, vector.amounts)
        case Bullets():
            yield _dates(f"{path}.dates", vector, vector.dates)
            yield _record(f"{path}.amounts", vector, vector.amounts)
        case Path():
            yield _dates(f"{path}.dates", vector, vector.dates)
            yield _record(f"{path}.values", vector, vector.values)


def _dates(path: str, vector: Vector, dates: tuple[float, ...]) -> FigureRecord:
    record = _record(path, vector, dates, unit="decimal year")
    return dataclasses.replace(record, factor=1.0, bounds=(1900.0, 2200.0))


def _record(
    path: str,
    figure: Figure | Vector,
    value: float | tuple[float, ...],
    unit: str | None = None,
) -> FigureRecord:
    key = path.split(".")[-1]
    if key in ("amounts", "values"):
        key = path.split(".")[-2]
    scale, label = (1.0, unit) if unit is not None else factor(key)
    contested: dict[str, object] = {}
    if isinstance(figure, Figure) and figure.range is not None:
        mode = figure.mode
        if mode is None and figure.distribution == "triangular":
            mode = figure.value
        contested = {
            "range": figure.range,
            "distribution": figure.distribution,
            "mode": mode,
        }
    return FigureRecord(
        path=path,
        name=engine_name(path),
        unit=label,
        value=value,
        source=figure.source,
        date=figure.date,
        confidence=figure.confidence,
        bounds=figure.bounds,
        note=figure.note,
        factor=scale,
        **contested,  # pyright: ignore[reportArgumentType]
    )
