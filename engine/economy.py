"""An economy is its figures: every number of a config, by name, as an array leaf.

Layers are assembled from the figures inside `simulate`, so a sweep, a gradient or a
break-even search may change any of them, and what a deal's own rule derives from it
(a rent, a sizing, an opening balance) follows.
"""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float


@dataclasses.dataclass(frozen=True)
class Range:
    """Distribution of a contested figure, in engine units."""

    name: str
    kind: str
    low: float
    high: float
    mode: float | None = None


@dataclasses.dataclass(frozen=True)
class Blueprint:
    """What shapes the program: who is in the economy and which rules it uses.

    `families` maps a family ("labs", "neoclouds", …) to its members' names; `choices`
    maps a static choice ("adoption.shape", "spvs.hyperion.profile", …) to its kind;
    `ranges` are the figures a sweep draws.
    """

    families: tuple[tuple[str, tuple[str, ...]], ...]
    choices: tuple[tuple[str, str], ...]
    ranges: tuple[Range, ...] = ()

    def members(self, family: str) -> tuple[str, ...]:
        """Names of a family's members, in order."""
        return dict(self.families)[family]

    def choice(self, name: str) -> str:
        """The kind chosen for `name`."""
        return dict(self.choices)[name]


class Economy(eqx.Module):
    """Figures by engine name (config path without unit suffix), in engine units."""

    figures: dict[str, Array]
    blueprint: Blueprint = eqx.field(static=True)

    def __getitem__(self, name: str) -> Array:
        """The figure called `name`."""
        return self.figures[name]

    def members(self, family: str) -> tuple[str, ...]:
        """Names of a family's members, in order."""
        return self.blueprint.members(family)

    def stack(self, family: str, key: str) -> Float[Array, " member"]:
        """Figure `key` of every member of `family`."""
        members = self.members(family)
        return jnp.stack([self.figures[f"{family}.{m}.{key}"] for m in members])

    def only(self, family: str, key: str) -> Array:
        """Figure `key` of the one member of a family that has just one."""
        (member,) = self.members(family)
        return self.figures[f"{family}.{member}.{key}"]

    def where(self, family: str, key: str, kind: str) -> tuple[bool, ...]:
        """Whether the static choice `key` of each member of `family` is `kind`."""
        names = [f"{family}.{m}.{key}" for m in self.members(family)]
        return tuple(self.blueprint.choice(n) == kind for n in names)

    def replace(self, figures: dict[str, Array]) -> "Economy":
        """The same economy with some figures changed."""
        unknown = set(figures) - set(self.figures)
        if unknown:
            raise ValueError(f"figures: unknown name {sorted(unknown)[0]!r}")
        return Economy({**self.figures, **figures}, self.blueprint)

    def choosing(self, **choices: str) -> "Economy":
        """The same figures, other choices (`adoption_timing="midpoint"`)."""
        changed = {k.replace("_", ".", 1): v for k, v in choices.items()}
        merged = dict(self.blueprint.choices) | changed
        blueprint = dataclasses.replace(
            self.blueprint, choices=tuple(sorted(merged.items()))
        )
        return Economy(self.figures, blueprint)
