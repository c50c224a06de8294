r"""Solves the system of a clearing without subtracting.

Firms that pay one another nearly everything make $I - \beta \Pi'$ nearly singular: what
leaves the circle is the small difference of two sums. Elimination that carries this
leak beside the matrix only adds, multiplies and divides positive numbers, so that every
entry keeps its digits however small the leak.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Float

Matrix = Float[Array, "part part"]
Vector = Float[Array, " part"]


class Factors(NamedTuple):
    """Lower times upper is $I - A$; no pivot was subtracted from."""

    lower: Matrix
    upper: Matrix


def factors(passed: Matrix, leak: Vector) -> Factors:
    r"""Factors $I - A$, its diagonal as $\textstyle\sum_i A_{ik} + \ell_k$.

    **Arguments:** `passed[i, k]` $A$ ≥ 0, what of a dollar paid by $k$ reaches $i$,
    zero diagonal; `leak[k]` $\ell$ > 0, what of it leaves the system.

    **References:** Grassmann, Taksar and Heyman (1985), Operations Research 33(5);
    O'Cinneide (1993), Numerische Mathematik 65 (entrywise accuracy).
    """
    passed, leak = lax.stop_gradient((passed, leak))
    n = leak.shape[0]
    index = jnp.arange(n)

    def eliminate(k, carry):
        a, left, pivots = carry
        later = index > k
        column, row = jnp.where(later, a[:, k], 0.0), jnp.where(later, a[k], 0.0)
        pivot = left[k] + jnp.sum(column)
        share = row / pivot
        more = jnp.where(
            index[:, None] == index[None], 0.0, column[:, None] * share[None]
        )
        return a + more, left + left[k] * share, pivots.at[k].set(pivot)

    a, _, pivots = lax.fori_loop(0, n, eliminate, (passed, leak, jnp.ones_like(leak)))
    lower = jnp.eye(n, dtype=a.dtype) - jnp.tril(a, -1) / pivots[None]
    return Factors(lower, jnp.diag(pivots) - jnp.triu(a, 1))


def solve(passed: Matrix, known: Factors, right: Vector) -> Vector:
    r"""Solves $(I - A)\,x = b$: every entry to rounding where $b$ ≥ 0.

    Derivatives are implicit, of any order.
    """

    def forward(_, b):
        y = solve_triangular(known.lower, b, lower=True, unit_diagonal=True)
        return solve_triangular(known.upper, y)

    def transposed(_, b):
        return solve_transposed(known, b)

    return lax.custom_linear_solve(lambda x: x - passed @ x, right, forward, transposed)


def solve_transposed(known: Factors, right: Vector) -> Vector:
    r"""Solves $(I - A)'\,x = b$; for $b = \ell$, what of a dollar leaves in the end."""
    y = solve_triangular(known.upper, right, trans=1)
    return solve_triangular(known.lower, y, lower=True, unit_diagonal=True, trans=1)
