"""Collects what the page shows, as one plain JSON-like dict ("material").

Read from a folder of `demo` or `sweep` where it is there, computed where it is not:

- `hurdle.json`, `breakeven.json`: what the verbs of that name print;
- `holders.json`: what `holders` prints;
- `stories.json`: story name to what `run` prints;
- `summary.json`, `fans.json`, here or in `sweep/`: what `sweep` writes;
- `manifest.json`: `config` and `set` (or `origin` that holds them) and `hash`.

Paths of the stories and heat maps are always computed: they need the engine.
"""

import collections
import json
import pathlib
from collections.abc import Sequence
from typing import Any

from scripts._output import BadInput, note, plain
from scripts._stories import with_stories


def gather(source: Any, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The material of a folder of results, of a config's path or a loaded config."""
    from scripts._run import load_config

    if isinstance(source, pathlib.Path | str):
        if pathlib.Path(source).is_dir():
            return plain(_of_folder(pathlib.Path(source)))
        config = load_config(str(source), list(overrides))
        return plain(_material(config, str(source), list(overrides), pathlib.Path()))
    return plain(_material(source, "", [], pathlib.Path()))


def _of_folder(folder: pathlib.Path) -> dict[str, Any]:
    from scripts._run import load_config

    manifest = _read(folder / "manifest.json") or {}
    origin = manifest.get("origin") or manifest
    path, overrides = origin.get("config"), list(origin.get("set") or [])
    if not path or not pathlib.Path(path).is_file():
        raise BadInput(
            f"{folder / 'manifest.json'}: config {path!r} is not there (any more), "
            "expected the path from which the run was made"
        )
    config = load_config(path, overrides)
    if manifest.get("hash") not in (None, config.hash):
        raise BadInput(
            f"{path}: changed since {folder} was made; run it again for a report"
        )
    return _material(config, path, overrides, folder, manifest)


def _material(
    config: Any,
    path: str,
    overrides: list[str],
    folder: pathlib.Path,
    manifest: dict[str, Any] | None = None,
) -> dict[str, Any]:
    import jax.numpy as jnp

    from engine import reference_scenario
    from scripts.breakeven import break_even
    from scripts.holders import holders
    from scripts.hurdle import hurdle_document
    from scripts.report import paths
    from scripts.run import describe, simulated_each
    from scripts.tie_outs.gather import gather as tied

    is_folder = manifest is not None

    def stored(name: str) -> Any:
        return _read(folder / name) if is_folder else None

    stories = with_stories(config, path, overrides)
    runs = simulated_each(list(stories.values()))
    told = stored("stories.json") or {
        name: describe(*run) for name, run in zip(stories, runs, strict=True)
    }
    economy, _, grid = config.build(jnp.float64)
    history = economy["adoption.history"]
    summary = stored("sweep/summary.json") or stored("summary.json")
    swept = stored("sweep/manifest.json") or manifest or {}
    return {
        "config": {
            "path": path,
            "set": overrides,
            "hash": config.hash,
            "as_of": float(grid.as_of),
            "start": float(grid.start),
            "end": float(grid.ends[-1]),
            "horizon": float(economy["criteria.horizon"]),
            "folder": str(folder) if is_folder else None,
        },
        "hurdle": stored("hurdle.json") or hurdle_document(config),
        "breakeven": stored("breakeven.json") or break_even(config, "all"),
        "maps": _maps(economy, grid, reference_scenario(economy, grid)),
        "stories": told,
        **(stored("holders.json") or holders(stories)),
        "paths": {
            name: paths.story(*run) for name, run in zip(stories, runs, strict=True)
        },
        "tie_outs": tied(*runs[0]),
        "history": {
            "date": grid.middles[: history.shape[0]],
            "revenue": history,
        },
        "fans": stored("sweep/fans.json") or stored("fans.json") or paths.fans(config),
        "summary": summary,
        "sweep": {k: swept.get(k) for k in ("scenarios", "seed", "dtype", "sampler")},
        "versions": swept.get("versions") or (manifest or {}).get("versions"),
        "figures": _figures(config),
    }


def _maps(economy: Any, grid: Any, scenario: Any) -> dict[str, Any]:
    """Heat maps of the default criterion over both pairs of named shifts."""
    from calibration.located import locate
    from calibration.study import heat_map

    note("the report's heat maps …")
    found = locate(economy, grid, scenario=scenario)
    return {kind: heat_map(found, kind=kind) for kind in ("future", "all")}


def _figures(config: Any) -> dict[str, Any]:
    """How many figures stand on what, and which of the largest are choices."""
    counted = collections.Counter(f.confidence for f in config.figures)
    return {
        "number": len(config.figures),
        "confidence": dict(counted.most_common()),
        "ranged": sum(f.range is not None for f in config.figures),
        "names": {
            f.name: {
                "path": f.path,
                "unit": f.unit,
                "value": f.value,
                "factor": f.factor,
                "confidence": f.confidence,
                "range": f.range,
            }
            for f in config.figures
            if not isinstance(f.value, tuple)
        },
    }


def _read(path: pathlib.Path) -> Any:
    return json.loads(path.read_text()) if path.is_file() else None
