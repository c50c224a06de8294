"""The examples that IFRS 16 and ASC 842 publish, and what holds for all leases."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.contracts import (
    lease_liability,
    lease_schedule,
    modify,
    remeasure,
    remeasurement_adjustment,
    right_of_use,
    sale_and_leaseback,
)

TO_THE_UNIT = {"rtol": 0, "atol": 1.01}  # the examples round as they go


def test_ifrs_16_example_13_asset_before_and_after_the_extension():
    schedule = lease_schedule([50_000.0] * 10, 0.05, True)
    asset = right_of_use(
        schedule, "finance", initial_costs=20_000.0, incentives=5_000.0
    )
    np.testing.assert_allclose(asset.opening[0], 420_391, **TO_THE_UNIT)
    np.testing.assert_allclose(asset.amortisation, 42_039, **TO_THE_UNIT)
    interest = [17_770, 16_158, 14_466, 12_689, 10_823, 8_865]
    np.testing.assert_allclose(schedule.interest[:6], interest, **TO_THE_UNIT)
    np.testing.assert_allclose(asset.closing[5], 168_157, **TO_THE_UNIT)
    np.testing.assert_allclose(schedule.closing[5], 186_162, **TO_THE_UNIT)
    revised = remeasure(schedule, 6, [50_000.0] * 4 + [55_000.0] * 5, 0.06, True)
    adjustment = remeasurement_adjustment(schedule, revised, 6)
    np.testing.assert_allclose(adjustment, 192_012, **TO_THE_UNIT)
    closing = [347_864, 315_736, 281_680, 245_581, 202_016, 155_837, 106_887, 55_000, 0]
    np.testing.assert_allclose(revised.closing[6:], closing, **TO_THE_UNIT)
    rest = lease_schedule([50_000.0] * 4 + [55_000.0] * 5, 0.06, True)
    carrying = asset.closing[5] + adjustment
    after = right_of_use(rest, "finance", carrying=carrying)
    # The sum of two rounded figures there.
    np.testing.assert_allclose(after.opening[0], 360_169, rtol=0, atol=1.5)
    np.testing.assert_allclose(after.amortisation, 40_019, **TO_THE_UNIT)
    np.testing.assert_allclose(after.closing[-1], 0, atol=1e-9)


def test_ifrs_16_example_16_longer_term():
    before = lease_liability([100_000.0] * 4, 0.06, False)
    np.testing.assert_allclose(before, 346_511, **TO_THE_UNIT)
    result = modify(before, 0.0, [100_000.0] * 8, 0.07, False)
    np.testing.assert_allclose(result.liability, 597_130, **TO_THE_UNIT)
    np.testing.assert_allclose(result.adjustment, 250_619, **TO_THE_UNIT)
    assert result.gain == 0


def test_ifrs_16_example_17_less_space():
    schedule = lease_schedule([50_000.0] * 10, 0.06, False)
    asset = right_of_use(schedule, "finance")
    np.testing.assert_allclose(asset.closing[4], 184_002, **TO_THE_UNIT)
    np.testing.assert_allclose(schedule.closing[4], 210_618, **TO_THE_UNIT)
    result = modify(
        schedule.closing[4],
        asset.closing[4],
        [30_000.0] * 5,
        0.05,
        False,
        given_up=0.5,
    )
    np.testing.assert_allclose(result.gain, 13_308, **TO_THE_UNIT)
    np.testing.assert_allclose(result.liability, 129_884, **TO_THE_UNIT)
    np.testing.assert_allclose(result.adjustment, 24_575, **TO_THE_UNIT)


def test_ifrs_16_example_18_more_space_for_less_time():
    schedule = lease_schedule([100_000.0] * 10, 0.06, False)
    asset = right_of_use(schedule, "finance")
    np.testing.assert_allclose(schedule.closing[4], 421_236, **TO_THE_UNIT)
    np.testing.assert_allclose(asset.closing[4], 368_004, **TO_THE_UNIT)
    kept = lease_liability([100_000.0] * 3, 0.06, False)
    np.testing.assert_allclose(kept, 267_301, **TO_THE_UNIT)
    result = modify(
        schedule.closing[4],
        asset.closing[4],
        [100_000.0] * 3,
        0.07,
        False,
        given_up=0.4,
        kept_liability=kept,
    )
    np.testing.assert_allclose(result.gain, 6_733, **TO_THE_UNIT)
    np.testing.assert_allclose(result.adjustment, -4_870, **TO_THE_UNIT)


def test_ifrs_16_example_19_less_rent():
    before = lease_liability([100_000.0] * 5, 0.06, False)
    result = modify(before, before, [95_000.0] * 5, 0.07, False)
    np.testing.assert_allclose(result.liability, 389_519, **TO_THE_UNIT)
    np.testing.assert_allclose(result.adjustment, -31_717, **TO_THE_UNIT)
    np.testing.assert_allclose(result.asset, result.liability, rtol=1e-13)


def test_ifrs_16_example_24_sale_and_leaseback():
    result = sale_and_leaseback(2e6, 1.8e6, 1e6, [120_000.0] * 18, 0.045, False)
    np.testing.assert_allclose(result.liability, 1_459_200, **TO_THE_UNIT)
    assert result.financing == 200_000
    np.testing.assert_allclose(result.asset, 699_555, **TO_THE_UNIT)
    np.testing.assert_allclose(result.gain, 240_355, **TO_THE_UNIT)
    # The entries balance: cash and right of use against building, liability, gain.
    np.testing.assert_allclose(
        2e6 + result.asset, 1e6 + result.liability + result.gain, rtol=1e-14
    )


def test_asc_842_operating_lease_has_one_straight_line_cost():
    # 842-20-55, Example 3: ten payments of 50,000 in advance at 5.87 %, costs 15,000.
    schedule = lease_schedule([50_000.0] * 10, 0.0587, True)
    asset = right_of_use(schedule, "operating", initial_costs=15_000.0)
    np.testing.assert_allclose(asset.opening[0], 407_017, **TO_THE_UNIT)
    np.testing.assert_allclose(asset.expense, 51_500, rtol=1e-14)
    np.testing.assert_allclose(schedule.closing[0], 362_093, **TO_THE_UNIT)
    np.testing.assert_allclose(asset.closing[0], 375_593, **TO_THE_UNIT)
    np.testing.assert_allclose(asset.closing[-1], 0, atol=1e-9)


@pytest.mark.parametrize("in_advance", [True, False])
def test_both_models_expense_the_same_total(in_advance):
    payments = jnp.array([10.0, 12.0, 15.0, 20.0])
    schedule = lease_schedule(payments, 0.06, in_advance)
    for model in ("finance", "operating"):
        asset = right_of_use(schedule, model, initial_costs=2.0)
        np.testing.assert_allclose(asset.expense.sum(), payments.sum() + 2, rtol=1e-13)
        np.testing.assert_allclose(asset.closing[-1], 0, atol=1e-12)


def test_gradients_are_finite_and_right():
    def gain(rate):
        return sale_and_leaseback(2.0, 1.8, 1.0, [0.12] * 18, rate, False).gain

    slope = jax.grad(gain)(0.045)
    difference = (gain(0.045 + 1e-6) - gain(0.045 - 1e-6)) / 2e-6
    np.testing.assert_allclose(slope, difference, rtol=1e-7)
    assert jnp.isfinite(jax.grad(gain)(0.0))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: right_of_use(lease_schedule([1.0], 0.1, True), "capital"),
            "model must be one of finance, operating, got 'capital'",
        ),
        (
            lambda: modify(1.0, 1.0, [1.0], 0.1, True, given_up=1.5),
            r"given_up must be in \[0, 1\]",
        ),
        (
            lambda: sale_and_leaseback(1.0, 0.0, 1.0, [1.0], 0.1, True),
            "fair_value must be positive",
        ),
    ],
)
def test_nonsense_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
