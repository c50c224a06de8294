"""`buytime check CONFIG`: is the config sound, and what would a sweep of it cost?"""

import argparse
from typing import Any

from scripts._output import emit
from scripts._run import cores, load_config

# Measured on 2 cores, 2026-11-22 (base config, float32): the first
# compilation of a sweep, scenarios per second and core, peak memory, Parquet per
# scenario. To be measured again with `make bench` whenever the engine changes.
COMPILE_SECONDS = 20.0
SCENARIOS_PER_SECOND_AND_CORE = 2_700.0
MEMORY_GB = 1.3
BYTES_PER_SCENARIO = 400.0
# What a tape adds (`python -m scripts._bench_tapes`): seconds of a core per deal and
# scenario, and for all of its deals the memory of a chunk on each core.
SECONDS_PER_DEAL = 45e-6
MEMORY_GB_OF_A_CHUNK = 0.7


def add_arguments(sub: argparse.ArgumentParser) -> None:
    from scripts.main import add_config

    add_config(sub)
    sub.add_argument(
        "--scenarios", type=int, default=50_000, help="size of the sweep to estimate"
    )
    sub.add_argument(
        "--export",
        action="store_true",
        help="add every figure with its unit, source, date and confidence",
    )


def execute(arguments: argparse.Namespace) -> None:
    from scripts._output import BadInput

    if arguments.scenarios < 1:
        raise BadInput(f"--scenarios: got {arguments.scenarios}, expected at least 1")
    config = load_config(arguments.config, arguments.set)
    document = {
        "ok": True,
        "hash": config.hash,
        "estimate": estimate(
            arguments.scenarios, sum(len(d.names) for d in config.deals.values())
        ),
        "figures": len(config.figures),
        "ranges": sum(f.range is not None for f in config.figures),
        "entities": {
            family: list(members) for family, members in config.blueprint.families
        },
    }
    if config.deals:
        document["tapes"] = {
            family: {
                "file": deals.file,
                "deals": len(deals.names),
                "template": deals.template,
                "columns": list(deals.columns),
            }
            for family, deals in config.deals.items()
        }
    if arguments.export:
        document["export"] = {f.path: provenance(f) for f in config.figures}
    emit(arguments.json, document)


def estimate(n: int, taped: int = 0) -> dict[str, float]:
    """Time, memory and disk of a sweep of `n` scenarios on this machine.

    `taped` deals come as rows of a tape; the config's own members are in the constants.
    """
    each = 1.0 / SCENARIOS_PER_SECOND_AND_CORE + SECONDS_PER_DEAL * taped
    chunks = MEMORY_GB_OF_A_CHUNK * cores() if taped else 0.0
    return {
        "seconds": COMPILE_SECONDS + n * each / cores(),
        "memory_gb": MEMORY_GB + chunks,
        "output_gb": n * BYTES_PER_SCENARIO / 1e9,
    }


def provenance(figure: Any) -> dict[str, Any]:
    """One figure as data."""
    return {
        "value": figure.value,
        "unit": figure.unit,
        "source": figure.source,
        "date": figure.date,
        "confidence": figure.confidence,
        "bounds": figure.bounds,
        "range": figure.range,
        "distribution": figure.distribution if figure.range else None,
        "note": figure.note,
    }
