"""`buytime compare2008 CONFIG`: the same loss in four worlds, and who ends with it."""

import argparse
import functools
from typing import Any

from scripts._output import BadInput, emit
from scripts._run import start

BOOKED_YEARS = 2
"""Opacity is averaged over the first two years."""


def add_arguments(sub: argparse.ArgumentParser) -> None:
    from scripts.main import add_config

    add_config(sub)


def execute(arguments: argparse.Namespace) -> None:
    from engine.config import ConfigError
    from engine.config.comparison import load_comparison

    try:
        config = load_comparison(arguments.config, arguments.set)
    except ConfigError as error:
        raise BadInput(*error.messages) from None
    emit(arguments.json, compare(config))


def compare(config: Any) -> dict[str, Any]:
    """The four cells, and what wiring and collateral each do to the peak."""
    jax = start()
    import jax.numpy as jnp

    from engine.contagion.wiring import COLLATERAL, WIRING, run_wiring

    figures = {f.name: jnp.asarray(f.engine_value) for f in config.figures}
    cells = {
        f"{collateral}.{wiring}": summary(
            jax.jit(
                functools.partial(
                    run_wiring,
                    collateral=collateral,
                    wiring=wiring,
                    quarters=config.quarters,
                )
            )(figures)
        )
        for collateral in COLLATERAL
        for wiring in WIRING
    }
    peak = {name: cell["amplification"]["peak"] for name, cell in cells.items()}
    return {
        "initial_loss_bn": float(figures["initial_loss"]),
        "cells": cells,
        "peak_amplification_ratio": {
            "bank_over_direct": {
                collateral: peak[f"{collateral}.bank"] / peak[f"{collateral}.direct"]
                for collateral in COLLATERAL
            },
            "non_productive_over_productive": {
                wiring: peak[f"non_productive.{wiring}"] / peak[f"productive.{wiring}"]
                for wiring in WIRING
            },
        },
    }


def summary(found: Any) -> dict[str, Any]:
    """Amplification, speed, opacity and holders of one cell."""
    import numpy as np

    from engine.contagion.wiring import BANKS, FUNDS, HOLDERS

    losses, reported = np.asarray(found.losses), np.asarray(found.reported)
    total, initial = losses.sum(1), float(found.initial)
    worst = int(total.argmax())
    hidden = 1 - reported / total
    early = hidden[: 4 * BOOKED_YEARS]
    failed = np.asarray(found.failed)[-1]
    return {
        "loss_bn": {
            "initial": initial,
            "peak": total[worst],
            "final": total[-1],
            "fundamental_at_peak": np.asarray(found.fundamental)[worst],
            "costs_of_failure": np.asarray(found.burnt)[-1],
        },
        "amplification": {"peak": total[worst] / initial, "final": total[-1] / initial},
        "quarters_to_share_of_peak": {
            name: {
                "50_pct": int(np.argmax(path >= 0.5 * path.max())) + 1,
                "90_pct": int(np.argmax(path >= 0.9 * path.max())) + 1,
                "peak": int(path.argmax()) + 1,
            }
            for name, path in (("market", total), ("reported", reported))
        },
        "opacity": {
            "first_quarter": hidden[0],
            "mean_of_first_two_years": early.mean(),
        },
        "holders_bn": {
            when: dict(zip(HOLDERS, losses[row], strict=True))
            for when, row in (("peak", worst), ("final", -1))
        },
        "failures": {
            "banks": int(failed[:BANKS].sum()),
            "funds": int(failed[BANKS : BANKS + FUNDS].sum()),
            "insurers": int(failed[BANKS + FUNDS :].sum()),
        },
        "lowest_price": {
            "paper": np.asarray(found.price)[:, 0].min(),
            "public": np.asarray(found.price)[:, 1].min(),
        },
        "residual": float(np.abs(total - np.asarray(found.by_assets)).max()),
    }
