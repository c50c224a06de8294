r"""The hurdle: the revenue that AI must earn so that those who fund it are paid.

$$ \text{EBITDA} = I r, \quad \text{revenue} = \frac{I r}{m}, \qquad
   \text{equity yield} = \frac{r - \lambda i}{1 - \lambda} $$

with investment $I$, required return $r$, margin $m$, debt share $\lambda$ and debt cost
$i$. That counts a return *on* capital only. The life-adjusted hurdle also returns it:
each bucket of capital $C_b$ with life $n_b$ earns the capital recovery factor

$$ \text{EBITDA} = \sum_b \frac{C_b}{A(w, n_b)}, \qquad
   A(w, n) = \frac{1 - (1 + w)^{-n}}{w} $$

at the cost of capital $w$, and is set against the GDP of the day, not the article's.
"""

from collections.abc import Mapping
from typing import NamedTuple

from engine._types import Scalar
from engine.numerics import annuity_factor, safe_divide

INPUTS: tuple[str, ...] = (
    "hurdle.investment",
    "hurdle.return",
    "hurdle.margin",
    "hurdle.gdp",
    "hurdle.cloud",
    "hurdle.debt_cost",
    "hurdle.debt",
    "hurdle.capital_cost",
    "hurdle.hardware",
    "hurdle.hardware_life",
    "hurdle.shell",
    "hurdle.shell_life",
    "macro.gdp",
)
"""Names of the figures that the hurdle reads."""

BUCKETS: tuple[str, ...] = ("hardware", "shell")
"""Kinds of capital with a life of their own."""


class Requirement(NamedTuple):
    """What must be earned in a year: [USD bn], [USD bn], then ratios."""

    ebitda: Scalar
    revenue: Scalar
    gdp_share: Scalar
    cloud_multiple: Scalar
    equity_yield: Scalar


class Bucket(NamedTuple):
    """One kind of capital: its recovery factor [1/year] and what it must earn."""

    recovery_factor: Scalar
    ebitda: Scalar
    revenue: Scalar


class Hurdle(NamedTuple):
    """The hurdle as the article states it, and with the capital returned as well."""

    article: Requirement
    life_adjusted: Requirement
    buckets: dict[str, Bucket]


def hurdle(figures: Mapping[str, Scalar]) -> Hurdle:
    """Required EBITDA and revenue, against GDP and against the cloud industry.

    **Arguments:** `figures`, the scalars named in `INPUTS` (others are ignored):
    money [USD bn], rates and shares as fractions, lives [years].

    **Returns:** `Hurdle`; the equity yield of the life-adjusted one is what is left to
    equity at the cost of capital, once the capital itself is returned.

    **Derivative:** differentiable in every figure (`jax.jacrev`); a zero margin, GDP,
    cloud revenue or equity share gives 0 with zero gradient.
    """
    margin, cloud = figures["hurdle.margin"], figures["hurdle.cloud"]
    debt_share, debt_cost = figures["hurdle.debt"], figures["hurdle.debt_cost"]

    def require(ebitda: Scalar, rate: Scalar, gdp: Scalar) -> Requirement:
        revenue = safe_divide(ebitda, margin)
        return Requirement(
            ebitda=ebitda,
            revenue=revenue,
            gdp_share=safe_divide(revenue, gdp),
            cloud_multiple=safe_divide(revenue, cloud),
            equity_yield=safe_divide(rate - debt_share * debt_cost, 1 - debt_share),
        )

    rate, capital_cost = figures["hurdle.return"], figures["hurdle.capital_cost"]
    buckets = {}
    for name in BUCKETS:
        annuity = annuity_factor(capital_cost, figures[f"hurdle.{name}_life"])
        ebitda = safe_divide(figures[f"hurdle.{name}"], annuity)
        buckets[name] = Bucket(
            safe_divide(1.0, annuity), ebitda, safe_divide(ebitda, margin)
        )
    total = buckets["hardware"].ebitda + buckets["shell"].ebitda
    return Hurdle(
        require(figures["hurdle.investment"] * rate, rate, figures["hurdle.gdp"]),
        require(total, capital_cost, figures["macro.gdp"]),
        buckets,
    )
