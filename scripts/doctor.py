"""`buytime doctor`: versions, devices and folders, for a bug report."""

import argparse
import importlib.metadata
import os
import platform
import sys
from typing import Any

from scripts._output import emit
from scripts._run import cache_folder, cores, start

PACKAGES = ("jax", "jaxlib", "equinox", "numpy", "scipy", "pydantic", "pyarrow")


def add_arguments(sub: argparse.ArgumentParser) -> None:
    del sub


def execute(arguments: argparse.Namespace) -> None:
    emit(arguments.json, doctor())


def doctor() -> dict[str, Any]:
    """What this command runs on; nothing is sent anywhere."""
    jax = start()
    devices = jax.devices()
    folder = cache_folder()
    entries = list(folder.iterdir()) if folder is not None else []
    return {
        "ok": sys.version_info[:2] >= (3, 11) and bool(devices),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": versions(),
        "cores": cores(),
        "devices": [f"{d.platform}:{d.id} {d.device_kind}" for d in devices],
        "cache": {
            "folder": folder,
            "entries": len(entries),
            "megabytes": sum(e.stat().st_size for e in entries) / 1e6,
        },
        "flags": os.environ.get("XLA_FLAGS", ""),
    }


def versions() -> dict[str, str]:
    """Versions of what decides the numbers, by distribution."""
    found = {"buytime": importlib.metadata.version("buytime")}
    return found | {name: importlib.metadata.version(name) for name in PACKAGES}
