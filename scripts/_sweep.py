"""Running a sweep: what is missing of it, block by block, then its summary."""

import datetime
import pathlib
import platform
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from scripts import _by_deal
from scripts._fans import counts, fans
from scripts._output import counting, note, working
from scripts._run import start
from scripts._sweep_store import (
    MANIFEST,
    publish_json,
    publish_table,
    take_up,
    total,
)


def sweep(
    config: Any,
    n: int,
    seed: int,
    folder: pathlib.Path,
    *,
    resume: bool = False,
    devices: int | None = None,
    outputs: tuple[str, ...] = (),
    dtype: str = "float32",
    sampler: str = "sobol",
    kernel: str = "auto",
    origin: dict[str, Any] | None = None,
    horizons: tuple[float, ...] = (),
) -> dict[str, Any]:
    """Runs what is missing of a sweep, then summarises it from its blocks."""
    began = time.perf_counter()
    jax = start(devices)
    import numpy as np

    from scripts._batch import BLOCK, chosen_devices, compile_batch, n_blocks
    from scripts.doctor import versions

    identity = {
        "hash": config.hash,
        "seed": seed,
        "scenarios": n,
        "sampler": sampler,
        "dtype": dtype,
        "block": BLOCK,
        "outputs": list(outputs),
    }
    chosen = chosen_devices(jax, devices)
    built = config.build(np.dtype(dtype))
    by_deal = _by_deal.is_kept(built[0])
    parts = ("fans", "deals") if by_deal else ("fans",)
    taken = take_up(folder, identity, resume, parts)
    sound = {entry["index"]: entry for entry in taken}
    for part in ("scenarios", *parts):
        (folder / part).mkdir(exist_ok=True)
    manifest = identity | {
        "origin": origin or {},
        "begun": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "host": platform.node(),
        "versions": versions(),
        "devices": [f"{d.platform}:{d.id}" for d in chosen],
    }

    def record(**changes: Any) -> None:
        blocks = [sound[i] for i in sorted(sound)]
        publish_json(folder / MANIFEST, manifest | changes | {"blocks": blocks})

    def keep(index: int, running: Future[Any], drawn: Any) -> int:
        rows = min(BLOCK, n - index * BLOCK)
        draws = {f"draw:{k}": v for k, v in drawn.draws.items()}
        found = running.result() | draws
        values = {k: np.asarray(v)[:rows] for k, v in found.items()}
        flat = {k: v for k, v in values.items() if not k.startswith(("path:", "deal:"))}
        number = np.arange(rows, dtype=np.int64) + index * BLOCK
        name = f"block-{index:06d}.parquet"
        entry = publish_table(folder / "scenarios" / name, {"scenario": number} | flat)
        counted = {
            k.removeprefix("path:"): counts(v).ravel().astype(np.uint16)
            for k, v in values.items()
            if k.startswith("path:")
        }
        entry["fans"] = publish_table(folder / "fans" / name, counted)
        if by_deal:
            deals = {k: values[f"deal:{k}"] for k in _by_deal.KEPT}
            entry["deals"] = publish_table(
                folder / "deals" / name, _by_deal.block(deals, built[2].n_model)
            )
        sound[index] = {"index": index} | entry
        record()
        return rows

    todo = [i for i in range(n_blocks(n)) if i not in sound]
    compile_seconds = 0.0
    if todo:
        with working("compiling the sweep"):
            batch = compile_batch(built, seed, chosen, sampler, outputs, kernel=kernel)
        compile_seconds = batch.compile_seconds
        manifest["kernel"] = batch.kernel
        record()
        done = sum(entry["rows"] for entry in sound.values())
        # A block is drawn and another one written while the devices compute.
        with counting("scenarios", n, done) as advance, ThreadPoolExecutor(1) as pool:
            pending: tuple[int, Future[Any], Any] | None = None
            for index in todo:
                drawn = batch.sample(index)
                running = pool.submit(batch.run, drawn)
                if pending is not None:
                    advance(keep(*pending))
                pending = index, running, drawn
            advance(keep(*pending))
    summary = conclude(config, built, folder, list(sound.values()), identity)
    publish_json(folder / "summary.json", summary)
    grid = built[2]
    dates = np.asarray(grid.modelled(grid.ends), np.float64).tolist()
    counted = {
        name: found.reshape(len(dates), 256)
        for name, found in total(folder, list(sound.values()), "fans").items()
    }
    publish_json(folder / "fans.json", fans(counted, dates))
    if by_deal:
        as_of, entries = config.grid.as_of_date, list(sound.values())
        _by_deal.conclude(folder, entries, n, dates, built[0], as_of, horizons)
    seconds = time.perf_counter() - began
    record(seconds=seconds, compile_seconds=compile_seconds, new_blocks=len(todo))
    broken = sum(r["failures"] for r in summary["residuals"].values())
    if broken:
        note(f"invariants: {broken} residuals exceed their tolerance (summary.json)")
    return {
        "scenarios": n,
        "seconds": seconds,
        "scenarios_per_second": n / seconds,
        "compile_seconds": compile_seconds,
        "blocks": n_blocks(n),
        "new_blocks": len(todo),
        "residual_failures": broken,
        "out": folder,
    }


def conclude(
    config: Any,
    built: tuple[Any, Any, Any],
    folder: pathlib.Path,
    blocks: list[Any],
    identity: dict[str, Any],
) -> dict[str, Any]:
    """The summary, read back from the blocks."""
    from scripts._sweep_summary import summarise

    horizon = config.criteria.horizon_date.value
    dates = (config.grid.as_of_date, horizon, config.grid.end_date)
    return summarise(folder, blocks, identity, dates)
