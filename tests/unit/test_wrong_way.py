import numpy as np
import pytest

from calibration.wrong_way import wrong_way

DRAWS = np.random.default_rng(0).standard_normal((2, 40_000))


def test_correlation_of_normal_variables_is_theirs():
    x, y = DRAWS
    found = wrong_way(5.0 + x, 3.0 - 0.6 * x + 0.8 * y, np.zeros(x.size))
    assert found.correlation is not None
    assert abs(found.correlation.value + 0.6) < 3 * found.correlation.standard_error
    assert found.correlation.standard_error == pytest.approx(0.64 / 200.0, rel=0.05)


def test_ratio_by_hand():
    cost, fails = np.array([0.0, 1.0, 2.0, 5.0]), np.array([0.0, 0.0, 1.0, 1.0])
    found = wrong_way(cost, np.ones(4), fails)
    assert found.cost_ratio is not None
    assert found.cost_ratio.value == pytest.approx(3.5 / 2.0)
    assert found.default.value == 0.5
    assert found.correlation is None  # income that does not vary
    assert found.profit_ratio is not None
    assert found.profit_ratio.value == pytest.approx(1.0)


def test_error_of_a_ratio_is_that_of_repeated_samples():
    rng = np.random.default_rng(1)

    def sample(n=400):
        x = rng.standard_normal(n)
        fails = (x + rng.standard_normal(n) > 1.0).astype(float)
        return wrong_way(np.exp(0.3 * x), np.ones(n), fails).cost_ratio

    ratios = [found for _ in range(400) if (found := sample()) is not None]
    spread = np.std([r.value for r in ratios])
    assert np.mean([r.standard_error for r in ratios]) == pytest.approx(spread, rel=0.1)


@pytest.mark.parametrize("all_fail", [0.0, 1.0])
def test_nothing_to_compare_is_no_ratio(all_fail):
    found = wrong_way(DRAWS[0], DRAWS[1], np.full(DRAWS.shape[1], all_fail))
    assert found.cost_ratio is None
    assert found.profit_ratio is None
