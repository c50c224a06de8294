"""The fixed list of layers, each with one failure event, as headrooms by quarter.

A junior layer fails no later than a senior one of the same issuer, by construction of
the headrooms; no rule names who fails first. Layers without an entity are left out.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from engine.economy import Economy
from engine.grid import TimeGrid
from engine.numerics import ratio_above
from engine.survival import HIGHEST

NEVER = 9999.0
"""Date of an event that does not happen."""

LAYERS = (
    "lab",
    "neocloud_equity",
    "neocloud_unsecured",
    "neocloud_secured",
    "hybrid_cloud",
    "bank_spv",
    "chip_spv",
    "tenant_spv",
    "hyperscaler",
    "fund",
    "fund_bank_line",
    "lp",
    "bank",
    "government",
)

FINANCED = (
    "neocloud_equity",
    "neocloud_unsecured",
    "neocloud_secured",
    "bank_spv",
    "chip_spv",
    "tenant_spv",
)

SPV_LAYERS = ("bank_spv", "chip_spv", "tenant_spv")

EVENTS = {
    "lab": "commitment not honoured in full",
    "neocloud_equity": "price below its floor, or default",
    "neocloud_unsecured": "default",
    "neocloud_secured": "recovery below par",
    "hybrid_cloud": "leverage above the downgrade trigger",
    "bank_spv": "not repaid or refinanced at final maturity",
    "chip_spv": "notes not paid, and recover below par",
    "tenant_spv": "non-renewal, repudiation or default",
    "hyperscaler": "free cash flow negative and bonds at their limit",
    "fund": "redemption gate",
    "fund_bank_line": "banks expect a loss on fund lines",
    "lp": "buffer used",
    "bank": "buffer used",
    "government": "claim paid",
}


def named(economy: Economy, family: str) -> tuple[bool, ...]:
    """Members that are one obligor; cohorts report an alive share instead."""
    return economy.where(family, "kind", "named")


def spvs_of(economy: Economy, layer: str) -> tuple[bool, ...]:
    """Named SPVs of a layer.

    `chip_spv`: those that own chips; of the others `bank_spv`: on a loan that must be
    taken out; `tenant_spv`: whose notes amortise from one tenant's rent.
    """
    chips = economy.where("spvs", "asset", "chips")
    if layer == "chip_spv":
        chosen = chips
    else:
        profile = "bullet" if layer == "bank_spv" else "amortising"
        kind = economy.where("spvs", "profile", profile)
        chosen = tuple(a and not b for a, b in zip(kind, chips, strict=True))
    return tuple(a and b for a, b in zip(named(economy, "spvs"), chosen, strict=True))


def _gated(economy: Economy) -> tuple[bool, ...]:
    """Cohorts of funds whose investors may redeem, behind a gate."""
    kinds = [economy.blueprint.choice(f"funds.{c}.kind") for c in economy.cohorts()]
    return tuple(kind in ("private_credit", "non_traded") for kind in kinds)


def within(
    mask: Bool[Array, " quarter"], series: Array, otherwise: float | bool
) -> Array:
    """`series` in the quarters of `mask`, `otherwise` in the others."""
    column = mask.reshape(mask.shape + (1,) * (series.ndim - 1))
    return jnp.where(column, series, otherwise)


def first_date(
    happens: Bool[Array, "quarter ..."], grid: TimeGrid
) -> Float[Array, "..."]:
    """End of the first quarter in which something happens, or `NEVER`."""
    ends = grid.modelled(grid.ends)
    dates = ends.reshape(ends.shape + (1,) * (happens.ndim - 1))
    return jnp.min(jnp.where(happens, dates, NEVER), axis=0)


def lowest(
    headroom: Float[Array, "quarter entity ..."], members: tuple[bool, ...]
) -> Float[Array, "quarter ..."] | None:
    """Lowest headroom of the chosen members; None if there are none."""
    if not any(members):
        return None
    # By number, not by mask: of those left out not even the gradient is computed.
    return jnp.min(headroom[:, np.flatnonzero(members)], axis=1)


def of_vehicles(record: Any) -> dict[str, Float[Array, "quarter entity ..."]]:
    """Headroom of every neocloud and SPV for the event of each layer of theirs."""
    clouds, spvs, tenancies = record.clouds, record.spvs, record.tenancies
    return {
        "neocloud_equity": clouds.equity_headroom,
        "neocloud_unsecured": clouds.headroom,
        "neocloud_secured": clouds.secured_headroom,
        "bank_spv": spvs.headroom,
        "chip_spv": jnp.maximum(spvs.headroom, spvs.security),
        "tenant_spv": jnp.minimum(
            jnp.minimum(tenancies.renewal_due, tenancies.repudiation), spvs.headroom
        ),
    }


def headrooms(record: Any, economy: Economy) -> dict[str, Float[Array, "quarter ..."]]:
    """Headroom of every layer that has an entity, by model quarter."""
    vehicles = of_vehicles(record)
    single = named(economy, "neoclouds")
    tolerated = economy["criteria.line_loss"]
    gated = _gated(economy)
    fund = record.fund
    # Of the lines together: the banks lend to all cohorts.
    lines = jnp.sum(fund.line, axis=1)
    missing = ratio_above(jnp.sum(fund.line_share * fund.line, axis=1), lines)
    line = jnp.clip(1.0 - missing / tolerated, -1.0, HIGHEST)
    found = {
        "lab": jnp.min(record.labs.headroom, axis=1),
        **{
            layer: lowest(vehicles[layer], single)
            for layer in ("neocloud_equity", "neocloud_unsecured", "neocloud_secured")
        },
        "hybrid_cloud": record.hybrid.headroom,
        **{
            layer: lowest(vehicles[layer], spvs_of(economy, layer))
            for layer in SPV_LAYERS
        },
        "hyperscaler": jnp.min(record.hyperscalers.headroom, axis=1),
        "fund": lowest(fund.gate_headroom, gated),
        "fund_bank_line": line,
        "lp": jnp.min(record.investors.headroom, axis=1),
        "bank": record.investors.bank_headroom,
        "government": record.investors.government_headroom,
    }
    return {name: room for name, room in found.items() if room is not None}


def first_failure(
    headroom: Float[Array, "quarter ..."], grid: TimeGrid
) -> Float[Array, "..."]:
    """End of the first quarter in which the headroom is negative, or `NEVER`."""
    return first_date(headroom < 0.0, grid)


def up_to_failure(
    headroom: Float[Array, " quarter"], grid: TimeGrid, horizon: Float[Array, ""]
) -> tuple[Float[Array, ""], Int[Array, ""]]:
    """Lowest headroom up to the first failure and the horizon, and its quarter.

    After the first failure the vehicle is gone, and its headroom means nothing.
    """
    fails = (headroom < 0.0).astype(int)
    failed = jnp.cumsum(fails) - fails
    inside = grid.modelled(grid.ends) <= horizon + 1e-6
    counted = jnp.where((failed == 0) & inside, headroom, HIGHEST)
    quarter = jnp.argmin(counted)
    return counted[quarter], quarter
