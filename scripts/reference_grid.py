"""`make grid`: break-evens of the reference grid, each audited; docs/reference-grid.md.

Every economy of `calibration.reference_grid` is searched once with one compilation and
audited by `calibration.audit`; the exit status is 1 if any status is contradicted.
"""

import argparse
import pathlib
import sys
import time
from typing import Any

from scripts._output import counting, dumps, note, working

ROOT = pathlib.Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference-grid.md"
STORIES = {
    "base": "configs/base.toml",
    "slow": "configs/scenarios/slow.toml",
    "disproved": "configs/scenarios/disproved.toml",
}


def gather(n_sobol: int, part: slice = slice(None)) -> dict[str, Any]:
    """One row per criterion of every economy (of a part), and how long it took."""
    from scripts._run import load_config, start

    start()
    import jax.numpy as jnp

    from calibration.audit import audit
    from calibration.located import locate
    from calibration.reference_grid import reference_grid

    built = {
        name: load_config(str(ROOT / path), []).build(jnp.float64)
        for name, path in STORIES.items()
    }
    cases = reference_grid({k: x[0] for k, x in built.items()}, n_sobol)[part]
    economy, _, grid = built["base"]
    began = time.perf_counter()
    with working("compiling the search"):
        found = locate(economy, grid)
        audit(found)
    compiled = time.perf_counter()
    rows: list[dict[str, Any]] = []
    with counting("economies", len(cases), 0) as advance:
        for case in cases:
            findings = audit(found.again(case.economy))
            rows += [_row(case.story, case.name, x) for x in findings]
            advance(1)
    return {
        "economies": len(cases),
        "sobol": n_sobol,
        "seconds": {
            "compile": compiled - began,
            "grid": time.perf_counter() - compiled,
        },
        "rows": rows,
    }


def _row(story: str, case: str, finding: Any) -> dict[str, Any]:
    found = finding.found
    return {
        "story": story,
        "case": case,
        "criterion": finding.criterion,
        "status": found.status,
        "local": found.local,
        "value": found.value,
        "base": found.base,
        "crossings": len(found.crossings),
        "event": None if found.event is None else found.event.name,
        "faults": list(finding.faults),
        "checks": {
            key: {
                "status": x.status,
                "implicit": x.value,
                "resolved": [x.check_up, x.check_down, x.second_up, x.second_down],
                "steps": [x.step, x.second_step],
            }
            for key, x in finding.sensitivities.items()
        },
    }


def main(arguments: list[str] | None = None) -> int:
    """Computes the grid and writes the page; 1 if anything is contradicted."""
    command = argparse.ArgumentParser(prog="python -m scripts.reference_grid")
    command.add_argument("--sobol", type=int, default=32, metavar="N")
    command.add_argument("--limit", type=int, metavar="N", help="first N economies")
    command.add_argument("--page", default=str(PAGE), metavar="FILE.md")
    command.add_argument("--json", metavar="FILE.json", help="every row, too")
    given = command.parse_args(arguments)
    from scripts._reference_page import page

    found = gather(given.sobol, slice(given.limit))
    if given.json:
        pathlib.Path(given.json).write_text(dumps(found) + "\n", encoding="utf-8")
    pathlib.Path(given.page).write_text(page(found), encoding="utf-8")
    faulty = [r for r in found["rows"] if r["faults"]]
    for row in faulty:
        where = f"{row['story']}, {row['case']}, {row['criterion']}"
        note(f"{where}: {row['status']}, but {'; '.join(row['faults'])}")
    print(given.page)
    return 1 if faulty else 0


if __name__ == "__main__":
    sys.exit(main())
