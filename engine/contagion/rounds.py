"""Sums rounds of forced sales that lower the prices of what other sellers hold."""

import jax.numpy as jnp
from jaxtyping import Array, Float

LEAST_LEFT = 0.01
"""Least that remains of a seller's own round: a gain of one or more has no sum."""


def all_rounds(
    more: Float[Array, "seller ..."],
    gain: Float[Array, "seller ..."],
    falls: Float[Array, "seller asset ..."],
    split: Float[Array, "seller asset ..."],
) -> Float[Array, "seller ..."]:
    r"""Sum of all rounds of two or three sellers, $(1 - G)^{-1}$ of the next.

    With $G_{ij} = g_i \sum_a f_{ia} s_{ja}$ (what $j$ sells lowers what $i$ holds). A
    third seller is eliminated, two are solved by Cramer's rule. A gain of one or more
    has no sum: pivot and determinant are kept positive, and the cap at what is held
    decides.

    **Arguments:** `more`, the next round [USD bn]; `gain` $g$, sales per return that is
    lost [USD bn]; `falls` $f$, split times slope of the price [1/USD bn]; `split` $s$,
    shares of a sale by asset.
    """
    own = 1.0 - gain * jnp.sum(falls * split, axis=1)
    # What one sells lowers what the other holds; the same whichever way round.
    cross = gain[:2] * jnp.sum(falls[0] * split[1], axis=0)
    if more.shape[0] == 2:
        return _pair(more, own, cross)
    felt = jnp.sum(falls[:2] * split[2:3], axis=1)
    to_pair, to_last = gain[:2] * felt, gain[2:3] * felt
    pivot = jnp.maximum(own[2:3], LEAST_LEFT)
    through, first = to_pair / pivot, more[2:3]
    pair = _pair(
        more[:2] + through * first,
        own[:2] - through * to_last,
        cross + through * to_last[::-1],
    )
    last = (first + jnp.sum(to_last * pair, axis=0, keepdims=True)) / pivot
    return jnp.concatenate([pair, last])


def _pair(
    more: Float[Array, "2 ..."],
    own: Float[Array, "2 ..."],
    cross: Float[Array, "2 ..."],
) -> Float[Array, "2 ..."]:
    """Two sellers by Cramer's rule."""
    left = jnp.maximum(own[0] * own[1] - cross[0] * cross[1], LEAST_LEFT)
    swapped = own[::-1] * more + cross * more[::-1]
    return swapped / left
