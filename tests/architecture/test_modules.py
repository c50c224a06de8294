import ast
import pathlib
import subprocess
import sys
import tomllib

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PURE = ("engine", "calibration")
MAX_LINES = 400


def modules(*packages: str) -> list[pathlib.Path]:
    return [p for name in packages for p in sorted((ROOT / name).rglob("*.py"))]


def where(path: pathlib.Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def test_no_module_is_too_long():
    lengths = {
        str(p.relative_to(ROOT)): len(p.read_text().splitlines())
        for p in modules(*PURE, "native", "scripts")
    }
    assert {p: n for p, n in lengths.items() if n > MAX_LINES} == {}


def test_pure_code_prints_nothing():
    found = [
        where(path, node)
        for path in modules(*PURE)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    assert found == []


def test_pure_code_leaves_jax_config_alone():
    def touches(node: ast.AST) -> bool:
        if isinstance(node, ast.Attribute):
            return node.attr == "config" and ast.unparse(node.value) == "jax"
        if isinstance(node, ast.ImportFrom):
            is_jax = node.module == "jax"
            return node.module == "jax.config" or (
                is_jax and any(alias.name == "config" for alias in node.names)
            )
        return isinstance(node, ast.Import) and any(
            alias.name == "jax.config" for alias in node.names
        )

    found = [
        where(path, node)
        for path in modules(*PURE)
        for node in ast.walk(ast.parse(path.read_text()))
        if touches(node)
    ]
    assert found == []


def test_nobody_asks_which_default_rule_it_is():
    found = [
        where(path, node)
        for path in modules(*PURE)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "isinstance"
        and "Default" in ast.unparse(node.args[1])
    ]
    assert found == []


def test_importing_engine_does_not_import_pydantic():
    code = "import engine, sys; print([m for m in sys.modules if 'pydantic' in m])"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "[]"


def test_importing_engine_and_calibration_changes_no_jax_setting():
    code = (
        "import jax; before = dict(jax.config.values);"
        "import engine, calibration;"
        "assert dict(jax.config.values) == before"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("package", ["engine"])
def test_every_module_has_a_layer(package: str):
    # A module that is not in the contract escapes it.
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers = next(x["layers"] for x in contracts if x["type"] == "layers")
    named = {layer.strip("()") for layer in layers}
    found = {
        f"{package}.{p.stem}"
        for p in (ROOT / package).iterdir()
        if (p.suffix == ".py" and p.stem != "__init__") or (p / "__init__.py").exists()
    }
    assert found - named == set()
