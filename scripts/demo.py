"""`buytime demo CONFIG`: the whole answer of one config, in one folder."""

import argparse
import json
import pathlib
import time
from collections.abc import Callable
from typing import Any

from scripts._output import BadInput, dumps, emit, note, working
from scripts._run import fresh_folder, load_config, start
from scripts._stories import with_stories


def add_arguments(sub: argparse.ArgumentParser) -> None:
    from scripts.main import add_config

    add_config(sub)
    sub.add_argument("--out", default="reports/demo", metavar="DIR")
    sub.add_argument("--scenarios", type=int, default=50_000, metavar="N")
    sub.add_argument("--seed", type=int, default=0, metavar="S")


def execute(arguments: argparse.Namespace) -> None:
    if arguments.scenarios < 1:
        raise BadInput(f"--scenarios: got {arguments.scenarios}, expected at least 1")
    config = load_config(arguments.config, arguments.set)
    stories = with_stories(config, arguments.config, arguments.set)
    folder = fresh_folder(arguments.out)
    start()
    seconds: dict[str, float] = {}

    def stage(name: str, work: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        found = work()
        seconds[name] = time.perf_counter() - began
        if isinstance(found, dict):
            (folder / f"{name}.json").write_text(dumps(found, indent=2) + "\n")
        return found

    from scripts._demo_page import show
    from scripts.breakeven import break_even
    from scripts.holders import holders
    from scripts.hurdle import hurdle_document

    document = {
        "hurdle": stage("hurdle", lambda: hurdle_document(config)),
        "sweep": stage("sweep", lambda: _swept(config, arguments, folder / "sweep")),
        "stories": stage("stories", lambda: _told(stories)),
        "breakeven": stage("breakeven", lambda: break_even(config, "all")),
        "holders": stage("holders", lambda: holders(stories)),
    }
    _sign(folder, config, arguments)
    page = folder / "report.html"
    stage("report", lambda: _reported(folder, page))
    document |= {"seconds": seconds, "report": page.resolve()}
    if arguments.json:
        emit(True, document)
    else:
        show(document, json.loads((folder / "sweep" / "summary.json").read_text()))


def _swept(
    config: Any, arguments: argparse.Namespace, folder: pathlib.Path
) -> dict[str, Any]:
    """The sweep, taken up where an earlier demo left it if that was the same one."""
    from scripts._sweep import sweep
    from scripts._sweep_store import MANIFEST

    def go() -> dict[str, Any]:
        return sweep(
            config,
            arguments.scenarios,
            arguments.seed,
            folder,
            resume=True,
            origin={"config": arguments.config, "set": arguments.set},
        )

    folder.mkdir(exist_ok=True)
    try:
        return go()
    except BadInput:
        note(f"{folder} holds another sweep; it is run again")
        blocks = (folder / "scenarios").glob("block-*.parquet")
        for stale in (folder / MANIFEST, folder / "summary.json", *blocks):
            stale.unlink(missing_ok=True)
        return go()


def _told(stories: dict[str, Any]) -> dict[str, Any]:
    """Every story as `buytime run` describes it, with one compilation for all."""
    from scripts.run import describe, simulated_each

    with working("running the stories"):
        runs = simulated_each(list(stories.values()))
    return {
        name: describe(built, result)
        for name, (built, result) in zip(stories, runs, strict=True)
    }


def _sign(folder: pathlib.Path, config: Any, arguments: argparse.Namespace) -> None:
    """What the report needs to know of where its numbers came from."""
    from scripts.doctor import versions

    origin = {"config": arguments.config, "set": arguments.set, "hash": config.hash}
    signed = origin | {"seed": arguments.seed, "versions": versions()}
    (folder / "manifest.json").write_text(dumps(signed, indent=2) + "\n")


def _reported(folder: pathlib.Path, page: pathlib.Path) -> None:
    from scripts.report.build import build_report

    with working("building the report"):
        build_report(folder, page)
