"""`build_report(source, out)`: one offline HTML file about one config."""

import pathlib
from typing import Any


def build_report(source: Any, out: str | pathlib.Path) -> pathlib.Path:
    """Writes the report on `source` to `out` and returns its path.

    `source`: a folder that `demo` or `sweep` wrote, or a loaded config (then what is
    needed is computed, without a sweep).
    """
    from scripts.report.gather import gather
    from scripts.report.page import render

    path = pathlib.Path(out)
    path.write_text(render(gather(source)), encoding="utf-8")
    return path
