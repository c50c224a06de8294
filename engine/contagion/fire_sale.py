"""Fire sales: banks that hold to their leverage sell what others hold too."""

from typing import NamedTuple

import jax.numpy as jnp

from engine._types import ArrayLike, PerAsset, PerBank, Scalar
from engine.numerics import floats, require, require_shape, safe_divide


class FireSale(NamedTuple):
    """Losses are positive; `price_impact` is the return that the sales cause."""

    direct_loss: PerBank
    price_impact: PerAsset
    second_round_loss: PerBank
    aggregate_vulnerability: Scalar
    systemicness: PerBank


def fire_sale(
    holdings: ArrayLike,
    assets: ArrayLike,
    debt_to_equity: ArrayLike,
    price_impact: ArrayLike,
    shock: ArrayLike,
) -> FireSale:
    r"""One round of deleveraging with overlapping portfolios, linear price impact.

    With weights $M$, assets $A$, leverage $B = D/E$, impact $L$ and shock $f$:

    $$ \text{direct} = -A M f, \quad F_2 = L M' A B M f, \quad
       \text{second} = -A M F_2, $$

    $$ AV = \frac{\mathbf 1'\,\text{second}}{E}, \qquad
       S_i = -\frac{(\mathbf 1' A M L M')_i\, a_i b_i (M f)_i}{E}, \qquad
       \textstyle\sum_i S_i = AV, $$

    $E = \sum_i a_i / (1 + b_i)$. Linear as published: sales are not capped at
    holdings.

    **Arguments:** `holdings[bank, asset]`, weights ≥ 0 with rows that sum to at most
    one (the rest is cash); `assets[bank]` [USD bn] ≥ 0; `debt_to_equity[bank]` [x] ≥
    0; `price_impact[asset]` ≥ 0, return per dollar sold [1/USD bn]; `shock[asset]`,
    return (−0.5 = half lost).

    **Returns:** `FireSale(direct_loss[bank], price_impact[asset],
    second_round_loss[bank], aggregate_vulnerability, systemicness[bank])`; losses [USD
    bn], the last two as shares of total equity. **Raises:** `ValueError` for other
    shapes and values.

    **References:** Greenwood, Landier and Thesmar (2015), "Vulnerable banks", JFE
    115(3), eqs. 3–7.
    """
    holdings, assets, debt_to_equity, price_impact, shock = floats(
        holdings, assets, debt_to_equity, price_impact, shock
    )
    require_shape("holdings", holdings, (-1, -1))
    n_banks, n_assets = holdings.shape
    require_shape("assets", assets, (n_banks,))
    require_shape("debt_to_equity", debt_to_equity, (n_banks,))
    require_shape("price_impact", price_impact, (n_assets,))
    require_shape("shock", shock, (n_assets,))
    for name, value in (
        ("holdings", holdings),
        ("assets", assets),
        ("debt_to_equity", debt_to_equity),
        ("price_impact", price_impact),
    ):
        require(name, value, lambda x: x >= 0, "non-negative")
    tolerance = 100 * jnp.finfo(holdings.dtype).eps
    require(
        "holdings",
        holdings,
        lambda x: x.sum(axis=1) <= 1 + tolerance,
        "weights whose rows sum to at most 1",
    )
    require("shock", shock, lambda x: x >= -1, "a return of at least -1")

    gain = assets * (holdings @ shock)
    purchases = debt_to_equity * gain
    impact = price_impact * (holdings.T @ purchases)
    second_round_loss = -assets * (holdings @ impact)
    # Loss of the system per dollar that a bank puts into its own mix.
    reach = holdings @ (price_impact * (holdings.T @ assets))
    equity = jnp.sum(assets / (1 + debt_to_equity))
    return FireSale(
        direct_loss=-gain,
        price_impact=impact,
        second_round_loss=second_round_loss,
        aggregate_vulnerability=safe_divide(jnp.sum(second_round_loss), equity),
        systemicness=safe_divide(-reach * purchases, equity),
    )
