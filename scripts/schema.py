"""`buytime schema`: JSON Schema of a resolved config."""

import argparse

from scripts._output import dumps


def add_arguments(sub: argparse.ArgumentParser) -> None:
    del sub


def execute(arguments: argparse.Namespace) -> None:
    from engine.config import json_schema

    print(dumps(json_schema(), indent=None if arguments.json else 2))
