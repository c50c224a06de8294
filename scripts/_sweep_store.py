"""A sweep on disk: blocks of scenarios as Parquet, and a manifest of what is there.

A rename is atomic but not sufficient (pages may be lost after it), so a block is
written beside its place, forced to disk, read back and compared, and only then
published and entered in the manifest with its checksum.
"""

import functools
import hashlib
import json
import os
import pathlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scripts._output import BadInput, Failure, dumps

MANIFEST = "manifest.json"
IDENTITY = ("hash", "seed", "scenarios", "sampler", "dtype", "block", "outputs")
"""What must agree for a sweep to be taken up again."""

AT_ONCE = 2**24
"""Numbers of a sweep that are read together."""


def publish(path: pathlib.Path, content: bytes) -> str:
    """Writes `content` at `path` atomically; returns its SHA-256."""
    checksum = hashlib.sha256(content).hexdigest()
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if hashlib.sha256(draft.read_bytes()).hexdigest() != checksum:
            raise Failure(f"{path}: what was read back is not what was written")
        draft.replace(path)
    except OSError as error:
        raise Failure(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return checksum


def publish_table(path: pathlib.Path, columns: dict[str, Any]) -> dict[str, Any]:
    """Writes columns as Parquet; returns the manifest's entry of the file."""
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", use_dictionary=False)
    content = sink.getvalue().to_pybytes()
    if not pq.read_table(pa.BufferReader(content)).equals(table):
        raise Failure(f"{path}: the table read back differs from the one written")
    checksum = publish(path, content)
    return {
        "file": f"{path.parent.name}/{path.name}",
        "rows": table.num_rows,
        "sha256": checksum,
    }


def publish_json(path: pathlib.Path, document: Any) -> None:
    """Writes strict JSON atomically."""
    publish(path, (dumps(document, indent=2) + "\n").encode())


def take_up(
    folder: pathlib.Path,
    identity: dict[str, Any],
    resume: bool,
    parts: tuple[str, ...] = ("fans",),
) -> list[Any]:
    """Manifest entries of the sound blocks in `folder`; none for a new sweep.

    `BadInput` if another sweep is there, or this one and `resume` is not asked for.
    """
    path = folder / MANIFEST
    if not path.exists():
        return []
    try:
        manifest = json.loads(path.read_text())
        found = {key: manifest[key] for key in IDENTITY}
        blocks = list(manifest["blocks"])
    except (ValueError, KeyError, TypeError):
        raise BadInput(f"--out: {path} is not the manifest of a sweep") from None
    if not resume:
        raise BadInput(
            f"--out: {folder} holds a sweep already; add --resume to go on with it, or "
            "choose another folder"
        )
    for key in IDENTITY:
        if found[key] != identity[key]:
            raise BadInput(
                f"--resume: {folder} was begun with {key} {found[key]}, this run has "
                f"{identity[key]}; repeat the first command or choose another folder"
            )
    return [entry for entry in blocks if _is_sound(folder, entry, parts)]


def _is_sound(
    folder: pathlib.Path, entry: dict[str, Any], parts: tuple[str, ...]
) -> bool:
    # A block of an earlier version lacks a part: it is run again.
    files = (entry, *map(entry.get, parts))
    return all(file is not None and _is_whole(folder, file) for file in files)


def _is_whole(folder: pathlib.Path, file: dict[str, Any]) -> bool:
    path = folder / file["file"]
    if not path.is_file():
        return False
    return hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"]


class Columns:
    """Columns over all blocks, in order of scenario, read many at a time.

    A file is opened for as many columns as `AT_ONCE` numbers hold: to open it for each
    costs as much as its list of columns is long, so hundreds of metrics cost minutes.
    """

    def __init__(self, folder: pathlib.Path, blocks: list[Any]) -> None:
        ordered = sorted(blocks, key=lambda entry: entry["index"])
        self.files = [folder / entry["file"] for entry in ordered]
        self.names: list[str] = pq.read_schema(self.files[0]).names
        rows = sum(entry["rows"] for entry in blocks)
        self._width = max(AT_ONCE // max(rows, 1), 1)
        self._place = {name: k for k, name in enumerate(self.names)}
        self._read = functools.lru_cache(maxsize=2)(self._part)

    def __getitem__(self, name: str) -> np.ndarray:
        return self._read(self._place[name] // self._width)[name]

    def get(self, name: str) -> np.ndarray | None:
        """The column of that name, if there is one."""
        return self[name] if name in self._place else None

    def _part(self, k: int) -> dict[str, np.ndarray]:
        names = self.names[k * self._width : (k + 1) * self._width]
        tables = [pq.read_table(file, columns=names) for file in self.files]
        return {
            name: np.concatenate([table[name].to_numpy() for table in tables])
            for name in names
        }


def total(folder: pathlib.Path, blocks: list[Any], part: str) -> dict[str, np.ndarray]:
    """Every column of a table that each block has, summed over blocks in order."""
    summed: dict[str, np.ndarray] = {}
    for entry in sorted(blocks, key=lambda entry: entry["index"]):
        table = pq.read_table(folder / entry[part]["file"])
        for name in table.column_names:
            values = table[name].to_numpy()
            kind = np.float64 if values.dtype.kind == "f" else np.int64
            found = values.astype(kind)
            summed[name] = summed.get(name, 0) + found
    return summed
