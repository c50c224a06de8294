"""The whole config, and what it builds: economy, opening state and grid."""

import functools
import hashlib
import importlib
import json
from collections.abc import Iterator
from typing import Annotated, Any, get_args

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from pydantic import Field, PrivateAttr, model_validator
from pydantic_core import PydanticCustomError

from engine.config.base import FrozenModel, Number, Section
from engine.config.checks import problems
from engine.config.contagion import Contagion, Resemblance, Wealth
from engine.config.contracts import (
    Hyperscaler,
    HyperscalerFunding,
    Lab,
    Reported,
)
from engine.config.credit import Credit, Guarantee, Lending, Marks, Route, Workout
from engine.config.drivers import (
    Access,
    Adoption,
    Gpu,
    Macro,
    Physics,
    Power,
    Rates,
    Shifts,
    Spreads,
)
from engine.config.figures import FigureRecord, choices, records
from engine.config.funds import (
    BondFund,
    DrawdownFund,
    ListedFund,
    ManagedAccount,
    NonTradedFund,
    PrivateCreditFund,
)
from engine.config.investors import Banks, Government, Holder, Insurer, Pension
from engine.config.market import Expectations, Market
from engine.config.meanings import MEANINGS
from engine.config.metrics import Criteria, Funding, Hurdle
from engine.config.public_markets import FundAssets, Institution, PublicMarket
from engine.config.tapes import TAPED, Deals, Tapes
from engine.config.vehicles import (
    CohortNeocloud,
    CohortSpv,
    Hybrid,
    NamedNeocloud,
    NamedSpv,
    Vendor,
)
from engine.economy import TAPES, Blueprint, Economy, Range, Tape
from engine.grid import DT, TimeGrid

FAMILIES = (
    "labs",
    "hyperscalers",
    "vendor",
    "neoclouds",
    "spvs",
    "hybrid",
    "funds",
    "investors",
    "public_markets",
    "portfolios",
)
"""Sections that hold entities by name."""

_DOCUMENTATION = {"source", "date", "confidence", "note"}


class Grid(FrozenModel):
    """Quarters from `start_date` to `end_date`; data up to `as_of_date`."""

    start_date: Number
    end_date: Number
    as_of_date: Number


class EconomyConfig(FrozenModel):
    """Every section of a config; `engine.config.load` reads one from files."""

    grid: Grid
    macro: Macro
    adoption: Adoption
    rates: Rates
    spreads: Spreads
    gpu: Gpu
    access: Access
    physics: Physics
    power: Power
    market: Market
    expectations: Expectations
    shifts: Shifts
    labs: dict[str, Lab]
    hyperscalers: dict[str, Hyperscaler]
    hyperscaler_funding: HyperscalerFunding | None = None
    reported: dict[str, Reported] = Field(default_factory=dict)
    vendor: dict[str, Vendor]
    neoclouds: dict[
        str, Annotated[NamedNeocloud | CohortNeocloud, Field(discriminator="kind")]
    ]
    spvs: dict[str, Annotated[NamedSpv | CohortSpv, Field(discriminator="kind")]]
    hybrid: dict[str, Hybrid]
    credit: Credit
    guarantee: Guarantee
    marks: Marks
    route: Route
    lending: Lending | None = None
    workout: Workout | None = None
    funds: dict[
        str,
        Annotated[
            PrivateCreditFund
            | DrawdownFund
            | ListedFund
            | NonTradedFund
            | ManagedAccount
            | BondFund,
            Field(discriminator="kind"),
        ],
    ]
    investors: dict[
        str, Annotated[Pension | Insurer | Holder, Field(discriminator="kind")]
    ]
    banks: Banks
    government: Government
    contagion: Contagion
    resemblance: Resemblance | None = None
    public_markets: dict[str, PublicMarket] = Field(default_factory=dict)
    portfolios: dict[
        str, Annotated[Institution | FundAssets, Field(discriminator="kind")]
    ] = Field(default_factory=dict)
    wealth: Wealth
    criteria: Criteria
    hurdle: Hurdle
    funding: Funding
    tapes: Tapes = Tapes()
    _deals: dict[str, Deals] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _hangs_together(self) -> "EconomyConfig":
        table = self.model_dump()
        found = problems(table)
        if found:
            text = "; ".join(f"{p.path}: {p.text}" for p in found)
            raise PydanticCustomError("economy", "{text}", {"text": text})
        return self

    @functools.cached_property
    def figures(self) -> tuple[FigureRecord, ...]:
        """Every figure with its provenance, in file order."""
        return tuple(records(self))

    @functools.cached_property
    def choices(self) -> tuple[tuple[str, str], ...]:
        """Every static choice by name."""
        return tuple(choices(self))

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical JSON of values, ranges and static choices."""
        content = _without_documentation(self.model_dump(exclude={"tapes"}))
        content = {k: v for k, v in content.items() if v is not None}
        # What a tape says counts, not where it lies.
        content |= {f"{TAPES}.{k}": deals.digest for k, deals in self._deals.items()}
        text = json.dumps(
            content, sort_keys=True, separators=(",", ":"), allow_nan=False
        )
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def reported_totals(self) -> dict[str, dict[str, float]]:
        """Capex and operating cash flow of 2026 by hyperscaler [USD bn]."""
        return {
            name: {
                "capex": company.reported_capex_2026_usd_bn.value,
                "operating_cash_flow": company.reported_ocf_2026_usd_bn.value,
            }
            for name, company in (self.hyperscalers | self.reported).items()
        }

    def engine_name(self, config_path: str) -> str:
        """The engine's name of the figure at `config_path`; raises `KeyError`."""
        return self._by_path[config_path].name

    def config_path(self, engine_name: str) -> str:
        """Where the figure `engine_name` stands in the config; raises `KeyError`."""
        return self._by_name[engine_name].path

    @functools.cached_property
    def _by_path(self) -> dict[str, FigureRecord]:
        return {f.path: f for f in self.figures}

    @functools.cached_property
    def _by_name(self) -> dict[str, FigureRecord]:
        return {f.name: f for f in self.figures}

    @property
    def families(self) -> tuple[str, ...]:
        """Sections that hold entities by name."""
        return FAMILIES

    @property
    def deals(self) -> dict[str, Deals]:
        """Deals that came as rows of a tape, by family."""
        return self._deals

    def with_deals(self, deals: dict[str, Deals]) -> "EconomyConfig":
        """The same config with the deals of its tapes, for the members they replace."""
        gone = set(self.tapes.replaces)
        kept = {
            family: {
                name: member
                for name, member in getattr(self, family).items()
                if f"{family}.{name}" not in gone
            }
            for family in TAPED
        }
        config = self.model_copy(update=kept)
        config._deals = deals
        return config

    @property
    def blueprint(self) -> Blueprint:
        """Who is in the economy, which rules it uses, and what a sweep draws."""
        tapes = tuple(
            Tape(d.family, d.names, tuple(sorted(d.choices.items())))
            for d in self._deals.values()
        )
        rows = {tape.family: tape.names for tape in tapes}
        families = tuple(
            (name, (*getattr(self, name), *rows.get(name, ()))) for name in FAMILIES
        )
        ranges = tuple(
            Range(
                name=f.name,
                kind=f.distribution,
                low=f.range[0] * f.factor,
                high=f.range[1] * f.factor,
                mode=None if f.mode is None else f.mode * f.factor,
            )
            for f in self.figures
            if f.range is not None
        )
        return Blueprint(families, tuple(sorted(self.choices)), ranges, tapes)

    def build(self, dtype: DTypeLike = jnp.float64) -> tuple[Economy, Any, TimeGrid]:
        """Builds what the engine runs on.

        **Arguments:** `dtype` of every array leaf (float64 needs x64 enabled).

        **Returns:** `(economy, state, grid)`.
        """
        figures = {f.name: jnp.asarray(f.engine_value, dtype) for f in self.figures}
        for family, deals in self._deals.items():
            for key, values in deals.figures.items():
                figures[f"{TAPES}.{family}.{key}"] = jnp.asarray(values, dtype)
        economy = Economy(figures, self.blueprint)
        start, end, as_of = (
            self.grid.start_date,
            self.grid.end_date,
            self.grid.as_of_date,
        )
        grid = TimeGrid(
            jnp.asarray(start, dtype),
            n_quarters=round((end - start) / DT),
            n_history=round((as_of - start) / DT),
        )
        # Imported late: the engine is assembled above the config's own layer.
        engine = importlib.import_module("engine")
        # One program, since a hundred small ones would be compiled one by one.
        state = jax.jit(engine.opening_state)(economy, grid)
        return economy, state, grid


def _without_documentation(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            str(k): _without_documentation(v)
            for k, v in node.items()
            if k not in _DOCUMENTATION
        }
    if isinstance(node, tuple | list):
        return [_without_documentation(v) for v in node]
    return node


def json_schema() -> dict[str, Any]:
    """JSON Schema of a resolved config, with the meaning of every key."""
    schema = EconomyConfig.model_json_schema()
    for section, key, model in keys():
        known = schema["$defs"].get(model.__name__, {}).get("properties", {})
        meaning = MEANINGS.get(section, {}).get(key)
        if meaning is not None and key in known:
            known[key]["description"] = meaning
    return schema


def keys() -> Iterator[tuple[str, str, type[FrozenModel]]]:
    """Section or family, key, and the table that has it, of the whole schema."""
    for section, field in EconomyConfig.model_fields.items():
        tables = list(_tables(field.annotation))
        for model in tables:
            yield from ((section, key, model) for key in model.model_fields)
        # Tables within a table come after it, under their dotted name.
        for model in tables:
            for name, inner in model.model_fields.items():
                for part in _tables(inner.annotation):
                    if issubclass(part, Section):
                        path = f"{section}.{name}"
                        yield from ((path, key, part) for key in part.model_fields)


def _tables(annotation: Any) -> Iterator[type[FrozenModel]]:
    if isinstance(annotation, type) and issubclass(annotation, FrozenModel):
        yield annotation
    for part in get_args(annotation):
        yield from _tables(part)
