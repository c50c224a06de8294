"""`buytime hurdle CONFIG`: what AI must earn, by bucket, and what moves it."""

import argparse
from typing import Any

from scripts._output import emit
from scripts._run import load_config, start


def add_arguments(sub: argparse.ArgumentParser) -> None:
    from scripts.main import add_config

    add_config(sub)


def execute(arguments: argparse.Namespace) -> None:
    emit(arguments.json, hurdle_document(load_config(arguments.config, arguments.set)))


def hurdle_document(config: Any) -> dict[str, Any]:
    """Both readings, their buckets, and derivatives by config path.

    A derivative is per unit of the key as written (`unit`), so that it predicts what
    `--set` does; those of the life-adjusted reading are nested below each key.
    """
    jax = start()
    import jax.numpy as jnp

    from engine.metrics.hurdle import INPUTS, hurdle

    economy, _, _ = config.build(jnp.float64)
    figures = {name: economy[name] for name in INPUTS}
    found, slopes = hurdle(figures), jax.jacrev(hurdle)(figures)
    records = {record.name: record for record in config.figures}
    return {
        "article": keys(found.article),
        "life_adjusted": keys(found.life_adjusted),
        "buckets": {
            name: {
                "capital_bn": figures[f"hurdle.{name}"],
                "life_years": figures[f"hurdle.{name}_life"],
                "recovery_factor": bucket.recovery_factor,
                "ebitda_bn": bucket.ebitda,
                "revenue_bn": bucket.revenue,
            }
            for name, bucket in found.buckets.items()
        },
        "gradients": {
            records[name].path: {
                **keys(_column(slopes.article, name, records[name].factor)),
                "life_adjusted": keys(
                    _column(slopes.life_adjusted, name, records[name].factor)
                ),
                "unit": f"per {records[name].unit}",
            }
            for name in INPUTS
        },
    }


def keys(requirement: Any) -> dict[str, Any]:
    """A requirement by the names that users see."""
    return {
        "ebitda_bn": requirement.ebitda,
        "revenue_bn": requirement.revenue,
        "gdp_share": requirement.gdp_share,
        "cloud_multiple": requirement.cloud_multiple,
        "equity_yield": requirement.equity_yield,
    }


def _column(slopes: Any, name: str, factor: float) -> Any:
    return type(slopes)(*(field[name] * factor for field in slopes))
