"""`make bench`: what the engine costs, with what was simulated beside every figure."""

import argparse
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time
from typing import Any

from scripts._output import Failure, dumps, note
from scripts._run import cores
from scripts.doctor import versions

TARGETS = {
    "scenarios_per_second": 30_000,
    "sweep_cold_compile_seconds": 20,
    "gradient_cold_compile_seconds": 60,
    "second_start_seconds": 5,
}
"""What issue 2 asks for on two cores."""


def main() -> None:
    """Runs every probe in a fresh process and writes one JSON file."""
    command = argparse.ArgumentParser(prog="bench", description=__doc__)
    command.add_argument("--config", default="configs/chain.toml")
    command.add_argument("--out", default="reports/bench.json")
    arguments = command.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        pathlib.Path(cache).chmod(0o700)
        found = bench(arguments.config, cache)
    out = pathlib.Path(arguments.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(dumps(found, indent=2) + "\n")
    show(found)
    note(f"written to {out}")


def bench(config: str, cache: str) -> dict[str, Any]:
    """All measurements; `cache` is an empty folder, so first compilations are cold."""

    def probe(name: str) -> dict[str, Any]:
        words = ["-m", "scripts._bench_probes", name, config]
        return json.loads(_python(words, cache)[0])

    cold = {name: probe(name) for name in ("forward", "gradient", "precision")}
    warm = {name: probe(name) for name in ("forward", "gradient")}
    run = ["-m", "scripts.main", "run", config, "--json"]
    starts = [_python(run, cache)[1] for _ in range(4)]
    forward, gradient = cold["forward"], cold["gradient"]
    fastest = max(x["scenarios_per_second"] for x in forward["ways"].values())
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": {"platform": platform.platform(), "cores": cores()},
        "versions": versions(),
        "config": config,
        "size": forward.pop("size"),
        "forward": forward,
        "gradient": gradient,
        "compile": {
            name: {
                "cold": cold[name]["compile_seconds"],
                "cached": warm[name]["compile_seconds"],
            }
            for name in warm
        },
        "start": {"first": starts[0], "second": sorted(starts[1:])[1]},
        "memory_gb": {name: found["peak_memory_gb"] for name, found in cold.items()},
        "precision": cold["precision"],
        "targets": TARGETS,
        "met": {
            "scenarios_per_second": fastest >= TARGETS["scenarios_per_second"],
            "sweep_cold_compile_seconds": forward["compile_seconds"]
            < TARGETS["sweep_cold_compile_seconds"],
            "gradient_cold_compile_seconds": gradient["compile_seconds"]
            < TARGETS["gradient_cold_compile_seconds"],
            "second_start_seconds": sorted(starts[1:])[1]
            < TARGETS["second_start_seconds"],
        },
    }


def _python(words: list[str], cache: str) -> tuple[str, float]:
    """Output of a fresh interpreter, and how long it took from start to end."""
    note(f"{' '.join(words[1:])} …")
    environment = os.environ | {"XDG_CACHE_HOME": cache}
    began = time.perf_counter()
    run = subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True
    )
    seconds = time.perf_counter() - began
    if run.returncode:
        raise Failure(f"{' '.join(words)}: {run.stderr.strip()[-2000:]}")
    return run.stdout, seconds


def show(found: dict[str, Any]) -> None:
    """The figures as a table."""
    size, gradient = found["size"], found["gradient"]
    print(
        f"{size['entities']} entities, {size['quarters']} quarters, {size['outputs']} "
        f"metrics, {size['figures']} figures ({size['figure_numbers']} numbers), "
        f"{size['drawn']} drawn; {found['machine']['cores']} cores"
    )
    for n, x in found["forward"]["ways"].items():
        least, most = (found["forward"]["batch"] / x[k] for k in ("slowest", "fastest"))
        print(
            f"forward, {n}: {x['scenarios_per_second']:,.0f} scenarios/s "
            f"({least:,.0f} to {most:,.0f}), float32, batch {found['forward']['batch']}"
        )
    bumps = f"{gradient['bump_over_forward']} × forward"
    print(
        f"gradient to {gradient['figure_numbers']} numbers: "
        f"{gradient['gradient_over_forward']:.1f} × forward; bump and revalue {bumps}, "
        f"{gradient['bump_over_gradient']:.0f} × the gradient (batch "
        f"{gradient['batch']})"
    )
    for name, x in found["compile"].items():
        print(f"compile {name}: {x['cold']:.1f} s cold, {x['cached']:.1f} s cached")
    start = found["start"]
    print(f"run to result: {start['first']:.1f} s first, {start['second']:.1f} s later")
    for name, x in found["memory_gb"].items():
        print(f"peak memory, {name}: {x:.2f} GB")
    print(f"float32 against float64, {found['precision']['scenarios']} scenarios:")
    for name, x in found["precision"]["metrics"].items():
        print(
            f"  {name}: median {x['median_relative']:.1e} relative, "
            f"{x['share_beyond_1e-3']:.2%} beyond 1e-3, means differ by "
            f"{x['gap_in_standard_errors']:+.2f} standard errors"
        )
    for name, is_met in found["met"].items():
        print(f"{name} ({found['targets'][name]}): {'met' if is_met else 'MISSED'}")


if __name__ == "__main__":
    main()
