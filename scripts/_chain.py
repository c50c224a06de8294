"""The risk-transfer chain of a run, as the command and the report print it."""

import functools
from typing import Any

import numpy as np

SMALLEST = 1e-14
"""Rows below this share of the total are rounding; their sum stays in the residual."""


def chain(economy: Any, grid: Any, result: Any) -> dict[str, Any]:
    """Rows from origin to final holder, their sums, both leaks, and losses elsewhere.

    `residual` is what the rows miss of the credit losses booked at their origin,
    relative to them.
    """
    from scripts._names import classifications

    first, date = first_financed(result)
    found, leaked, lost = _compiled()(result.record, economy, grid, date)
    loss, total = np.asarray(found.loss, np.float64), float(found.total)
    rows = [
        {
            "origin": origin,
            "vehicle": vehicle,
            "instrument": instrument,
            "holder": holder,
            "final": final,
            "loss_bn": float(loss[o, c, p]),
        }
        for o, origin in enumerate(found.origins)
        for c, (vehicle, instrument) in enumerate(found.classes)
        for p, (holder, final) in enumerate(found.paths)
        if abs(loss[o, c, p]) > SMALLEST * max(total, 1.0)
    ]
    return {
        "total_bn": total,
        "residual": (sum(x["loss_bn"] for x in rows) - total) / max(total, 1e-9),
        "classification": classifications()[int(result.classification)],
        "first_failure": {"layer": first, "date": float(date) if first else None},
        "rows": rows,
        "by_origin": _sums(rows, "origin"),
        "by_holder": _sums(rows, "holder"),
        "by_final": _sums(rows, "final"),
        "leaks": {name: _leak(leak, first) for name, leak in leaked.items()},
        "shareholders": _pairs(lost.shares, "vehicle", "holder"),
        "commitments": _pairs(lost.commitments, "lab", "supplier"),
    }


@functools.cache
def _compiled() -> Any:
    """All three as one program: stories of like structure share it."""
    import jax

    from engine.metrics.chain import elsewhere, leaks, risk_transfer

    def measured(record: Any, economy: Any, grid: Any, date: Any) -> Any:
        return (
            risk_transfer(record, economy, grid),
            leaks(record, economy, grid, date),
            elsewhere(record, economy, grid),
        )

    return jax.jit(measured)


def first_financed(result: Any) -> tuple[str | None, Any]:
    """Financed layer that fails first and the date; None if none does."""
    from engine.metrics import FINANCED, NEVER

    there = [layer for layer in FINANCED if layer in result.failures]
    name = min(there, key=lambda layer: float(result.failures[layer]))
    date = result.failures[name]
    return (name if float(date) < NEVER else None), date


def _sums(rows: list[dict[str, Any]], key: str) -> dict[str, float]:
    sums: dict[str, float] = {}
    for row in rows:
        sums[row[key]] = sums.get(row[key], 0.0) + row["loss_bn"]
    return dict(sorted(sums.items(), key=lambda x: -x[1]))


def _leak(leak: Any, first: str | None) -> dict[str, Any]:
    """Speed has a meaning where something failed and something leaked."""
    total = float(leak.total)
    has_speed = first is not None and total > 0.0
    return {
        "total_bn": total,
        "open": bool(leak.is_open),
        "parts_bn": {k: float(v) for k, v in leak.parts.items()},
        "quarters_to_half": float(leak.quarters_to_half) if has_speed else None,
        "quarters_to_most": float(leak.quarters_to_most) if has_speed else None,
        "status": "ok" if has_speed else "no_event",
    }


def _pairs(values: Any, first: str, second: str) -> list[dict[str, Any]]:
    return [
        {first: a, second: b, "loss_bn": float(value)}
        for (a, b), value in values.items()
        if abs(float(value)) > 1e-9
    ]
