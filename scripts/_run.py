"""How a verb starts: processor, precision, compilation cache, config.

JAX reads `XLA_FLAGS` once, when it starts, so nothing at the top of a verb's file may
import it; `start()` comes first.
"""

import gc
import hashlib
import os
import pathlib
import platform
from importlib.metadata import entry_points, version
from typing import Any

from scripts._output import BadInput, Failure

_DEVICES = "--xla_force_host_platform_device_count"
_ON_PROCESSORS = {
    # A third off the compilation for a twentieth more run time.
    "--xla_llvm_disable_expensive_passes": "true",
    # Keeps the marks of `engine.once`.
    "--xla_disable_hlo_passes": "cse_barrier_expander",
}
"""XLA's options where no accelerator's plugin is installed."""

_PLAIN = {"--xla_cpu_use_fusion_emitters": "false"}
"""The older writer of loops: where values are marked its loops are as fast, and it
takes two fifths less time to compile and a third of the memory. XLA ends a program that
names an option it does not know: only for versions of jaxlib that surely have it."""


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


def xla_flags(devices: int) -> str:
    """XLA's options with which everything here is compiled; those set already stand."""
    flags = os.environ.get("XLA_FLAGS", "")
    if _DEVICES not in flags:
        flags = f"{flags} {_DEVICES}={devices}"
    if not entry_points(group="jax_plugins"):
        known = version("jaxlib").startswith("0.10.")
        for name, value in (_ON_PROCESSORS | (_PLAIN if known else {})).items():
            flags = flags if name in flags else f"{flags} {name}={value}"
    return flags.strip()


def start(devices: int | None = None) -> Any:
    """Starts JAX with x64, one host device per core and a private cache; returns it.

    `devices` overrides the number of host devices; flags that are set already stand.
    """
    if devices is not None and devices < 1:
        raise BadInput(f"--devices: got {devices}, expected at least 1")
    os.environ["XLA_FLAGS"] = xla_flags(devices or cores())
    # Tracing makes millions of small objects: looking for rings among them as often as
    # Python does takes a tenth of a start.
    gc.set_threshold(100_000, 50, 100)
    import jax

    jax.config.update("jax_enable_x64", True)
    folder = cache_folder()
    if folder is not None:
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return jax


def cache_folder() -> pathlib.Path | None:
    """Where XLA's compiled code is kept between runs; None where it cannot be private.

    Code is made for one kind of processor: a folder per kind and version of jaxlib.
    """
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    kind = next((x for x in lines if x.startswith("flags")), platform.processor())
    machine = hashlib.sha256(kind.encode()).hexdigest()[:8]
    return private_folder(f"xla-{version('jaxlib')}-{machine}")


def private_folder(name: str) -> pathlib.Path | None:
    """A folder of compiled code; None where it cannot be private.

    What lies there is executed, hence mode 0700 and our own user.
    """
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    root = pathlib.Path(
        os.environ.get("BUYTIME_CACHE") or pathlib.Path(home, "buytime")
    )
    path = root / name
    try:
        for folder in (root, path):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if folder.stat().st_uid != os.getuid():
                return None
            folder.chmod(0o700)
    except OSError:
        return None
    return path


def load_config(path: str, overrides: list[str], consistent: bool = False) -> Any:
    """The config at `path` with `key=value` overrides; `BadInput` with every error.

    `consistent`: the verb runs one scenario, so that expectations may be a fixed point.
    """
    from engine.config import ConfigError, load

    try:
        config = load(path, overrides)
    except ConfigError as error:
        raise BadInput(*error.messages) from None
    if config.expectations.rule == "consistent" and not consistent:
        raise BadInput(
            f"{pathlib.Path(path).name}: expectations.rule: got 'consistent', expected "
            "static, adaptive or driver: consistent is a fixed point of one scenario, "
            "for buytime run"
        )
    return config


def fresh_folder(path: str) -> pathlib.Path:
    """Creates an output folder; `BadInput` where a file stands in its way."""
    folder = pathlib.Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"--out: {path}: {error.strerror}, expected a folder") from None
    if not os.access(folder, os.W_OK):
        raise BadInput(f"--out: {path}: not writable")
    return folder


def engine_entry(name: str) -> Any:
    """A public function of `engine`, said clearly where it does not exist."""
    import engine

    if not hasattr(engine, name):
        raise Failure(f"engine.{name} is missing from this installation")
    return getattr(engine, name)
