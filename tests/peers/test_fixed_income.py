"""Bonds, loans and returns against QuantLib, numpy-financial and pyxirr."""

import jax
import jax.numpy as jnp
import numpy as np
import numpy_financial as npf
import pytest
import pyxirr
import QuantLib as ql

from engine.credit import (
    amortise,
    convexity,
    macaulay_duration,
    modified_duration,
    price,
    yield_to_maturity,
)
from engine.metrics import irr, npv

pytestmark = pytest.mark.peers

START = ql.Date(15, 6, 2026)
# 30/360 makes every half year exactly 0.5, so that times are not a matter of calendars.
DAY_COUNT = ql.Thirty360(ql.Thirty360.BondBasis)
PERIOD = {"annual": ql.Annual, "semiannual": ql.Semiannual, "quarterly": ql.Quarterly}
PER_YEAR = {"annual": 1, "semiannual": 2, "quarterly": 4}


def quantlib_bond(kind, compounding, coupon, years=10):
    ql.Settings.instance().evaluationDate = START
    frequency = PERIOD[compounding]
    schedule = ql.Schedule(
        START,
        START + ql.Period(years, ql.Years),
        ql.Period(frequency),
        ql.NullCalendar(),
        ql.Unadjusted,
        ql.Unadjusted,
        ql.DateGeneration.Backward,
        False,
    )
    n = len(schedule) - 1
    notionals = {
        "bullet": [100.0],
        "linear": [100.0 * (1 - k / n) for k in range(n)],
        "level": ql.sinkingNotionals(
            ql.Period(years, ql.Years), frequency, coupon, 100.0
        )[:-1],
    }[kind]
    return ql.AmortizingFixedRateBond(
        0, notionals, schedule, [coupon], DAY_COUNT, ql.Unadjusted
    )


@pytest.mark.parametrize("kind", ["bullet", "linear", "level"])
@pytest.mark.parametrize("compounding", PERIOD)
def test_schedule_price_yield_durations_and_convexity(kind, compounding):
    coupon, rate, m = 0.06581, 0.0557, PER_YEAR[compounding]
    bond = quantlib_bond(kind, compounding, coupon)
    schedule = amortise(100.0, coupon / m, 10 * m, kind)
    times = (jnp.arange(10 * m) + 1) / m

    paid = {}
    for flow in bond.cashflows():
        paid[flow.date()] = paid.get(flow.date(), 0.0) + flow.amount()
    theirs = [paid[date] for date in sorted(paid)]
    np.testing.assert_allclose(schedule.service, theirs, rtol=1e-9)

    args = (schedule.service, times, rate, compounding)
    quote = ql.InterestRate(rate, DAY_COUNT, ql.Compounded, PERIOD[compounding])
    functions = ql.BondFunctions
    clean = functions.cleanPrice(bond, quote)
    np.testing.assert_allclose(price(*args), clean, rtol=1e-9)
    for ours, kind_of_duration in (
        (macaulay_duration, ql.Duration.Macaulay),
        (modified_duration, ql.Duration.Modified),
    ):
        theirs = functions.duration(bond, quote, kind_of_duration)
        np.testing.assert_allclose(ours(*args), theirs, rtol=1e-9)
    np.testing.assert_allclose(
        convexity(*args), functions.convexity(bond, quote), rtol=1e-9
    )
    theirs = functions.bondYield(
        bond,
        ql.BondPrice(110.2, ql.BondPrice.Clean),
        DAY_COUNT,
        ql.Compounded,
        PERIOD[compounding],
        START,
        1e-13,
        1000,
    )
    ours = yield_to_maturity(schedule.service, times, 110.2, compounding)
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


def test_continuous_compounding():
    bond = quantlib_bond("bullet", "annual", 0.05)
    flows, times = jnp.full(10, 5.0).at[-1].add(100), jnp.arange(1.0, 11)
    quote = ql.InterestRate(0.04, DAY_COUNT, ql.Continuous, ql.Annual)
    args = (flows, times, 0.04, "continuous")
    functions = ql.BondFunctions
    np.testing.assert_allclose(
        price(*args), functions.cleanPrice(bond, quote), rtol=1e-9
    )
    np.testing.assert_allclose(
        modified_duration(*args),
        functions.duration(bond, quote, ql.Duration.Modified),
        rtol=1e-9,
    )
    np.testing.assert_allclose(
        convexity(*args), functions.convexity(bond, quote), rtol=1e-9
    )


@pytest.mark.parametrize("rate", [0.0, 0.004, 0.03])
def test_level_loan_against_numpy_financial(rate):
    schedule = amortise(1000.0, rate, 36, "level")
    np.testing.assert_allclose(
        schedule.service, -npf.pmt(rate, 36, 1000.0) * np.ones(36), rtol=1e-9
    )
    if rate:
        period = np.arange(1, 37)
        np.testing.assert_allclose(
            schedule.interest, -npf.ipmt(rate, period, 36, 1000.0), rtol=1e-9
        )
        np.testing.assert_allclose(
            schedule.principal, -npf.ppmt(rate, period, 36, 1000.0), rtol=1e-9
        )


def test_npv_and_irr_against_numpy_financial_and_pyxirr():
    rng = np.random.default_rng(0)
    solve = jax.jit(irr)
    for _ in range(20):
        flows = np.append(-rng.uniform(50, 150), rng.uniform(0, 40, 11))
        rate = float(solve(jnp.array(flows)).rate)
        np.testing.assert_allclose(rate, npf.irr(flows), atol=1e-9)
        np.testing.assert_allclose(rate, pyxirr.irr(flows), atol=1e-9)
        np.testing.assert_allclose(
            npv(0.07, jnp.array(flows)), npf.npv(0.07, flows), rtol=1e-9
        )
