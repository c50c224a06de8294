"""Tapes: hundreds of deals of a family as rows of one table, CSV or Parquet.

A row gives what it knows of its deal; a member of the config, the template, the rest.
"""

import dataclasses
import hashlib
import pathlib
from collections.abc import Sequence
from typing import Any, get_args

import numpy as np

from engine.config.base import FrozenModel, Section
from engine.config.figures import engine_name
from engine.config.tape_cells import Faults, identities, is_empty, kinds
from engine.config.tape_columns import REQUIRED, Columns, check_columns, figures
from engine.config.tape_files import NotATape, Table, read_table
from engine.config.tape_rows import check_rows

TAPED = ("spvs", "neoclouds")
"""Families that may come as a tape."""


class Tapes(FrozenModel):
    """Files of deals, what completes their rows, and the members they stand for."""

    spvs: str | None = None
    """CSV or Parquet file, a row per SPV; relative to the config that names it."""
    spvs_template: str = "rest_of_spvs"
    """SPV whose figures stand where a row says nothing."""
    neoclouds: str | None = None
    """CSV or Parquet file, a row per neocloud."""
    neoclouds_template: str = "rest_of_neoclouds"
    """Neocloud whose figures stand where a row says nothing."""
    replaces: tuple[str, ...] = ()
    """Members that the tapes stand for (`spvs.rest_of_spvs`), which leave."""


@dataclasses.dataclass(frozen=True)
class Deals:
    """A tape as read: names, kinds by key, and figures by key, a row per deal."""

    family: str
    file: str
    template: str
    columns: tuple[str, ...]
    names: tuple[str, ...]
    choices: dict[str, tuple[str, ...]]
    figures: dict[str, np.ndarray]
    """By engine name of the key, in the engine's unit."""

    @property
    def digest(self) -> str:
        """SHA-256 of names, kinds and figures, wherever they came from."""
        parts = [repr(self.names), repr(sorted(self.choices.items()))]
        parts += [f"{k}:{v.tolist()}" for k, v in sorted(self.figures.items())]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def read_tapes(config: Any) -> tuple[dict[str, Deals], list[str]]:
    """The deals of every tape that a config names, and every fault found.

    `config` holds the economy's own members, the templates among them.
    """
    messages, read = [], {}
    taken = {
        name: f"{family}.{name} of the config"
        for family in config.families
        for name in getattr(config, family)
    }
    for member in config.tapes.replaces:
        family, _, name = member.partition(".")
        if family not in TAPED or name not in getattr(config, family):
            known = ", ".join(f"{f}.{n}" for f in TAPED for n in getattr(config, f))
            messages.append(f"tapes.replaces: got {member!r}, expected one of {known}")
        elif getattr(config.tapes, family) is None:
            messages.append(
                f"tapes.replaces: got {member!r}, expected a tape of {family} that "
                "stands for it"
            )
    for family in TAPED:
        file = getattr(config.tapes, family)
        if file is None:
            continue
        template = getattr(config.tapes, f"{family}_template")
        if template not in getattr(config, family):
            known = ", ".join(getattr(config, family))
            messages.append(
                f"tapes.{family}_template: got unknown entity {template!r}, expected "
                f"one of {known}"
            )
            continue
        deals, faults = _read(pathlib.Path(file), config, family, template, taken)
        messages += faults
        if deals is not None:
            read[family] = deals
            taken |= {name: f"a deal of {deals.file}" for name in deals.names}
    return read, messages


def _read(
    path: pathlib.Path, config: Any, family: str, template: str, taken: dict[str, str]
) -> tuple[Deals | None, list[str]]:
    """The deals of a file, or every fault found in it."""
    try:
        table = read_table(path)
    except NotATape as error:
        return None, [str(error)]
    faults = Faults(table)
    model = getattr(config, family)[template]
    known = Columns(family, model, config.grid.as_of_date)
    if not check_columns(table, known, faults):
        return None, faults.messages
    names = identities(table, taken, faults)
    chosen = _choices(table, config, family, model, faults)
    is_cohort = np.array([kind == "cohort" for kind in chosen["kind"]])
    written = figures(table, known, is_cohort, faults)
    check_rows(table, known, is_cohort, written, faults)
    if faults.found:
        return None, faults.messages
    factors = {r.path: r.factor for r in (known.scalars | known.vectors).values()}
    return Deals(
        family=family,
        file=table.file,
        template=template,
        columns=tuple(table.columns),
        names=tuple(names),
        choices={key: tuple(found) for key, found in chosen.items()},
        figures={engine_name(k): v * factors[k] for k, v in written.items()},
    ), []


def _choices(
    table: Table, config: Any, family: str, template: Section, faults: Faults
) -> dict[str, list[str]]:
    """The kind of every deal by key: a row is one obligor unless it says otherwise."""
    found: dict[str, list[str]] = {}
    for key, value in _kinds_of(template):
        otherwise = "named" if key == "kind" else value
        if key not in table.columns:
            found[key] = [otherwise] * table.n_rows
            continue
        allowed: Sequence[str] = get_args(type(template).model_fields[key].annotation)
        if key == "kind":
            allowed = ("named", "cohort")
        elif key == "tenant":
            allowed = (*config.hyperscalers, *config.hybrid, "outside")
        found[key] = kinds(table, key, allowed, otherwise, faults)
        if key in REQUIRED[family]:
            for row, cell in enumerate(table.columns[key]):
                if is_empty(cell):
                    faults.cell(row, key, "nothing", f"one of {', '.join(allowed)}")
    return found


def _kinds_of(template: Section) -> list[tuple[str, str]]:
    values = ((key, getattr(template, key)) for key in type(template).model_fields)
    return [(key, value) for key, value in values if isinstance(value, str)]
