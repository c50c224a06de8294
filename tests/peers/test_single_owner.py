"""Project-finance rows against NREL's single-owner model (PySAM).

Its outer loop on cost, fees, reserve and debt stops early; so its rows are compared
given *its* debt, and what its loop leaves open is shown against our closed form.
"""

import jax
import jax.numpy as jnp
import numpy as np
import PySAM.Singleowner as sam
import pytest

from engine.credit.structure import (
    KINDS,
    Contract,
    Paths,
    Periods,
    Reserve,
    Terms,
    assemble,
    divide,
    size,
)
from engine.credit.structure.sizing import BINDING
from engine.metrics import IRR_STATUS, irr

pytestmark = pytest.mark.peers
YEARS = Periods(25, 1)
solve = jax.jit(divide, static_argnums=3)


def project(**financing):
    """A flat 30 MW plant under a power purchase agreement; 25 years."""
    model = sam.default("PVWattsSingleOwner")
    model.SystemOutput.gen = [30000.0] * 8760
    model.value("system_capacity", 100000)
    for name, value in ({"equip1_reserve_cost": 0.0} | financing).items():
        model.value(name, value)
    model.execute(0)
    return model


def row(model, name):
    return np.array(getattr(model.Outputs, f"cf_{name}"))


def ours(model, kind, cash):
    """The same loan, reserve and owner, given the model's debt and cash rows."""
    terms = model.FinancialParameters
    tenor = float(terms.term_tenor)
    loan = KINDS[kind](
        contract=Contract(
            rank=0.0,
            amount=model.Outputs.size_of_debt,
            coupon=terms.term_int_rate / 100,
            tenor=tenor,
        )
    )
    owner = KINDS["equity"](
        contract=Contract(rank=9.0, amount=model.Outputs.size_of_equity),
        dates=[],
        amounts=[],
        share=1.0,
    )
    # It keeps reserves other than for debt service outside what lenders look at.
    extra = row(model, "reserve_interest") + row(model, "project_wcra")
    life = np.arange(1, 26) <= tenor
    paths = Paths.of(cash[1:] + extra[1:], plan=np.where(life, cash[1:], 0.0))
    opening = row(model, "reserve_debtservice")[0]
    reserve = Reserve(years=terms.dscr_reserve_months / 12, opening=opening)
    rows = assemble([loan, owner], paths, YEARS)
    return solve(rows, Terms(reserve=reserve), paths, YEARS)


@pytest.mark.parametrize(
    ("kind", "financing"),
    [
        ("sculpted", {"debt_option": 1}),
        ("sculpted", {"debt_option": 1, "dscr": 1.55, "term_tenor": 12}),
        ("level", {"debt_option": 0, "debt_percent": 45.0}),
        ("linear", {"debt_option": 0, "debt_percent": 45.0, "payment_option": 1}),
    ],
)
def test_rows_of_debt_reserve_and_owners_given_its_debt(kind, financing):
    model = project(**financing)
    table = ours(model, kind, row(model, "ebitda"))
    scale = model.Outputs.size_of_debt
    for mine, name in (
        (table.flows.interest[:, 0], "debt_payment_interest"),
        (table.flows.principal[:, 0], "debt_payment_principal"),
        (table.state.balance[:, 0], "debt_balance"),
        (table.state.reserve, "reserve_debtservice"),
        (table.flows.distributed[:, 1], "pretax_cashflow"),
    ):
        theirs = row(model, name)[1:]
        np.testing.assert_allclose(mine, theirs, atol=1e-6 * scale, err_msg=name)
    np.testing.assert_allclose(table.alive, 1)


def test_sculpted_debt_and_cover_are_its_own():
    model = project(debt_option=1)
    cash = row(model, "cash_for_ds")[1:19]
    sized = size([1.0], cash, 1.3, 0.07)
    np.testing.assert_allclose(sized.capacity, model.Outputs.size_of_debt, rtol=1e-9)


def closed(model, share, cash, dscr):
    """Sources and uses of the model in closed form, at the capped gearing."""
    out, terms = model.Outputs, model.FinancialParameters
    rate, tenor = terms.term_int_rate / 100, int(terms.term_tenor)
    unit = rate / (1 - (1 + rate) ** -tenor)
    before = out.cost_prefinancing + terms.construction_financing_cost
    reserves = row(model, "reserve_om")[0]
    return size(
        [before + reserves],
        cash,
        dscr,
        0.0,  # its interest while building is inside the construction financing cost
        service=jnp.full(tenor, unit),
        gearing=share,
        upfront_fee=terms.cost_debt_fee / 100,
        reserve=unit * terms.dscr_reserve_months / 12,
    )


@pytest.mark.parametrize("share", [0.2, 0.45, 0.6])
def test_a_share_of_cost_is_met_exactly_where_its_loop_stops_early(share):
    model = project(debt_option=0, debt_percent=100 * share)
    sized = closed(model, share, jnp.full(18, 1e9), 1.0)
    assert abs(float(sized.gearing) - share) < 1e-12
    theirs = model.Outputs.size_of_debt / model.Outputs.cost_installed
    # Near, so that the uses are the same ones; but not there.
    np.testing.assert_allclose(theirs, share, rtol=5e-4)
    assert abs(theirs - share) > 1e-8
    np.testing.assert_allclose(sized.debt, model.Outputs.size_of_debt, rtol=5e-4)


@pytest.mark.parametrize("cap", [0.3, 0.4, 0.45])
def test_a_cap_on_sculpted_debt_binds_exactly_where_its_loop_misses_it(cap):
    model = project(
        debt_option=1, dscr_limit_debt_fraction=1, dscr_maximum_debt_fraction=100 * cap
    )
    sized = closed(model, cap, row(model, "cash_for_ds")[1:19], 1.3)
    assert BINDING[int(sized.binding)] == "gearing"
    assert abs(float(sized.gearing) - cap) < 1e-12
    # Off by 0.08, 0.20 and 0.40 points, the first of them above the cap.
    assert 5e-4 < abs(model.Outputs.debt_fraction / 100 - cap) < 5e-3


def test_irr_is_that_of_its_flows():
    model = project(debt_option=0, debt_percent=30.0)
    flows = row(model, "project_return_aftertax")
    result = irr(jnp.array(flows))
    assert IRR_STATUS[int(result.status)] == "ok"
    theirs = model.Outputs.project_return_aftertax_irr / 100
    np.testing.assert_allclose(result.rate, theirs, atol=1e-6)


def test_a_case_without_meaning_is_flagged_where_it_reports_none():
    # More debt than cost: it returns negative equity and an IRR that is not a number.
    model = project(debt_option=1, ppa_price_input=[0.5])
    out = model.Outputs
    assert out.size_of_equity < 0
    cash = row(model, "cash_for_ds")[1:19]
    sized = closed(model, 1.0, cash, 1.3)
    assert int(sized.status) == 2  # negative_equity
    np.testing.assert_allclose(sized.equity, 0, atol=1e-6)
