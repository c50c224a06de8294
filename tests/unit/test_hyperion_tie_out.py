"""Hyperion (Meta, Blue Owl): the figures of the deal, from the engine's own functions.

The notes: 27.30 bn at 6.581 %, issued October 2025, interest only 3.5 years while the
campus is built, then level over the 20 years of rent, to May 2049. Beignet, the issuer,
owns 80 % of the joint venture and is financed with 30.91 = 27.30 notes + 2.45 deferred
equity + 1.16 interest earned on Treasuries during construction.
"""

import jax.numpy as jnp
import numpy as np
import pytest

from engine.credit import (
    amortise,
    level_service,
    modified_duration,
    price,
    yield_to_maturity,
)
from engine.metrics import irr

NOTES, COUPON, EQUITY, SOURCES, SHARE = 27.30, 0.06581, 2.45, 30.91, 0.8
GRACE_YEARS, RENT_YEARS = 3.5, 20


def notes(per_year):
    """The notes on 100 of par: flows and their times."""
    grace, n = round(GRACE_YEARS * per_year), round(23.5 * per_year)
    schedule = amortise(100.0, COUPON / per_year, n, "level", grace)
    return schedule, (jnp.arange(n) + 1) / per_year


def annual_service():
    return NOTES * float(amortise(1.0, COUPON, RENT_YEARS, "level").service[0])


@pytest.mark.parametrize(("per_year", "percent"), [(1, 9.13), (4, 9.03)])
def test_level_service_in_percent_of_par_a_year(per_year, percent):
    schedule = amortise(100.0, COUPON / per_year, RENT_YEARS * per_year, "level")
    np.testing.assert_allclose(schedule.service * per_year, percent, atol=0.005)


def test_annual_service_in_billions():
    assert annual_service() == pytest.approx(2.49, abs=0.005)


def test_quarterly_step_gives_the_same_service():
    service = level_service(100.0, COUPON / 4, 80.0)
    np.testing.assert_allclose(4 * sum(service), 9.03, atol=0.005)


def test_weighted_average_life():
    schedule, times = notes(2)
    np.testing.assert_allclose(times @ schedule.principal / 100, 15.8, atol=0.05)


def test_modified_duration_at_par():
    schedule, times = notes(2)
    args = (schedule.service, times, COUPON, "semiannual")
    np.testing.assert_allclose(price(*args), 100, rtol=1e-12)
    np.testing.assert_allclose(modified_duration(*args), 9.4, atol=0.05)


def test_yield_at_the_secondary_price():
    schedule, times = notes(2)
    y = yield_to_maturity(schedule.service, times, 110.2, "semiannual")
    np.testing.assert_allclose(y, 0.0557, atol=5e-5)


def test_sources_add_up():
    assert NOTES + EQUITY + 1.16 == pytest.approx(SOURCES)


def test_rent_from_the_minimum_cover():
    # DSCR 1.12 on Beignet's share: the joint venture must earn 1.12 × 2.49 / 0.8.
    assert 1.12 * annual_service() / SHARE == pytest.approx(3.49, abs=0.005)


@pytest.mark.parametrize(
    ("yield_on_sources", "dscr", "equity_irr"),
    [(0.090, 1.12, 0.10), (0.095, 1.18, 0.17), (0.100, 1.24, 0.24)],
)
def test_yield_on_sources_is_cover_is_equity_return(yield_on_sources, dscr, equity_irr):
    """The reading under which the three series agree.

    The *yield* is given and exact: cash to Beignet a year = yield × 30.91, its 80 % of
    the rent, no other cost. Cover = cash / annual level service (9.13 % of 27.30).
    Equity pays 2.45 when rent starts and receives cash − service at the end of each of
    20 years. Starting instead from the rounded covers gives 10.6, 17.6 and 24.1 %:
    equity is 9 % of service, so half a point of cover moves its return by half a point.
    """
    cash = yield_on_sources * SOURCES
    service = annual_service()
    assert cash / service == pytest.approx(dscr, abs=0.005)
    to_equity = jnp.full(RENT_YEARS + 1, cash - service).at[0].set(-EQUITY)
    result = irr(to_equity)
    assert int(result.status) == 0
    assert float(result.rate) == pytest.approx(equity_irr, abs=0.005)


@pytest.mark.parametrize(
    ("dscr", "equity_irr"), [(1.12, 0.106), (1.18, 0.176), (1.24, 0.241)]
)
def test_equity_return_from_the_rounded_covers(dscr, equity_irr):
    surplus = (dscr - 1) * annual_service()
    flows = jnp.full(RENT_YEARS + 1, surplus).at[0].set(-EQUITY)
    assert float(irr(flows).rate) == pytest.approx(equity_irr, abs=0.0005)
