"""`buytime sweep CONFIG`: many scenarios in blocks addressed by index, resumable."""

import argparse

from scripts._by_deal import horizons
from scripts._output import BadInput, Failure, emit
from scripts._run import fresh_folder, load_config
from scripts._sweep import sweep


def add_arguments(sub: argparse.ArgumentParser) -> None:
    from scripts.main import add_config

    add_config(sub)
    sub.add_argument("--scenarios", type=int, required=True, metavar="N")
    sub.add_argument("--seed", type=int, default=0, metavar="S")
    sub.add_argument("--out", required=True, metavar="DIR")
    sub.add_argument("--resume", action="store_true", help="go on where DIR stands")
    sub.add_argument("--devices", type=int, metavar="K", help="devices to use")
    sub.add_argument("--engine", default="local", help="only: local")
    sub.add_argument("--outputs", default="", help="metrics to keep, comma-separated")
    sub.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    sub.add_argument("--kernel", choices=("auto", "c", "xla"), default="auto")
    sub.add_argument("--sampler", choices=("sobol", "random"), default="sobol")
    sub.add_argument(
        "--horizons",
        default="",
        metavar="YEARS",
        help="of a tape's default probabilities, years after as_of, comma-separated",
    )


def execute(arguments: argparse.Namespace) -> None:
    if arguments.engine != "local":
        raise BadInput(
            f"--engine: got {arguments.engine!r}, expected local (the other engines "
            "are not in this version)"
        )
    if arguments.scenarios < 1:
        raise BadInput(f"--scenarios: got {arguments.scenarios}, expected at least 1")
    if arguments.seed < 0:
        raise BadInput(f"--seed: got {arguments.seed}, expected 0 or more")
    config = load_config(arguments.config, arguments.set)
    try:
        found = sweep(
            config,
            arguments.scenarios,
            arguments.seed,
            fresh_folder(arguments.out),
            resume=arguments.resume,
            devices=arguments.devices,
            outputs=tuple(x.strip() for x in arguments.outputs.split(",") if x.strip()),
            dtype=arguments.dtype,
            sampler=arguments.sampler,
            kernel=arguments.kernel,
            horizons=horizons(arguments.horizons, config),
            origin={"config": arguments.config, "set": arguments.set},
        )
    except KeyboardInterrupt:
        raise Failure("interrupted: the same command with --resume goes on") from None
    emit(arguments.json, found)
