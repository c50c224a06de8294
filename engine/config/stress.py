"""A stress: balance sheets of the final holders, and the CSV of a macro path."""

import pathlib
from collections.abc import Sequence

from engine.config.base import Figure, Section
from engine.config.sheet import Sheet, load_sheet


class StressedBanks(Section):
    """Banks under the supervisor's test."""

    risk_weighted_usd_bn: Figure


class StressedPensions(Section):
    """State and local pension funds."""

    assets_usd_bn: Figure
    funded_share: Figure
    equities_share: Figure


class StressedInsurers(Section):
    """Life insurers."""

    surplus_usd_bn: Figure
    general_account_usd_bn: Figure


class StressConfig(Sheet):
    """Balance sheets, and the file that holds the path (relative to this one)."""

    macro_csv: str
    banks: StressedBanks
    pensions: StressedPensions
    insurers: StressedInsurers


def load_stress(
    path: str | pathlib.Path, overrides: Sequence[str] = ()
) -> StressConfig:
    """Reads and checks a stress; raises `ConfigError` with every error found."""
    return load_sheet(StressConfig, path, overrides)
