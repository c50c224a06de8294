r"""Whether break-evens are what they say: checked without the search that found them.

A search reads some 580 values and refines what changes sign. Here the same limit states
are read at 1,100 others, which no search used, and around every crossing; the signs,
gaps and one-sided slopes found there either bear the status out or not.
"""

import dataclasses

import numpy as np

from calibration.breakeven import BreakEven, Solved
from calibration.events import NEVER
from calibration.located import Located
from calibration.problem import Problem
from calibration.scan import Points
from calibration.sensitivities import Gradient, Sensitivity, gradients, sensitivities
from calibration.unknowns import SHIFTS

DENSE, DENSE_BEFORE = 1000, 100
"""Values read beyond base and before it."""

KEYS: tuple[str, ...] = (SHIFTS["rate.all"], SHIFTS["leverage.all"])
LADDER: tuple[float, ...] = (4e-6, 8e-7)
"""Shifts that are re-solved, and by how much."""

_SIDE, _FAR = 1e-10, 1e-8
_GAP_SHARE, _GAP_FLOOR = 0.5, 1e-8
_SLOPE_STEP, _SLOPE_AGREEMENT = 1e-6, 1e-2


@dataclasses.dataclass(frozen=True)
class Finding:
    """One criterion of one economy: its status, and what contradicts it (or nothing).

    `sensitivities` by shift where there is a value: implicit beside re-solved.
    """

    criterion: str
    found: BreakEven
    faults: tuple[str, ...]
    sensitivities: dict[str, Sensitivity]

    @property
    def status(self) -> str:
        """Status of the break-even."""
        return self.found.status


def audit(found: Located, *, is_resolved: bool = True) -> list[Finding]:
    """Every criterion of an economy, checked; re-solved too unless told otherwise."""
    findings: list[Finding] = []
    for solved in found.solutions:
        findings += audit_solved(found.problem, solved, is_resolved=is_resolved)
    return findings


def audit_solved(p: Problem, solved: Solved, *, is_resolved: bool) -> list[Finding]:
    """Every criterion of one search, checked."""
    scan = solved.scan
    spacing = (scan.end - scan.base) / DENSE
    after = scan.base + spacing * (np.arange(DENSE) + 0.5)
    share = (np.arange(DENSE_BEFORE) + 0.5) / DENSE_BEFORE
    before = scan.before + (scan.base - scan.before) * share
    before = before[np.abs(before - scan.base) > 0]
    x = np.concatenate([before, [scan.base], after, [scan.end]])
    dense = p.measure(x, p.none(x.size)).value
    sides = _sides(p, solved)
    slopes, checks = {}, {}
    if is_resolved:
        slopes, checks = _derivatives(p, solved)
    findings = []
    for name, result in solved.layers.items():
        g = dense[:, p.criteria.index(name)]
        faults = _global_faults(result, x, g, before.size)
        if result.value is not None:
            faults += _local_faults(result, sides[name])
            faults += _derivative_faults(result, slopes.get(name), checks.get(name, {}))
        findings.append(Finding(name, result, tuple(faults), checks.get(name, {})))
    return findings


def _derivatives(
    p: Problem, solved: Solved
) -> tuple[dict[str, Gradient], dict[str, dict[str, Sensitivity]]]:
    """Implicit and re-solved, at two steps; the whole ladder where these disagree."""
    smooth = {k: x for k, x in solved.layers.items() if x.local in ("ok", "at_kink")}
    sparse = dataclasses.replace(solved, points=_sparse(solved), layers=smooth)
    slopes = gradients(p, sparse)
    keys = tuple(k for k in KEYS if k in p.keys)
    checks = sensitivities(p, sparse, slopes, keys, ladder=LADDER)
    doubtful = {
        k: x
        for k, x in smooth.items()
        if any(check.status != "ok" for check in checks[k].values())
    }
    if doubtful:
        again = dataclasses.replace(sparse, layers=doubtful)
        checks |= sensitivities(p, again, slopes, keys)
    return slopes, checks


def _sparse(solved: Solved) -> Points:
    """Base, both ends and a bracket around every crossing: what a small shift moves."""
    scan = solved.scan
    crossings = [v for x in solved.layers.values() for v in x.crossings]
    around = np.array(crossings)[:, None] + np.array([-2e-3, 2e-3]) * scan.scale
    low, high = sorted((scan.base, scan.end))
    inside = around[(around > low) & (around < high)]
    return np.unique(np.concatenate([[low, high], inside]))[:: int(scan.outward)]


def _global_faults(result: BreakEven, x: Points, g: Points, base: int) -> list[str]:
    """What signs at other values say against a status."""
    holds = g > 0
    later = np.flatnonzero(holds[base + 1 :] != holds[base:-1]) + base
    status, crossings = result.status, np.array(result.crossings)
    if status == "not_converged":
        return [] if not np.isfinite(g).all() else ["every value is finite"]
    if not np.isfinite(g).all():
        return ["a value is not finite"]
    if status == "always_holds":
        return (
            [] if holds[base:].all() else [f"fails near {x[base:][~holds[base:]][0]}"]
        )
    if status == "never_holds":
        return [] if not holds.any() else [f"holds near {x[holds][0]}"]
    if status == "fails_at_base":
        faults = ["holds at base"] if holds[base] else []
        if not holds.any() and not crossings.size:
            faults.append("holds nowhere")
        return faults
    faults = [] if holds[base] else ["fails at base"]
    for i in later:
        low, high = sorted((x[i], x[i + 1]))
        if np.sum((crossings >= low) & (crossings <= high)) % 2 == 0:
            faults.append(f"crosses between {low:.4f} and {high:.4f}, unlisted")
    if (status == "reswitches") != (len(crossings) > 1):
        faults.append(f"{status} with {len(crossings)} crossings")
    return faults


@dataclasses.dataclass(frozen=True)
class _Sides:
    """Limit states of a criterion around each crossing, and dates of all events."""

    near: np.ndarray  # [crossing, side]
    far: np.ndarray  # [crossing, side]
    slope: np.ndarray  # [distance, side], at the first crossing
    dates: dict[str, tuple[float, float]]


def _sides(p: Problem, solved: Solved) -> dict[str, _Sides]:
    scan = solved.scan
    h = _SLOPE_STEP
    offsets = np.array(
        [-_FAR, -_SIDE, _SIDE, _FAR, -2 * h, -h, -h / 2, h / 2, h, 2 * h]
    )
    rows, names = [], []
    for name, result in solved.layers.items():
        if result.value is None:
            continue
        for crossing in result.crossings:
            rows.append(crossing + offsets * scan.scale * scan.outward)
            names.append(name)
    if not rows:
        return {}
    x = np.stack(rows)
    measured = p.measure(x.ravel(), p.none(x.size))
    column = [p.criteria.index(name) for name in names]
    every = measured.value.reshape(*x.shape, -1)
    g = every[np.arange(len(names)), :, column]
    dates = measured.dates.reshape(*x.shape, -1)
    found: dict[str, _Sides] = {}
    for name in dict.fromkeys(names):
        at = [i for i, other in enumerate(names) if other == name]
        first = at[0]
        ends = (((4, 5), (8, 9)), ((5, 6), (7, 8)))
        slope = [
            [(g[first, b] - g[first, a]) / (x[first, b] - x[first, a]) for a, b in pair]
            for pair in ends
        ]
        found[name] = _Sides(
            g[at][:, [1, 2]],
            g[at][:, [0, 3]],
            np.array(slope),
            {
                event: (float(dates[first, 1, i]), float(dates[first, 2, i]))
                for i, event in enumerate(p.dates)
            },
        )
    return found


def _local_faults(result: BreakEven, sides: _Sides) -> list[str]:
    """What values next to the crossings say against a status."""
    faults = [
        f"no change of sign at {crossing:.9f}"
        for crossing, (a, b) in zip(result.crossings, sides.near, strict=True)
        if (a > 0) == (b > 0)
    ]
    near = abs(sides.near[0, 0] - sides.near[0, 1])
    far = abs(sides.far[0, 0] - sides.far[0, 1])
    # A hundredth of the distance: a smooth gap shrinks a hundredfold, a jump stays.
    is_jump = near > max(_GAP_SHARE * far, _GAP_FLOOR)
    if is_jump != (result.local == "at_jump"):
        faults.append(f"{result.local} with a gap of {near:.1e} (wider: {far:.1e})")
    if result.local == "at_jump":
        event = result.event
        if event is None:
            faults.append("a jump without an event")
        else:
            before, after = sides.dates.get(event.name, (np.nan, np.nan))
            said = tuple(NEVER if d is None else d for d in (event.before, event.after))
            seen = tuple(min(d, NEVER) for d in (before, after))
            if seen != said or before == after:
                faults.append(f"{event.name} goes from {before} to {after}, not {said}")
    elif result.slopes is not None:
        a, b = result.slopes
        differs = abs(a - b) > 1e-3 * max(abs(a), abs(b))
        u, v = sides.slope[0]
        if result.local == "at_kink":
            if not differs:
                faults.append("a kink without two slopes")
            if not np.allclose((u, v), (a, b), rtol=_SLOPE_AGREEMENT, atol=1e-6):
                faults.append(f"slopes {a:.3g}, {b:.3g}; measured {u:.3g}, {v:.3g}")
        elif _is_kinked(sides.slope):
            faults.append(f"smooth with slopes {u:.4g} and {v:.4g}")
    return faults


def _is_kinked(slope: np.ndarray) -> bool:
    """Whether the two sides differ, and by as much at both distances."""
    differs = slope[:, 1] - slope[:, 0]
    size = np.abs(slope).max()
    is_steady = abs(differs[0] - differs[1]) <= 0.2 * abs(differs[0])
    return bool(abs(differs[0]) > _SLOPE_AGREEMENT * size + 1e-5 and is_steady)


def _derivative_faults(
    result: BreakEven, slopes: Gradient | None, checks: dict[str, Sensitivity]
) -> list[str]:
    """Where an implicit derivative and a re-solve contradict each other."""
    faults = []
    for key, check in checks.items():
        if result.local == "ok" and check.status in ("unconfirmed", "not_found"):
            resolved = f"{check.check_up} / {check.check_down}"
            faults.append(f"{key}: implicit {check.value}, re-solved {resolved}")
        if result.local == "at_kink" and slopes is not None:
            faults += _kink_faults(key, slopes, check)
    return faults


def _kink_faults(key: str, slopes: Gradient, check: Sensitivity) -> list[str]:
    if slopes.before is None or slopes.after is None:
        return [f"{key}: no one-sided derivatives"]
    sides = sorted((float(slopes.before[key]), float(slopes.after[key])))
    found = [x for x in (check.second_up, check.second_down) if x is not None]
    if len(found) < 2:
        return [f"{key}: a side was not found again"]
    # Which side a shift lands on depends on its sign: compare as a pair.
    if not np.allclose(sorted(found), sides, rtol=1e-3, atol=1e-3):
        return [f"{key}: one-sided {sides}, re-solved {sorted(found)}"]
    return []
