"""Clearing against rational arithmetic that tries every state."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.contagion import CLEARING_STATUS, clear, clearing_status
from tests.exact_clearing import greatest, solutions
from tests.helpers import finite_difference_jvp

clear_jit = jax.jit(clear)
status_jit = jax.jit(clearing_status)
COSTS = [(1, 1), (Fraction(1, 2), Fraction(4, 5)), (Fraction(1, 3), 1), (0, 0)]
VENDOR, LAB, CLOUD = range(3)


def floating(x):
    return jnp.asarray(np.array(x, dtype=float))


def check(liabilities, assets, external, alpha, beta):
    """`clear` finds the greatest exact vector and its defaults; returns the vector."""
    expected = greatest(liabilities, assets, external, alpha, beta)
    found = clear_jit(
        *map(floating, (liabilities, assets, external)), float(alpha), float(beta)
    )
    scale = 1.0 + float(max(x for rank in liabilities for row in rank for x in row))
    np.testing.assert_allclose(
        found.payments, floating(expected.payments), rtol=0, atol=1e-12 * scale
    )
    np.testing.assert_array_equal(found.defaults, expected.defaults)
    return expected


def drawn(rng, n_firms, n_ranks):
    """Small rationals with many ties: firms that pay in full to the cent are common."""
    part = int(rng.choice([1, 2, 3, 7]))
    debts = rng.integers(0, 5, (n_ranks, n_firms, n_firms))
    debts = debts * (rng.random(debts.shape) < 0.6) * (1 - np.eye(n_firms, dtype=int))
    assets = rng.integers(0, 4, n_firms) * (rng.random(n_firms) < 0.5)
    liabilities = [
        [[Fraction(int(x), part) for x in row] for row in rank] for rank in debts
    ]
    external = Fraction(int(rng.choice([0, 0, 1, 2])), part)
    return liabilities, [Fraction(int(x), part) for x in assets], external


LEAKS = [10.0**-k for k in range(13)]


def test_a_circle_from_which_next_to_nothing_leaves():
    """What leaves is the small difference of what is owed: the digits must not."""
    owed = [[[0.0, 10.0], [10.0, 0.0]]]
    for leak in LEAKS:
        for part in (0.0, 0.5, 1 / 3):
            check(owed, [leak * part, 0.0], [leak, 0.0], 1.0, 1.0)


def test_larger_circles_from_which_next_to_nothing_leaves():
    rng = np.random.default_rng(0)
    for leak in LEAKS[:-1]:  # below, some lack less than the rounding of their dues
        owed = np.triu(rng.integers(1, 9, (3, 3)), 1)
        owed = [(owed + owed.T).tolist()]  # each is owed what it owes
        check(owed, [leak * x for x in rng.random(3)], [leak, 0.0, leak], 1.0, 1.0)


@pytest.mark.parametrize("n_ranks", [1, 2])
def test_random_networks_with_ties(n_ranks):
    rng = np.random.default_rng(n_ranks)
    several = 0
    for _ in range(120 // n_ranks**2):
        network = drawn(rng, 4, n_ranks)
        alpha, beta = COSTS[rng.integers(len(COSTS))]
        check(*network, alpha, beta)
        several += len(solutions(*network, alpha, beta)) > 1
    assert several > 0  # the draw does reach networks with several solutions


def test_three_ranks():
    rng = np.random.default_rng(3)
    for _ in range(25):
        check(*drawn(rng, 3, 3), *COSTS[rng.integers(len(COSTS))])


def circle(cash_of_lab, outside=Fraction(2)):
    """Vendor ↔ lab ↔ cloud: chips on credit, compute on credit, and a stake back.

    The cloud owes the vendor 10 for chips, the lab owes the cloud 12 for compute, the
    vendor owes the lab 6 of a promised investment; each owes outsiders as well.
    """
    debts = [[Fraction(0)] * 3 for _ in range(3)]
    debts[CLOUD][VENDOR] = Fraction(10)
    debts[LAB][CLOUD] = Fraction(12)
    debts[VENDOR][LAB] = Fraction(6)
    return [debts], [Fraction(1), cash_of_lab, Fraction(1, 2)], outside


@pytest.mark.parametrize("cash", [Fraction(k, 2) for k in range(0, 21, 2)])
@pytest.mark.parametrize(("alpha", "beta"), COSTS)
def test_circle_of_vendor_lab_and_cloud(cash, alpha, beta):
    check(*circle(cash), alpha, beta)


def test_a_shortfall_runs_round_the_circle_and_comes_back():
    expected = check(*circle(Fraction(0)), 1, 1)
    assert all(expected.defaults[i] for i in (LAB, CLOUD))
    # The lab has only what the vendor pays it; the circle is solved in closed form.
    p_vendor, p_lab, p_cloud = expected.payments[0]
    assert p_lab == Fraction(6, 8) * p_vendor
    assert p_cloud == Fraction(1, 2) + Fraction(12, 14) * p_lab
    assert p_vendor == min(Fraction(8), 1 + Fraction(10, 12) * p_cloud)


def two_firms(cash):
    """Each owes the other 10 and outsiders 5; half of everything is lost in default."""
    ten, nil = Fraction(10), Fraction(0)
    return [[[nil, ten], [ten, nil]]], [cash, cash], Fraction(5)


def status_of(cash, margin=1e-9):
    network = map(floating, two_firms(cash))
    return status_jit(*network, 0.5, 0.5, margin)


def test_cliff_where_two_solutions_exist():
    # From cash 5 on both can pay 15; if both fail they pay c/2 + p/3, p = 3c/4, and
    # c + 2p/3 = 3c/2 < 15 until c = 10: between 5 and 10 both outcomes are consistent.
    for cash, n_solutions in ((4, 1), (5, 2), (7, 2), (9, 2), (10, 1), (12, 1)):
        found = solutions(*two_firms(Fraction(cash)), Fraction(1, 2), Fraction(1, 2))
        assert len(found) == n_solutions, cash
        best = check(*two_firms(Fraction(cash)), Fraction(1, 2), Fraction(1, 2))
        assert best.defaults == (cash < 5, cash < 5)
        status = status_of(Fraction(cash))
        assert bool(status.is_unique) == (n_solutions == 1), cash
        worst = floating(found[-1].payments)
        np.testing.assert_allclose(status.least, worst, rtol=0, atol=1e-12)
        expected = "at_cliff" if cash == 5 else "ok"
        assert CLEARING_STATUS[int(status.status)] == expected, cash


def test_on_both_sides_of_the_cliff_payments_differ_and_the_status_tells_how_far():
    step = Fraction(1, 10**6)
    above, below = (
        clear(*map(floating, two_firms(5 + s)), 0.5, 0.5).payments[0, 0]
        for s in (step, -step)
    )
    assert above == 15.0
    assert below == pytest.approx(3.75, abs=1e-5)
    for side in (step, -step):
        status = status_of(5 + side)
        assert CLEARING_STATUS[int(status.status)] == "ok"
        np.testing.assert_allclose(status.headroom, float(side) / 15, rtol=1e-6)
        assert CLEARING_STATUS[int(status_of(5 + side, 1e-6).status)] == "at_cliff"


def test_without_costs_the_same_point_is_a_kink():
    network = tuple(map(floating, two_firms(Fraction(5))))
    assert CLEARING_STATUS[int(clearing_status(*network).status)] == "at_kink"
    lower = network[0], network[1] - 1.0, network[2]
    assert CLEARING_STATUS[int(clearing_status(*lower).status)] == "ok"


def test_a_rank_that_is_just_exhausted_is_a_kink():
    network = jnp.zeros((2, 3, 3)).at[0, 0, 1].set(5.0).at[1, 0, 2].set(10.0)
    for cash, name in ((5.0, "at_kink"), (4.0, "ok"), (6.0, "ok"), (15.0, "at_kink")):
        status = clearing_status(network, jnp.asarray([cash, 1.0, 1.0]))
        assert CLEARING_STATUS[int(status.status)] == name, cash


def test_mutual_claims_without_cash_clear_at_anything_between_nothing_and_all():
    status = clearing_status([[0.0, 1.0], [1.0, 0.0]], [0.0, 0.0])
    assert not bool(status.is_unique)
    np.testing.assert_array_equal(status.least, [0.0, 0.0])


@pytest.mark.parametrize("cash", [4.0, 4.9, 5.1, 8.0])
def test_gradient_through_defaults_equals_differences_on_each_side_of_the_cliff(cash):
    def total(assets):
        return clear(network, assets, 5.0, 0.5, 0.5).payments.sum()

    network = floating(two_firms(Fraction(0))[0])
    point, along = (jnp.asarray([cash, cash]),), (jnp.asarray([1.0, 0.3]),)
    _, exact = jax.jvp(total, point, along)
    _, difference = finite_difference_jvp(jax.jit(total), point, along, 1e-5)
    np.testing.assert_allclose(exact, difference, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("cash", [0.5, 1.5, 2.5])
def test_gradient_round_the_circle_equals_differences(cash):
    debts, assets, _ = circle(Fraction(0))
    assets = floating(assets).at[LAB].set(cash)

    def paid(debts, assets, outside, alpha, beta):
        return clear(debts, assets, outside, alpha, beta).payments.ravel()

    point = (floating(debts), assets, jnp.asarray(2.0))
    point += (jnp.asarray(0.9), jnp.asarray(0.8))
    status = clearing_status(*point)
    assert CLEARING_STATUS[int(status.status)] == "ok"
    along = (0.1 * point[0], *(jnp.ones_like(x) for x in point[1:]))
    _, exact = jax.jvp(paid, point, along)
    _, difference = finite_difference_jvp(jax.jit(paid), point, along, 1e-6)
    np.testing.assert_allclose(exact, difference, rtol=1e-6, atol=1e-8)


def test_second_derivative_is_exact_too():
    debts, assets, outside = map(floating, circle(Fraction(1, 2)))

    def to_vendor(share):
        return clear(debts * (1 + share), assets, outside, 0.9, 0.8).payments[0, 0]

    slope, at, step = jax.jit(jax.grad(to_vendor)), jnp.asarray(0.1), 1e-5
    found = jax.grad(jax.grad(to_vendor))(at)
    difference = (slope(at + step) - slope(at - step)) / (2 * step)
    assert float(found) == pytest.approx(float(difference), rel=1e-6)
