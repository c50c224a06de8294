"""Fire sales to the end: price impact with a floor, and rounds until nobody sells."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from engine._types import ArrayLike, Holdings, PerAsset, PerBank, Status, Values
from engine.numerics import floats, ratio_above, require, require_shape

DELEVERAGING_STATUS = ("converged", "still_selling")


class Deleveraging(NamedTuple):
    """Where the sales end [USD bn]; prices are relative to those before the shock."""

    price: PerAsset
    kept: Holdings
    """Holdings that remain, at the prices before the shock."""
    sold: Holdings
    """Sales, at the prices at which each round began."""
    direct_loss: PerBank
    mark_loss: PerBank
    """Fall of what was kept: mark-to-market."""
    shortfall: PerBank
    """What sellers got less than the price at which their round began."""
    redeemed: PerBank
    """Cash paid to a fund's investors."""
    equity: PerBank
    rounds: Int[Array, ""]
    """Rounds in which anybody sold."""
    status: Status


class _Book(NamedTuple):
    price: PerAsset
    kept: Holdings
    equity: PerBank
    lost: PerBank
    """Loss of the last round: what fund investors react to."""


class _Round(NamedTuple):
    sold: Holdings
    mark_loss: PerBank
    shortfall: PerBank
    redeemed: PerBank


def price_fall(
    sales: ArrayLike,
    depth: ArrayLike,
    price: ArrayLike = 1.0,
    floor: ArrayLike = 0.0,
    impact: str = "exponential",
) -> Values:
    r"""Relative fall of a price when `sales` come to a market.

    With room $\kappa = 1 - \text{floor}/\text{price}$:

    $$ \Psi = \min(q/D,\ \kappa) \ \text{(linear)}, \qquad
       \Psi = \kappa\,\big(1 - e^{-q/(\kappa D)}\big) \ \text{(exponential)}. $$

    Both have slope $1/D$ at no sales and never take the price below its floor; the
    exponential one is concave.

    **Arguments:** `sales` $q$ [USD bn] ≥ 0, `depth` $D$ [USD bn] > 0, `price` > 0 and
    `floor` ≥ 0 in one unit; shapes broadcast at equal rank.

    **References:** Cont and Schaanning (2017), "Fire sales, indirect contagion and
    systemic stress testing", Norges Bank WP 2/2017, §3.3 (level-dependent impact).
    """
    sales, depth, price, floor = floats(sales, depth, price, floor)
    room = jnp.maximum(1.0 - floor / price, 0.0)
    if impact == "linear":
        return jnp.minimum(sales / depth, room)
    if impact != "exponential":
        raise ValueError(f"impact must be 'linear' or 'exponential', got {impact!r}")
    return room * -jnp.expm1(-ratio_above(sales, room * depth, 0.0, 0.0))


def deleverage(
    holdings: ArrayLike,
    other_assets: ArrayLike,
    equity: ArrayLike,
    depth: ArrayLike,
    shock: ArrayLike,
    target_leverage: ArrayLike,
    maximum_leverage: ArrayLike | None = None,
    floor: ArrayLike = 0.0,
    outflow_slope: ArrayLike = 0.0,
    shortfall_share: ArrayLike = 0.5,
    impact: str = "exponential",
    rounds: int = 60,
) -> Deleveraging:
    r"""Sells, marks everybody to market and sells again, until nobody has to.

    In each round an institution with assets $A_i$ (marketable $M_i$ among them) and
    equity $E_i$ sells the share

    $$ \Gamma_i = \mathrm{clip}\Big(\frac{A_i - \lambda_i^{*} E_i + s_i\,\ell_i}{M_i},
       0, 1\Big), \qquad A_i > \lambda_i^{\max} E_i, $$

    of each marketable holding. The first part repays debt; the second pays investors
    who withdraw $s_i$ per unit of the last loss $\ell_i$ (a fund's flows follow its
    performance; $\ell_i$ of the first round is the direct loss). Prices fall by
    `price_fall` of all sales; what is kept is marked down in full, what is sold by
    `shortfall_share` of the fall. An institution without equity sells all it can. Cash
    is never made or lost:

    $$ E_i = E_i^0 - \text{direct}_i - \text{mark}_i - \text{shortfall}_i
       - \text{redeemed}_i . $$

    **Arguments:** `holdings[bank, asset]` [USD bn] ≥ 0 before the shock;
    `other_assets[bank]` not for sale, `equity[bank]` [USD bn]; `depth[asset]` [USD bn]
    > 0; `shock[asset]`, return ≥ −1; `target_leverage[bank]` = assets/equity [x], and
    `maximum_leverage[bank]` above which it is restored (by default the same; a gap is a
    jump); `floor[asset]`, lowest price, of that before the shock; `outflow_slope[bank]`
    [x] ≥ 0; `shortfall_share` in [0, 1]; scalars stand for all. `rounds`, static.

    **Returns:** `Deleveraging`; `DELEVERAGING_STATUS` says whether the last round still
    sold. **Raises:** `ValueError` for other shapes and values.

    **References:** Cont and Schaanning (2017), §3 (rounds, thresholds, implementation
    shortfall); Greenwood, Landier and Thesmar (2015), JFE 115(3): their one round is
    the limit of small shocks; Cetorelli, Duarte and Eisenbach (2016), Liberty Street
    Economics, "Are asset managers vulnerable to fire sales?" (flows of funds).
    """
    if maximum_leverage is None:
        maximum_leverage = target_leverage
    values = floats(
        holdings,
        other_assets,
        equity,
        depth,
        shock,
        target_leverage,
        maximum_leverage,
        floor,
        outflow_slope,
        shortfall_share,
    )
    holdings, other_assets, equity, depth, shock = values[:5]
    target, maximum, floor, outflow_slope, shortfall_share = values[5:]
    _check(holdings, other_assets, equity, depth, shock)
    for name, value in (("outflow_slope", outflow_slope), ("floor", floor)):
        require(name, value, lambda x: x >= 0, "non-negative")
    require("shortfall_share", shortfall_share, lambda x: (x >= 0) & (x <= 1), "0 to 1")
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, got {rounds}")

    def sell(book: _Book, _: None) -> tuple[_Book, _Round]:
        worth = book.kept * book.price[None]
        marketable = jnp.sum(worth, axis=1)
        assets = marketable + other_assets
        excess = jnp.maximum(assets - target * book.equity, 0.0)
        repay = jnp.where(assets > maximum * book.equity, excess, 0.0)
        repay = jnp.minimum(repay, marketable)
        redeem = jnp.minimum(outflow_slope * book.lost, marketable - repay)
        # A fund pays out what it owns, not what it owes.
        redeem = jnp.clip(redeem, 0.0, jnp.maximum(book.equity, 0.0))
        share = ratio_above(repay + redeem, marketable)
        sold = share[:, None] * worth
        fall = price_fall(jnp.sum(sold, axis=0), depth, book.price, floor, impact)
        mark_loss = jnp.sum((worth - sold) * fall[None], axis=1)
        shortfall = shortfall_share * jnp.sum(sold * fall[None], axis=1)
        after = _Book(
            price=book.price * (1.0 - fall),
            kept=book.kept * (1.0 - share)[:, None],
            equity=book.equity - mark_loss - shortfall - redeem,
            lost=mark_loss + shortfall,
        )
        return after, _Round(sold, mark_loss, shortfall, redeem)

    price = 1.0 + shock
    direct_loss = -(holdings @ shock)
    start = _Book(price, holdings, equity - direct_loss, direct_loss)
    end, done = lax.scan(sell, start, length=rounds)
    by_round = jnp.sum(done.sold, axis=(1, 2))
    is_selling = by_round > 1e-9 * jnp.sum(holdings)
    return Deleveraging(
        price=end.price,
        kept=end.kept,
        sold=jnp.sum(done.sold, axis=0),
        direct_loss=direct_loss,
        mark_loss=jnp.sum(done.mark_loss, axis=0),
        shortfall=jnp.sum(done.shortfall, axis=0),
        redeemed=jnp.sum(done.redeemed, axis=0),
        equity=end.equity,
        rounds=jnp.sum(is_selling),
        status=jnp.where(is_selling[-1], 1, 0),
    )


def _check(
    holdings: Float[Array, "..."],
    other_assets: Float[Array, "..."],
    equity: Float[Array, "..."],
    depth: Float[Array, "..."],
    shock: Float[Array, "..."],
) -> None:
    require_shape("holdings", holdings, (-1, -1))
    n_banks, n_assets = holdings.shape
    require_shape("other_assets", other_assets, (n_banks,))
    require_shape("equity", equity, (n_banks,))
    require_shape("depth", depth, (n_assets,))
    require_shape("shock", shock, (n_assets,))
    require("holdings", holdings, lambda x: x >= 0, "non-negative")
    require("other_assets", other_assets, lambda x: x >= 0, "non-negative")
    require("depth", depth, lambda x: x > 0, "positive")
    require("shock", shock, lambda x: x >= -1, "a return of at least -1")
