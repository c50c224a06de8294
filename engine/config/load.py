"""Reading a config: files, one level of `extends`, deal files, overrides, errors."""

import copy
import difflib
import math
import pathlib
import tomllib
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from engine.config.checks import problems
from engine.config.economy import FAMILIES, EconomyConfig
from engine.config.errors import ConfigError
from engine.config.messages import Origins, sentences, suggest
from engine.config.tapes import TAPED, Tapes, read_tapes

OVERRIDE = "--set"

KINDS = {
    "neoclouds": ("named", "cohort"),
    "spvs": ("named", "cohort"),
    "funds": (
        "private_credit",
        "drawdown",
        "listed",
        "non_traded",
        "managed_account",
        "bond",
    ),
    "investors": ("pension", "insurer", "holder"),
    "portfolios": ("institution", "funds"),
}
"""Families whose members differ by `kind`."""


def load(path: str | pathlib.Path, overrides: Sequence[str] = ()) -> EconomyConfig:
    """Reads, resolves and checks a config.

    **Arguments:** `path` of a TOML file, which may say `extends = "other.toml"` (one
    level, relative to itself) and list its `deals`; `overrides`, each
    `"key.path=value"` in the unit of the key. An overridden figure is pinned: it loses
    its range.

    **Returns:** the config. **Raises:** `ConfigError` with every error found.
    """
    path = pathlib.Path(path)
    origins = Origins(path.name)
    messages: list[str] = []
    table = _resolve(path, origins, messages)
    if table is None:
        raise ConfigError(messages)
    for words in overrides:
        message = override(table, words, origins)
        if message is not None:
            messages.append(message)
    config, details = _validate(table)
    found = problems(table)
    messages += sentences(details, table, found, origins)
    if config is None or messages:
        raise ConfigError(messages)
    if config.tapes == Tapes():
        return config
    deals, faults = read_tapes(config)
    if faults:
        raise ConfigError([_in_file(text, origins) for text in faults])
    return config.with_deals(deals)


def _in_file(text: str, origins: Origins) -> str:
    """A fault of `[tapes]` itself, like any other key, begins with its file."""
    return f"{origins.of('tapes')}: {text}" if text.startswith("tapes.") else text


def _validate(
    table: dict[str, Any],
) -> tuple[EconomyConfig | None, list[ErrorDetails]]:
    """The config, or every error: an entity of unknown kind is read as a known one."""
    try:
        return EconomyConfig.model_validate(table), []
    except ValidationError as error:
        details = error.errors(include_url=False)
    unreadable = [d for d in details if d["type"].startswith("union_tag")]
    if not unreadable:
        return None, details
    readable = copy.deepcopy(table)
    for detail in unreadable:
        family, name = (str(key) for key in detail["loc"][:2])
        entity = readable[family][name]
        entity["kind"] = _closest_kind(family, name, entity.get("kind"))
    try:
        EconomyConfig.model_validate(readable)
    except ValidationError as error:
        return None, unreadable + error.errors(include_url=False)
    return None, unreadable


def _closest_kind(family: str, name: str, given: object) -> str:
    kinds = KINDS[family]
    close = difflib.get_close_matches(str(given), kinds, n=1, cutoff=0.4)
    return close[0] if close else (name if name in kinds else kinds[0])


def read_toml(path: pathlib.Path) -> dict[str, Any]:
    """The table in a file; raises `ConfigError` if there is none."""
    name = path.name or str(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        message = f"{name}: no such file at {path}, expected a TOML file"
    except IsADirectoryError:
        message = f"{name}: {path} is a folder, expected a TOML file"
    except UnicodeDecodeError:
        message = f"{name}: not UTF-8 text, expected a TOML file"
    except (OSError, ValueError) as error:
        message = f"{name}: cannot be read ({error}), expected a TOML file"
    else:
        try:
            table = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            message = f"{name}: not TOML ({error}), expected key = value lines"
        else:
            if table:
                return table
            message = f"{name}: the file is empty, expected a TOML config"
    raise ConfigError([message])


def _resolve(
    path: pathlib.Path, origins: Origins, messages: list[str]
) -> dict[str, Any] | None:
    """The file over what it extends, deals included; None if any cannot be read."""
    try:
        own = read_toml(path)
    except ConfigError as error:
        messages += error.messages
        return None
    parent = own.pop("extends", None)
    if parent is None:
        return _with_deals(own, path, origins, messages)
    if not isinstance(parent, str):
        messages.append(f"{path.name}: extends: got {parent!r}, expected a path")
        return None
    try:
        base = read_toml(path.parent / parent)
    except ConfigError as error:
        messages += [f"{path.name}: extends: {m}" for m in error.messages]
        return None
    if "extends" in base:
        messages.append(
            f"{path.name}: extends: {parent} itself extends {base['extends']!r}, "
            "expected one level"
        )
        return None
    table = _with_deals(base, path.parent / parent, origins, messages)
    own = _with_deals(own, path, origins, messages)
    return None if table is None or own is None else _merge(table, own)


def _with_deals(
    table: dict[str, Any], path: pathlib.Path, origins: Origins, messages: list[str]
) -> dict[str, Any] | None:
    """The deals listed, in their order, with the file's own word on top."""
    deals, listed = table.pop("deals", []), {}
    _locate_tapes(table.get("tapes"), path.parent)
    if not isinstance(deals, list) or not all(isinstance(d, str) for d in deals):
        messages.append(f"{path.name}: deals: got {deals!r}, expected a list of paths")
        return None
    failed = False
    for deal in deals:
        file = path.parent / deal
        try:
            found = read_toml(file)
        except ConfigError as error:
            messages += [f"{path.name}: deals: {m}" for m in error.messages]
            failed = True
            continue
        entities = [
            f"{family}.{name}"
            for family, members in found.items()
            for name in (members if isinstance(members, dict) else ())
        ]
        if len(entities) != 1 or next(iter(found)) not in FAMILIES:
            messages.append(
                f"{file.name}: got {', '.join(entities or found) or 'nothing'}, "
                f"expected the table of one entity of {', '.join(FAMILIES)}"
            )
            failed = True
            continue
        origins.add(found, file.name)
        listed = _merge(listed, found)
    origins.add(table, path.name)
    return None if failed else _merge(listed, table)


def _locate_tapes(tapes: object, folder: pathlib.Path) -> None:
    """Files of deals lie beside the config that names them."""
    if not isinstance(tapes, dict):
        return
    for family in TAPED:
        if isinstance(tapes.get(family), str):
            tapes[family] = str(folder / tapes[family])


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[key] = _merge(old, value)
        else:
            merged[key] = value
    return merged


def override(table: dict[str, Any], words: str, origins: Origins) -> str | None:
    """Applies one override in place; returns a sentence if it cannot."""
    path, equals, text = words.partition("=")
    path, text = path.strip(), text.strip()
    if not equals or not path or not text:
        return f"{OVERRIDE}: got {words!r}, expected key.path=value"
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    if isinstance(value, float) and not math.isfinite(value):
        return f"{OVERRIDE}: {path}: got {value}, expected a finite number"
    keys = path.split(".")
    parent: Any = None
    here: Any = table
    for depth, key in enumerate(keys):
        if isinstance(here, dict) and key not in here and "shares" in here:
            here = here["shares"]
        if not isinstance(here, dict) or key not in here:
            known = list(here) if isinstance(here, dict) else []
            return (
                f"{OVERRIDE}: {path}: got unknown key {'.'.join(keys[: depth + 1])!r}, "
                f"expected a key of the config{suggest(key, known)}"
            )
        parent, here = here, here[key]
    if isinstance(here, dict):
        if "value" in here:
            here["value"] = value
            here.pop("range", None)
            here.pop("mode", None)
        elif "values" in here and "dates" not in here:
            here["values"] = value
        else:
            return (
                f"{OVERRIDE}: {path}: got a table, expected a key that holds one value "
                f"({', '.join(here)})"
            )
    elif isinstance(parent, dict):
        parent[keys[-1]] = value
    origins.set(path, OVERRIDE)
    return None
