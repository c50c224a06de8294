"""Sweeps: axes of figures and their grids of values."""

import pathlib
from typing import Annotated

import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float
from pydantic import Field, ValidationError

from engine.config.base import FrozenModel, Number
from engine.config.economy import EconomyConfig
from engine.config.errors import ConfigError
from engine.config.figures import engine_name
from engine.config.load import read_toml
from engine.config.messages import Origins, sentences, suggest
from engine.units import factor


class Axis(FrozenModel):
    """Evenly spaced values of one figure, in the unit of its config key."""

    name: str
    low: Number
    high: Number
    steps: Annotated[int, Field(ge=1, le=10_000, strict=True)]

    @property
    def engine_name(self) -> str:
        """What the engine calls the figure."""
        return engine_name(self.name)

    def values(self, dtype: DTypeLike = jnp.float64) -> Float[Array, " step"]:
        """The grid, in engine units."""
        scale = factor(self.name)[0]
        return jnp.linspace(
            self.low * scale, self.high * scale, self.steps, dtype=dtype
        )


class Sweep(FrozenModel):
    """The product of some axes."""

    axes: Annotated[tuple[Axis, ...], Field(min_length=1)]


def load_sweep(path: str | pathlib.Path, config: EconomyConfig) -> Sweep:
    """Reads a sweep over figures of `config`; raises `ConfigError`."""
    path = pathlib.Path(path)
    table = read_toml(path)
    try:
        sweep = Sweep.model_validate(table)
    except ValidationError as error:
        details = error.errors(include_url=False)
        origins = Origins(path.name)
        raise ConfigError(sentences(details, table, (), origins)) from None
    known = [f.path for f in config.figures]
    messages = []
    for i, axis in enumerate(sweep.axes):
        key = f"{path.name}: axes.{i}"
        if axis.name not in known:
            hint = suggest(axis.name, known)
            messages.append(
                f"{key}.name: got {axis.name!r}, expected a figure of the config{hint}"
            )
        if not axis.low < axis.high:
            messages.append(
                f"{key}.high: got {axis.high}, expected more than low {axis.low}"
            )
    if messages:
        raise ConfigError(messages)
    return sweep
