"""`buytime run CONFIG`: one scenario, the one without surprises."""

import argparse
import pathlib
from typing import Any

from scripts._output import emit, working
from scripts._run import engine_entry, fresh_folder, load_config, start


def add_arguments(sub: argparse.ArgumentParser) -> None:
    from scripts.main import add_config

    add_config(sub)
    sub.add_argument(
        "--out", metavar="DIR", help="write time series and rows as Parquet and XLSX"
    )


def execute(arguments: argparse.Namespace) -> None:
    config = load_config(arguments.config, arguments.set, consistent=True)
    folder = None if arguments.out is None else fresh_folder(arguments.out)
    with working("running"):
        if config.expectations.rule == "consistent":
            built, result, found = consistent(config)
            document = describe(built, result) | {"expectations": found}
        else:
            built, result = simulated(config)
            document = describe(built, result)
        if folder is not None:
            write(folder, built, result, document)
    emit(arguments.json, document)


def simulated(config: Any) -> tuple[tuple[Any, Any, Any], Any]:
    """Builds a config in float64 and runs its reference scenario."""
    return simulated_each([config])[0]


def consistent(config: Any) -> tuple[tuple[Any, Any, Any], Any, dict[str, Any]]:
    """The same with expectations that come true, and how they were found."""
    start()
    import jax.numpy as jnp

    built = config.build(jnp.float64)
    economy, _, grid = built
    scenario = engine_entry("reference_scenario")(economy, grid)
    solved = engine_entry("simulate_consistent")(*built, scenario)
    starts = {"optimistic": solved.optimistic, "pessimistic": solved.pessimistic}
    found = {
        "rule": "consistent",
        "status": solved.status,
        "distance_of_paths": solved.distance,
        "starts": {
            name: {
                "status": "converged" if x.is_fixed else "not_converged",
                "iterations": x.iterations,
                "residual": x.residual,
            }
            for name, x in starts.items()
        },
    }
    return built, solved.result, found


def simulated_each(configs: list[Any]) -> list[tuple[tuple[Any, Any, Any], Any]]:
    """Each config built and run; like structures share one compiled program."""
    jax = start()
    import jax.numpy as jnp

    from calibration.adoption import with_midpoint
    from engine.economy import Economy

    simulate, reference = engine_entry("simulate"), engine_entry("reference_scenario")
    runs, first = [], None
    for config in configs:
        economy, state, grid = config.build(jnp.float64)
        if len(configs) > 1:
            # A story told by duration has the structure of one told by midpoint.
            economy = with_midpoint(economy, grid)
        first = first or (economy.blueprint, grid)
        structures = [(x.families, x.choices) for x in (first[0], economy.blueprint)]
        is_alike = structures[0] == structures[1] and first[1] == grid
        if is_alike:
            # Ranges are static but play no part in a run: drop the difference.
            economy = Economy(economy.figures, first[0])
        runs.append(((economy, state, grid), reference(economy, grid)))

    @jax.jit
    def one(built: Any, scenario: Any) -> Any:
        return simulate(*built, scenario)

    return [(built, jax.block_until_ready(one(built, drawn))) for built, drawn in runs]


def describe(built: tuple[Any, Any, Any], result: Any) -> dict[str, Any]:
    """A run as the command prints it."""
    from scripts._chain import chain
    from scripts._hyperscaler_funding import hyperscaler_funding
    from scripts._leases import leases
    from scripts._names import classifications
    from scripts._tax import tax

    economy, _, grid = built
    found = workouts(economy, result)
    return {
        "metrics": metrics(result),
        "order_of_failure": order_of_failure(economy, grid, result),
        "defaults": defaults(economy, grid, result),
        **({"workouts": found} if found else {}),
        "spreads_met": spreads_met(result),
        "residuals": result.residuals,
        "classification": classifications()[int(result.classification)],
        "distance_to_systemic": result.distances,
        "chain": chain(economy, grid, result),
        "funding": funding(economy, result),
        "hyperscaler_funding": hyperscaler_funding(economy, grid, result),
        "leases": leases(economy, grid, result),
        "tax_not_charged": tax(economy, grid, result),
    }


def funding(economy: Any, result: Any) -> dict[str, dict[str, float]]:
    """The build by use and by source [USD bn], beside the plan it is held against."""
    from engine.metrics.funding import BUCKETS, USES

    found = {}
    for kind, names in (("investment", USES), ("funding", BUCKETS)):
        for name in names:
            value = float(result.metrics[f"system.{kind}_{name}"])
            plan = float(economy[f"funding.plan_{name}"])
            found[name] = {
                "value_bn": value,
                "plan_bn": plan,
                "difference_bn": value - plan,
                "difference_share": value / plan - 1.0 if plan else 0.0,
            }
    for name in economy.agencies():
        # The plan of July 2025 knows none.
        value = float(result.metrics[f"{name}.funding"])
        found[name] = {
            "value_bn": value,
            "plan_bn": 0.0,
            "difference_bn": value,
            "difference_share": 0.0,
        }
    return found


def metrics(result: Any) -> dict[str, Any]:
    """Value, unit and status of every metric; null where it has no value."""
    import math

    from scripts._names import statuses, unit

    names = statuses()
    found = {}
    for name, value in result.metrics.items():
        code = int(result.statuses.get(name, 0))
        status, number = names[code], float(value)
        if status == "ok" and not math.isfinite(number):
            status = "not_finite"
        found[name] = {
            "value": number if status == "ok" else None,
            "unit": unit(name),
            "status": status,
        }
    return found


def order_of_failure(economy: Any, grid: Any, result: Any) -> list[dict[str, Any]]:
    """The layers that fail, first to last; ties in the order of their rank."""
    from scripts._names import failure, rank
    from scripts._sweep_summary import NEVER

    def quarter(date: float) -> int:
        return round((date - float(grid.as_of)) * 4) - 1

    failed = [
        {
            "layer": layer,
            **failure(economy, result.record, layer, quarter(float(date))),
            "date": float(date),
            "loss_bn": float(result.losses.get(layer, 0.0)),
        }
        for layer, date in result.failures.items()
        if float(date) < NEVER
    ]
    return sorted(failed, key=lambda e: (e["date"], rank(e["layer"])))


def defaults(economy: Any, grid: Any, result: Any) -> list[dict[str, Any]]:
    """Every named vehicle that defaults, with what bound; the earliest first."""
    from engine.metrics import causes
    from scripts._names import told

    found = causes.defaults(result.record, economy, grid.modelled(grid.ends))
    outcome = workouts(economy, result)
    return [
        {"entity": name, "date": date, "cause": told(cause)}
        | ({"workout": outcome[name]["way"]} if name in outcome else {})
        for name, date, cause in found
    ]


def workouts(economy: Any, result: Any) -> dict[str, dict[str, Any]]:
    """What creditors made of every neocloud that failed; none without a workout."""
    from engine.metrics.workouts import outcomes

    found = outcomes(result.record.clouds, economy.members("neoclouds"))
    return {name: outcome._asdict() for name, outcome in found.items()}


def spreads_met(result: Any) -> list[dict[str, Any]]:
    """Borrowers by the highest contagion spread they met; none where all met one."""
    key = ".spread_met"
    met = {
        name.removesuffix(key): float(value)
        for name, value in result.metrics.items()
        if name.endswith(key)
    }
    order = sorted(met, key=lambda name: -met[name])
    return [{"entity": name, "spread": met[name]} for name in order]


def write(
    folder: pathlib.Path,
    built: tuple[Any, Any, Any],
    result: Any,
    document: dict[str, Any],
) -> None:
    """The run as files: JSON, its series, and every vehicle's cash flows."""
    from scripts import _cash_flows, _leases
    from scripts._output import dumps
    from scripts._tables import MAX_COLUMNS, rows, series, write_parquet, write_xlsx

    economy, _, grid = built
    paths = {"headroom": result.headrooms, "record": result.record}
    columns = series(paths, economy, grid)
    (folder / "run.json").write_text(dumps(document, indent=2) + "\n")
    write_parquet(folder / "series.parquet", columns)
    write_parquet(folder / "rows.parquet", rows(columns))
    leased = _leases.long(economy, grid, result)
    write_parquet(folder / "leases.parquet", leased)
    named = document["metrics"]
    failures = document["order_of_failure"]
    sheets = {
        "metrics": {"metric": list(named)}
        | {k: [m[k] for m in named.values()] for k in ("value", "unit", "status")},
        "order_of_failure": {
            k: [event[k] for event in failures]
            for k in ("layer", "entity", "event", "date", "loss_bn")
        }
        | {"cause": [(event["cause"] or {}).get("name") for event in failures]},
        "leases": leased,
        # A sheet holds no more columns; the Parquet file has them all.
        "series": dict(list(columns.items())[:MAX_COLUMNS]),
    }
    write_xlsx(folder / "run.xlsx", sheets)
    _cash_flows.write(folder, built, result)
