"""What a tape of many deals costs: time and memory by number of deals.

`python -m scripts._bench_tapes CONFIG [DEALS]` prints one JSON object: of one tape, or
of `SIZES` each in a fresh process, with the exponents. The deals are made up, ten SPVs
to a neocloud, of every kind; their sizes follow a power law.
"""

import csv
import json
import pathlib
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np

from scripts._memory import peak_gb
from scripts._output import dumps
from scripts._run import load_config, start

SIZES = (11, 55, 110, 275, 550)
"""Deals of the measured tapes; the last is 500 SPVs and 50 neoclouds."""

REPEATS = 5


def own_config(folder: pathlib.Path, config: str, n: int) -> pathlib.Path:
    """Writes tapes of `n` made-up deals and a config that adds them to another."""
    n_clouds = max(1, n // 11)
    _write(folder / "spvs.csv", _spvs(n - n_clouds))
    _write(folder / "neoclouds.csv", _neoclouds(n_clouds))
    path = folder / "own.toml"
    path.write_text(
        f"extends = {json.dumps(str(pathlib.Path(config).resolve()))}\n"
        '[tapes]\nspvs = "spvs.csv"\nneoclouds = "neoclouds.csv"\n'
    )
    return path


def _write(path: pathlib.Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _spvs(n: int) -> list[dict[str, Any]]:
    random = np.random.default_rng(n)
    rows = []
    for i, size in enumerate(0.5 * (1 + random.pareto(1.5, n))):
        notes, begins = round(min(size, 30.0), 3), 2025.5 + random.uniform(0.0, 1.0)
        ends = begins + random.uniform(1.75, 2.75)
        is_drawn = i % 3 == 0
        cost = notes * (1.1 if is_drawn else 0.85)
        rows.append(
            {
                "id": f"deal-{i}",
                "tenant": ("meta", "microsoft", "oracle", "outside")[i % 4],
                "notes_usd_bn": notes,
                "funding": "drawn" if is_drawn else "prefunded",
                "profile": "bullet" if is_drawn else "amortising",
                "coupon_kind": "floating" if is_drawn else "fixed",
                "rent_rule": "yield" if is_drawn else "dscr",
                "rent_yield_share": round(random.uniform(0.105, 0.125), 4),
                "coupon_pct": round(random.uniform(5.8, 7.8), 3),
                "margin_bps": 250,
                "construction_cost_usd_bn": round(cost, 4),
                "asset_cost_usd_bn": round(notes * 1.15, 4),
                "issue_date": round(begins, 3),
                "construction_start_date": round(begins, 3),
                "completion_date": round(ends, 3),
                "rent_start_date": round(ends, 3),
                "lease_end_date": round(ends + 20.0, 3),
                "takeout_date": round(ends + 2.0, 3) if is_drawn else "",
                "minimum_dscr_x": round(random.uniform(1.12, 1.4), 3),
            }
        )
    return rows


def _neoclouds(n: int) -> list[dict[str, Any]]:
    random = np.random.default_rng(n)
    return [
        {
            "id": f"cloud-{i}",
            "legacy_revenue_usd_bn_per_year": round(0.1 * (1 + random.pareto(1.5)), 4),
            "customers.openai": round(random.uniform(0.0, 0.4), 3),
            "customers.microsoft": round(random.uniform(0.0, 0.5), 3),
        }
        for i in range(n)
    ]


def measure(config: str, n: int) -> dict[str, Any]:
    """Load, compile and scenarios of a tape of `n` deals, on one device."""
    jax = start(1)
    import jax.numpy as jnp

    import engine
    from engine.simulate import chunk_for

    with tempfile.TemporaryDirectory() as folder:
        path = own_config(pathlib.Path(folder), config, n)
        began = time.perf_counter()
        loaded = load_config(str(path), [])
        load_seconds = time.perf_counter() - began
    economy, state, grid = loaded.build(jnp.float32)
    chunk = chunk_for(economy, grid)
    drawn = engine.scenarios(economy, grid, chunk)
    program = jax.jit(lambda e, s, x: engine.simulate_batch(e, s, grid, x))
    began = time.process_time()
    compiled = program.lower(economy, state, drawn).compile()
    compile_seconds = time.process_time() - began
    seconds = []
    for _ in range(REPEATS):
        # Processor time: a busy machine changes it less than the time on the wall.
        began = time.process_time()
        jax.block_until_ready(compiled(economy, state, drawn))
        seconds.append((time.process_time() - began) / chunk)
    return {
        "deals": n,
        "vehicles": vehicles(economy),
        "chunk": chunk,
        "load_seconds": load_seconds,
        "compile_cpu_seconds": compile_seconds,
        "cpu_seconds_per_scenario": sorted(seconds)[len(seconds) // 2],
        "flops_per_scenario": operations(compiled) / chunk,
        "temporary_gb": compiled.memory_analysis().temp_size_in_bytes / 1e9,
        "peak_memory_gb": peak_gb(),
    }


def vehicles(economy: Any) -> int:
    """Neoclouds and SPVs: what a tape adds.

    The same 22 others stand beside every tape and cost less than a deal; counted in,
    a straight line would read as an exponent of 1.14.
    """
    return len(economy.members("neoclouds")) + len(economy.members("spvs"))


def operations(compiled: Any) -> float:
    """Floating-point operations of a compiled program, each loop's body once."""
    found = compiled.cost_analysis()
    return float((found[0] if isinstance(found, list) else found)["flops"])


def exponent(sizes: list[float], costs: list[float]) -> float:
    """Slope of log cost on log size, by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(dumps(measure(sys.argv[1], int(sys.argv[2]))))
    else:
        command = [sys.executable, "-m", "scripts._bench_tapes", sys.argv[1]]
        rows = [
            json.loads(subprocess.check_output([*command, str(n)], text=True))
            for n in SIZES
        ]
        sizes = [row["vehicles"] for row in rows]
        document = {"tapes": rows}
        for name in ("cpu_seconds_per_scenario", "flops_per_scenario"):
            costs = [row[name] for row in rows]
            document[f"exponent_of_{name}"] = exponent(sizes, costs)
        print(dumps(document, indent=2))
