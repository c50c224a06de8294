"""`buytime report RUN_DIR_OR_CONFIG --out FILE.html`: one offline HTML file."""

import argparse
import pathlib

from scripts._output import BadInput, emit, working
from scripts._run import load_config, start


def add_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "source", help="a folder that `demo` or `sweep` wrote, or a config"
    )
    sub.add_argument("--set", action="append", default=[], metavar="KEY.PATH=VALUE")
    sub.add_argument("--out", required=True, metavar="FILE.html")


def execute(arguments: argparse.Namespace) -> None:
    source, out = pathlib.Path(arguments.source), pathlib.Path(arguments.out)
    if out.is_dir() or not out.parent.is_dir():
        found = "is a folder" if out.is_dir() else "its folder does not exist"
        raise BadInput(f"--out: {out} {found}, expected the path of an HTML file")
    if source.is_dir():
        if not (source / "manifest.json").exists():
            raise BadInput(f"{source}: no manifest.json, expected a folder of results")
        if arguments.set:
            raise BadInput("--set: cannot change the config of a finished run")
        subject = source
    else:
        load_config(arguments.source, arguments.set)
        subject = source
    start()
    from scripts.report.build import build_report

    with working("building the report"):
        build_report(subject, out, arguments.set)
    emit(arguments.json, {"report": out.resolve(), "bytes": out.stat().st_size})
