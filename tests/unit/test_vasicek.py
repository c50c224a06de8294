r"""A cohort is Vasicek's large pool (2002, "Loan portfolio value", Risk 15(12)).

Log-headroom of a member is $\mu + s Z + \sigma \varepsilon$. The systematic part
$\mu + s Z$ is the average member's, so with $v^2 = s^2 + \sigma^2$,
$\text{PD} = \Phi(-\mu/v)$ and $\rho = s^2/v^2$ the dead share is
$\Phi\big((\Phi^{-1}(\text{PD}) - \sqrt\rho Z)/\sqrt{1-\rho}\big)$.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from engine.jump import HardDefault
from engine.survival import survive

N = 200_000


@jax.jit
def dead(log_headroom, sigma):
    """Dead share of a cohort whose average member has this log-headroom."""
    one, far = jnp.ones_like(log_headroom), jnp.full_like(log_headroom, 10.0)
    alive, _ = survive(
        one,
        far,
        jnp.expm1(log_headroom),
        jnp.broadcast_to(sigma, log_headroom.shape),
        jnp.ones_like(log_headroom, bool),
        HardDefault(),
    )
    return 1.0 - alive


def pool(pd, rho, n=N, seed=0):
    """Losses of a pool with σ = 1 in scenarios of the systematic factor."""
    z = np.random.default_rng(seed).standard_normal(n)
    total = 1 / np.sqrt(1 - rho)  # standard deviation of log-headroom at σ = .5
    sigma = 0.5
    mean = -stats.norm.ppf(pd) * total * sigma
    drawn = mean + np.sqrt(rho) * total * sigma * z
    return np.asarray(dead(jnp.asarray(drawn), jnp.asarray(sigma)))


def quantile(pd, rho, level):
    root = stats.norm.ppf(pd) + np.sqrt(rho) * stats.norm.ppf(level)
    return stats.norm.cdf(root / np.sqrt(1 - rho))


def density(pd, rho, loss):
    x = stats.norm.ppf(loss)
    y = (np.sqrt(1 - rho) * x - stats.norm.ppf(pd)) / np.sqrt(rho)
    return np.sqrt((1 - rho) / rho) * np.exp(0.5 * x**2 - 0.5 * y**2)


@pytest.mark.parametrize(("pd", "rho"), [(0.02, 0.1), (0.05, 0.2), (0.1, 0.4)])
def test_loss_quantiles_of_a_large_pool_to_monte_carlo_error(pd, rho):
    losses = np.sort(pool(pd, rho))
    for level in (0.5, 0.9, 0.99, 0.999):
        expected = quantile(pd, rho, level)
        error = np.sqrt(level * (1 - level) / N) / density(pd, rho, expected)
        assert abs(np.quantile(losses, level) - expected) < 4 * error, level
    error = losses.std() / np.sqrt(N)
    assert abs(losses.mean() - pd) < 4 * error
    distance = stats.kstest(
        losses,
        lambda x: stats.norm.cdf(
            (np.sqrt(1 - rho) * stats.norm.ppf(x) - stats.norm.ppf(pd)) / np.sqrt(rho)
        ),
    )
    assert distance.pvalue > 1e-3


def test_another_correlation_is_rejected():
    """The comparison can fail: a pool drawn at one correlation is not another's."""
    losses = pool(0.05, 0.25)
    expected = quantile(0.05, 0.2, 0.99)
    error = np.sqrt(0.99 * 0.01 / N) / density(0.05, 0.2, expected)
    assert abs(np.quantile(losses, 0.99) - expected) > 10 * error


@pytest.mark.parametrize("headroom", [-0.3, 0.1, 0.5])
def test_many_single_obligors_come_to_the_cohort_as_one_over_root_n(headroom):
    share = float(dead(jnp.asarray([headroom]), jnp.asarray(0.5))[0])
    rng = np.random.default_rng(1)
    for n in (100, 10_000, 1_000_000):
        failed = np.mean(headroom + 0.5 * rng.standard_normal(n) < 0)
        assert abs(failed - share) < 4 * np.sqrt(share * (1 - share) / n)


@pytest.mark.parametrize("sigma", [0.1, 0.01, 0.001])
def test_without_dispersion_a_cohort_is_one_obligor(sigma):
    found = dead(jnp.asarray([-0.01, 0.01]), jnp.asarray(sigma))
    gap = stats.norm.cdf(-0.01 / sigma)
    np.testing.assert_allclose(found, [1 - gap, gap], atol=1e-12)
    if sigma == 0.001:
        np.testing.assert_allclose(found, [1.0, 0.0], atol=1e-12)
