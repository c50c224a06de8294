"""Leland (1994): the walking-away rule on a fine grid tends to his closed form."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.contracts import walk_away

pytestmark = pytest.mark.peers
ASSETS, COUPON, RATE, SIGMA, TAX, LOST = 100.0, 6.0, 0.06, 0.2, 0.35, 0.5
YEARS = 150  # what is later is worth e⁻⁹


def leland(assets, coupon):
    """Equations 7 (debt), 13 (equity) and 14 (boundary)."""
    x = 2 * RATE / SIGMA**2
    boundary = (1 - TAX) * coupon / (RATE + SIGMA**2 / 2)
    reached = (assets / boundary) ** -x
    debt = coupon / RATE + ((1 - LOST) * boundary - coupon / RATE) * reached
    safe = (1 - TAX) * coupon / RATE
    return boundary, assets - safe + (safe - boundary) * reached, debt


@functools.cache
def solved(per_year, coupon=COUPON, penalty=0.0):
    dt = 1 / per_year
    half = int(np.ceil(3.5 / (SIGMA * np.sqrt(3 * dt))))
    return jax.jit(
        lambda c, k: walk_away(
            ASSETS,
            c,
            RATE,
            SIGMA,
            dt=dt,
            n_steps=YEARS * per_year,
            tax=TAX,
            bankruptcy_cost=LOST,
            penalty=k,
            half_width=half,
        )
    )(jnp.asarray(coupon), jnp.asarray(penalty))


def now(x):
    return float(x[x.shape[0] // 2])


def errors(per_year, coupon):
    exact = leland(ASSETS, coupon)
    result = solved(per_year, coupon)
    ours = float(result.boundary), now(result.owner), now(result.creditor)
    return np.abs(np.array(ours) / np.array(exact) - 1)


@pytest.mark.parametrize("coupon", [3.0, 6.0, 9.0])
def test_boundary_and_values_converge(coupon):
    coarse, finer, finest = (errors(n, coupon) for n in (4, 64, 1024))
    # A step of a sixteenth: boundary of order √dt, the owner's value of order dt.
    assert finer[0] < coarse[0] * 0.6
    assert finest[0] < finer[0] * 0.6
    assert finer[1] < coarse[1] / 8
    assert finest[1] < finer[1] / 8
    np.testing.assert_array_less(finest, [0.005, 2e-4, 2e-3])


def test_what_leaving_costs_moves_the_boundary_down():
    assert solved(16, COUPON, 5.0).boundary < solved(16).boundary
    assert now(solved(16, COUPON, 5.0).creditor) > now(solved(16).creditor)
