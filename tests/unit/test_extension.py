"""What an extension costs, what accounts earn, whom a guarantee is paid: by hand."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.config import load
from engine.credit.extension import Extension
from engine.credit.spv import divide_spv
from engine.credit.spv_terms import spv_dates
from engine.credit.window import Window
from engine.jump import HardDefault
from engine.layers import Layers, opening_state, paths
from engine.vehicles.spv import SpvEarnings
from tests.config_files import CONFIGS, PROVENANCE, errors
from tests.helpers import filled

CLAUSES = {
    "extension_fee_bps": 25.0,
    "extension_step_bps": 50.0,
    "extension_debt_yield_pct": 10.0,
}
# Vantage's loan, bullet and drawn: four years to the end of 2029Q3, and one, and one.
DATES = (2029.75, 2030.75, 2031.75)


def stating(folder, clauses, lines=(), base="chain", deal="vantage"):
    """A config that is `base` but for clauses of one SPV's."""
    told = [f'extends = "{CONFIGS / f"{base}.toml"}"', f"[spvs.{deal}]", *lines]
    told += [
        f"{key} = {{ value = {value}, {PROVENANCE}, bounds = [-500.0, 1000.0] }}"
        for key, value in clauses.items()
    ]
    path = folder / "clauses.toml"
    path.write_text("\n".join(told) + "\n", encoding="utf-8")
    return path


def built(path):
    economy, _, grid = load(path).build(jnp.float64)
    return economy, grid


def quarter(path, date, cfads, loan=30.0, put=0.0, openness=0.0):
    """Vantage's quarter that ends at `date`, with a drawn loan and nobody lending."""
    economy, grid = built(path)
    i = economy.members("spvs").index("vantage")
    layers = Layers.build(economy, grid)
    every = paths(economy, grid, jnp.zeros((grid.n_model, 3)))
    t = round((date - float(grid.start)) * 4) - grid.n_history - 1
    now = jax.tree.map(lambda x: x[t], every)
    state = opening_state(economy, grid).spvs
    row = jnp.zeros_like(state.cash)
    state = dataclasses.replace(state, loan=row.at[i].set(loan), cash=row + 2.0)
    earnings = dataclasses.replace(
        filled(SpvEarnings, row), cfads=row + cfads, owed=row + put, put=row + put
    )
    flows, after = divide_spv(
        now.drivers,
        Window(open=jnp.asarray(openness), spread=jnp.asarray(0.0)),
        layers.spv_terms,
        now.loans,
        now.spvs,
        layers.guarantee,
        earnings,
        HardDefault(),
        state,
    )
    one = jax.tree.map(lambda x: float(np.asarray(x)[i]), (flows, after))
    return now.drivers, *one


def test_dates_of_extensions(tmp_path):
    economy, grid = built(stating(tmp_path, CLAUSES))
    i = economy.members("spvs").index("vantage")
    dates = spv_dates(economy, grid)
    ends = np.asarray(grid.ends[grid.n_history :])
    begun = np.asarray(dates.extended)[:, i]
    for when, count in ((2029.75, 0), (2030.0, 1), (2030.75, 1), (2031.0, 2)):
        assert begun[np.argmin(abs(ends - when))] == pytest.approx(count, abs=1e-9)
    extending = np.asarray(dates.extending)[:, i]
    at = [np.argmin(abs(ends - when)) for when in DATES]
    np.testing.assert_allclose(extending[at], [1.0, 1.0, 0.0], atol=1e-9)
    assert extending.sum() == pytest.approx(2.0, abs=1e-9)


def test_what_passes_the_debt_yield_runs_on_for_a_fee(tmp_path):
    path = stating(tmp_path, CLAUSES)
    # 3.2 a year on 30 is a yield of 10.7 %: nothing is repaid.
    _, flows, after = quarter(path, DATES[0], cfads=0.8)
    assert flows.residual == 0.0
    assert flows.extension_fee == pytest.approx(0.0025 * 30.0, rel=1e-12)
    _, plain, _ = quarter(CONFIGS / "chain.toml", DATES[0], cfads=0.8)
    more = flows.interest_loan - plain.interest_loan
    assert more == pytest.approx(flows.extension_fee, rel=1e-9)
    # It is due once: cover is of what comes every quarter.
    assert flows.dscr == plain.dscr
    assert after.loan == pytest.approx(30.0 - flows.swept, rel=1e-12)
    assert flows.book_gap == pytest.approx(plain.book_gap, abs=1e-12)


def test_what_does_not_is_repaid_until_it_does(tmp_path):
    path = stating(tmp_path, CLAUSES)
    # 2.8 a year carries 28 at a yield of 10 %: 2 are due, from cash, then the sponsor.
    _, flows, after = quarter(path, DATES[0], cfads=0.7)
    assert flows.residual == pytest.approx(2.0, rel=1e-12)
    assert flows.extension_fee == pytest.approx(0.0025 * 28.0, rel=1e-12)
    assert flows.alive == 1.0
    assert 0.7 * 4.0 / (after.loan + flows.swept) == pytest.approx(0.1, rel=1e-12)
    # Who cannot repay it fails at that date, and not without the clause.
    _, broken, _ = quarter(path, DATES[0], cfads=0.3)
    assert broken.residual == pytest.approx(18.0, rel=1e-12)
    assert broken.alive == 0.0
    _, plain, _ = quarter(CONFIGS / "chain.toml", DATES[0], cfads=0.3)
    assert plain.residual == 0.0
    assert plain.alive == 1.0


def test_the_rate_rises_with_each_extension(tmp_path):
    path = stating(tmp_path, {"extension_step_bps": 50.0})
    for date, begun in ((2029.75, 0), (2030.0, 1), (2031.0, 2)):
        drivers, flows, _ = quarter(path, date, cfads=0.8)
        _, plain, _ = quarter(CONFIGS / "chain.toml", date, cfads=0.8)
        more = 30.0 * 0.005 * begun / 4.0
        assert flows.interest_loan - plain.interest_loan == pytest.approx(
            more, rel=1e-9, abs=1e-12
        )
        assert float(drivers.short) > 0.0


def test_derivatives_of_the_clauses_are_those_of_differences():
    def cost(y):
        terms = Extension(jnp.asarray([0.0025]), jnp.asarray([0.0]), y[None])
        one = jnp.asarray([1.0])
        found = terms.begin(one, 30.0 * one, 1.0 * one, 0.7 * one)
        return (found.curtailed + found.fee)[0]

    at = jnp.asarray(0.1)
    finite = float(cost(at + 1e-5) - cost(at - 1e-5)) / 2e-5
    assert float(jax.grad(cost)(at)) == pytest.approx(finite, rel=1e-6)
    assert finite > 0.0
    # Without a test there is none, whatever the yield.
    assert float(jax.grad(cost)(jnp.asarray(0.0))) == 0.0


@pytest.mark.parametrize(("spread", "rate"), [(-30.0, None), (-2000.0, 0.0)])
def test_accounts_earn_what_the_deal_says_and_never_cost(tmp_path, spread, rate):
    path = stating(tmp_path, {"escrow_spread_bps": spread})
    path.write_text(path.read_text().replace("-500.0", "-5000.0"))
    drivers, flows, _ = quarter(path, 2029.0, cfads=0.8)
    paid = float(drivers.short) + spread / 1e4 if rate is None else rate
    assert flows.earned == pytest.approx(2.0 * paid / 4.0, rel=1e-12)


def test_a_guarantee_to_the_owners_goes_past_the_lenders(tmp_path):
    path = stating(tmp_path, {}, ['rvg_beneficiary = "owners"'])
    _, past, after = quarter(path, 2029.0, cfads=0.1, put=3.0)
    _, lenders, kept = quarter(CONFIGS / "chain.toml", 2029.0, cfads=0.1, put=3.0)
    assert past.owed == lenders.owed == 3.0
    _, none, without = quarter(CONFIGS / "chain.toml", 2029.0, cfads=0.1, put=0.0)
    assert past.distributed - none.distributed == pytest.approx(3.0, rel=1e-12)
    assert (after.cash, after.loan) == (without.cash, without.loan)
    assert kept.cash + lenders.distributed > without.cash + none.distributed
    assert past.book_gap == pytest.approx(lenders.book_gap, abs=1e-12)


def test_clauses_that_pay_the_borrower_and_a_vendor_past_lenders_are_refused(tmp_path):
    told = errors(stating(tmp_path, {"extension_fee_bps": -5.0}))
    assert len(told) == 1
    assert "extension_fee_bps: got -5.0, expected 0 or more" in told[0]
    owners = ['rvg_beneficiary = "owners"']
    told = errors(stating(tmp_path, {}, owners, "base", "anthropic_chips"))
    assert len(told) == 1
    assert (
        "rvg_beneficiary: got 'owners', expected 'vehicle', since broadcom" in told[0]
    )


def test_the_chain_has_none_of_it_in_its_program():
    economy, grid = built(CONFIGS / "chain.toml")
    terms = Layers.build(economy, grid).spv_terms
    assert terms.extension is None
    assert terms.escrow is None
    assert terms.to_owners is None
    assert spv_dates(economy, grid).extending is None


def test_an_amortising_loan_owes_its_principal_once_on_its_last_date(tmp_path):
    path = stating(tmp_path, {}, ['profile = "amortising"'])
    _, flows, after = quarter(path, DATES[2], cfads=40.0)
    assert 0.0 < flows.scheduled < 10.0
    assert flows.scheduled + flows.residual == pytest.approx(30.0, rel=1e-12)
    assert after.loan == pytest.approx(0.0, abs=1e-12)
