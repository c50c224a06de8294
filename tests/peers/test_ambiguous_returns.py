"""Returns that have no meaning: what others answer silently, and our flag.

And a loan of a capital structure, row for row, against QuantLib.
"""

import jax
import jax.numpy as jnp
import numpy as np
import numpy_financial as npf
import pytest
import pyxirr
import QuantLib as ql

from engine.credit.structure import (
    KINDS,
    Contract,
    Paths,
    Periods,
    Terms,
    assemble,
    divide,
)
from engine.metrics import IRR_STATUS, irr

pytestmark = pytest.mark.peers

SEVERAL = {  # two changes of sign: roots by construction, the nearest to zero first
    "mine with a clean-up": ([-100.0, 230.0, -132.0], (0.1, 0.2)),
    "advance fee": ([1.0, -1.95, 0.945], (-0.1, 0.05)),
    "close pair": ([1.0, -2.21, 1.221], (0.1, 0.11)),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_several_rates_are_flagged_where_others_return_one(name):
    flows, roots = SEVERAL[name]
    result = irr(jnp.array(flows))
    assert IRR_STATUS[int(result.status)] == "multiple_roots"
    np.testing.assert_allclose(result.rate, min(roots, key=abs), atol=1e-9)
    # They answer one of the two, without saying so.
    for theirs in (npf.irr(flows), pyxirr.irr(flows)):
        if theirs is not None and np.isfinite(theirs):
            assert min(abs(theirs - root) for root in roots) < 1e-6


@pytest.mark.parametrize("flows", [[1.0, 2, 3], [-1.0, 2.2, -1.2101], [-5.0, -1.0]])
def test_no_rate_is_flagged(flows):
    result = irr(jnp.array(flows))
    assert IRR_STATUS[int(result.status)] == "no_root"
    theirs = pyxirr.irr(flows, silent=True)  # it raises where signs do not change
    assert theirs is None or not np.isfinite(theirs)


@pytest.mark.parametrize("kind", ["level", "bullet"])
def test_floating_rate_rows_of_a_structure(kind):
    # Forward rates of an uneven path; QuantLib's schedule of the same rates.
    index = np.array([0.03, 0.035, 0.05, 0.045, 0.02, 0.01, 0.04, 0.04])
    margin, periods = 0.025, Periods(8, 1)
    contract = Contract(rank=0.0, amount=100.0, coupon=margin, floats=1.0, tenor=8.0)
    paths = Paths.of(np.full(8, 500.0), index)
    rows = assemble([KINDS[kind](contract=contract)], paths, periods)
    table = jax.jit(divide, static_argnums=3)(rows, Terms(), paths, periods)
    balance = np.append(100.0, table.state.balance[:-1, 0])
    start = ql.Date(15, 6, 2026)
    ql.Settings.instance().evaluationDate = start
    dates = ql.Schedule(
        start,
        start + ql.Period(8, ql.Years),
        ql.Period(ql.Annual),
        ql.NullCalendar(),
        ql.Unadjusted,
        ql.Unadjusted,
        ql.DateGeneration.Backward,
        False,
    )
    bond = ql.AmortizingFixedRateBond(
        0,
        [float(x) for x in balance],
        dates,
        [float(x) for x in index + margin],
        ql.Thirty360(ql.Thirty360.BondBasis),
        ql.Unadjusted,
    )
    paid = {}
    for flow in bond.cashflows():
        paid[flow.date()] = paid.get(flow.date(), 0.0) + flow.amount()
    theirs = [paid[date] for date in sorted(paid)]
    np.testing.assert_allclose(table.paid[:, 0], theirs, rtol=1e-9)
