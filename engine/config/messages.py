"""Sentences: file, key, value, what was expected."""

import difflib
import re
from collections.abc import Iterable
from typing import Any

from pydantic_core import ErrorDetails

from engine.config.figures import stem
from engine.config.tables import Problem
from engine.units import factor

_TYPES = {
    "float_type": "a number",
    "int_type": "a whole number",
    "string_type": "a text",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "tuple_type": "a list",
    "finite_number": "a finite number",
}


class Origins:
    """Which file said what, by the longest dotted prefix."""

    def __init__(self, default: str):
        self._default = default
        self._files: dict[str, str] = {}

    def add(self, table: dict[str, Any], file: str, prefix: str = "") -> None:
        """Notes every key of a file's table."""
        for key, value in table.items():
            path = f"{prefix}{key}"
            if isinstance(value, dict):
                self._files.setdefault(path, file)
                self.add(value, file, f"{path}.")
            else:
                self._files[path] = file
                parent = prefix.rstrip(".")
                if key == "value":
                    self._files[parent] = file

    def set(self, path: str, file: str) -> None:
        """Notes one key and all below it."""
        below = [known for known in self._files if known.startswith(f"{path}.")]
        self._files |= dict.fromkeys([path, *below], file)

    def of(self, path: str) -> str:
        """The file to blame for a path."""
        keys = path.split(".")
        for n in range(len(keys), 0, -1):
            file = self._files.get(".".join(keys[:n]))
            if file is not None:
                return file
        return self._default


def suggest(key: str, known: Iterable[str]) -> str:
    """A question ending a sentence, or nothing if no known key is close."""
    close = difflib.get_close_matches(key, list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""


def sentences(
    details: list[ErrorDetails],
    table: dict[str, Any],
    found: Iterable[Problem],
    origins: Origins,
) -> list[str]:
    """Every error once, pydantic's first and those across keys after."""
    details = [d for d in details if d["type"] != "economy"]
    paths = [_path(d["loc"], table) for d in details]
    found = list(found)
    across = {p.path for p in found}
    missing = {p for p, d in zip(paths, details, strict=True) if d["type"] == "missing"}
    explained: set[str] = set()
    lines: list[tuple[str, str]] = []
    for path, detail in zip(paths, details, strict=True):
        if detail["type"] == "extra_forbidden":
            text, meant = _unknown(path, missing, detail)
            explained |= meant
            lines.append((path, text))
    for path, detail in zip(paths, details, strict=True):
        if detail["type"] == "extra_forbidden" or path in explained:
            continue
        if detail["type"] == "figure" and path in across:
            continue
        lines.append((path, _text(path, detail)))
    lines += [(p.path, p.text) for p in found]
    return list(
        dict.fromkeys(f"{origins.of(path)}: {path}: {text}" for path, text in lines)
    )


def _path(loc: tuple[int | str, ...], table: Any) -> str:
    """The dotted path of an error, without the tags that unions put into it."""
    keys: list[str] = []
    here = table
    for i, key in enumerate(loc):
        is_last = i == len(loc) - 1
        if isinstance(here, dict) and key not in here and not is_last:
            continue  # the tag of a union
        keys.append(str(key))
        if isinstance(here, dict):
            here = here.get(key)
        elif isinstance(here, list) and isinstance(key, int) and key < len(here):
            here = here[key]
    return ".".join(keys)


def _unknown(
    path: str, missing: set[str], detail: ErrorDetails
) -> tuple[str, set[str]]:
    """Wrong unit, misspelt, or simply unknown; and the missing key it stands for."""
    parent, _, key = path.rpartition(".")
    siblings = {
        p.rpartition(".")[2]: p for p in missing if p.rpartition(".")[0] == parent
    }
    for name, full in siblings.items():
        if stem(name) == stem(key) or stem(name) == key:
            given = f"the unit {factor(key)[1]}" if stem(key) != key else "no unit"
            unit = factor(name)[1]
            value = _short(detail["input"])
            text = f"got {value} in {given}, expected the unit {unit}: write {name!r}"
            return text, {full}
    close = difflib.get_close_matches(key, list(siblings), n=1, cutoff=0.6)
    if close:
        text = f"got unknown key {key!r}, expected {close[0]!r}: did you mean that?"
        return text, {siblings[close[0]]}
    text = f"got unknown key {key!r} with {_short(detail['input'])}, expected none such"
    return text, set()


def _short(value: Any) -> str:
    if isinstance(value, dict) and "value" in value:
        value = value["value"]
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _text(path: str, detail: ErrorDetails) -> str:
    kind, value = detail["type"], _short(detail["input"])
    context = detail.get("ctx", {})
    if kind == "figure":
        return detail["msg"]
    if kind == "missing":
        key = path.rpartition(".")[2]
        unit = factor(key)[1]
        return f"got nothing, expected {f'a figure in {unit}' if unit else 'this key'}"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        given = detail["input"]
        given = given.get("kind") if isinstance(given, dict) else given
        names = re.findall(r"'([^']+)'", str(context.get("expected_tags", "")))
        wanted = " or ".join(names) or "named or cohort"
        if given is None:
            return "got no kind, expected a key kind with its name"
        return f"got kind {given!r}, expected {wanted}{suggest(str(given), names)}"
    if kind == "literal_error":
        wanted = str(context.get("expected", ""))
        names = re.findall(r"'([^']+)'", wanted)
        return f"got {value}, expected {wanted}{suggest(value.strip(chr(39)), names)}"
    if kind == "string_pattern_mismatch":
        return f"got {value}, expected a date as YYYY, YYYY-MM, YYYY-MM-DD or YYYYQn"
    if kind in _TYPES:
        return f"got {value}, expected {_TYPES[kind]}"
    return f"got {value}, expected otherwise: {detail['msg']}"
