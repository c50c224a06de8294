"""A sheet of figures that stands beside an economy, read and checked like one."""

import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from engine.config.base import FrozenModel
from engine.config.errors import ConfigError
from engine.config.figures import FigureRecord, records
from engine.config.load import override, read_toml
from engine.config.messages import Origins, sentences
from engine.config.tables import Problem


class Sheet(FrozenModel):
    """Sections of figures."""

    @property
    def figures(self) -> list[FigureRecord]:
        """Every figure with its provenance, in file order."""
        return list(records(self))


AnySheet = TypeVar("AnySheet", bound=Sheet)


def _nothing(table: dict[str, Any]) -> Iterable[Problem]:
    del table
    return ()


def load_sheet(
    kind: type[AnySheet],
    path: str | pathlib.Path,
    overrides: Sequence[str] = (),
    problems: Callable[[dict[str, Any]], Iterable[Problem]] = _nothing,
) -> AnySheet:
    """Reads and checks a sheet; raises `ConfigError` with every error found.

    **Arguments:** `overrides`, each `"key.path=value"` in the unit of the key;
    `problems` of the table that no single figure shows.
    """
    path = pathlib.Path(path)
    table = read_toml(path)
    origins = Origins(path.name)
    origins.add(table, path.name)
    messages = [m for o in overrides if (m := override(table, o, origins)) is not None]
    details = []
    try:
        config = kind.model_validate(table)
    except ValidationError as error:
        config, details = None, error.errors(include_url=False)
    messages += sentences(details, table, list(problems(table)), origins)
    if config is None or messages:
        raise ConfigError(messages)
    return config
