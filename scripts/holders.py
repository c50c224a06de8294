"""`buytime holders CONFIG`: who holds the paper, and what each holder is exposed to."""

import argparse
from collections.abc import Callable
from typing import Any

from scripts._output import BadInput, emit, working
from scripts._run import load_config, start
from scripts._stories import with_stories


def add_arguments(sub: argparse.ArgumentParser) -> None:
    from scripts.main import add_config

    add_config(sub)
    sub.add_argument(
        "--part",
        action="append",
        default=[],
        metavar="NAME",
        help=f"only this part (repeatable): {', '.join(PARTS)}",
    )


def execute(arguments: argparse.Namespace) -> None:
    for part in arguments.part:
        if part not in PARTS:
            raise BadInput(f"--part: got {part!r}, expected {', '.join(PARTS)}")
    config = load_config(arguments.config, arguments.set)
    configs = with_stories(config, arguments.config, arguments.set)
    emit(arguments.json, holders(configs, arguments.part or list(PARTS)))


def holders(configs: dict[str, Any], parts: list[str] | None = None) -> dict[str, Any]:
    """Every part asked for; `configs` has the config itself as `base`, and stories."""
    start()
    found = {}
    for name in parts or list(PARTS):
        with working(f"{name} of who holds the paper"):
            found[name] = PARTS[name](configs)
    return found


def _flips(configs: dict[str, Any]) -> Any:
    from scripts._flips import flip_values

    return flip_values(configs)


def _guarantee(configs: dict[str, Any]) -> Any:
    from scripts._guarantee import guarantee

    return guarantee(configs)


def _positions(configs: dict[str, Any]) -> Any:
    from scripts._positions import positions

    return positions(configs)


def _concentration(configs: dict[str, Any]) -> Any:
    from scripts._concentration import concentration

    return concentration(configs)


def _route(configs: dict[str, Any]) -> Any:
    from scripts._route import by_price

    return by_price(configs)


def _wrong_way(configs: dict[str, Any]) -> Any:
    from scripts._wrong_way import wrong_way

    return wrong_way(configs)


PARTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "flips": _flips,
    "guarantee": _guarantee,
    "positions": _positions,
    "concentration": _concentration,
    "route": _route,
    "wrong_way": _wrong_way,
}
