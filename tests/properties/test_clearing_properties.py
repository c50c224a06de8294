"""What every clearing obeys: order, conservation, and the waterfall on a tree."""

import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.contagion import clear, clear_batch
from engine.credit import waterfall

N = 5
clear_jit = jax.jit(clear)
waterfall_jit = jax.jit(waterfall)
amounts = st.sampled_from([0.0, 0.0, 1.0, 2.0]) | st.floats(0, 10)
networks = arrays(float, (2, N, N), elements=amounts).map(
    lambda x: (x * (1 - np.eye(N))).round(3)
)
assets = arrays(float, N, elements=amounts).map(lambda x: x.round(3))
shares = st.sampled_from([0.3, 0.8, 1.0])


def inside(network, external, payments):
    due = network.sum(2)
    due[0] += external
    share = np.divide(
        network, due[:, :, None], np.zeros_like(network), where=due[:, :, None] > 0
    )
    return np.einsum("rki,rk->i", share, payments)


@given(networks, assets, assets, shares, shares)
def test_more_assets_never_mean_less_for_anybody(network, less, extra, alpha, beta):
    poor = clear_jit(network, less, 1.0, alpha, beta)
    rich = clear_jit(network, less + extra, 1.0, alpha, beta)
    assert np.all(np.asarray(rich.payments) >= np.asarray(poor.payments) - 1e-9)
    assert np.all(np.asarray(rich.equity) >= np.asarray(poor.equity) - 1e-9)
    assert not np.any(np.asarray(rich.defaults) & ~np.asarray(poor.defaults))


@given(networks, assets, shares, shares, st.floats(0, 0.5))
def test_less_loss_in_default_never_means_less_for_anybody(n, e, alpha, beta, more):
    low = clear_jit(n, e, 1.0, alpha, beta)
    high = clear_jit(n, e, 1.0, min(1.0, alpha + more), min(1.0, beta + more))
    assert np.all(np.asarray(high.payments) >= np.asarray(low.payments) - 1e-9)


@given(networks, assets, assets)
def test_without_costs_values_move_no_more_than_assets(network, one, other):
    def values(e):
        found = clear_jit(network, e, 1.0, 1.0, 1.0)
        received = inside(network, 1.0, found.payments)
        outside = np.sum(found.payments, axis=0) + found.equity - e - received
        np.testing.assert_allclose(outside, 0, atol=1e-8)
        due = network.sum(2) + np.array([[1.0], [0.0]])
        to_outsiders = np.asarray(found.payments)[0] * np.divide(
            1.0, due[0], np.zeros(N), where=due[0] > 0
        )
        return np.concatenate([found.equity, to_outsiders])

    moved = np.abs(values(one) - values(other)).sum()
    assert moved <= np.abs(one - other).sum() + 1e-8


@given(networks, assets, shares, shares)
def test_cash_is_conserved_firm_by_firm(network, e, alpha, beta):
    found = clear_jit(network, e, 1.0, alpha, beta)
    received = inside(network, 1.0, found.payments)
    costs = np.where(found.defaults, (1 - alpha) * e + (1 - beta) * received, 0.0)
    missing = e + received - costs - found.payments.sum(0) - found.equity
    np.testing.assert_allclose(missing, 0, atol=1e-9)


@given(networks, assets)
def test_senior_ranks_are_paid_first_and_each_rank_pro_rata(network, e):
    found = clear_jit(network, e, 1.0, 0.9, 0.9)
    due = network.sum(2)
    due[0] += 1.0
    is_short = np.asarray(found.payments)[0] < due[0] - 1e-9
    np.testing.assert_array_less(np.asarray(found.payments)[1][is_short], 1e-9)


@given(networks, assets, shares, shares)
def test_on_a_tree_it_is_the_sequential_waterfall(network, e, alpha, beta):
    tree = np.triu(network, 1)  # a firm owes only those after it
    found = clear_jit(tree, e, 1.0, alpha, beta)
    due = tree.sum(2)
    due[0] += 1.0
    received = np.zeros(N)
    for i in range(N):
        owned = e[i] + received[i]
        if owned < due[:, i].sum() * (1 - 1e-14):
            owned = alpha * e[i] + beta * received[i]
        paid, _ = waterfall_jit(jnp.asarray(owned), jnp.asarray(due[:, i]))
        np.testing.assert_allclose(found.payments[:, i], paid, atol=1e-9)
        for rank in range(2):
            if due[rank, i] > 0:
                received += tree[rank, i] * float(paid[rank]) / due[rank, i]


def chain(n):
    """Each owes the next 1 and has 0.05 of its own: one failure takes all down."""
    return jnp.eye(n, k=1), 0.05


def test_solves_are_waves_of_default_and_one():
    network, own = chain(6)
    sound = jnp.full(6, own).at[0].set(1.0)
    # The last has no debts. Cash of the first falls short by 1 % to 90 %: the cushion
    # of 5 % is used up after so many firms, one wave each.
    for first, waves in ((1.0, 0), (0.99, 1), (0.93, 2), (0.88, 3), (0.1, 5)):
        batch = clear_batch(network, sound.at[0].set(first)[None])
        assert int(batch.solves[0]) == waves + 1, first
        assert int(batch.defaults.sum()) == waves


def waves_of_default(debts, outside, assets, alpha, beta):
    """Rogers and Veraart's algorithm in NumPy: how often the set of defaults grows."""
    due = debts.sum(1) + outside
    share = debts / due[:, None]
    paid, failed, waves = due, np.zeros(len(due), bool), 0
    while True:
        grown = failed | (assets + paid @ share < due - 1e-12)
        if (grown == failed).all():
            return waves, paid, failed
        failed, waves = grown, waves + 1
        inside = beta * share.T * failed[:, None] * failed[None, :]
        fixed = alpha * assets + beta * (np.where(failed, 0.0, due) @ share)
        solved = np.linalg.solve(np.eye(len(due)) - inside, np.where(failed, fixed, 0))
        paid = np.where(failed, solved, due)


def test_on_random_networks_solves_are_the_waves_of_the_published_algorithm():
    rng = np.random.default_rng(4)
    n, scenarios, seen = 60, 40, set()
    debts = rng.lognormal(0, 0.5, (n, n)) * (rng.random((n, n)) < 0.1)
    np.fill_diagonal(debts, 0)
    outside = np.ones(n)
    cushion = 1.05 * (debts.sum(1) + outside) - debts.sum(0)
    shock = rng.uniform(0, 0.3, (scenarios, n)) * rng.uniform(0, 1, (scenarios, 1))
    assets = np.maximum(cushion, 0) * (1 - shock)
    batch = clear_batch(debts, assets, outside, 0.9, 0.9)
    for k in range(scenarios):
        waves, paid, failed = waves_of_default(debts, outside, assets[k], 0.9, 0.9)
        seen.add(waves)
        assert int(batch.solves[k]) == waves + 1
        np.testing.assert_array_equal(batch.defaults[k], failed)
        np.testing.assert_allclose(batch.payments[k], paid, rtol=0, atol=1e-12)
    assert max(seen) >= 4


@pytest.mark.slow
def test_a_thousand_firms_stay_below_two_gigabytes():
    """Memory is that of one scenario; a thousand are the documented benchmark."""
    words = ["-m", "scripts.bench_clearing", "--firms", "1000", "--scenarios", "50"]
    run = subprocess.run([sys.executable, *words], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["peak_memory_gb"] < 2.0
    assert found["cash_residual"] < 1e-12
    assert found["defaults"]["most"] > 100


@pytest.mark.parametrize("chunk", [1, 3, 64])
def test_a_batch_is_its_scenarios(chunk):
    rng = np.random.default_rng(0)
    debts = rng.uniform(0, 3, (40, 40)) * (rng.random((40, 40)) < 0.2)
    np.fill_diagonal(debts, 0)
    shocks = jnp.asarray(rng.uniform(0, 4, (7, 40)))
    batch = clear_batch(debts, shocks, 1.0, 0.7, 0.9, chunk=chunk)
    assert batch.payments.shape == (7, 40)
    assert len(set(batch.defaults.sum(1).tolist())) > 1
    for k in range(7):
        single = clear_jit(jnp.asarray(debts), shocks[k], 1.0, 0.7, 0.9)
        np.testing.assert_allclose(batch.payments[k], single.payments, atol=1e-12)
        np.testing.assert_array_equal(batch.defaults[k], single.defaults)
        np.testing.assert_allclose(batch.equity[k], single.equity, atol=1e-12)


def test_a_batch_with_ranks_keeps_them():
    debts = jnp.zeros((2, 3, 3)).at[0, 0, 1].set(5.0).at[1, 0, 2].set(10.0)
    batch = clear_batch(debts, jnp.asarray([[8.0, 0.0, 0.0], [20.0, 0.0, 0.0]]))
    assert batch.payments.shape == (2, 2, 3)
    np.testing.assert_allclose(batch.payments[0, :, 0], [5.0, 3.0], atol=1e-12)


def test_a_batch_refuses_nonsense_by_name():
    with pytest.raises(ValueError, match="external_assets must have shape"):
        clear_batch(jnp.zeros((2, 2)), jnp.ones(2))
    with pytest.raises(ValueError, match="external_assets must be non-negative"):
        clear_batch(jnp.zeros((2, 2)), -jnp.ones((1, 2)))
    with pytest.raises(ValueError, match="chunk must be at least 1"):
        clear_batch(jnp.zeros((2, 2)), jnp.ones((1, 2)), chunk=0)
