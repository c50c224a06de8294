"""The strictest JAX: x64, no silent dtype or rank promotion, every shape checked."""

import ctypes
import gc
import hashlib
import os
import pathlib
import platform
import sys
from collections.abc import Iterator

from scripts._run import xla_flags

# Before JAX starts: what the command compiles with, and two host devices on every
# machine, so that sharding is always tested. One thread per XLA op: the two test
# workers share two cores.
os.environ["XLA_FLAGS"] = f"{xla_flags(2)} --xla_cpu_multi_thread_eigen=false"

import hypothesis
import jax
import jaxlib
import pytest
from jaxtyping import install_import_hook

assert not {"engine", "calibration"} & set(sys.modules), (
    "imported before the shape-checking hook: import them in tests, not in plugins"
)
# Kept in a name: the hook is uninstalled when this object is collected.
_shape_checks = install_import_hook(("engine", "calibration"), "beartype.beartype")

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


_libc = ctypes.CDLL(None)


def _private_cache() -> pathlib.Path:
    """Compiled code of earlier runs, in a folder only this user can write.

    JAX executes what it reads there, hence mode 0700; it is CPU-specific and entries
    are not written atomically, hence one folder per processor type and worker.
    """
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    flags = next((x for x in lines if x.startswith("flags")), platform.processor())
    machine = hashlib.sha256(flags.encode()).hexdigest()[:8]
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    root = pathlib.Path(home) / "buytime"
    path = root / f"tests-{jaxlib.__version__}-{machine}" / worker
    for folder in (root, path.parent, path):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid != os.getuid():
            raise PermissionError(f"{folder} belongs to another user")
        folder.chmod(0o700)
    return path


jax.config.update("jax_compilation_cache_dir", str(_private_cache()))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)

# Derandomised: a failure repeats. `--hypothesis-profile=deep` is the slow tier.
hypothesis.settings.register_profile(
    "fast", max_examples=20, deadline=None, derandomize=True, database=None
)
hypothesis.settings.register_profile(
    "deep", max_examples=300, deadline=None, print_blob=True
)
hypothesis.settings.load_profile("fast")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not any(item.get_closest_marker("gpu") for item in items):
        return
    if jax.default_backend() == "cpu":
        reason = pytest.mark.skip(reason="no accelerator: jax.default_backend() is cpu")
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(reason)


@pytest.fixture(scope="module", autouse=True)
def _forget_programs() -> Iterator[None]:
    """Lets go of a file's compiled programs: kept, they fill 6 GB per worker."""
    yield
    jax.clear_caches()
    gc.collect()
    # glibc keeps what is freed unless it is told.
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)


@pytest.fixture
def key() -> jax.Array:
    return jax.random.key(0)
