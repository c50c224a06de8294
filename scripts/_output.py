"""What the command says: strict JSON on stdout, everything else on stderr."""

import contextlib
import json
import math
import pathlib
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any


class BadInput(Exception):
    """What the user gave cannot be used; exit status 2."""

    def __init__(self, *messages: str):
        super().__init__("\n".join(messages))
        self.messages = list(messages)


class Failure(Exception):
    """The work could not be done; exit status 1."""


def complain(messages: list[str], as_json: bool = False) -> None:
    """One sentence per error on stderr, and as JSON on stdout where asked."""
    for message in messages:
        print(message, file=sys.stderr)
    if as_json:
        print(dumps({"ok": False, "errors": messages}))


def note(message: str) -> None:
    """A line of progress."""
    print(message, file=sys.stderr, flush=True)


def plain(value: Any) -> Any:
    """`value` as JSON can hold it: arrays as lists, what is not finite as null."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if hasattr(value, "tolist"):  # NumPy and JAX arrays and scalars
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, float):
        return value + 0.0 if math.isfinite(value) else None  # −0 becomes 0
    if isinstance(value, pathlib.Path):
        return str(value)
    return value


def dumps(document: Any, indent: int | None = None) -> str:
    """Strict JSON: no NaN, no infinity."""
    return json.dumps(plain(document), allow_nan=False, indent=indent)


def emit(as_json: bool, document: Mapping[str, Any]) -> None:
    """The answer: strict JSON, or an indented table of the same for people."""
    if as_json:
        print(dumps(document))
    else:
        print("\n".join(_lines(plain(document))))


def _lines(node: Any, depth: int = 0) -> Iterator[str]:
    """Key and value per line, nested by indentation."""
    pad = "  " * depth
    pairs = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in pairs:
        is_flat = isinstance(value, dict) and not any(
            isinstance(v, dict | list) for v in value.values()
        )
        if is_flat and value and not isinstance(node, dict):
            yield pad + "  ".join(f"{k} {_number(v)}" for k, v in value.items())
        elif is_flat and value and depth > 0:
            flat = "  ".join(f"{k} {_number(v)}" for k, v in value.items())
            yield f"{pad}{key}: {flat}"
        elif isinstance(value, dict | list) and value:
            yield f"{pad}{key}"
            yield from _lines(value, depth + 1)
        else:
            yield f"{pad}{key}: {_number(value)}"


def _number(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


@contextlib.contextmanager
def working(text: str) -> Iterator[None]:
    """Says on stderr that something is under way, with a clock on a terminal."""
    began = time.perf_counter()
    if sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status(text):
            yield
    else:
        note(f"{text} …")
        yield
    seconds = time.perf_counter() - began
    if seconds > 2:
        note(f"{text}: {seconds:.1f} s")


@contextlib.contextmanager
def counting(text: str, total: int, done: int = 0) -> Iterator[Any]:
    """Yields `advance(n)`; a bar on a terminal, a line every five seconds elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if console.is_terminal:
        columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
        count = TextColumn("{task.completed:,.0f}/{task.total:,.0f}")
        with Progress(*columns, count, console=console) as bar:
            task = bar.add_task(text, total=total, completed=done)
            yield lambda n: bar.advance(task, n)
        return
    last = time.perf_counter()

    def advance(n: int) -> None:
        nonlocal done, last
        done += n
        if time.perf_counter() - last > 5 or done >= total:
            note(f"{text}: {done:,} of {total:,}")
            last = time.perf_counter()

    yield advance
