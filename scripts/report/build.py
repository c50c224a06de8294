"""`build_report(source, out)`: one offline HTML file about one config."""

import pathlib
from collections.abc import Sequence
from typing import Any


def build_report(
    source: Any, out: str | pathlib.Path, overrides: Sequence[str] = ()
) -> pathlib.Path:
    """Writes the report on `source` to `out` and returns its path.

    `source`: a folder that `demo` or `sweep` wrote; or the path of a config, with
    `overrides`, and then what is needed is computed, without a sweep. A config that is
    loaded already serves too, but the stories beside its file are then not found.
    """
    from scripts.report.gather import gather
    from scripts.report.page import render

    path = pathlib.Path(out)
    path.write_text(render(gather(source, overrides)), encoding="utf-8")
    return path
