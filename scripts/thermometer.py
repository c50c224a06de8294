"""`buytime thermometer CONFIG --observations FILE`: what dated observations say."""

import argparse
import datetime
from typing import Any

from scripts import _observations
from scripts._output import BadInput, emit, note, working
from scripts._run import load_config, start


def add_arguments(sub: argparse.ArgumentParser) -> None:
    from scripts.main import add_config

    add_config(sub)
    sub.add_argument(
        "--observations",
        required=True,
        metavar="FILE",
        help="CSV with the columns name, date, value, unit, source",
    )
    sub.add_argument(
        "--date",
        metavar="YYYY-MM-DD",
        help="the day of reading (default: as_of, or the newest row if that is later)",
    )
    sub.add_argument(
        "--criterion",
        metavar="NAME",
        help="whose t* is read (default: the financed layer that fails first)",
    )
    sub.add_argument("--amber", type=float, default=0.25, metavar="YEARS")
    sub.add_argument("--red", type=float, default=1.0, metavar="YEARS")


def execute(arguments: argparse.Namespace) -> None:
    if not 0.0 < arguments.amber <= arguments.red < 100.0:
        raise BadInput(
            f"--amber, --red: got {arguments.amber:g} and {arguments.red:g}, "
            "expected 0 < amber ≤ red < 100 years"
        )
    config = load_config(arguments.config, arguments.set)
    rows = _observations.read(arguments.observations)
    document = read(
        config,
        rows,
        arguments.date,
        arguments.criterion,
        arguments.amber,
        arguments.red,
    )
    emit(arguments.json, document)


def read(
    config: Any,
    rows: list[dict[str, Any]],
    date: str | None = None,
    criterion: str | None = None,
    amber: float = 0.25,
    red: float = 1.0,
) -> dict[str, Any]:
    """The thermometer of a loaded config, as the command prints it."""
    start()
    import jax.numpy as jnp

    from calibration.thermometer import Observation, thermometer

    economy, _, grid = config.build(jnp.float64)
    day = stated(date, _observations.end_of_quarter(float(grid.as_of)), rows)
    later = [row for row in rows if row["day"] > day]
    if later:
        note(f"{len(later)} observations are later than {day} and are left out")
    seen = [
        Observation(
            name=row["name"],
            date=_observations.decimal(row["day"]),
            day=row["date"],
            value=row["value"],
            age_days=(day - row["day"]).days,
            source=row["source"],
        )
        for row in rows
        if row["day"] <= day
    ]
    bounds = {
        record.name: tuple(sorted(x * record.factor for x in record.bounds))
        for record in config.figures
    }
    try:
        with working("reading the thermometer"):
            found = thermometer(economy, grid, seen, bounds, criterion, amber, red)
    except ValueError as error:
        raise BadInput(f"--criterion: {error}") from None
    return {"date": str(day), "left_out": len(later), **found}


def stated(
    date: str | None, as_of: datetime.date, rows: list[dict[str, Any]]
) -> datetime.date:
    """The day against which ages are counted; never the clock's."""
    if date is None:
        return max(as_of, *(row["day"] for row in rows))
    try:
        return datetime.date.fromisoformat(date)
    except ValueError:
        raise BadInput(f"--date: got {date!r}, expected YYYY-MM-DD") from None
