"""Where the shipped configs are, and how a test spoils one."""

import pathlib

import pytest

from engine.config import ConfigError, load

CONFIGS = pathlib.Path(__file__).parents[1] / "configs"
PROVENANCE = 'source = "choice: a test", date = "2026Q3", confidence = "choice"'


def replace(path: pathlib.Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) >= 1, f"{old!r} is not in {path.name}"
    path.write_text(text.replace(old, new, 1))


def retold(
    folder: pathlib.Path, story: str, guarantee: str | None = None, base: str = "chain"
) -> pathlib.Path:
    """A shipped story on another base, with the guarantee of another story besides."""

    def text(name: str) -> str:
        return (CONFIGS / "scenarios" / f"{name}.toml").read_text(encoding="utf-8")

    told = text(story).replace("../base.toml", str(CONFIGS / f"{base}.toml"))
    if guarantee is not None:
        own = text(guarantee)
        told += own[own.index("[guarantee") :]
    path = (folder / "retold.toml").resolve()
    path.write_text(told, encoding="utf-8")
    return path


def stating(folder: pathlib.Path, clauses: dict[str, float]) -> pathlib.Path:
    """A config that is the chain but for clauses of CoreWeave's."""
    lines = [f'extends = "{CONFIGS / "chain.toml"}"', "[neoclouds.coreweave]"]
    lines += [
        f"{key} = {{ value = {value}, {PROVENANCE}, bounds = [-10.0, 1000.0] }}"
        for key, value in clauses.items()
    ]
    path = folder / "clauses.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def errors(path: pathlib.Path, overrides: tuple[str, ...] = ()) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path, overrides)
    assert all("\n" not in m and "Traceback" not in m for m in caught.value.messages)
    return caught.value.messages
