"""`python -m scripts.tie_outs`: writes docs/tie-outs.md; `--check` compares it."""

import argparse
import pathlib
import sys

ROOT = pathlib.Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tie-outs.md"
CONFIG = "configs/chain.toml"
"""The two deals are the same files in every config; the smallest economy runs fast."""


def main(arguments: list[str] | None = None) -> int:
    """Writes the page, or with `--check` compares it; returns the exit status."""
    command = argparse.ArgumentParser(prog="python -m scripts.tie_outs")
    command.add_argument("--check", action="store_true", help="write nothing")
    is_check = command.parse_args(arguments).check
    from scripts._run import load_config
    from scripts.run import simulated
    from scripts.tie_outs.gather import gather
    from scripts.tie_outs.page import page

    text = page(gather(*simulated(load_config(str(ROOT / CONFIG), []))), CONFIG)
    if not is_check:
        PAGE.write_text(text, encoding="utf-8")
        print(f"docs/{PAGE.name}")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
        print(f"docs/{PAGE.name} is stale: run make docs", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
