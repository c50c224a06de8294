"""Clearing against HiGHS: the linear and integer programs of the published models.

No Python package with a clearing vector could be installed; what is independent here is
the formulation (an optimum, not a fixed point) and the solver.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import LinearConstraint, linprog, milp

from engine.contagion import clear

pytestmark = pytest.mark.peers
clear_jit = jax.jit(clear)


def drawn(seed, n, density=0.4):
    rng = np.random.default_rng(seed)
    debts = rng.uniform(0, 5, (n, n)) * (rng.random((n, n)) < density)
    np.fill_diagonal(debts, 0)
    return debts, rng.uniform(0, 4, n), rng.uniform(0.1, 2, n)


def shares(debts, outside):
    due = debts.sum(1) + outside
    return due, debts / due[:, None]


@pytest.mark.parametrize("seed", range(12))
def test_eisenberg_noe_as_a_linear_program(seed):
    """Lemma 4 of the paper: payments maximise any increasing function of them."""
    debts, assets, outside = drawn(seed, 30)
    due, share = shares(debts, outside)
    n = len(due)
    program = linprog(
        -np.ones(n),
        A_ub=np.eye(n) - share.T,
        b_ub=assets,
        bounds=list(zip(np.zeros(n), due, strict=True)),
        method="highs",
    )
    assert program.status == 0
    found = clear_jit(jnp.asarray(debts), jnp.asarray(assets), jnp.asarray(outside))
    assert 0 < int(found.defaults.sum()) < n
    np.testing.assert_allclose(found.payments, program.x, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("seed", range(6))
def test_rogers_veraart_as_a_mixed_integer_program(seed):
    """Greatest vector: p <= due z + (1 - z) realised, sound where z = 1.

    Ararat and Meimanjan (2023), "Computation of systemic risk measures: a mixed-integer
    programming approach", Operations Research 71(6).
    """
    debts, assets, outside = drawn(100 + seed, 12)
    due, share = shares(debts, outside)
    n, alpha, beta = len(due), 0.6, 0.7
    eye = np.eye(n)
    # p <= alpha e + beta share' p + due z, and due z <= e + share' p
    limit = LinearConstraint(
        np.hstack([eye - beta * share.T, -np.diag(due)]), ub=alpha * assets
    )
    sound = LinearConstraint(np.hstack([-share.T, np.diag(due)]), ub=assets)
    program = milp(
        np.concatenate([-np.ones(n), np.zeros(n)]),
        constraints=[limit, sound],
        integrality=np.concatenate([np.zeros(n), np.ones(n)]),
        bounds=(np.zeros(2 * n), np.concatenate([due, np.ones(n)])),
        options={"mip_rel_gap": 0.0},
    )
    assert program.status == 0
    found = clear_jit(
        *map(jnp.asarray, (debts, assets, outside)),
        jnp.asarray(alpha),
        jnp.asarray(beta),
    )
    assert 0 < int(found.defaults.sum()) < n
    np.testing.assert_allclose(found.payments, program.x[:n], atol=1e-6)
    # Where realised assets still cover all that is due, z is free: compare payments.
    np.testing.assert_array_equal(found.defaults, program.x[:n] < due - 1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_two_ranks_as_a_mixed_integer_program(seed):
    """Elsinger (2009): a junior dollar only where the senior rank is full."""
    senior, assets, outside = drawn(200 + seed, 8)
    junior, _, _ = drawn(300 + seed, 8)
    due, share = shares(senior, outside)
    due_junior = junior.sum(1)
    share_junior = np.divide(
        junior, due_junior[:, None], np.zeros_like(junior), where=junior > 0
    )
    n, eye, none = len(due), np.eye(len(due)), np.zeros((len(due),) * 2)
    rows = [
        (np.hstack([eye - share.T, eye - share_junior.T, none]), assets),
        (np.hstack([none, eye, -np.diag(due_junior)]), np.zeros(n)),
        (np.hstack([-eye, none, np.diag(due)]), np.zeros(n)),
    ]
    program = milp(
        np.concatenate([-np.ones(2 * n), np.zeros(n)]),
        constraints=[LinearConstraint(a, ub=b) for a, b in rows],
        integrality=np.concatenate([np.zeros(2 * n), np.ones(n)]),
        bounds=(np.zeros(3 * n), np.concatenate([due, due_junior, np.ones(n)])),
        options={"mip_rel_gap": 0.0},
    )
    assert program.status == 0
    debts = jnp.asarray(np.stack([senior, junior]))
    found = clear_jit(debts, jnp.asarray(assets), jnp.asarray(outside))
    assert bool(jnp.any(found.defaults))
    expected = program.x[: 2 * n].reshape(2, n)
    np.testing.assert_allclose(found.payments, expected, atol=1e-6)
