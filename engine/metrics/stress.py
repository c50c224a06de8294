r"""Stress table: what a macro path and AI paper leave of capital and funding.

Ratios of the final holders by quarter, once under the macro path alone and once with
the losses on AI paper that the run books:

- banks: $(\text{CET1} + \sum o_\tau - \sum \ell_\tau)/(\text{RWA} + d_t)$, with $o$ the
  path's other changes of capital, $\ell$ losses on lines to funds and on direct loans,
  $d$ commitments drawn at once, weighted at 100 %;
- pensions: funded ratio $\phi\,(1 + e(q_t - 1) - \sum\ell_\tau/\text{assets})$, with
  $e$ the share of equities and $q$ their index. Public plans discount at the return
  they assume, so rates do not move liabilities (GASB 67);
- insurers: (surplus − losses − charges for downgrades)/general account. The path moves
  them through AI paper only.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy
from engine.investors import INSTITUTIONS, InvestorFlows


class MacroPath(eqx.Module):
    """A supervisor's path over the model quarters; the last value holds after it."""

    other_capital: Float[Array, " quarter"]
    """Change of banks' CET1 apart from AI paper [USD bn]."""
    drawn: Float[Array, " quarter"]
    """Commitments of banks drawn so far [USD bn]."""
    equity: Float[Array, " quarter"]
    """Public equities over their value at `as_of` [1]."""


class Balances(eqx.Module):
    """Balance sheets of the final holders at `as_of`."""

    banks_risk_weighted: Float[Array, ""]
    pensions_assets: Float[Array, ""]
    pensions_funded: Float[Array, ""]
    pensions_equities: Float[Array, ""]
    insurers_surplus: Float[Array, ""]
    insurers_general_account: Float[Array, ""]


class Ratios(eqx.Module):
    """A holder's ratio by quarter [1], and what AI paper cost it so far [USD bn]."""

    start: Float[Array, ""]
    macro: Float[Array, " quarter"]
    total: Float[Array, " quarter"]
    lost: Float[Array, " quarter"]


def stress(
    economy: Economy, balances: Balances, path: MacroPath, flows: InvestorFlows
) -> dict[str, Ratios]:
    """CET1 ratio of banks, funded ratio of pensions, surplus ratio of insurers.

    **Arguments:** `flows` of one run, with the quarter first.
    """
    b = balances
    cet1, by_bank = economy["banks.cet1"], flows.bank_direct + flows.bank_lines
    capital = cet1 + jnp.cumsum(path.other_capital)
    weighted = b.banks_risk_weighted + path.drawn
    lost = jnp.cumsum(by_bank)
    pension = INSTITUTIONS.index("pension")
    pensions = jnp.cumsum(flows.losses[:, pension])
    valued = b.pensions_funded * (1.0 + b.pensions_equities * (path.equity - 1.0))
    used = flows.used[:, INSTITUTIONS.index("insurer")]
    surplus = b.insurers_surplus / b.insurers_general_account
    return {
        "banks": Ratios(
            cet1 / b.banks_risk_weighted,
            capital / weighted,
            (capital - lost) / weighted,
            lost,
        ),
        "pensions": Ratios(
            b.pensions_funded,
            valued,
            valued - b.pensions_funded * pensions / b.pensions_assets,
            pensions,
        ),
        "insurers": Ratios(
            surplus,
            jnp.broadcast_to(surplus, used.shape),
            surplus - used / b.insurers_general_account,
            used,
        ),
    }
