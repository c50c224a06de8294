r"""Look-through exposure at `as_of`: from every holder to every tenant.

$$ X_{ht} = \sum_c s_{hc}\, B_c\, w_{v(c),t} $$

with balance $B_c$ of a class of debt, the share $s_{hc}$ that a final holder has of it
(its own paper, and its share of what funds hold), and the weight $w_{vt}$ of a customer
or tenant in what the vehicle earns. The Herfindahl index of a row says how concentrated
a holder is, and the overlap of two rows how much they share.
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy
from engine.funds.holders import HOLDERS, INSTITUTIONS, Holders
from engine.funds.private_credit import cohort_shares
from engine.metrics.chain import BANK, FUNDS, OUTSIDE, investors_of
from engine.numerics import ratio_above

OTHERS = "other tenants"


class Concentration(eqx.Module):
    """Exposures [USD bn] and what they say of concentration."""

    holders: tuple[str, ...] = eqx.field(static=True)
    tenants: tuple[str, ...] = eqx.field(static=True)
    exposure: Float[Array, "holder tenant"]
    """Of the final holders: those of funds are their investors'."""
    by_fund: Float[Array, "fund tenant"]
    herfindahl: Float[Array, " holder"]
    """Σ of squared shares of a holder's exposure: 1 is a single tenant."""
    common: Float[Array, "holder holder"]
    """Σ over tenants of the smaller of two holders' shares: 1 is the same portfolio."""


def tenant_weights(
    economy: Economy,
) -> tuple[tuple[str, ...], Float[Array, "vehicle tenant"]]:
    """Customers and tenants, and their weight in each vehicle (neoclouds, SPVs)."""
    clouds, spvs = economy.members("neoclouds"), economy.members("spvs")
    customers = [*economy.members("labs"), *economy.members("hyperscalers")]
    tenants = [economy.blueprint.choice(f"spvs.{name}.tenant") for name in spvs]
    named = tuple(dict.fromkeys([*customers, *(t for t in tenants if t != OUTSIDE)]))
    zero = jnp.zeros((), economy["macro.gdp"].dtype)
    rows = []
    for name in clouds:
        key = f"neoclouds.{name}.customers."
        row = [economy[key + t] if t in customers else zero for t in named]
        rows.append(jnp.stack([*row, 1.0 - sum(row)]))
    for tenant in tenants:
        row = [zero + float(tenant == t) for t in named]
        rows.append(jnp.stack([*row, 1.0 - sum(row)]))
    return (*named, OTHERS), jnp.stack(rows)


def look_through(economy: Economy, state: Any) -> Concentration:
    """Exposures of the opening balance sheets `state` (at par)."""
    n, k = len(economy.members("neoclouds")), len(economy.members("spvs"))
    clouds, spvs = state.clouds, state.spvs
    balance = jnp.concatenate(
        [clouds.secured, clouds.unsecured, spvs.debt - spvs.takeout, spvs.takeout]
    )
    tenants, weights = tenant_weights(economy)
    vehicle = jnp.asarray([*range(n), *range(n), *range(n, n + k), *range(n, n + k)])
    by_class = balance[:, None] * weights[vehicle]
    shares = Holders.build(economy)
    direct = {
        name: jnp.sum(getattr(shares, name)[:, None] * by_class, axis=0)
        for name in HOLDERS
    }
    of_cohort = (cohort_shares(economy) * shares.fund[None]) @ by_class
    held = {"fund": of_cohort, "bond_fund": direct["bond_fund"][None]}
    rows = []
    final = (*INSTITUTIONS, *economy.holders(), BANK, OUTSIDE)
    for name in final:
        row = direct.get(name, jnp.zeros_like(direct[OUTSIDE]))
        for holder in FUNDS:
            # Banks own nothing of a fund.
            part = investors_of(economy, holder).get(name)
            if part is not None:
                row = row + jnp.sum(part[:, None] * held[holder], axis=0)
        rows.append(row)
    exposure = jnp.stack(rows)
    mix = ratio_above(exposure, jnp.sum(exposure, axis=1, keepdims=True))
    return Concentration(
        holders=final,
        tenants=tenants,
        exposure=exposure,
        by_fund=jnp.stack([direct[name] for name in FUNDS]),
        herfindahl=jnp.sum(mix**2, axis=1),
        common=jnp.sum(jnp.minimum(mix[:, None], mix[None]), axis=2),
    )
