"""A block of scenarios on all devices: one compiled program, used block after block.

Two programs say the same: XLA's, for every device and precision, and a C kernel made of
the same jaxpr (`native`), several times faster on a CPU in single precision.
"""

import difflib
import fnmatch
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from scripts import _by_deal, _fans
from scripts._output import BadInput, note
from scripts._run import private_folder

BLOCK = 4096
"""Scenarios per block of a sweep; a block's numbers never depend on how many follow."""


KERNELS = ("auto", "c", "xla")
"""How a block is run: `auto` is C for float32 on CPUs with a C compiler, else XLA."""


class Batch(NamedTuple):
    """A compiled block: `run(scenarios)` gives columns. `kernel` says by which."""

    run: Callable[[Any], dict[str, Any]]
    sample: Callable[[int], Any]
    size: int
    compile_seconds: float
    kernel: str


def chosen_devices(jax: Any, devices: int | None) -> list[Any]:
    """The first `devices` of this machine, or all."""
    found = jax.devices()
    if devices is not None and not 1 <= devices <= len(found):
        raise BadInput(
            f"--devices: got {devices}, expected 1 to {len(found)} "
            f"({found[0].platform} devices on this machine)"
        )
    return found[:devices]


def compile_batch(
    built: tuple[Any, Any, Any],
    seed: int,
    devices: Sequence[Any],
    sampler: str = "sobol",
    outputs: Sequence[str] = (),
    block: int = BLOCK,
    kernel: str = "auto",
) -> Batch:
    """Compiles blocks of scenarios for `devices`, by one of `KERNELS`.

    Columns are one number per scenario; those called `path:` one byte per quarter,
    those called `deal:` one number per deal.

    Scenarios are independent, so every device runs its share of the block without
    talking to the others. `outputs` are metric names or patterns; all if empty.
    """
    import numpy as np

    from native import NoCompiler, Unsupported

    is_cpu = all(device.platform == "cpu" for device in devices)
    is_single = built[2].start.dtype == np.float32
    if kernel == "c" or (kernel == "auto" and is_cpu and is_single):
        try:
            return _by_c(built, seed, len(devices), sampler, outputs, block)
        except (NoCompiler, Unsupported) as why:
            if kernel == "c":
                raise BadInput(f"--kernel c: {why}") from None
            note(f"no C kernel ({why}): XLA runs the scenarios, slower")
    return _by_xla(built, seed, devices, sampler, outputs, block)


def _by_c(
    built: tuple[Any, Any, Any],
    seed: int,
    threads: int,
    sampler: str,
    outputs: Sequence[str],
    block: int,
) -> Batch:
    """One scenario's program as C, a thread per device."""
    import jax

    import engine
    from engine.drivers.sampling import scenarios
    from native import NoCompiler, compile_kernel

    economy, state, grid = built

    def outcome(economy: Any, state: Any, scenario: Any) -> dict[str, Any]:
        found = engine.simulate(economy, state, grid, scenario)
        return flatten(found, outputs) | watch(economy)(found)

    def sample(index: int) -> Any:
        return scenarios(economy, grid, block, seed, sampler, index * block)

    folder = private_folder("kernels")
    if folder is None:
        raise NoCompiler("no private folder to keep it in")
    example = jax.tree.map(lambda leaf: leaf[0], sample(0))
    began = time.perf_counter()
    compiled = compile_kernel(
        outcome, (economy, state), example, folder, grid.start.dtype, threads
    )
    return Batch(
        run=lambda batch: compiled(batch, threads),
        sample=sample,
        size=block,
        compile_seconds=time.perf_counter() - began,
        kernel="c",
    )


def _by_xla(
    built: tuple[Any, Any, Any],
    seed: int,
    devices: Sequence[Any],
    sampler: str,
    outputs: Sequence[str],
    block: int,
) -> Batch:
    """`engine.simulate_batch`, sharded over the devices."""
    import jax
    from jax.sharding import Mesh, NamedSharding, PartitionSpec

    import engine
    from engine.drivers.sampling import scenarios

    economy, state, grid = built
    # The rows a device count needs beyond the block are simulated and dropped.
    size = block + -block % len(devices)
    mesh = Mesh(list(devices), ("scenario",))
    rows, same = PartitionSpec("scenario"), PartitionSpec()

    def outcomes(economy: Any, state: Any, batch: Any) -> dict[str, Any]:
        found = engine.simulate_batch(economy, state, grid, batch, watch=watch(economy))
        return flatten(found, outputs) | found.watched

    local = jax.shard_map(
        outcomes,
        mesh=mesh,
        in_specs=(same, same, rows),
        out_specs=rows,
        check_vma=False,
    )
    by_row, everywhere = NamedSharding(mesh, rows), NamedSharding(mesh, same)
    program = jax.jit(
        local, in_shardings=(everywhere, everywhere, by_row), out_shardings=by_row
    )

    def sample(index: int) -> Any:
        batch = scenarios(economy, grid, size, seed, sampler, index * block)
        return jax.device_put(batch, by_row)

    economy_there, state_there = jax.device_put((economy, state), everywhere)
    began = time.perf_counter()
    compiled = program.lower(economy_there, state_there, sample(0)).compile()
    return Batch(
        run=lambda batch: compiled(economy_there, state_there, batch),
        sample=sample,
        size=size,
        compile_seconds=time.perf_counter() - began,
        kernel="xla",
    )


def watch(economy: Any) -> Callable[[Any], dict[str, Any]]:
    """What a sweep keeps of a result beside its numbers: paths, and deals of tapes."""
    paths, deals = _fans.watch(economy), _by_deal.watch(economy)

    def watched(result: Any) -> dict[str, Any]:
        return {f"path:{k}": v for k, v in paths(result).items()} | deals(result)

    return watched


def flatten(result: Any, outputs: Sequence[str] = ()) -> dict[str, Any]:
    """A result as named columns of one number per scenario."""
    metrics = select(tuple(result.metrics), outputs)
    columns = {f"metric:{name}": result.metrics[name] for name in metrics}
    columns |= {
        f"status:{name}": result.statuses[name]
        for name in metrics
        if name in result.statuses
    }
    for kind in ("failures", "losses", "residuals", "distances"):
        single = {"losses": "loss"}.get(kind, kind.removesuffix("s"))
        for name, values in getattr(result, kind).items():
            columns[f"{single}:{name}"] = values
    return columns | {"classification": result.classification}


def select(names: Sequence[str], patterns: Sequence[str]) -> list[str]:
    """The names that match any pattern; `BadInput` for a pattern without a match."""
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            near = difflib.get_close_matches(pattern, names, 1)
            hint = f", did you mean {near[0]!r}?" if near else ""
            raise BadInput(f"--outputs: no metric is called {pattern!r}{hint}")
    if not patterns:
        return list(names)
    return [n for n in names if any(fnmatch.fnmatchcase(n, p) for p in patterns)]


def n_blocks(n: int, block: int = BLOCK) -> int:
    """Blocks that hold `n` scenarios; the last may be partial."""
    return math.ceil(n / block)
