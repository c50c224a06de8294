"""Fans of a sweep: every path counted in fixed bins, block by block.

The program writes a path of headroom or debt service cover as one byte per quarter; the
host counts bytes per block. Counts are whole numbers, so blocks merge in any order, and
neither interruption nor the number of devices changes a fan.
"""

from typing import Any

import numpy as np

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
FAILED, NOTHING = 254, 255
"""Bytes of a layer that has failed, and of a quarter in which nothing is due."""

FAILED_AT = -1.0
"""Where a headroom stays once the layer has failed: after that it means nothing."""

VEHICLES = 24
"""Vehicles whose debt service cover is kept; more do not fit on a page."""

_LOW, _MIDDLE, _HIGH = -1.0, 3.0, 11.0
_FINE, _COARSE = 200, 54
EDGES = np.concatenate(
    [
        np.linspace(_LOW, _MIDDLE, _FINE + 1),
        np.linspace(_MIDDLE, _HIGH, _COARSE + 1)[1:],
    ]
)
"""Edges of the 254 bins: 0.02 wide where a fan is looked at, 0.15 far above."""


def watch(economy: Any) -> Any:
    """What `engine.simulate_batch` shall write beside a result: bytes by series."""
    import jax.numpy as jnp

    def codes(x: Any) -> Any:
        fine = (x - _LOW) * (_FINE / (_MIDDLE - _LOW))
        coarse = _FINE + (x - _MIDDLE) * (_COARSE / (_HIGH - _MIDDLE))
        at = jnp.clip(jnp.where(x < _MIDDLE, fine, coarse), 0, FAILED - 1)
        return at.astype(jnp.uint8)

    def watched(result: Any) -> dict[str, Any]:
        found = {}
        for name, rooms in result.headrooms.items():
            gone = jnp.cumsum((rooms < 0.0).astype(jnp.int32), axis=0) > 0
            found[f"headroom:{name}"] = jnp.where(gone, FAILED, codes(rooms))
        vehicles = (
            ("neoclouds", result.record.clouds),
            ("spvs", result.record.spvs),
        )
        for family, flows in vehicles:
            # The engine writes 11 where nothing is due, and 0 before the rent starts,
            # when interest is paid from the notes themselves.
            is_due = (flows.dscr < 10.99) & (flows.dscr != 0.0) & (flows.alive > 1e-6)
            byte = jnp.where(is_due, codes(flows.dscr), NOTHING)
            for i, name in enumerate(economy.members(family)):
                found[f"dscr:{name}"] = byte[:, i]
        covers = [k for k in found if k.startswith("dscr:")]
        for name in covers[VEHICLES:]:
            del found[name]
        return {k: v.astype(jnp.uint8) for k, v in found.items()}

    return watched


def counts(codes: np.ndarray) -> np.ndarray:
    """How many of `codes[scenario, quarter]` have each byte: `[quarter, 256]`."""
    n = codes.shape[1]
    at = codes.astype(np.int64) + 256 * np.arange(n)
    return np.bincount(at.ravel(), minlength=256 * n).reshape(n, 256)


def fans(counted: dict[str, np.ndarray], dates: list[float]) -> dict[str, Any]:
    """Quantiles by quarter of every series, from its counts."""
    found: dict[str, Any] = {"headroom": {}, "dscr": {}}
    for series, table in counted.items():
        kind, _, name = series.partition(":")
        found[kind][name] = headroom(table) if kind == "headroom" else cover(table)
    n = int(next(iter(counted.values()))[0].sum()) if counted else 0
    return {"scenarios": n, "date": dates} | found


def headroom(table: np.ndarray) -> dict[str, Any]:
    """Quantiles of a headroom, failures kept at −1, and the share that has failed."""
    failed = table[:, FAILED]
    kept = np.concatenate([failed[:, None], table[:, :FAILED]], axis=1)
    lower = np.concatenate([[FAILED_AT], EDGES])
    rows = [quantiles(row, lower) for row in kept]
    return {
        "quantiles": _by_quantile(rows),
        "failed": (failed / table.sum(axis=1)).tolist(),
    }


def cover(table: np.ndarray) -> dict[str, Any]:
    """Quantiles where something is due and most scenarios still have the vehicle."""
    share = table[:, :FAILED].sum(axis=1) / table.sum(axis=1)
    rows = [
        quantiles(row[:FAILED], EDGES) if part >= 0.25 else [None] * len(QUANTILES)
        for row, part in zip(table, share, strict=True)
    ]
    return {"quantiles": _by_quantile(rows), "share": share.tolist()}


def quantiles(count: np.ndarray, edges: np.ndarray) -> list[float]:
    """Quantiles of counts between edges, values spread evenly inside a bin."""
    total = np.concatenate([[0], np.cumsum(count)])
    found = []
    for q in QUANTILES:
        wanted = q * total[-1]
        i = int(np.clip(np.searchsorted(total, wanted, "left") - 1, 0, count.size - 1))
        share = (wanted - total[i]) / max(count[i], 1)
        found.append(float(edges[i] + share * (edges[i + 1] - edges[i])))
    return found


def _by_quantile(rows: list[Any]) -> dict[str, list[Any]]:
    return {str(q): [row[i] for row in rows] for i, q in enumerate(QUANTILES)}
