"""How hyperscalers funded their gaps, as the command prints it."""

from typing import Any

import numpy as np

from scripts._leases import quarterly

YEARS = 10
"""Years from `as_of` that are printed; files hold every quarter."""


def hyperscaler_funding(economy: Any, grid: Any, result: Any) -> dict[str, Any] | None:
    """Rungs, their marginal costs and debt on and off balance sheets; None without.

    Amounts by rung are USD bn in the year that ends at each date (the first: since
    `as_of`), stocks at its end, marginal costs over the ten-year rate.
    """
    flows = result.record.hyperscalers
    funding = flows.funding
    if funding is None:
        return None
    ends = np.asarray(grid.modelled(grid.ends), np.float64)
    is_shown = np.isclose(ends, np.round(ends)) & (ends <= ends[0] + YEARS + 1)
    shown = np.flatnonzero(is_shown)
    ten_year = np.asarray(result.record.drivers.ten_year, np.float64)
    leases = quarterly(economy, grid, result)

    def yearly(flow: Any, i: int) -> list[float]:
        sums = np.cumsum(np.asarray(flow, np.float64)[:, i])[shown]
        return np.diff(sums, prepend=0.0).tolist()

    def at(stock: Any, i: int) -> list[float]:
        return np.asarray(stock, np.float64)[shown, i].tolist()

    def over(cost: Any, i: int) -> list[float]:
        path = np.asarray(cost, np.float64)[:, i] - ten_year
        return (1e4 * path[shown]).tolist()

    def company(name: str, i: int) -> dict[str, Any]:
        # The view's first quarter is the one that ends at `as_of`.
        view = leases.get(name)
        kept = None if view is None else view["off_balance_sheet"][1:][shown].tolist()
        return {
            "from_cash_bn": yearly(funding.from_cash, i),
            "bonds_bn": yearly(flows.issued, i),
            "leased_bn": yearly(funding.leased, i),
            "payout_cut_bn": yearly(funding.payout_cut, i),
            "capex_cut_bn": yearly(funding.capex_cut, i),
            "marginal_bond_bps": over(funding.bond_cost, i),
            "marginal_lease_bps": over(funding.lease_cost, i),
            "debt_bn": at(flows.debt, i),
            "owed_to_lessors_bn": at(funding.obligation, i),
            "off_balance_sheet_bn": kept or [0.0] * len(shown),
            "adjusted_leverage_x": at(funding.leverage, i),
        }

    spread = np.asarray(funding.supply_spread, np.float64)
    return {
        "date": ends[shown].tolist(),
        "supply_spread_bps": (1e4 * spread[shown]).tolist(),
        "companies": {
            name: company(name, i)
            for i, name in enumerate(economy.members("hyperscalers"))
        },
    }
