"""C text to a loaded library, once per text: the compiled file is kept in a folder."""

import ctypes
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence

VECTORS = [
    "-O2",
    "-ftree-vectorize",
    "-march=native",
    "-mprefer-vector-width=512",
    "-fopenmp-simd",
]
"""Lanes become vectors as wide as the machine's."""

EXACT = ["-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros"]
EXACT += ["-ffp-contract=fast"]
"""Not `-ffast-math`: infinities and NaN keep their meaning, sums their order."""

STRAIGHT = ["-fno-tree-sink", "-fno-thread-jumps", "-fno-tree-pre"]
STRAIGHT += ["-fno-tree-dominator-opts", "-fno-tree-vrp"]
"""Without these passes: they move loads into the arms of a choice, and a loop with a
conditional load is not made of vectors (twice the time, measured)."""

FLAGS = [*VECTORS, *EXACT, *STRAIGHT, "-fPIC", "-fvisibility=hidden", "-w"]


PATIENCE = 300.0
"""Seconds a unit may take; the chain's takes about ten."""


class NoCompiler(Exception):
    """There is no C compiler, or it refused the text."""


def compiler() -> str | None:
    """The C compiler that CC names, or gcc; None where neither is installed."""
    return shutil.which(os.environ.get("CC") or "gcc")


def build(units: Sequence[str], folder: pathlib.Path) -> ctypes.CDLL:
    """Compiles the units at the same time, links them, loads the library.

    The caller vouches for `folder`: what lies there is executed.
    """
    path = compiler()
    if path is None:
        raise NoCompiler("no C compiler: neither $CC nor gcc is installed")
    command = [path, *FLAGS]
    version = subprocess.run([path, "--version"], capture_output=True, text=True)
    identity = "\0".join([version.stdout, *command, *units])
    name = hashlib.sha256(identity.encode()).hexdigest()[:32]
    library = folder / f"kernel-{name}.so"
    if not library.exists():
        with tempfile.TemporaryDirectory(dir=folder) as work:
            made = _compiled(command, units, pathlib.Path(work))
            made.replace(library)
    return ctypes.CDLL(str(library))


def _compiled(
    command: list[str], units: Sequence[str], work: pathlib.Path
) -> pathlib.Path:
    jobs = []
    for k, text in enumerate(units):
        source = work / f"unit{k}.c"
        source.write_text(text)
        words = [*command, "-c", str(source), "-o", str(source.with_suffix(".o"))]
        # A session of its own: the driver is ended together with what it started.
        job = subprocess.Popen(
            words, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        jobs.append(job)
    said = [_said(job) for job in jobs]
    objects = [str(work / f"unit{k}.o") for k in range(len(units))]
    library = work / "kernel.so"
    if not any(job.returncode for job in jobs):
        words = [command[0], "-shared", *objects, "-o", str(library), "-lm"]
        linked = subprocess.run(words, capture_output=True, text=True)
        if not linked.returncode:
            return library
        said.append(linked.stderr)
    raise NoCompiler(f"{command[0]} failed: {' '.join(said).strip()[-500:]}")


def _said(job: subprocess.Popen[str]) -> str:
    """What the compiler wrote, when it is done; it is ended when it takes too long."""
    try:
        return job.communicate(timeout=PATIENCE)[1]
    except subprocess.TimeoutExpired:
        os.killpg(job.pid, signal.SIGKILL)
        job.communicate()
        return f"gave up after {PATIENCE:g} s"
