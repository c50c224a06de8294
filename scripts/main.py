"""`buytime`: one command, a verb per file. Only the verb's own file is imported."""

import argparse
import gc
import importlib
import sys
from typing import NoReturn

from scripts._output import BadInput, Failure, complain

DESCRIPTION = "How late may productivity be before the structure breaks?"

VERBS = {
    "check": ("check", "is a config sound, and what would a sweep of it cost?"),
    "hurdle": ("hurdle", "the revenue that AI must earn, as printed and life-adjusted"),
    "run": ("run", "one scenario: metrics, order of failure, invariants"),
    "sweep": ("sweep", "many scenarios in blocks, resumable"),
    "breakeven": ("breakeven", "until when may productivity be late, layer by layer"),
    "stress": ("stress", "capital and funding ratios under a macro path from a CSV"),
    "compare2008": ("compare2008", "the same loss in four worlds: why not 2008?"),
    "holders": ("holders", "who holds the paper: flip values, positions, guarantee"),
    "thermometer": ("thermometer", "what dated observations say about the time left"),
    "deal": ("deal", "a stand-alone deal: every row of its waterfall each period"),
    "report": ("_report_verb", "one offline HTML file"),
    "schema": ("schema", "JSON Schema of a config"),
    "doctor": ("doctor", "the environment: versions, devices, cache"),
    "demo": ("demo", "hurdle, sweep, stories, break-even and report of one config"),
}
"""Verb: its module below `scripts`, and what it answers."""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the usage."""

    def error(self, message: str) -> NoReturn:
        """Exits with status 2."""
        complain([f"{self.prog}: {message} (try {self.prog} --help)"])
        sys.exit(2)


def parser(chosen: str | None) -> argparse.ArgumentParser:
    """The command line; arguments are added to the chosen verb only."""
    command = Parser(prog="buytime", description=DESCRIPTION)
    verbs = command.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, (module, text) in VERBS.items():
        sub = verbs.add_parser(name, help=text, description=text)
        sub.add_argument(
            "--json", action="store_true", help="print one JSON object on stdout"
        )
        if name == chosen:
            importlib.import_module(f"scripts.{module}").add_arguments(sub)
    return command


def add_config(sub: argparse.ArgumentParser) -> None:
    """A config path and its overrides."""
    sub.add_argument("config", help="path of a TOML config")
    sub.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY.PATH=VALUE",
        help="override one value of the config (repeatable)",
    )


def main(argv: list[str] | None = None) -> NoReturn:
    """Runs a verb and exits: 0 success, 1 failure, 2 bad input."""
    words = sys.argv[1:] if argv is None else argv
    chosen = next((word for word in words if word in VERBS), None)
    arguments = parser(chosen).parse_args(words)
    module, _ = VERBS[arguments.verb]
    try:
        code = importlib.import_module(f"scripts.{module}").execute(arguments)
    except BadInput as error:
        complain(error.messages, as_json=arguments.json)
        code = 2
    except Failure as error:
        complain([str(error)], as_json=arguments.json)
        code = 1
    except KeyboardInterrupt:
        complain(["interrupted"])
        code = 1
    except BrokenPipeError:
        # The reader of stdout left (`buytime … | head`); nothing more can be said.
        sys.stderr.close()
        code = 1
    # What is left is not worth searching for rings at the very end.
    gc.freeze()
    sys.exit(code or 0)


if __name__ == "__main__":
    main()
