"""What a sweep says: statistics read back from its blocks, in order of scenario.

Nothing here depends on time, host, path, devices or interruption.
"""

import pathlib
from typing import Any

import numpy as np

from scripts import _names
from scripts._sweep_store import Columns

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
TAIL = 0.05
NEVER = 9000.0
"""Dates beyond this mean that nothing failed."""

TOLERANCE = {"float64": 1e-9, "float32": 1e-3}
"""Residual of an invariant, as the engine scales it, that counts as broken."""

METHOD = (
    "standard_error is that of independent draws, an upper bound in practice for Sobol "
    "points; expected_shortfall is the mean beyond the 5 % quantile of the named tail"
)


def summarise(
    folder: pathlib.Path,
    blocks: list[Any],
    identity: dict[str, Any],
    dates: tuple[float, float, float],
) -> dict[str, Any]:
    """The summary of a finished sweep.

    `dates` are `as_of`, the criteria's horizon and the end of the grid.
    """
    columns = Columns(folder, blocks)
    found = columns.names

    def of(kind: str) -> list[str]:
        return [n.removeprefix(kind) for n in found if n.startswith(kind)]

    metrics = {}
    for name in of("metric:"):
        # A metric with a status other than ok has no value in that scenario.
        status = columns.get(f"status:{name}")
        is_ok = True if status is None else status == 0
        values = columns[f"metric:{name}"]
        metrics[name] = statistics(values, is_ok, _names.tail(name))
        metrics[name]["unit"] = _names.unit(name)
    tolerance = TOLERANCE[identity["dtype"]]
    residuals = {name: np.abs(columns[f"residual:{name}"]) for name in of("residual:")}
    document: dict[str, Any] = {
        "scenarios": identity["scenarios"],
        "identity": identity,
        "method": METHOD,
        "metrics": metrics,
        "layers": {
            name: layer(columns[f"failure:{name}"], columns.get(f"loss:{name}"), dates)
            for name in sorted(of("failure:"), key=_names.rank)
        },
        "residuals": {
            name: {
                "largest": _finite(values).max(initial=0.0),
                "tolerance": tolerance,
                # A residual that is not a number is a failure too.
                "failures": int(np.sum(~(values <= tolerance))),
            }
            for name, values in residuals.items()
        },
    }
    if "classification" in found:
        code = columns["classification"]
        document["classification"] = {
            name: float(np.mean(code == i))
            for i, name in enumerate(_names.classifications())
        }
    return document


def statistics(values: np.ndarray, is_ok: Any = True, tail: str = "lower") -> Any:
    """Mean, standard error, quantiles and tail mean of the values that exist."""
    values = values.astype(np.float64)
    good = np.sort(values[np.isfinite(values) & is_ok])
    n = good.size
    if n == 0:
        return {
            "mean": None,
            "standard_error": None,
            "quantiles": dict.fromkeys(map(str, QUANTILES)),
            "expected_shortfall": None,
            "tail": tail,
            "share_ok": 0.0,
        }
    n_tail = max(1, int(np.ceil(TAIL * n)))
    worst = good[:n_tail] if tail == "lower" else good[-n_tail:]
    spread = float(np.std(good, ddof=1)) if n > 1 else 0.0
    return {
        "mean": float(np.mean(good)),
        "standard_error": spread / np.sqrt(n),
        "quantiles": {str(q): float(np.quantile(good, q)) for q in QUANTILES},
        "expected_shortfall": float(np.mean(worst)),
        "tail": tail,
        "share_ok": n / values.size,
    }


def layer(
    failed: np.ndarray,
    loss: np.ndarray | None,
    dates: tuple[float, float, float],
) -> dict[str, Any]:
    """When a layer fails, how often by which date, and what that costs."""
    as_of, horizon, end = dates
    failed = failed.astype(np.float64)
    n = failed.size
    probability = float(np.mean(failed <= horizon))
    years = np.arange(np.ceil(as_of), np.floor(end) + 1)
    document = {
        "probability": probability,
        "standard_error": float(np.sqrt(probability * (1 - probability) / n)),
        "horizon": horizon,
        "probability_by": {f"{y:.0f}": float(np.mean(failed <= y)) for y in years},
        "probability_ever": float(np.mean(failed < NEVER)),
        "failure_date": statistics(failed, failed < NEVER)["quantiles"],
    }
    if loss is not None:
        document["loss_bn"] = statistics(loss, tail="upper")
    return document


def _finite(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)].astype(np.float64)
