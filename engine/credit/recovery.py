"""Recovery: what creditors of a defaulted issuer receive from its assets."""

from engine._types import ArrayLike
from engine.credit.waterfall import Waterfall, _pay
from engine.numerics import floats, require


def recover(assets: ArrayLike, claims: ArrayLike) -> Waterfall:
    r"""Divides the proceeds of an estate by absolute priority.

    $$ p_k = \min\Big(c_k,\ \max\big(0,\ A - \textstyle\sum_{j<k} c_j\big)\Big) $$

    Recovery never exceeds claim or assets; what remains belongs to the owners. Several
    creditors of one rank share its row pro rata to their claims.

    **Arguments:** `assets[...]` [USD bn] ≥ 0; `claims[rank, ...]` [USD bn] ≥ 0, senior
    first; a scalar `assets` serves every column.

    **Returns:** `(recovered[rank, ...], remainder[...])`, as in `waterfall`.
    **Raises:** `ValueError` for shapes that do not match and for negative values.

    **References:** Merton (1974), "On the pricing of corporate debt", eq. 12: the
    absolute-priority payoff.
    """
    (assets,) = floats(assets)
    require("assets", assets, lambda x: x >= 0, "non-negative")
    return _pay("assets", assets, claims)
