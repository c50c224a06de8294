"""Shipped configs, and copies of them to spoil."""

import pathlib
import shutil

import pytest

from engine.config import load
from engine.config.economy import EconomyConfig
from tests.config_files import CONFIGS


@pytest.fixture(scope="module")
def base() -> EconomyConfig:
    return load(CONFIGS / "base.toml")


@pytest.fixture
def copy(tmp_path: pathlib.Path) -> pathlib.Path:
    shutil.copytree(CONFIGS, tmp_path / "configs")
    return tmp_path / "configs"
