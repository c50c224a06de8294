"""The stories that every whole answer tells beside its config."""

import pathlib
from typing import Any

from scripts._run import load_config

STORIES = ("slow", "disproved", "guarantee", "disproved_guarantee")


def with_stories(config: Any, path: str, overrides: list[str]) -> dict[str, Any]:
    """`config` as `base`, and the stories in `scenarios/` beside its file at `path`.

    The same overrides hold in each. A story without a file is left out; so are all
    where `path` is empty, since the config then came from no file.
    """
    folder = pathlib.Path(path).parent / "scenarios"
    files = {name: folder / f"{name}.toml" for name in STORIES if path}
    return {"base": config} | {
        name: load_config(str(file), overrides)
        for name, file in files.items()
        if file.exists()
    }
