"""`buytime breakeven CONFIG`: until when may productivity be late, layer by layer."""

import argparse
import difflib
from typing import Any

from scripts._output import BadInput, emit, working
from scripts._run import load_config, start


def add_arguments(sub: argparse.ArgumentParser) -> None:
    from scripts.main import add_config

    add_config(sub)
    sub.add_argument(
        "--criterion",
        metavar="NAME|all",
        help="a layer or <layer>.return (default: the financed one that fails first)",
    )
    sub.add_argument(
        "--unknown", metavar="KEY", help="config path to solve for (default: midpoint)"
    )
    sub.add_argument(
        "--between",
        nargs=2,
        type=float,
        metavar=("LOW", "HIGH"),
        help="where to look for another unknown, in the unit of its key",
    )
    sub.add_argument(
        "--shift",
        action="append",
        default=[],
        metavar="KEY",
        help="config path to re-solve for beside the four shifts (repeatable)",
    )
    sub.add_argument("--batch", type=int, metavar="N", help="not in this version")


def execute(arguments: argparse.Namespace) -> None:
    if arguments.batch is not None:
        raise BadInput(
            f"--batch: got {arguments.batch}, expected none (break-evens of a "
            "probability are not in this version)"
        )
    config = load_config(arguments.config, arguments.set)
    found = break_even(
        config,
        arguments.criterion,
        arguments.unknown,
        arguments.shift,
        arguments.between,
    )
    emit(arguments.json, found)


def break_even(
    config: Any,
    criterion: str | None = None,
    unknown: str | None = None,
    shifts: list[str] | None = None,
    between: list[float] | None = None,
) -> dict[str, Any]:
    """The study of one criterion, or of all."""
    jax = start()
    import jax.numpy as jnp

    from calibration import study
    from engine import reference_scenario

    economy, _, grid = config.build(jnp.float64)
    del jax
    options: dict[str, Any] = {"scenario": reference_scenario(economy, grid)}
    if unknown is not None:
        options["unknown"] = figure(config, "--unknown", unknown)
    if between is not None:
        options["bounds"] = bounds(config, options.get("unknown"), between)
    if shifts:
        options["paths"] = [figure(config, "--shift", key) for key in shifts]
    with working("searching for break-evens"):
        try:
            return study(economy, grid, criterion, **options)
        except ValueError as error:
            raise BadInput(f"--criterion: {error}") from None


def bounds(config: Any, unknown: str | None, between: list[float]) -> Any:
    """Where to look, in the engine's unit."""
    low, high = between
    if unknown is None:
        raise BadInput("--between: got no --unknown, expected one beside it")
    if not low < high:
        raise BadInput(f"--between: got {low:g} {high:g}, expected the lower one first")
    factor = next(f.factor for f in config.figures if f.name == unknown)
    return (low * factor, high * factor)


def figure(config: Any, flag: str, key: str) -> str:
    """The engine's name of a scalar figure, from its config path or that name."""
    scalars = {f.path: f.name for f in config.figures if not isinstance(f.value, tuple)}
    if key in scalars:
        return scalars[key]
    if key in scalars.values():
        return key
    near = difflib.get_close_matches(key, scalars, 1)
    hint = f", did you mean {near[0]!r}?" if near else ""
    raise BadInput(f"{flag}: no figure stands at {key!r}{hint}")
