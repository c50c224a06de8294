"""What a config is made of: frozen tables, and figures that carry their provenance.

A *figure* is a number with its source, date, confidence and the bounds beyond which it
is refused, all as data. Vector figures hold several numbers under one provenance. Units
are in the key (`engine.units`); values here are as written.
"""

import itertools
import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Confidence = Literal["V1", "V2", "V3", "M", "D", "A", "choice"]
Distribution = Literal["uniform", "triangular", "lognormal", "beta", "normal"]
DATE = r"^(19|20)\d\d(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?|Q[1-4])?$"


def refusal(got: object, expected: str) -> PydanticCustomError:
    """The error of a value that is well-formed and wrong."""
    return PydanticCustomError(
        "figure",
        "got {got}, expected {expected}",
        {"got": str(got), "expected": expected},
    )


class FrozenModel(BaseModel):
    """A table: no unknown keys, no changes after reading."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False
    )


class Provenance(FrozenModel):
    """Where numbers come from and how far they may be trusted."""

    source: Annotated[str, Field(min_length=3)]
    date: Annotated[str, Field(pattern=DATE)]
    confidence: Confidence
    bounds: tuple[Number, Number]
    note: str = ""

    def refuse_outside(self, values: tuple[float, ...]) -> None:
        """Refuses the first value outside the bounds."""
        low, high = self.bounds
        if low > high:
            raise refusal(list(self.bounds), "bounds in increasing order")
        for value in values:
            if not low <= value <= high:
                raise refusal(value, f"a value within its bounds [{low}, {high}]")


class Figure(Provenance):
    """One number; `range` and `distribution` only if it is contested."""

    value: Number
    range: tuple[Number, Number] | None = None
    distribution: Distribution = "uniform"
    mode: Number | None = None

    @model_validator(mode="after")
    def _is_consistent(self) -> "Figure":
        self.refuse_outside((self.value,))
        if self.range is None:
            return self
        low, high = self.range
        if not low < high:
            raise refusal(list(self.range), "a range in increasing order")
        if not low <= self.value <= high:
            raise refusal(self.value, f"a value within its range [{low}, {high}]")
        if self.mode is not None and not low <= self.mode <= high:
            raise refusal(self.mode, f"a mode within its range [{low}, {high}]")
        if low < self.bounds[0] or high > self.bounds[1]:
            raise refusal(
                list(self.range), f"a range within the bounds {list(self.bounds)}"
            )
        if self.distribution == "lognormal" and low <= 0:
            raise refusal(low, "a positive lower end for a lognormal range")
        return self


class Vector(Provenance):
    """Several numbers under one provenance."""


def _increasing(name: str, dates: tuple[float, ...]) -> None:
    for left, right in itertools.pairwise(dates):
        if not left < right:
            raise refusal(list(dates), f"{name} in strictly increasing order")


def _length(name: str, values: tuple[float, ...], n: int, other: str) -> None:
    if len(values) != n:
        raise refusal(f"{len(values)} {name}", f"{n} of them, for {other}")


Numbers = Annotated[tuple[Number, ...], Field(min_length=1)]


class Path(Vector):
    """Values at dates, linear between them and flat outside."""

    dates: Numbers
    values: Numbers

    @model_validator(mode="after")
    def _is_consistent(self) -> "Path":
        _increasing("dates", self.dates)
        _length("values", self.values, len(self.dates), f"{len(self.dates)} dates")
        self.refuse_outside(self.values)
        return self


class Schedule(Vector):
    """Amounts spread evenly over the intervals between edges."""

    edges: Annotated[tuple[Number, ...], Field(min_length=2)]
    amounts: Numbers

    @model_validator(mode="after")
    def _is_consistent(self) -> "Schedule":
        _increasing("edges", self.edges)
        n = len(self.edges)
        _length("amounts", self.amounts, n - 1, f"{n} edges")
        self.refuse_outside(self.amounts)
        return self


class Bullets(Vector):
    """Lump payments at dates."""

    dates: Numbers
    amounts: Numbers

    @model_validator(mode="after")
    def _is_consistent(self) -> "Bullets":
        _increasing("dates", self.dates)
        _length("amounts", self.amounts, len(self.dates), f"{len(self.dates)} dates")
        self.refuse_outside(self.amounts)
        return self


class Series(Vector):
    """One value per history quarter."""

    values: Numbers

    @model_validator(mode="after")
    def _is_consistent(self) -> "Series":
        self.refuse_outside(self.values)
        return self


class Shares(Vector):
    """Shares by name of the entity that has them."""

    shares: dict[str, Number]

    @model_validator(mode="after")
    def _is_consistent(self) -> "Shares":
        for name, share in self.shares.items():
            if not 0 <= share <= 1:
                raise refusal(f"{share} for {name}", "a share from 0 to 1")
        self.refuse_outside(tuple(self.shares.values()))
        self._add_up(math.fsum(self.shares.values()))
        return self

    def _add_up(self, total: float) -> None:
        if not math.isclose(total, 1.0, abs_tol=1e-9):
            raise refusal(f"shares that sum to {total:.6g}", "a sum of one")


class Customers(Shares):
    """Shares of revenue or dues by counterparty; what is not named goes to others."""

    def _add_up(self, total: float) -> None:
        if total > 1.0 + 1e-9:
            raise refusal(f"shares that sum to {total:.6g}", "a sum of at most one")


class Section(FrozenModel):
    """A table of figures and static choices."""
