"""`buytime stress CONFIG STRESS`: capital and funding under a supervisor's path."""

import argparse
import pathlib
from typing import Any

from scripts._macro import held, label, read
from scripts._output import BadInput, emit, working
from scripts._run import engine_entry, load_config, start


def add_arguments(sub: argparse.ArgumentParser) -> None:
    from scripts.main import add_config

    add_config(sub)
    sub.add_argument("stress", help="path of a TOML file of balance sheets and path")


def execute(arguments: argparse.Namespace) -> None:
    from engine.config import ConfigError
    from engine.config.stress import load_stress

    config = load_config(arguments.config, arguments.set)
    try:
        stressed = load_stress(arguments.stress)
    except ConfigError as error:
        raise BadInput(*error.messages) from None
    macro = str(pathlib.Path(arguments.stress).parent / stressed.macro_csv)
    with working("running"):
        document = table(config, stressed, macro)
    emit(arguments.json, document)


def table(config: Any, stressed: Any, macro_csv: str) -> dict[str, Any]:
    """Start and trough of every holder's ratio, under the path and without it."""
    jax = start()
    import jax.numpy as jnp
    import numpy as np

    from engine.drivers.macro import macro_shocks
    from engine.metrics.stress import Balances, MacroPath, stress

    economy, state, grid = config.build(jnp.float64)
    for name in ("rates", "spreads"):
        if float(economy[f"{name}.volatility"]) <= 0.0:
            raise BadInput(
                f"{name}.volatility_pct: got 0, expected more: without it no shock "
                "moves the factor to the path"
            )
    begins = np.asarray(grid.begins)[grid.n_history :]
    path = read(macro_csv, begins.tolist())
    n = grid.n_model
    balances = Balances(
        **{f.name.replace(".", "_"): f.engine_value for f in stressed.figures}
    )
    reference = engine_entry("reference_scenario")(economy, grid)
    short = jnp.asarray(path["short_rate_pct"]) * 0.01
    shocks = macro_shocks(economy, grid, short, jnp.asarray(path["spread_x"]))
    simulate = jax.jit(engine_entry("simulate"))
    built = economy, state, grid
    calm, run = (
        jax.block_until_ready(simulate(*built, scenario))
        for scenario in (reference, type(reference)(reference.draws, shocks))
    )
    drawn = MacroPath(
        other_capital=jnp.asarray(held(path["other_capital_usd_bn"], n, after=0.0)),
        drawn=jnp.asarray(held(path["drawn_usd_bn"], n)),
        equity=jnp.asarray(held(path["equity_x"], n)),
    )
    quarters = [label(begin) for begin in begins]
    flows = run.record.investors
    ratios = stress(economy, balances, drawn, flows)
    return {
        "quarters": [quarters[0], quarters[len(path["spread_x"]) - 1]],
        "holders": {name: summary(r, quarters) for name, r in ratios.items()},
        "first_failure": {
            name: {
                "without": date(calm.failures[name]),
                "under": date(run.failures[name]),
            }
            for name in run.failures
        },
        "forced_sales_bn": {
            "without": float(jnp.sum(calm.record.investors.forced_sales)),
            "under": float(jnp.sum(flows.forced_sales)),
        },
        "residuals": run.residuals,
    }


def date(failure: Any) -> float | None:
    """A date of failure; None where there is none."""
    from engine.metrics.layers import NEVER

    return None if float(failure) >= NEVER else float(failure)


def summary(ratios: Any, quarters: list[str]) -> dict[str, Any]:
    """Start, and both troughs with their quarters; AI's part is what lies between."""
    import numpy as np

    macro, total = np.asarray(ratios.macro), np.asarray(ratios.total)
    alone, worst = int(macro.argmin()), int(total.argmin())
    return {
        "start_pct": 100.0 * float(ratios.start),
        "trough_of_path_pct": 100.0 * float(macro[alone]),
        "trough_of_path_in": quarters[alone],
        "trough_pct": 100.0 * float(total[worst]),
        "trough_in": quarters[worst],
        "ai_losses_at_trough_bn": float(ratios.lost[worst]),
        "ai_losses_at_the_end_bn": float(ratios.lost[-1]),
        "end_pct": 100.0 * float(total[-1]),
    }
