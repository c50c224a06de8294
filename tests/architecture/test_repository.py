import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]

# Written in pieces, so that this file does not name a host itself.
REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("pypi", "python", "org"),
        ("conda", "anaconda", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("crates", "io"),
        ("pypi", "nvidia", "com"),
    )
)
INDEX_OPTIONS = tuple("--" + x for x in ("index-url", "extra-index-url", "find-links"))


def tracked_files() -> list[pathlib.Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode:  # an unpacked archive: no git there
        files = [p for p in ROOT.rglob("*") if p.is_file()]
        skip = {".venv", ".git", "reports"}
        return [p for p in files if not skip & set(p.relative_to(ROOT).parts)]
    names = listing.stdout.decode().split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def test_constraints_are_names_and_versions_only():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert len(lines) > 30
    pinned = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.!+_-]*")
    assert [x for x in lines if not pinned.fullmatch(x)] == []


def test_constraints_hold_no_accelerator_wheels():
    text = (ROOT / "constraints.txt").read_text().lower()
    assert not re.search(r"^(nvidia|cuda|jax-cuda|libtpu|triton)", text, re.MULTILINE)


def test_no_file_names_a_package_registry():
    named = []
    for path in tracked_files():
        try:
            text = path.read_text(encoding="utf-8").lower()
        except UnicodeDecodeError:
            continue
        named += [
            f"{path.relative_to(ROOT)}: {word}"
            for word in REGISTRY_HOSTS + INDEX_OPTIONS
            if word in text
        ]
    assert named == []


@pytest.mark.parametrize("name", ["LICENSE", "CHANGELOG.md", "constraints.txt"])
def test_founding_files_exist(name: str):
    assert (ROOT / name).stat().st_size > 0


def test_changelog_says_which_numbers_moved():
    assert "### Numbers that moved" in (ROOT / "CHANGELOG.md").read_text()
