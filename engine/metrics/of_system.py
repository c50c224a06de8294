"""Metrics of funds, investors, banks, government and the system as a whole."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from engine.credit.guarantee import Covered
from engine.economy import Economy
from engine.grid import DT
from engine.metrics.funding import BUCKETS, USES, funding
from engine.metrics.present_value import at_ten_year
from engine.metrics.registry import Formula, register_entity


def _quarters_to_loss(
    record: Any, share: float
) -> tuple[Float[Array, "..."], Bool[Array, "..."]]:
    """Quarters from the first credit loss to `share` of the final one."""
    lost = jnp.sum(record.classes.loss + record.classes.claimed, axis=1)
    total = jnp.cumsum(lost, axis=0)
    final = total[-1]
    # Counting quarters instead of looking one up keeps the batch axis in place.
    waiting = jnp.sum((total <= 1e-6).astype(total.dtype), axis=0)
    short = jnp.sum((total < share * final).astype(total.dtype), axis=0)
    return short - waiting, final > 1e-6


def _most(path: Float[Array, "quarter ..."] | None) -> Float[Array, "..."] | None:
    """The highest of a path that the economy may lack."""
    return None if path is None else jnp.max(path, axis=0)


def _guaranteed(r: Any, e: Economy) -> Float[Array, "quarter ..."]:
    """What the government would pay if every guaranteed loan were lost [USD bn]."""
    n, covered = len(e.members("neoclouds")), Covered.build(e)
    m = 2 * n + len(e.members("spvs"))
    # Unsecured notes are the one class without a guarantee.
    parts = {"secured": slice(n), "notes": slice(2 * n, m), "takeout": slice(m, None)}
    balance = sum(
        covered.of(kind, jnp.sum(r.classes.balance[:, part], axis=1))
        for kind, part in parts.items()
    )
    return balance * e["guarantee.coverage"] * e["guarantee.claims"]


def _claims(r: Any, e: Economy) -> Float[Array, "..."]:
    """Value of what the government pays of losses."""
    return at_ten_year(jnp.sum(r.classes.claimed, axis=1), e)


def _premium(r: Any) -> Float[Array, "quarter ..."] | None:
    """What the government receives; None where nothing is charged."""
    if r.classes.premium is None:
        return None
    return jnp.sum(r.classes.premium, axis=1)


def _premium_sum(r: Any) -> Float[Array, "..."] | None:
    premium = _premium(r)
    return None if premium is None else jnp.sum(premium, axis=0)


def _premium_value(r: Any, e: Economy) -> Float[Array, "..."] | None:
    premium = _premium(r)
    return None if premium is None else at_ten_year(premium, e)


def _subsidy(r: Any, e: Economy) -> Float[Array, "..."] | None:
    premium = _premium_value(r, e)
    return None if premium is None else _claims(r, e) - premium


register_entity(
    "bond",
    "credit_loss",
    "L",
    "USD bn",
    "credit loss of all lenders",
    lambda r, i, e, g: jnp.sum(r.bond.credit_loss, axis=0),
)
register_entity(
    "pension",
    "loss",
    "L",
    "USD bn",
    "credit loss as final holder",
    lambda r, i, e, g: jnp.sum(r.investors.losses[:, 0], axis=0),
)
register_entity(
    "insurer",
    "loss",
    "L",
    "USD bn",
    "credit loss as final holder",
    lambda r, i, e, g: jnp.sum(r.investors.losses[:, 1], axis=0),
)
register_entity(
    "bank",
    "loss",
    "L",
    "USD bn",
    "credit loss as final holder",
    lambda r, i, e, g: jnp.sum(
        r.investors.bank_direct + r.investors.bank_lines, axis=0
    ),
)
register_entity(
    "government",
    "loss",
    "L",
    "USD bn",
    "credit loss as final holder",
    lambda r, i, e, g: jnp.sum(r.investors.government, axis=0),
)
register_entity(
    "government",
    "claims_value",
    "C",
    "USD bn",
    "claims paid, at the ten-year rate of as_of",
    lambda r, i, e, g: _claims(r, e),
)
register_entity(
    "government",
    "premium",
    "Q",
    "USD bn",
    "premium received for the guarantee",
    lambda r, i, e, g: _premium_sum(r),
)
register_entity(
    "government",
    "premium_value",
    "Q",
    "USD bn",
    "premium received, at the ten-year rate of as_of",
    lambda r, i, e, g: _premium_value(r, e),
)
register_entity(
    "government",
    "subsidy",
    "S",
    "USD bn",
    "claims paid less premium received, at the ten-year rate of as_of",
    lambda r, i, e, g: _subsidy(r, e),
)
register_entity(
    "government",
    "guaranteed_peak",
    "G",
    "USD bn",
    "largest guaranteed balance: the contingent liability",
    lambda r, i, e, g: jnp.max(_guaranteed(r, e), axis=0),
)
register_entity(
    "government",
    "guaranteed_value",
    "A",
    "USD bn·years",
    "guaranteed balance times years, at the ten-year rate of as_of",
    lambda r, i, e, g: at_ten_year(_guaranteed(r, e) * DT, e),
)
register_entity(
    "system",
    "credit_loss",
    "L",
    "USD bn",
    "credit loss of all lenders",
    lambda r, i, e, g: jnp.sum(
        jnp.sum(r.classes.loss + r.classes.claimed, axis=1), axis=0
    ),
)
register_entity(
    "system",
    "leak_bank",
    "ℓ1",
    "USD bn",
    "leak 1: bank losses and margin-call sales",
    lambda r, i, e, g: jnp.sum(
        r.investors.bank_direct + r.investors.bank_lines + jnp.sum(r.fund.sold, axis=1),
        axis=0,
    ),
)
register_entity(
    "system",
    "leak_public",
    "ℓ2",
    "USD bn",
    "leak 2: forced sales of public assets",
    lambda r, i, e, g: jnp.sum(jnp.sum(r.investors.forced_sales, axis=1), axis=0),
)
register_entity(
    "system",
    "peak_spread",
    "ς",
    "1/year",
    "highest contagion spread",
    lambda r, i, e, g: jnp.max(r.system.spread, axis=0),
)
register_entity(
    "system",
    "lowest_openness",
    "Ω",
    "share",
    "lowest openness of markets",
    lambda r, i, e, g: jnp.min(r.system.openness, axis=0),
)
register_entity(
    "system",
    "lowest_utilisation",
    "u",
    "share",
    "lowest utilisation of the fleet",
    lambda r, i, e, g: jnp.min(r.prices.utilisation, axis=0),
)
register_entity(
    "system",
    "peak_fleet",
    "F",
    "GW",
    "largest fleet in service",
    lambda r, i, e, g: jnp.max(r.prices.in_service, axis=0),
)
register_entity(
    "system",
    "peak_queue",
    "Q",
    "GW",
    "most capacity that is financed and waits for power",
    lambda r, i, e, g: _most(r.prices.waiting),
)
register_entity(
    "system",
    "longest_wait",
    "τ",
    "years",
    "longest wait for power: the queue over what is connected in a year",
    lambda r, i, e, g: _most(r.prices.wait),
)
register_entity(
    "system",
    "debt_peak",
    "D",
    "USD bn",
    "highest debt of the financed vehicles",
    lambda r, i, e, g: jnp.max(jnp.sum(r.classes.balance, axis=1), axis=0),
)
register_entity(
    "system",
    "quarters_to_half_loss",
    "t50",
    "quarters",
    "first credit loss to half of the final one",
    lambda r, i, e, g: _quarters_to_loss(r, 0.5),
)
register_entity(
    "system",
    "quarters_to_most_loss",
    "t90",
    "quarters",
    "first credit loss to 90 % of the final one",
    lambda r, i, e, g: _quarters_to_loss(r, 0.9),
)
register_entity(
    "system",
    "revenue",
    "R",
    "USD bn/year",
    "end users' spending on AI in 2030Q4",
    lambda r, i, e, g: r.drivers.revenue[
        jnp.argmin(jnp.abs(g.modelled(g.middles) - 2030.875))
    ],
)
register_entity(
    "system",
    "tech_equity_lost",
    "W",
    "USD bn",
    "largest fall of tech equity from its high",
    lambda r, i, e, g: jnp.max(r.wealth.highest - r.wealth.equity, axis=0),
)
register_entity(
    "system",
    "spending_cut",
    "z",
    "share",
    "largest cut of households' spending by the wealth effect, in GDP",
    lambda r, i, e, g: jnp.max(r.wealth.cut, axis=0),
)


def _funded(name: str) -> Formula:
    return lambda r, i, e, g: funding(r, e, g)[name]


for _name in USES:
    register_entity(
        "system",
        f"investment_{_name}",
        "I",
        "USD bn",
        f"built from 2025 to 2028: {_name}",
        _funded(_name),
    )
for _name in BUCKETS:
    register_entity(
        "system",
        f"funding_{_name}",
        "I",
        "USD bn",
        f"funding of the build from 2025 to 2028: {_name.replace('_', ' ')}",
        _funded(_name),
    )
