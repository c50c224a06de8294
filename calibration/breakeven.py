r"""Break-even: the first value of an unknown, outward from base, that a layer fails.

$$ t^* = \min \{ x \ge x_0 : g(x, \theta) \le 0 \} $$

for a limit state $g$ that holds where positive. What kind of point $t^*$ is decides
what its derivative means: smooth (`ok`), a kink of $g$ (`at_kink`: two one-sided
derivatives), or a jump of $g$ over zero (`at_jump`: pinned on another event, named).
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Array, Float

from calibration.classify import Local, classify
from calibration.events import Event, caused_by, pinning_event
from calibration.problem import Figures, Outcome, Problem, problem
from calibration.scan import (
    Points,
    Scan,
    Surveyed,
    Verdict,
    closer,
    merged,
    refine_cells,
    survey,
    verdict,
)
from engine._types import Scalar

STATUSES: tuple[str, ...] = (
    "ok",
    "at_kink",
    "at_jump",
    "always_holds",
    "never_holds",
    "fails_at_base",
    "reswitches",
    "not_converged",
)

_RESIDUAL = 1e-8
_ROUNDS = 4
_BETWEEN, _MAX_CELLS = 7, 128


@dataclasses.dataclass(frozen=True)
class BreakEven:
    """Where a criterion first fails, and what kind of point that is.

    `value` is None unless a failure after base was found; `bound` is the end of the
    scan up to which it holds (`always_holds`), or down to which it fails already
    (`never_holds`). `local` is `ok`, `at_kink` or `at_jump` for the first crossing of
    whatever status; `slopes` are those of the limit state on the base side and beyond.
    `binding` is the quarter that binds just before the value (where it always holds: at
    the tightest point of the scan; where it never does, at the loosest; else at base)
    and `limit` the limit state there.
    """

    criterion: str
    status: str
    base: float
    value: float | None = None
    residual: float | None = None
    bound: float | None = None
    binding: int | None = None
    limit: float | None = None
    crossings: tuple[float, ...] = ()
    local: str | None = None
    slopes: tuple[float, float] | None = None
    event: Event | None = None


@dataclasses.dataclass(frozen=True)
class Solved:
    """All break-evens of one problem, and the points that re-solves scan.

    Fewer than the search read, with close brackets around what it found.
    """

    scan: Scan
    points: Points
    layers: dict[str, BreakEven]


def break_even(
    limit_state: Callable[[Scalar, Figures], Scalar],
    figures: dict[str, Array],
    scan: Scan,
) -> BreakEven:
    """The break-even of a single limit state `g(unknown, figures)`."""

    def system(x: Scalar, figures: Figures) -> Outcome:
        return Outcome({"criterion": limit_state(x, figures)})

    return break_evens(problem(system, figures), scan).layers["criterion"]


def break_evens(
    problem: Problem, scan: Scan, criteria: Sequence[str] | None = None
) -> Solved:
    """The break-evens of all `criteria` (default: every one) in one search.

    A scan of `scan.n` values outward from base, once more where a dip may hide, then
    every sign change is refined to a few units in the last place, all at once. What
    one criterion's refinement shows of another (an earlier failure) is followed up.
    """
    names = tuple(problem.criteria if criteria is None else criteria)
    points = scan.points()
    surveyed = survey(problem, points, problem.none())
    points, surveyed = closer(problem, scan, points, surveyed)
    layers: dict[str, BreakEven] = {}
    for turn in range(_ROUNDS):
        read = _verdicts(problem, scan, points, surveyed, names)
        layers = _located(problem, scan, points, surveyed, read)
        near = _neighbours(scan, points, layers)
        between = _between(points, layers) if turn == 0 else np.zeros(0)
        extra = np.union1d(near, between)
        if not extra.size:
            break
        more = survey(problem, extra, problem.none())
        points, surveyed = merged(scan, points, surveyed, extra, more)
        again = _verdicts(problem, scan, points, surveyed, names)
        if all(again[k].cells.size == read[k].cells.size for k in names):
            break
    layers = {k: _explained(scan, x, layers) for k, x in layers.items()}
    kept = np.union1d(scan.coarse().points(), _brackets(scan, points, layers))
    return Solved(scan, kept[:: int(scan.outward)], layers)


def _verdicts(
    problem: Problem,
    scan: Scan,
    points: Points,
    surveyed: Surveyed,
    names: tuple[str, ...],
) -> dict[str, Verdict]:
    base = scan.base_index(points)
    columns = {name: problem.criteria.index(name) for name in names}
    return {k: verdict(surveyed.value[0, :, c], base) for k, c in columns.items()}


def _located(
    problem: Problem,
    scan: Scan,
    points: Points,
    surveyed: Surveyed,
    verdicts: dict[str, Verdict],
) -> dict[str, BreakEven]:
    """Refines every sign change, and says what kind of point the first one is."""
    index = {name: problem.criteria.index(name) for name in verdicts}
    where = [(0, int(j), index[k]) for k, v in verdicts.items() for j in v.cells]
    table = np.array(where, int).reshape(-1, 3)
    none = problem.none(table.shape[0])
    found = refine_cells(problem, points, surveyed.value, problem.none(), table)
    local = classify(problem, scan, found.value, table[:, 2], none)
    base = scan.base_index(points)
    layers, start = {}, 0
    for name, read in verdicts.items():
        rows = np.arange(start, start + read.cells.size)
        start += read.cells.size
        crossings = tuple(float(x) for x in found.value[rows])
        result = BreakEven(name, read.status, scan.base, crossings=crossings)
        if read.status in ("ok", "reswitches"):
            k = int(rows[0])
            residual = float(found.residual[k])
            if bool(found.is_converged[rows].all()):
                result = _at_crossing(problem, result, local, k, residual)
            else:
                result = dataclasses.replace(
                    result, status="not_converged", residual=residual
                )
        elif read.status != "not_converged":
            at = _extreme(surveyed.value[0, :, index[name]], base, read.status)
            ends = {"always_holds": points[-1], "never_holds": points[0]}
            bound = ends.get(read.status)
            result = dataclasses.replace(
                result,
                bound=None if bound is None else float(bound),
                binding=_quarter(surveyed.binding[0, at, index[name]]),
                limit=float(surveyed.value[0, at, index[name]]),
            )
        layers[name] = result
    return layers


def _at_crossing(
    problem: Problem, result: BreakEven, local: Local, k: int, residual: float
) -> BreakEven:
    kind, event = local.kind[k], None
    if kind == "at_jump":
        event = pinning_event(
            problem.dates, local.dates[0, k], local.dates[1, k], result.criterion
        )
    status = kind if result.status == "ok" else result.status
    slope = max(abs(float(local.before[k])), abs(float(local.after[k])))
    # What a few units in the last place of the unknown make of a steep limit state.
    last = 8 * np.finfo(float).eps * abs(result.crossings[0]) * slope
    if kind != "at_jump" and not abs(residual) < max(_RESIDUAL, last):
        return dataclasses.replace(result, status="not_converged", residual=residual)
    return dataclasses.replace(
        result,
        status=status,
        value=result.crossings[0],
        residual=residual,
        binding=_quarter(local.binding[k]),
        limit=float(local.limit[k]),
        local=kind,
        slopes=(float(local.before[k]), float(local.after[k])),
        event=event,
    )


def _explained(
    scan: Scan, result: BreakEven, layers: dict[str, BreakEven]
) -> BreakEven:
    """Names the pinning event after the criterion that is smoothly zero there."""
    if result.event is None or result.value is None:
        return result
    near = 1e-8 * scan.scale
    causes = {
        k
        for k, x in layers.items()
        if x.local == "ok"
        and x.value is not None
        and abs(x.value - result.value) < near
    }
    return dataclasses.replace(result, event=caused_by(result.event, causes))


def _extreme(value: Points, base: int, status: str) -> int:
    """The point to report: tightest if it always holds, base if it fails there."""
    if status == "always_holds":
        return base + int(np.argmin(value[base:]))
    return int(np.argmax(value)) if status == "never_holds" else base


def _quarter(index: int | np.integer) -> int | None:
    return int(index) if index >= 0 else None


def _neighbours(
    scan: Scan, points: Points, layers: dict[str, BreakEven]
) -> Float[np.ndarray, " extra"]:
    """Close brackets around each crossing, so that re-solves find the same one."""
    values = [v for x in layers.values() for v in x.crossings if np.isfinite(v)]
    around = np.array(values)[:, None] + np.array([-0.02, 0.02]) * scan.scale
    low, high = sorted((scan.base, scan.end))
    extra = np.unique(around[(around > low) & (around < high)])
    if not extra.size:
        return extra
    far = np.abs(extra[:, None] - points).min(axis=1) > 1e-3 * scan.scale
    return extra[far]


def _between(
    points: Points, layers: dict[str, BreakEven]
) -> Float[np.ndarray, " extra"]:
    """Values between crossings, and two cells around, of what fails more than once.

    Where a criterion fails, holds and fails again, it may do so between two values.
    """
    ordered = np.sort(points)
    chosen = np.zeros(ordered.size - 1, bool)
    for found in layers.values():
        if len(found.crossings) > 1 and np.isfinite(found.crossings).all():
            at = np.searchsorted(ordered, found.crossings) - 1
            chosen[max(at.min() - 2, 0) : at.max() + 3] = True
    cells = np.flatnonzero(chosen)[:_MAX_CELLS]
    shares = np.arange(1, _BETWEEN + 1) / (_BETWEEN + 1)
    width = ordered[cells + 1] - ordered[cells]
    return (ordered[cells, None] + width[:, None] * shares).ravel()


def _brackets(
    scan: Scan, points: Points, layers: dict[str, BreakEven]
) -> Float[np.ndarray, " kept"]:
    """The two values read on each side of every crossing, at some distance."""
    ordered = np.sort(points)
    kept: set[int] = set()
    for found in layers.values():
        for crossing in found.crossings:
            if np.isfinite(crossing):
                gap = ordered - crossing
                left = np.flatnonzero(gap < -1e-3 * scan.scale)[-2:]
                right = np.flatnonzero(gap > 1e-3 * scan.scale)[:2]
                kept |= {int(i) for i in (*left, *right)}
    return ordered[sorted(kept)]
