r"""Flip values: where a figure would have to stand for the classification to change.

The class has two continuous distances: `won` (lowest headroom of a financed layer,
negative once one fails) and `systemic` (lowest relative distance to a threshold, not
positive once one is reached). Every figure is scanned through its bounds, outward from
where it stands; at the first change of class on each side the distance behind it is
brought to zero. A default jumps, so may the distance: the flip value is then where the
class changes, and its status says so.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int

from calibration.moved import Moved, Row
from calibration.search import refine

SCANNED = 9
"""Points of the scan through the bounds, and again through the contested range."""

_STEP, _JUMP = 1e-7, 1e-3


@dataclasses.dataclass(frozen=True)
class Flip:
    """One change of class, beyond `value` away from where the figure stands."""

    value: float
    after: int
    status: str
    """`ok`: the distance is zero there; `at_jump`: it jumps across; `not_converged`."""


@dataclasses.dataclass(frozen=True)
class Flips:
    """Nearest change of class below and above a figure; None within the bounds."""

    story: str
    key: str
    at: float
    classification: int
    below: Flip | None
    above: Flip | None


@dataclasses.dataclass(frozen=True)
class _Case:
    """One story and figure, with its scan."""

    story: str
    key: str
    x: Float[np.ndarray, " point"]
    base: int
    codes: Int[np.ndarray, " point"]
    margins: Float[np.ndarray, "margin point"]


def flips(
    moved: Moved,
    bounds: Mapping[str, tuple[float, float]],
    ranges: Mapping[str, tuple[float, float]],
) -> list[Flips]:
    """Every story × every key of `bounds`, in one search.

    **Arguments:** `bounds`, in engine units, beyond which a figure is refused;
    `ranges`, where it is contested (scanned more densely).
    """
    scans = [
        (story, key, _scan(moved.value(story, key), bounds[key], ranges.get(key)))
        for story in moved.stories
        for key in bounds
    ]
    rows: list[Row] = [(s, {k: x}) for s, k, points in scans for x in points]
    codes, margins = _measure(moved, rows)
    cases, start = [], 0
    for story, key, x in scans:
        part = slice(start, start + len(x))
        base = int(np.argmin(np.abs(x - moved.value(story, key))))
        cases.append(_Case(story, key, x, base, codes[part], margins[:, part]))
        start += len(x)
    brackets = [
        (i, way, last)
        for i, case in enumerate(cases)
        for way in (-1, 1)
        for last in [_last_before_change(case.codes, case.base, way)]
        if last is not None
    ]
    found = dict(
        zip(
            [(i, way) for i, way, _ in brackets],
            _refined(moved, cases, brackets),
            strict=True,
        )
    )
    return [
        Flips(
            case.story,
            case.key,
            float(case.x[case.base]),
            int(case.codes[case.base]),
            found.get((i, -1)),
            found.get((i, 1)),
        )
        for i, case in enumerate(cases)
    ]


def _measure(
    moved: Moved, rows: Sequence[Row]
) -> tuple[Int[np.ndarray, " row"], Float[np.ndarray, "margin row"]]:
    found = moved.run(rows)
    margins = np.stack([found["won"], found["systemic"]])
    return found["classification"].astype(int), margins


def _scan(
    here: float, bounds: tuple[float, float], contested: tuple[float, float] | None
) -> Float[np.ndarray, " point"]:
    """Points through the bounds, denser through the contested range and near here."""
    # A figure may be divided by, or be refused, at its bound itself.
    inset = 1e-6 * (bounds[1] - bounds[0])
    low, high = min(bounds[0] + inset, here), max(bounds[1] - inset, here)
    parts = [np.array([here]), np.linspace(low, high, SCANNED)]
    if contested is not None:
        parts.append(np.clip(np.linspace(*contested, SCANNED), low, high))
    parts += [here + (end - here) * np.geomspace(1e-3, 1.0, 5) for end in (low, high)]
    return np.unique(np.concatenate(parts))


def _last_before_change(
    codes: Int[np.ndarray, " point"], base: int, way: int
) -> int | None:
    """Last point on this side that has the class of the base."""
    i = base
    while 0 <= i + way < len(codes):
        if codes[i + way] != codes[base]:
            return i
        i += way
    return None


def _refined(
    moved: Moved, cases: Sequence[_Case], brackets: Sequence[tuple[int, int, int]]
) -> list[Flip]:
    """Each bracket narrowed on the distance that changes sign in it."""
    if not brackets:
        return []
    chosen = [cases[i] for i, _, _ in brackets]
    near = np.array([last for _, _, last in brackets])
    far = near + np.array([way for _, way, _ in brackets])
    before = np.array([c.codes[n] for c, n in zip(chosen, near, strict=True)])
    after = np.array([c.codes[f] for c, f in zip(chosen, far, strict=True)])
    # To or from systemic it is the second distance, else the first.
    which = ((before == 2) | (after == 2)).astype(int)

    def at(points: Int[np.ndarray, " bracket"]) -> tuple[np.ndarray, np.ndarray]:
        where = [c.x[p] for c, p in zip(chosen, points, strict=True)]
        size = [c.margins[w, p] for c, w, p in zip(chosen, which, points, strict=True)]
        return np.array(where), np.array(size)

    def evaluate(
        x: Float[np.ndarray, " row"], some: Int[np.ndarray, " row"]
    ) -> Float[np.ndarray, " row"]:
        rows: list[Row] = [
            (chosen[b].story, {chosen[b].key: float(value)})
            for value, b in zip(x, some, strict=True)
        ]
        _, margins = _measure(moved, rows)
        return margins[which[some], np.arange(len(some))]

    (x_near, f_near), (x_far, f_far) = at(near), at(far)
    done = refine(evaluate, x_near, x_far, f_near, f_far, max_steps=45)
    step = _STEP * np.maximum(np.abs(done.value), 1e-6)
    every = np.arange(len(brackets))
    gap = np.abs(
        evaluate(done.value + step, every) - evaluate(done.value - step, every)
    )
    is_narrow = done.width <= step
    status = np.where(
        ~is_narrow, "not_converged", np.where(gap > _JUMP, "at_jump", "ok")
    )
    return [
        Flip(float(x), int(code), str(word))
        for x, code, word in zip(done.value, after, status, strict=True)
    ]
