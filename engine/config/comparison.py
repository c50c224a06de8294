"""The comparison with 2008: its figures, read and checked like those of an economy."""

import pathlib
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import Field

from engine.config.base import Figure, Section
from engine.config.sheet import Sheet, load_sheet
from engine.config.tables import Problem, number


class Collateral(Section):
    """What stands behind the paper."""

    recovery_per_year: Figure
    floor_share: Figure


class Holding(Section):
    """Who holds the paper; the rest is with those who neither borrow nor sell."""

    banks_share: Figure
    funds_share: Figure
    insurers_share: Figure


class Banks(Section):
    """Banks and dealers."""

    assets_usd_bn: Figure
    lowest_leverage_x: Figure
    highest_leverage_x: Figure
    concentration_x: Figure
    public_share: Figure
    interbank_share: Figure
    adjustment_per_year: Figure
    mark_half_life_years: Figure
    realised_share: Figure


class Funds(Section):
    """Private-credit funds with lines from the banks."""

    concentration_share: Figure
    public_share: Figure
    line_share: Figure
    maximum_advance_share: Figure
    mark_half_life_years: Figure
    request_slope_x: Figure
    gate_share: Figure


class Insurers(Section):
    """Insurers."""

    assets_usd_bn: Figure
    leverage_x: Figure
    public_share: Figure
    adjustment_per_year: Figure
    mark_half_life_years: Figure


class Markets(Section):
    """Depth of markets and how fast a fire-sale discount goes."""

    paper_depth_usd_bn: Figure
    public_depth_usd_bn: Figure
    public_floor_share: Figure
    resilience_per_year: Figure


class ComparisonConfig(Sheet):
    """Two kinds of collateral in two wirings."""

    quarters: Annotated[int, Field(strict=True, ge=4, le=400)]
    paper_usd_bn: Figure
    initial_loss_usd_bn: Figure
    productive: Collateral
    non_productive: Collateral
    direct: Holding
    bank: Holding
    banks: Banks
    funds: Funds
    insurers: Insurers
    markets: Markets


def load_comparison(
    path: str | pathlib.Path, overrides: Sequence[str] = ()
) -> ComparisonConfig:
    """Reads and checks a comparison; raises `ConfigError` with every error found."""
    return load_sheet(ComparisonConfig, path, overrides, _problems)


def _problems(table: dict[str, Any]) -> Iterator[Problem]:
    paper, loss = number(table, "paper_usd_bn"), number(table, "initial_loss_usd_bn")
    if paper is not None and loss is not None and not 0 < loss < paper:
        yield Problem(
            "initial_loss_usd_bn",
            f"got {loss:g}, expected a loss between 0 and paper_usd_bn {paper:g}",
        )
    for wiring in ("direct", "bank"):
        keys = [f"{wiring}.{kind}_share" for kind in ("banks", "funds", "insurers")]
        shares = [number(table, key) for key in keys]
        if None not in shares and sum(x for x in shares if x) > 1 + 1e-9:
            yield Problem(
                wiring,
                f"got shares that sum to {sum(x for x in shares if x):g}, expected a "
                "sum of at most one",
            )
