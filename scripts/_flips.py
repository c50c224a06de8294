"""Flip values of the classification, as the command and the report print them."""

from collections.abc import Mapping
from typing import Any

THRESHOLDS = (
    "criteria.systemic_cet1",
    "criteria.systemic_sales",
    "criteria.systemic_impact",
    "criteria.systemic_shut",
    "criteria.equity_price",
)
"""Figures that draw a line and move no money."""


def flip_values(configs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every contested fact and threshold of every story, in config units.

    `configs`: story name to loaded config, all of one structure.
    """
    import jax.numpy as jnp

    from calibration.flips import flips
    from calibration.moved import Moved, Story
    from scripts._names import classifications

    built = {name: config.build(jnp.float64) for name, config in configs.items()}
    stories = {name: Story.of(x[0], x[2]) for name, x in built.items()}
    base = next(iter(configs.values()))
    economy, _, grid = next(iter(built.values()))
    records = {
        record.name: record
        for record in base.figures
        if not isinstance(record.value, tuple)
        and (record.range is not None or record.name in THRESHOLDS)
    }
    bounds = {
        name: tuple(sorted(x * record.factor for x in record.bounds))
        for name, record in records.items()
    }
    ranges = {
        name: tuple(sorted(x * record.factor for x in record.range))
        for name, record in records.items()
        if record.range is not None
    }
    found = flips(Moved(economy, grid, stories, records), bounds, ranges)
    names = classifications()

    def side(flip: Any, record: Any) -> dict[str, Any]:
        if flip is None:
            return {"value": None, "to": None, "status": "none_within_bounds"}
        if flip.status == "not_converged":
            return {"value": None, "to": names[flip.after], "status": flip.status}
        value = flip.value / record.factor
        inside = record.range and record.range[0] <= value <= record.range[1]
        return {
            "value": value,
            "to": names[flip.after],
            "status": flip.status,
            "within_range": bool(inside),
        }

    return [
        {
            "story": x.story,
            "key": records[x.key].path,
            "unit": records[x.key].unit,
            "value": x.at / records[x.key].factor,
            "range": records[x.key].range,
            "bounds": records[x.key].bounds,
            "classification": names[x.classification],
            "below": side(x.below, records[x.key]),
            "above": side(x.above, records[x.key]),
        }
        for x in found
    ]
