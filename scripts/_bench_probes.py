"""The measurements of `make bench`, each in a process of its own.

`python -m scripts._bench_probes NAME CONFIG` prints one JSON object. A fresh process is
the only honest measure of a first compilation and of peak memory.
"""

import os
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from scripts._memory import peak_gb
from scripts._output import dumps
from scripts._run import load_config, start

BATCH, GRADIENT_BATCH, COMPARED, REPEATS = 4096, 256, 1024, 7
LIMIT_STATE = "neocloud_unsecured"


def spread(seconds: list[float]) -> dict[str, Any]:
    """Median of repeats with the extremes."""
    return {
        "median": median(seconds),
        "fastest": min(seconds),
        "slowest": max(seconds),
        "repeats": len(seconds),
    }


def interleaved(work: dict[str, Callable[[], Any]], n: int = REPEATS) -> dict[str, Any]:
    """Times of each piece of work, taken in turn so that noise falls on all alike."""
    import jax

    seconds: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(n + 1):
        for name, call in work.items():
            began = time.perf_counter()
            jax.block_until_ready(call())
            if turn:  # the first turn only warms up
                seconds[name].append(time.perf_counter() - began)
    return {name: spread(found) for name, found in seconds.items()}


def size(config: Any) -> dict[str, Any]:
    """What is simulated: printed beside every figure."""
    import jax
    import jax.numpy as jnp

    import engine

    economy, state, grid = config.build(jnp.float32)
    scenario = engine.reference_scenario(economy, grid)
    shape = jax.eval_shape(
        lambda e, s, x: engine.simulate(e, s, grid, x), economy, state, scenario
    )
    return {
        "entities": sum(len(members) for _, members in economy.blueprint.families),
        "quarters": grid.n_model,
        "outputs": len(shape.metrics),
        "layers": len(shape.failures),
        "figures": len(economy.figures),
        "figure_numbers": sum(x.size for x in economy.figures.values()),
        "drawn": len(economy.blueprint.ranges),
    }


def forward(config: Any) -> dict[str, Any]:
    """Scenarios per second of a compiled block, by kernel and number of devices."""
    jax = start()
    import jax.numpy as jnp

    from scripts._batch import compile_batch

    built, devices = config.build(jnp.float32), jax.devices()
    wanted = [("auto", len(devices)), ("auto", 1), ("xla", len(devices))]
    blocks: dict[str, Any] = {}
    for kernel, n in wanted:
        block = compile_batch(built, 0, devices[:n], block=BATCH, kernel=kernel)
        # On one core, or without a C compiler, some of the three are the same.
        blocks.setdefault(f"{block.kernel}, {n} device(s)", block)
    drawn = {name: block.sample(0) for name, block in blocks.items()}
    seconds = interleaved(
        {name: (lambda n=name: blocks[n].run(drawn[n])) for name in blocks}
    )
    first = next(iter(blocks.values()))
    return {
        "batch": BATCH,
        "dtype": "float32",
        "kernel": first.kernel,
        "compile_seconds": first.compile_seconds,
        "compile_seconds_by_kernel": {n: b.compile_seconds for n, b in blocks.items()},
        "ways": {
            name: found
            | {
                "scenarios_per_second": BATCH / found["median"],
                "fastest_per_second": BATCH / found["fastest"],
            }
            for name, found in seconds.items()
        },
        "load": list(os.getloadavg()),
        "size": size(config),
    }


def gradient(config: Any) -> dict[str, Any]:
    """A limit state of every scenario to all figures, against forward and bumps."""
    jax = start(1)
    import jax.numpy as jnp

    import engine

    economy, _, grid = config.build(jnp.float32)
    drawn = engine.scenarios(economy, grid, GRADIENT_BATCH)

    def limit(figures: Any, scenario: Any) -> Any:
        moved = type(economy)(figures, economy.blueprint)
        return engine.limit_states(moved, grid, scenario).values[LIMIT_STATE]

    batch = jax.vmap(limit, in_axes=(None, 0))
    reverse = jax.vmap(jax.value_and_grad(limit), in_axes=(None, 0))
    began = time.perf_counter()
    gradients = jax.jit(reverse).lower(economy.figures, drawn).compile()
    compile_seconds = time.perf_counter() - began
    values = jax.jit(batch).lower(economy.figures, drawn).compile()
    seconds = interleaved(
        {
            "forward": lambda: values(economy.figures, drawn),
            "gradient": lambda: gradients(economy.figures, drawn),
        }
    )
    n_numbers = sum(x.size for x in economy.figures.values())
    cost = seconds["gradient"]["median"] / seconds["forward"]["median"]
    return {
        "batch": GRADIENT_BATCH,
        "limit_state": LIMIT_STATE,
        "figure_numbers": n_numbers,
        "compile_seconds": compile_seconds,
        **seconds,
        "gradient_over_forward": cost,
        # One-sided bumps: one forward pass per number, and the base.
        "bump_over_forward": n_numbers + 1,
        "bump_over_gradient": (n_numbers + 1) / cost,
    }


def precision(config: Any) -> dict[str, Any]:
    """Every metric in float32 against float64, on the same scenarios."""
    jax = start()
    import jax.numpy as jnp
    import numpy as np

    from scripts._batch import compile_batch

    found: dict[str, dict[str, Any]] = {}
    for dtype in (jnp.float32, jnp.float64):
        built = config.build(dtype)
        block = compile_batch(built, 0, jax.devices(), block=COMPARED)
        columns = block.run(block.sample(0))
        found[jnp.dtype(dtype).name] = {
            k: np.asarray(v, np.float64)[:COMPARED] for k, v in columns.items()
        }
    narrow, wide = found["float32"], found["float64"]
    metrics = {}
    for name in wide:
        if not name.startswith(("metric:", "failure:")):
            continue
        x, y = narrow[name], wide[name]
        good = np.isfinite(x) & np.isfinite(y)
        x, y = x[good], y[good]
        scale = np.maximum(np.abs(y), 1e-6)
        error = float(np.std(y, ddof=1)) / np.sqrt(y.size) if y.size > 1 else 0.0
        # A metric that is the same everywhere has no error but rounding.
        error = error if error > 1e-9 * float(np.max(scale, initial=0.0)) else 0.0
        gap = float(np.mean(x) - np.mean(y)) if y.size else 0.0
        metrics[name] = {
            "median_relative": float(np.median(np.abs(x - y) / scale)),
            "share_beyond_1e-3": float(np.mean(np.abs(x - y) > 1e-3 * scale)),
            "gap_of_means": gap,
            "gap_in_standard_errors": gap / error if error > 0 else 0.0,
        }
    return {"scenarios": COMPARED, "metrics": metrics}


PROBES = {"forward": forward, "gradient": gradient, "precision": precision}

if __name__ == "__main__":
    report = PROBES[sys.argv[1]](load_config(sys.argv[2], []))
    print(dumps(report | {"peak_memory_gb": peak_gb()}))
