"""`buytime breakeven CONFIG`: until when may productivity be late, layer by layer."""

import argparse
import difflib
import math
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
    sub.add_argument(
        "--batch",
        type=int,
        metavar="N",
        help="the distribution of break-evens over N scenarios (default: all layers)",
    )
    sub.add_argument(
        "--seed", type=int, metavar="S", help="of a batch's scenarios (default: 0)"
    )


def execute(arguments: argparse.Namespace) -> None:
    _check_batch(arguments)
    config = load_config(arguments.config, arguments.set)
    if arguments.batch is not None:
        emit(arguments.json, _batch(config, arguments))
        return
    found = break_even(
        config,
        arguments.criterion,
        arguments.unknown,
        arguments.shift,
        arguments.between,
    )
    emit(arguments.json, found)


def _check_batch(arguments: argparse.Namespace) -> None:
    """What goes with `--batch`, and what does not."""
    batch, seed = arguments.batch, arguments.seed
    if batch is None and seed is not None:
        raise BadInput(f"--seed: got {seed} without --batch, expected both or neither")
    if batch is not None and batch < 1:
        raise BadInput(f"--batch: got {batch}, expected at least 1 scenario")
    if seed is not None and seed < 0:
        raise BadInput(f"--seed: got {seed}, expected 0 or more")
    if batch is not None and arguments.shift:
        raise BadInput(
            f"--shift: got {arguments.shift[0]} beside --batch, expected one of the "
            "two (a batch has no sensitivities)"
        )


def _batch(config: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    options = looked_up(config, arguments.unknown, between=arguments.between)
    start()
    from scripts._break_even_batch import batch_of

    return batch_of(
        config,
        {
            "n": arguments.batch,
            "seed": arguments.seed or 0,
            "criterion": arguments.criterion,
            "unknown": options.get("unknown"),
            "bounds": options.get("bounds"),
        },
    )


def break_even(
    config: Any,
    criterion: str | None = None,
    unknown: str | None = None,
    shifts: list[str] | None = None,
    between: list[float] | None = None,
) -> dict[str, Any]:
    """The study of one criterion, or of all."""
    options = looked_up(config, unknown, shifts, between)
    start()
    import jax.numpy as jnp

    from calibration import study
    from engine import reference_scenario

    economy, _, grid = config.build(jnp.float64)
    options["scenario"] = reference_scenario(economy, grid)
    with working("searching for break-evens"):
        try:
            found = study(economy, grid, criterion, **options)
        except ValueError as error:
            raise BadInput(f"--{error}") from None
    return found if unknown is None else _in_own_unit(config, found)


def _in_own_unit(config: Any, found: dict[str, Any]) -> dict[str, Any]:
    """Adds what a break-even is in the unit of the unknown's key."""
    record = next((f for f in config.figures if f.name == found["unknown"]), None)
    if record is None:
        return found

    def own(one: dict[str, Any]) -> dict[str, Any]:
        at = {
            name: None if one[name] is None else one[name] / record.factor
            for name in ("value", "base", "bound")
        }
        return one | {"in_key": {"key": record.path, "unit": record.unit} | at}

    if "layers" not in found:
        return own(found)
    return found | {"layers": {k: own(x) for k, x in found["layers"].items()}}


def looked_up(
    config: Any,
    unknown: str | None = None,
    shifts: list[str] | None = None,
    between: list[float] | None = None,
) -> dict[str, Any]:
    """What was asked for, in the engine's names and units; `BadInput` if it is not."""
    options: dict[str, Any] = {}
    if unknown is not None:
        options["unknown"] = figure(config, "--unknown", unknown)
    if between is not None:
        options["bounds"] = bounds(config, options.get("unknown"), between)
    if shifts:
        options["paths"] = [figure(config, "--shift", key) for key in shifts]
    return options


def bounds(
    config: Any, unknown: str | None, between: list[float]
) -> tuple[float, float]:
    """Where to look, in the engine's unit: within the figure's own bounds."""
    low, high = between
    if unknown is None:
        raise BadInput("--between: got no --unknown, expected one beside it")
    if unknown == "adoption.midpoint":
        raise BadInput(
            "--between: got the midpoint as unknown, expected another figure (the "
            "midpoint is searched from base to 18 years later)"
        )
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise BadInput(
            f"--between: got {low:g} {high:g}, expected two finite numbers, the lower "
            "one first"
        )
    record = next(f for f in config.figures if f.name == unknown)
    least, most = record.bounds or (-math.inf, math.inf)
    if not least <= low < high <= most:
        raise BadInput(
            f"--between: got {low:g} {high:g}, expected values within the bounds of "
            f"{record.path}, {least:g} to {most:g} {record.unit}"
        )
    if not low <= record.value <= high:
        raise BadInput(
            f"--between: got {low:g} {high:g}, expected them around the config's own "
            f"{record.value:g} of {record.path}, from which the search goes outward"
        )
    return (low * record.factor, high * record.factor)


def figure(config: Any, flag: str, key: str) -> str:
    """The engine's name of a scalar figure, from its config path or that name."""
    scalars = {f.path: f.name for f in config.figures if not isinstance(f.value, tuple)}
    if key in scalars:
        return scalars[key]
    if key in scalars.values():
        return key
    paths = {f.path for f in config.figures} | {f.name for f in config.figures}
    if key in paths:
        raise BadInput(f"{flag}: {key} is a list of numbers, expected a scalar figure")
    near = difflib.get_close_matches(key, scalars, 1)
    hint = f", did you mean {near[0]!r}?" if near else ""
    raise BadInput(f"{flag}: no figure stands at {key!r}{hint}")
