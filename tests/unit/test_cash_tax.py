"""The tax that a run does not charge, by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from engine.metrics.tax import TaxRules, taxed
from scripts.tie_outs.reported import read

RULES = TaxRules(rate=0.21, bonus=1.0, life=39.0, interest_cap=0.3, loss_cap=0.8)


def column(*values):
    return jnp.asarray(values, jnp.float64)[:, None]


def of(ebitda, earned, interest, capex, rules=RULES):
    found = taxed(*(column(*x) for x in (ebitda, earned, interest, capex)), rules)
    return [np.asarray(x)[:, 0] for x in found]


def test_a_company_that_builds_pays_nothing_and_carries_its_losses():
    tax, losses = of([3.0] * 3, [0.0] * 3, [0.5] * 3, [4.0] * 3)
    np.testing.assert_allclose(tax, 0.0)
    np.testing.assert_allclose(losses, [1.5, 3.0, 4.5])


def test_losses_offset_four_fifths_of_income():
    tax, losses = of([0.0, 10.0, 10.0], [0.0] * 3, [0.0] * 3, [12.0, 0.0, 0.0])
    # 12 of loss: 8 used against 10, then 4 of the 8 that are allowed.
    np.testing.assert_allclose(losses, [12.0, 4.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(tax, [0.0, 0.21 * 2.0, 0.21 * 6.0])


def test_interest_beyond_the_cap_waits():
    tax, _ = of([10.0, 10.0], [0.0, 0.0], [5.0, 0.0], [0.0, 0.0])
    np.testing.assert_allclose(tax, [0.21 * 7.0, 0.21 * 8.0])


def test_interest_earned_can_always_be_set_off():
    tax, _ = of([0.0], [2.0], [2.0], [0.0])
    np.testing.assert_allclose(tax, 0.0)


def test_what_is_not_written_off_wears_over_its_life():
    slow = RULES._replace(bonus=0.0, life=1.0)
    tax, _ = of([1.0, 1.0], [0.0] * 2, [0.0] * 2, [4.0, 0.0], slow)
    # A quarter of what is left each quarter: 1 of 4, then 0.75 of 3.
    np.testing.assert_allclose(tax, [0.0, 0.21 * 0.25], atol=1e-12)


@pytest.mark.parametrize("bonus", [0.0, 0.5, 1.0])
def test_over_a_long_life_income_is_taxed_once(bonus):
    """With no limits, tax adds up to the rate on cash earned less what was spent."""
    free = RULES._replace(bonus=bonus, life=0.5, loss_cap=1.0, interest_cap=9.0)
    n = 60
    tax, losses = of([2.0] * n, [0.1] * n, [0.4] * n, [20.0, *[0.0] * (n - 1)], free)
    whole = 0.21 * (n * (2.0 + 0.1 - 0.4) - 20.0)
    assert losses[-1] == 0.0
    assert tax.sum() == pytest.approx(whole, rel=1e-6)


def test_the_rules_are_stated_with_their_sources():
    assert {*read("tax")["rules"]} == {
        "rate_share",
        "bonus_share",
        "life_years",
        "interest_cap_share",
        "loss_cap_share",
    }
