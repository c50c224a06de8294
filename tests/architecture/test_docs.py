import pathlib
import pkgutil
import re
import tomllib

import pytest

from engine.config import json_schema, keys
from engine.config.meanings import MEANINGS
from scripts import docs

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [
    p
    for p in [*sorted((ROOT / "docs").rglob("*.md")), *sorted(ROOT.glob("*.md"))]
    if p.is_file()
]
HOW_TO = sorted((ROOT / "docs").glob("how-to-*.md"))

FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]\[]*\]\(([^()\s]+)\)")
FOLDERS = "engine|calibration|scripts|tests|configs|docs"
FILE = re.compile(rf"(?:{FOLDERS})/[\w./-]*")
NAME = re.compile(r"(?:engine|calibration|scripts)(?:\.\w+)+")


def prose(path: pathlib.Path) -> str:
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def identified(paths: list[pathlib.Path]) -> list:
    return [pytest.param(p, id=str(p.relative_to(ROOT))) for p in paths]


def test_pages_are_what_the_code_says():
    assert docs.main(["--check"]) == 0


def test_every_key_of_a_config_has_a_meaning_and_no_meaning_is_left_over():
    known = {(section, key) for section, key, _ in keys()}
    told = {(section, key) for section in MEANINGS for key in MEANINGS[section]}
    assert sorted(known - told) == []  # engine/config/meanings.py
    assert sorted(told - known) == []
    properties = json_schema()["$defs"]["NamedSpv"]["properties"]
    meaning = MEANINGS["spvs"]["rvg_cap_usd_bn"]
    assert properties["rvg_cap_usd_bn"]["description"] == meaning


def test_check_refuses_a_stale_page(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    stale = tmp_path / "metrics.md"
    monkeypatch.setattr(docs, "DOCS", tmp_path)
    assert docs.main(["--check"]) == 1  # it is missing
    stale.write_text("old")
    assert docs.main(["--check"]) == 1
    assert stale.read_text() == "old"
    assert "make docs" in capsys.readouterr().err


@pytest.mark.parametrize("path", identified(PAGES))
def test_relative_links_resolve(path: pathlib.Path):
    targets = LINK.findall(CODE.sub("", prose(path)))
    relative = [t for t in targets if not re.match(r"[a-z]+:|#", t)]
    missing = [t for t in relative if not (path.parent / t.split("#")[0]).exists()]
    assert missing == []


@pytest.mark.parametrize("path", identified(HOW_TO))
def test_how_to_names_what_exists(path: pathlib.Path):
    code = CODE.findall(prose(path))
    files = [c for c in code if FILE.fullmatch(c)]
    names = [c.removesuffix("()") for c in code if NAME.fullmatch(c.removesuffix("()"))]
    assert files + names  # the patterns still find something
    missing = [c for c in files if not (ROOT / c).exists()]
    for name in names:
        try:
            pkgutil.resolve_name(name)
        except (ImportError, AttributeError):
            missing.append(name)
    assert missing == []


@pytest.mark.parametrize("path", identified(HOW_TO))
def test_how_to_examples_parse(path: pathlib.Path):
    for language, text in FENCE.findall(path.read_text(encoding="utf-8")):
        if language == "toml":
            tomllib.loads(text)
        if language == "python":
            compile(text, str(path), "exec")
