"""Break-evens over scenarios: `buytime breakeven CONFIG --batch N`."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from scripts._output import BadInput, note, working
from scripts._run import cores, private_folder

N_POINTS = 128
"""Values of the scan outward from base; a single solve reads four times as many."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
ROWS = 256
"""Runs that XLA's program, where there is no C kernel, makes at once."""

BEFORE, BEYOND = ("fails_at_base", "never_holds"), ("always_holds",)

METHOD = (
    "every scenario draws its figures and shocks and keeps the unknown free; value: "
    "its first failure outward from base. mean and standard_error are of scenarios "
    "with a value only; quantiles are of all that converged: what fails at base counts "
    "as before it, what always holds as beyond the scan, and a quantile there is null"
)


def batch(
    economy: Any,
    grid: Any,
    drawn: Any,
    ways: tuple[Any, ...],
    unknown: str,
    kernel: str = "auto",
) -> tuple[tuple[str, ...], Any, str]:
    """Criteria, their break-evens by scenario, and by which kernel.

    `drawn`: scenarios with a leading axis; `ways`: a scan per direction.
    """
    from calibration.scattered import scattered

    rest = {k: v for k, v in drawn.draws.items() if k != unknown}
    run, names, by = _compiled(economy, grid, rest, drawn.shocks, unknown, kernel)
    n = drawn.shocks.shape[0]
    rest = {k: np.asarray(v, np.float64) for k, v in rest.items()}
    shocks = np.asarray(drawn.shocks, np.float64)

    def measure(x: np.ndarray, which: np.ndarray) -> np.ndarray:
        own = {k: v[which] for k, v in rest.items()}
        return run((x, own, shocks[which]))

    return names, scattered(measure, n, len(names), ways), by


def _compiled(
    economy: Any, grid: Any, rest: Any, shocks: Any, unknown: str, kernel: str
) -> tuple[Callable[[Any], np.ndarray], tuple[str, ...], str]:
    import jax
    import jax.numpy as jnp

    import engine
    from native import NoCompiler, Unsupported, compile_kernel

    seen: list[str] = []

    def outcome(economy: Any, own: Any) -> Any:
        x, figures, shocks = own
        moved = economy.replace({**figures, unknown: x})
        found = engine.limit_states(moved, grid, engine.Scenario({}, shocks))
        seen[:] = found.values
        return jnp.stack([found.values[k] for k in seen])

    example = jax.tree.map(
        lambda v: jnp.asarray(v[0], jnp.float64),
        (jnp.zeros(1) + economy[unknown], rest, shocks),
    )
    if kernel != "xla":
        try:
            folder = private_folder("kernels")
            if folder is None:
                raise NoCompiler("no private folder to keep it in")
            made = compile_kernel(
                outcome, (economy,), example, folder, np.float64, cores()
            )
            return lambda own: made(own, cores()), tuple(seen), "c"
        except (NoCompiler, Unsupported) as why:
            note(f"no C kernel ({why}): XLA runs the scenarios, slower")
    program = jax.jit(jax.vmap(outcome, in_axes=(None, 0)))
    jax.eval_shape(outcome, economy, example)

    def by_xla(own: Any) -> np.ndarray:
        n = own[0].shape[0]
        parts = []
        for start in range(0, n, ROWS):
            rows = np.minimum(np.arange(start, start + ROWS), n - 1)
            part = jax.tree.map(lambda v, rows=rows: v[rows], own)
            parts.append(np.asarray(program(economy, part)))
        return np.concatenate(parts)[:n]

    return by_xla, tuple(seen), "xla"


def summary(names: tuple[str, ...], found: Any, scans: tuple[Any, ...]) -> Any:
    """By criterion: counts by status, mean of those found, quantiles of all known."""
    from calibration.breakeven import STATUSES

    outward = scans[0].outward if len(scans) == 1 else None
    layers = {}
    for c, name in enumerate(names):
        code, value = found.status[:, c], found.value[:, c]
        counts = {
            word: int(np.sum(code == i))
            for i, word in enumerate(STATUSES)
            if np.any(code == i)
        }
        good = value[np.isfinite(value)]
        n = good.size
        layers[name] = {
            "counts": counts,
            "share_found": n / value.size,
            "mean": float(good.mean()) if n else None,
            "standard_error": float(good.std(ddof=1) / np.sqrt(n)) if n > 1 else None,
            "quantiles": _quantiles(value, code, outward),
            "width": float(np.nanmax(found.width[:, c])) if n else None,
        }
    return layers


def _quantiles(value: np.ndarray, code: np.ndarray, outward: float | None) -> Any:
    """Order statistics, with what has no value at its own end of them.

    None where a quantile lies at such an end. Where the search went both ways there is
    no such end: those without a value are left out.
    """
    from calibration.breakeven import STATUSES

    known = value.copy()
    for words, sign in ((BEFORE, -1.0), (BEYOND, 1.0)):
        for word in words:
            at = code == STATUSES.index(word)
            known[at] = np.nan if outward is None else sign * outward * np.inf
    known = known[~np.isnan(known)]
    if not known.size:
        return dict.fromkeys(map(str, QUANTILES))
    # No interpolation: between a date and infinity there is none.
    found = {q: np.quantile(known, q, method="inverted_cdf") for q in QUANTILES}
    return {str(q): float(v) if np.isfinite(v) else None for q, v in found.items()}


def batch_of(config: Any, options: dict[str, Any]) -> dict[str, Any]:
    """The document of the verb. `options`: n, seed, criterion, unknown, bounds."""
    import jax.numpy as jnp

    import engine
    from calibration.adoption import earliest_midpoint, with_midpoint
    from calibration.unknowns import MIDPOINT, midpoint_scan, scans, unit_of

    economy, _, grid = config.build(jnp.float64)
    economy = with_midpoint(economy, grid)
    unknown, n = options["unknown"] or MIDPOINT, options["n"]
    base = float(economy[unknown])
    if unknown == MIDPOINT:
        earliest = earliest_midpoint(economy, grid)
        ways = (midpoint_scan(base, earliest, N_POINTS),)
    else:
        ranges = {r.name: (r.low, r.high) for r in economy.blueprint.ranges}
        ways = scans(unknown, base, ranges, options["bounds"], N_POINTS)
    drawn = engine.scenarios(economy, grid, n, seed=options["seed"])
    began = time.perf_counter()
    with working(f"break-evens of {n:,} scenarios"):
        names, found, by = batch(economy, grid, drawn, ways, unknown)
    seconds = time.perf_counter() - began
    layers = summary(names, found, ways)
    chosen = options["criterion"]
    if chosen not in (None, "all"):
        if chosen not in layers:
            known = ", ".join(layers)
            raise BadInput(f"--criterion: {chosen!r} is none of {known}, all")
        layers = {chosen: layers[chosen]}
    return {
        "unknown": unknown,
        "unit": unit_of(unknown),
        "base": base,
        "scanned": [[min(s.before, s.end), max(s.before, s.end)] for s in ways],
        "step": [abs(s.end - s.base) / s.n for s in ways],
        "scenarios": n,
        "seed": options["seed"],
        "kernel": by,
        "seconds": seconds,
        "method": METHOD,
        "layers": layers,
    }
