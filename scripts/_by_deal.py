"""A sweep deal by deal: counts and sums per block, then a table with a row per deal.

A program writes three numbers per deal and scenario; of a block only counts by quarter
and sums remain, so what a sweep keeps grows with deals, not with scenarios. Blocks are
summed in their order: neither interruption nor the number of devices changes a digit.
"""

import csv
import io
import pathlib
from typing import Any

import numpy as np

from scripts._output import BadInput
from scripts._sweep_store import publish, publish_table, total

HORIZONS = (1.0, 3.0, 5.0, 10.0)
"""Years after `as_of` by which a default counts, unless others are asked for."""

Z = 1.959963984540054
"""Of a two-sided interval of 95 %."""

KEPT = ("outcome", "failed", "loss")


def is_kept(economy: Any) -> bool:
    """Whether a sweep of the economy is counted by deal: where deals came on a tape."""
    return bool(economy.blueprint.tapes)


def watch(economy: Any) -> Any:
    """What a program shall write of a result per deal, as `deal:` columns.

    `outcome` is twice the quarter of default, plus one if a covenant brought it;
    `failed` and `loss` are USD bn. Nothing where no deal came on a tape.
    """
    import jax.numpy as jnp

    from engine.metrics import of_deals

    def watched(result: Any) -> dict[str, Any]:
        if not is_kept(economy):
            return {}
        quarters = of_deals.default_quarters(result.record)
        covenant = of_deals.by_covenant(result.record, quarters)
        failed, loss = of_deals.losses(result.record)
        outcome = 2 * quarters + jnp.where(covenant, 1, 0).astype(quarters.dtype)
        return {"deal:outcome": outcome, "deal:failed": failed, "deal:loss": loss}

    return watched


def block(columns: dict[str, np.ndarray], n_quarters: int) -> dict[str, np.ndarray]:
    """Counts and sums of a block, a row per deal, from arrays `[scenario, deal]`."""
    outcome = columns["outcome"]
    quarter, covenant = outcome // 2, outcome % 2 == 1
    failed, loss = (columns[k].astype(np.float64) for k in ("failed", "loss"))
    counts = {
        f"defaults:{q}": np.sum(quarter == q, axis=0).astype(np.uint32)
        for q in range(n_quarters)
    }
    return counts | {
        "covenant": np.sum(covenant & (quarter < n_quarters), axis=0).astype(np.uint32),
        "failed": np.sum(failed, axis=0),
        "loss": np.sum(loss, axis=0),
        "loss_squared": np.sum(loss * loss, axis=0),
    }


def horizons(text: str, config: Any) -> tuple[float, ...]:
    """The horizons asked for, ascending; the usual ones that the grid has if none."""
    longest = config.grid.end_date - config.grid.as_of_date
    if not text:
        return tuple(h for h in HORIZONS if h <= longest)
    if not any(getattr(config.tapes, f) for f in ("spvs", "neoclouds")):
        raise BadInput(f"--horizons: got {text!r}, expected none without [tapes]")
    found = set()
    for part in text.split(","):
        try:
            years = float(part)
        except ValueError:
            years = -1.0
        if not 0.25 <= years <= longest:
            raise BadInput(
                f"--horizons: got {part.strip()!r}, expected years after as_of between "
                f"0.25 and {longest:g}, comma-separated"
            )
        found.add(years)
    return tuple(sorted(found))


def wilson(count: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Interval of 95 % for a probability of which `count` of `n` draws were seen.

    **References:** Wilson (1927), JASA 22, 209-212; its ends are in [0, 1] and stay
    apart where nothing was seen.
    """
    p, z = count / n, Z * Z / n
    middle = (p + z / 2) / (1 + z)
    half = np.sqrt(np.maximum(p * (1 - p) * z + z * z / 4, 0)) / (1 + z)
    low = np.where(count == 0, 0.0, middle - half)
    return low, np.where(count == n, 1.0, middle + half)


def table(
    summed: dict[str, np.ndarray],
    n: int,
    dates: np.ndarray,
    economy: Any,
    as_of: float,
    by: tuple[float, ...],
) -> dict[str, np.ndarray]:
    """A row per deal, from what the blocks sum to; `dates` are ends of quarters."""
    from engine.metrics.of_deals import CAUSES, deals

    rows = deals(economy)
    counts = np.stack([summed[f"defaults:{q}"] for q in range(dates.size)])
    ever = counts.sum(axis=0)
    found = {
        "id": np.array([name for _, name in rows]),
        "family": np.array([family for family, _ in rows]),
        "kind": np.array(
            [economy.blueprint.choice(f"{f}.{name}.kind") for f, name in rows]
        ),
        "scenarios": np.full(len(rows), n),
    }
    for label, years in [(f"{y:g}y", y) for y in by] + [("ever", np.inf)]:
        # Dates of the grid are in the program's precision.
        count = counts[dates <= as_of + years + 1e-3].sum(axis=0)
        found[f"defaults_{label}"] = count
        found[f"pd_{label}"] = count / n
        found[f"pd_{label}_low"], found[f"pd_{label}_high"] = wilson(count, n)
    mean = summed["loss"] / n
    spread = np.maximum(summed["loss_squared"] / n - mean**2, 0.0)
    covenant = summed["covenant"]
    is_covenant = 2 * covenant > ever
    cause = np.where(is_covenant, CAUSES[1], CAUSES[0])
    return found | {
        "mean_default_date": _ratio(dates @ counts, ever),
        "expected_defaulted_debt_usd_bn": summed["failed"] / n,
        "expected_loss_usd_bn": mean,
        "expected_loss_standard_error_usd_bn": np.sqrt(spread / max(n - 1, 1)),
        "loss_given_default_share": _ratio(summed["loss"], summed["failed"]),
        "main_cause": np.where(ever > 0, cause, ""),
        "main_cause_share": _ratio(np.maximum(covenant, ever - covenant), ever),
    }


def conclude(
    folder: pathlib.Path,
    blocks: list[Any],
    n: int,
    dates: list[float],
    economy: Any,
    as_of: float,
    by: tuple[float, ...],
) -> None:
    """Writes `deals.parquet` and `deals.csv`, from the blocks."""
    import pyarrow as pa

    summed = total(folder, blocks, "deals")
    found = table(summed, n, np.array(dates), economy, as_of, by)
    # What has no value (a date without a default) is an empty cell.
    plain = {k: pa.array(v, from_pandas=True) for k, v in found.items()}
    publish_table(folder / "deals.parquet", plain)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(plain)
    writer.writerows(zip(*(v.to_pylist() for v in plain.values()), strict=True))
    publish(folder / "deals.csv", text.getvalue().encode())


def _ratio(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    is_there = under > 0
    return np.where(is_there, over / np.where(is_there, under, 1), np.nan)
