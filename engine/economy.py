"""An economy is its figures: every number of a config, by name, as an array leaf.

Layers are assembled from the figures inside `simulate`, so a sweep, a gradient or a
break-even search may change any of them, and what a deal's own rule derives from it
(a rent, a sizing, an opening balance) follows.

A family's members stand in the config, each figure a leaf of its own, or come as rows
of a *tape*, each key one leaf with a row per deal: hundreds of deals add no leaves.
Layers see neither: they ask for a key of the whole family (`stack`, `rows`).
"""

import dataclasses
import functools

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.once import once

TAPES = "tapes"
"""Prefix of the figures that hold a row per deal: `tapes.<family>.<key>`."""


@dataclasses.dataclass(frozen=True)
class Range:
    """Distribution of a contested figure, in engine units."""

    name: str
    kind: str
    low: float
    high: float
    mode: float | None = None


@dataclasses.dataclass(frozen=True)
class Tape:
    """The deals of a family that came as rows: their names, and by key their kinds."""

    family: str
    names: tuple[str, ...]
    choices: tuple[tuple[str, tuple[str, ...]], ...]

    @functools.cached_property
    def row(self) -> dict[str, int]:
        """Row of each deal."""
        return {name: i for i, name in enumerate(self.names)}

    @functools.cached_property
    def kinds(self) -> dict[str, tuple[str, ...]]:
        """The kind of every deal, by key."""
        return dict(self.choices)


@dataclasses.dataclass(frozen=True)
class Blueprint:
    """What shapes the program: who is in the economy and which rules it uses.

    `families` maps a family ("labs", "neoclouds", …) to its members' names, those of
    its tape last; `choices` maps a static choice ("adoption.shape",
    "spvs.hyperion.profile", …) to its kind; `ranges` are the figures a sweep draws.
    """

    families: tuple[tuple[str, tuple[str, ...]], ...]
    choices: tuple[tuple[str, str], ...]
    ranges: tuple[Range, ...] = ()
    tapes: tuple[Tape, ...] = ()

    @functools.cached_property
    def _families(self) -> dict[str, tuple[str, ...]]:
        return dict(self.families)

    @functools.cached_property
    def _choices(self) -> dict[str, str]:
        return dict(self.choices)

    def members(self, family: str) -> tuple[str, ...]:
        """Names of a family's members, in order: the config's, then the tape's."""
        return self._families[family]

    def tape(self, family: str) -> Tape | None:
        """The family's deals that came as rows, if any did."""
        return next((tape for tape in self.tapes if tape.family == family), None)

    def listed(self, family: str) -> tuple[str, ...]:
        """The members that stand in the config, each with figures of its own."""
        tape, members = self.tape(family), self.members(family)
        return members if tape is None else members[: len(members) - len(tape.names)]

    def choice(self, name: str) -> str:
        """The kind chosen for `name`."""
        if name in self._choices:
            return self._choices[name]
        family, member, key = name.split(".", 2)
        tape = self.tape(family)
        if tape is None:
            raise KeyError(name)
        return tape.kinds[key][tape.row[member]]


class Economy(eqx.Module):
    """Figures by engine name (config path without unit suffix), in engine units."""

    figures: dict[str, Array]
    blueprint: Blueprint = eqx.field(static=True)

    def __getitem__(self, name: str) -> Array:
        """The figure called `name`; a deal of a tape has names like any other."""
        if name in self.figures:
            return self.figures[name]
        figure, row = self._on_tape(name)
        return self.figures[figure][row]

    def _on_tape(self, name: str) -> tuple[str, int]:
        """Where `spvs.<deal>.<key>` stands: a figure of the tape, and its row."""
        family, member, key = (*name.split(".", 2), "", "")[:3]
        tape, figure = self.blueprint.tape(family), f"{TAPES}.{family}.{key}"
        if tape is None or member not in tape.row or figure not in self.figures:
            raise KeyError(name)
        return figure, tape.row[member]

    def members(self, family: str) -> tuple[str, ...]:
        """Names of a family's members, in order."""
        return self.blueprint.members(family)

    def listed(self, family: str) -> tuple[str, ...]:
        """The members that stand in the config: a program may take them one by one."""
        return self.blueprint.listed(family)

    def states(self, family: str, key: str) -> bool:
        """Whether any member of `family` states the optional figure `key`."""
        names = [f"{family}.{m}.{key}" for m in self.listed(family)]
        return any(n in self.figures for n in (*names, f"{TAPES}.{family}.{key}"))

    def stack(
        self, family: str, key: str, missing: float | None = None
    ) -> Float[Array, "member ..."]:
        """Figure `key` of every member of `family`; `missing` where it has none.

        Of a dated figure (`rent.dates`, `rent.values`) members may have different
        numbers of points: the shorter are lengthened so that they mean the same.
        """
        listed, tape = self.listed(family), self.blueprint.tape(family)
        on_tape = f"{TAPES}.{family}.{key}"
        if missing is None:
            parts = [self.figures[f"{family}.{m}.{key}"][None] for m in listed]
            if tape is not None:
                parts.append(self.figures[on_tape])
        else:
            none = jnp.full_like(self.figures["banks.buffer"], missing)
            found = [self.figures.get(f"{family}.{m}.{key}", none) for m in listed]
            parts = [figure[None] for figure in found]
            if tape is not None:
                absent = jnp.full((len(tape.names),), missing, none.dtype)
                parts.append(self.figures.get(on_tape, absent))
        if parts[0].ndim > 1:
            longest = max(part.shape[1] for part in parts)
            parts = [_lengthened(part, longest, key) for part in parts]
        return once(jnp.concatenate(parts))

    def rows(self, family: str, *keys: str) -> dict[str, Float[Array, "member ..."]]:
        """Figures of every member by key: what a function of one deal is mapped over.

        `jax.vmap(of_one_deal)(economy.rows("spvs", "rent_start", "lease_end"))` is one
        trace of the function, however many deals there are.
        """
        return {key: self.stack(family, key) for key in keys}

    def public_markets(self) -> tuple[str, ...]:
        """Names of the public assets whose prices sales move, if the config has any."""
        return dict(self.blueprint.families).get("public_markets", ())

    def banks_sell(self) -> bool:
        """Whether banks sell public assets to return to a leverage."""
        return "banks.target_leverage" in self.figures and bool(self.public_markets())

    def cohorts(self) -> tuple[str, ...]:
        """Names of the cohorts of private-credit funds: all funds but bond funds."""
        bond = self.where("funds", "kind", "bond")
        members = self.members("funds")
        return tuple(m for m, other in zip(members, bond, strict=True) if not other)

    def agencies(self) -> tuple[str, ...]:
        """The government's agency by name, where the config has one."""
        return ("agency",) if "government.agency.capital" in self.figures else ()

    def holders(self) -> tuple[str, ...]:
        """Names of the investors that bear losses and do nothing for them."""
        passive = self.where("investors", "kind", "holder")
        members = self.members("investors")
        return tuple(m for m, is_so in zip(members, passive, strict=True) if is_so)

    def cohort_figures(
        self, key: str, missing: float | None = None
    ) -> Float[Array, " cohort"]:
        """Figure `key` of every cohort; `missing` where its type has none."""
        names = [f"funds.{cohort}.{key}" for cohort in self.cohorts()]
        if missing is None:
            return jnp.stack([self.figures[name] for name in names])
        neutral = jnp.full_like(self.figures["banks.buffer"], missing)
        return jnp.stack([self.figures.get(name, neutral) for name in names])

    def only(self, family: str, key: str) -> Array:
        """Figure `key` of the one member of a family that has just one."""
        (member,) = self.members(family)
        return self.figures[f"{family}.{member}.{key}"]

    def where(self, family: str, key: str, kind: str) -> tuple[bool, ...]:
        """Whether the static choice `key` of each member of `family` is `kind`."""
        names = [f"{family}.{m}.{key}" for m in self.listed(family)]
        chosen = [self.blueprint.choice(n) for n in names]
        tape = self.blueprint.tape(family)
        if tape is not None:
            chosen += tape.kinds[key]
        return tuple(choice == kind for choice in chosen)

    def replace(self, figures: dict[str, Array]) -> "Economy":
        """The same economy with some figures changed."""
        changed = dict(self.figures)
        for name, value in figures.items():
            if name in changed:
                changed[name] = value
                continue
            try:
                figure, row = self._on_tape(name)
            except KeyError:
                raise ValueError(f"figures: unknown name {name!r}") from None
            changed[figure] = changed[figure].at[row].set(value)
        return Economy(changed, self.blueprint)

    def choosing(self, **choices: str) -> "Economy":
        """The same figures, other choices (`adoption_timing="midpoint"`)."""
        changed = {k.replace("_", ".", 1): v for k, v in choices.items()}
        merged = dict(self.blueprint.choices) | changed
        blueprint = dataclasses.replace(
            self.blueprint, choices=tuple(sorted(merged.items()))
        )
        return Economy(self.figures, blueprint)


def _lengthened(
    part: Float[Array, "member point"], n: int, key: str
) -> Float[Array, "member longest"]:
    """More points that change nothing: later dates, the last value, no amounts."""
    more = n - part.shape[1]
    if more == 0:
        return part
    last = jnp.repeat(part[:, -1:], more, axis=1)
    match key.rsplit(".", 1)[-1]:
        case "dates" | "edges":
            added = last + jnp.arange(1, more + 1, dtype=part.dtype)[None]
        case "amounts":
            added = jnp.zeros_like(last)
        case _:
            added = last
    return jnp.concatenate([part, added], axis=1)
