"""A stress: balance sheets of the final holders, and the CSV of a macro path."""

import pathlib
from collections.abc import Sequence

from pydantic import ValidationError

from engine.config.base import Figure, FrozenModel, Section
from engine.config.errors import ConfigError
from engine.config.figures import FigureRecord, records
from engine.config.load import override, read_toml
from engine.config.messages import Origins, sentences


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


class StressConfig(FrozenModel):
    """Balance sheets, and the file that holds the path (relative to this one)."""

    macro_csv: str
    banks: StressedBanks
    pensions: StressedPensions
    insurers: StressedInsurers

    @property
    def figures(self) -> list[FigureRecord]:
        """Every figure with its provenance, in file order."""
        return list(records(self))


def load_stress(
    path: str | pathlib.Path, overrides: Sequence[str] = ()
) -> StressConfig:
    """Reads and checks a stress; raises `ConfigError` with every error found."""
    path = pathlib.Path(path)
    table = read_toml(path)
    origins = Origins(path.name)
    origins.add(table, path.name)
    messages = [m for o in overrides if (m := override(table, o, origins)) is not None]
    details = []
    try:
        config = StressConfig.model_validate(table)
    except ValidationError as error:
        config, details = None, error.errors(include_url=False)
    messages += sentences(details, table, [], origins)
    if config is None or messages:
        raise ConfigError(messages)
    return config
