"""A gap is funded where the last dollar costs least; lessors are paid back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import engine
from engine.config import ConfigError, load
from engine.vehicles.hyperscaler import Hyperscalers, before_interest
from engine.vehicles.hyperscaler_funding import (
    FundingState,
    HyperscalerFunding,
    Rungs,
)
from tests.helpers import finite_difference_jvp
from tests.oracle.comparing import CONFIGS, check


def terms(weight: float = 0.5) -> HyperscalerFunding:
    figures = (0.0085 / 1700.0, 250.0, 0.25, 0.0135, 0.005, 0.3, 0.025, weight)
    return HyperscalerFunding(*(jnp.asarray(x) for x in figures))


def rungs(outstanding: float, adjusted: float, **given: float) -> Rungs:
    steepness = 0.004 / 130.0
    plain = 0.0528 + 0.009
    values = {
        "bonds": 200.0,
        "leases": 12.0,
        "bond_rate": plain + steepness * adjusted,
        "lease_rate": plain + 0.0135,
        "steepness": steepness,
        "lease_steepness": 0.005 / 12.0,
        "outstanding": outstanding,
        "adjusted": adjusted,
        "interest": 0.0,
        "returned": 0.0,
    } | given
    arrays = {name: jnp.asarray([x], jnp.float64) for name, x in values.items()}
    nothing = FundingState(jnp.zeros(1), jnp.zeros(1), jnp.asarray(250.0))
    return Rungs(**arrays, before=nothing)


def cost(b: np.ndarray, x: np.ndarray, r: Rungs, weight: float) -> np.ndarray:
    """Next year's cost of all new money, term by term as the docstring has it."""
    first, k = float(r.bond_rate[0]), float(r.steepness[0])
    bonds = (float(r.outstanding[0]) + b) * (first + k * (b + weight * x))
    rise = float(r.lease_steepness[0])
    return bonds + x * (float(r.lease_rate[0]) + 0.5 * rise * x)


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(
    ("outstanding", "adjusted", "gap"),
    [
        (0.0, 80.0, 10.0),
        (150.0, 250.0, 20.0),
        (250.0, 400.0, 9.0),
        (300.0, 420.0, 40.0),
    ],
)
def test_the_split_costs_least(outstanding, adjusted, gap, weight):
    r = rungs(outstanding, adjusted)
    issued, leased = terms(weight).split(jnp.asarray([gap]), r)
    grid = np.linspace(0.0, min(gap, 12.0), 200_001)
    best = grid[np.argmin(cost(gap - grid, grid, r, weight))]
    assert float(issued[0] + leased[0]) == pytest.approx(gap, abs=1e-12)
    assert float(leased[0]) == pytest.approx(best, abs=1e-3)


def test_some_splits_use_both_rungs():
    """Or the comparison above would say nothing."""
    _, leased = terms().split(jnp.asarray([20.0]), rungs(300.0, 400.0))
    assert 1.0 < float(leased[0]) < 11.0


def test_at_an_inner_split_the_last_dollars_cost_the_same():
    r = rungs(300.0, 400.0)
    issued, leased = terms().split(jnp.asarray([20.0]), r)
    none = jnp.zeros(1)
    annual = jnp.asarray([130.0])
    flows, _ = terms().after(issued, leased, none, none, none, annual, r)
    same = pytest.approx(float(flows.lease_cost[0]), rel=1e-12)
    assert float(flows.bond_cost[0]) == same


def test_leases_carry_what_bonds_cannot_and_nothing_is_borrowed_twice():
    full = rungs(0.0, 100.0, bonds=5.0)
    issued, leased = terms().split(jnp.asarray([11.0]), full)
    assert (float(issued[0]), float(leased[0])) == pytest.approx((5.0, 6.0))
    issued, leased = terms().split(jnp.asarray([40.0]), full)
    assert (float(issued[0]), float(leased[0])) == pytest.approx((5.0, 12.0))
    issued, leased = terms().split(jnp.asarray([-3.0]), full)
    assert (float(issued[0]), float(leased[0])) == (0.0, 0.0)


def test_the_split_has_no_jump_in_the_gap():
    r = rungs(250.0, 380.0, bonds=30.0)
    gaps = jnp.linspace(0.0, 60.0, 6001)
    split = jax.vmap(lambda g: terms().split(g[None], r))
    for amounts in split(gaps):
        assert float(jnp.max(jnp.abs(jnp.diff(amounts[:, 0])))) <= 0.0100001


def test_the_derivative_of_the_split_is_that_of_differences():
    r = rungs(300.0, 400.0)

    def leased(gap):
        return terms().split(gap[None], r)[1][0]

    one = jnp.asarray(1.0)
    point = jnp.asarray(20.0)
    _, slope = jax.jvp(leased, (point,), (one,))
    _, by_differences = finite_difference_jvp(leased, (point,), (one,))
    assert float(slope) == pytest.approx(float(by_differences), rel=1e-6)
    assert 0.0 < float(slope) < 1.0


def test_a_lease_is_paid_back_with_interest():
    """What lessors lay out is worth, at the rate signed, what they are paid."""
    funding, none, annual = terms(), jnp.zeros(1), jnp.asarray([130.0])
    r = rungs(0.0, 100.0)
    flows, state = funding.after(none, none + 10.0, none, none, none, annual, r)
    rate = float(state.lease_rate[0])
    assert rate == pytest.approx(0.0528 + 0.009 + 0.0135 + 0.5 * 0.005 / 12.0 * 10.0)
    worth, discount = 0.0, 1.0
    for _ in range(2000):
        r = rungs(
            0.0,
            100.0,
            interest=float(state.obligation[0]) * rate * 0.25,
            returned=float(state.obligation[0]) * 0.025,
        )
        r = Rungs(**{**vars(r), "before": state})
        flows, state = funding.after(none, none, none, none, none, annual, r)
        discount /= 1.0 + rate * 0.25
        worth += discount * float(flows.lease_paid[0])
    assert worth == pytest.approx(10.0, rel=1e-9)
    assert float(state.obligation[0]) < 1e-20


def test_only_supply_beyond_that_of_as_of_widens_spreads():
    nothing = jnp.zeros(1)
    spreads = [
        float(terms().supply_spread(FundingState(nothing, nothing, jnp.asarray(x))))
        for x in (0.0, 250.0, 1950.0)
    ]
    assert spreads == pytest.approx([0.0, 0.0, 0.0085])


def test_reported_cash_flow_is_taken_before_interest():
    """Meta by hand: 128 + 84 at 4.6 % − 60 at 3.9 %."""
    economy, _, _ = load(CONFIGS / "chain.toml").build()
    meta = economy.members("hyperscalers").index("meta")
    by_hand = 128.0 + 84.0 * 0.046 - 60.0 * 0.039
    assert float(before_interest(economy)[meta]) == pytest.approx(by_hand, rel=1e-12)


def test_without_the_table_there_is_nothing_of_it():
    economy, state, grid = load(CONFIGS / "chain.toml").build()
    assert Hyperscalers.build(economy).funding is None
    assert state.hyperscalers.funding is None
    scenario = engine.reference_scenario(economy, grid)
    found = jax.eval_shape(engine.simulate, economy, state, grid, scenario)
    assert found.record.hyperscalers.funding is None
    assert "meta.leased" not in found.metrics


def test_what_divides_must_be_positive():
    key = "hyperscaler_funding.supply_reference_usd_bn"
    with pytest.raises(ConfigError) as caught:
        load(CONFIGS / "base.toml", [f"{key}.bounds=[0.0, 9.0]", f"{key}=0.0"])
    (message,) = caught.value.messages
    assert f"{key}: got 0.0, expected more than 0" in message


SQUEEZED = (
    *(f"hyperscalers.{x}.ocf_growth_pct=-1" for x in ("meta", "amazon", "alphabet")),
    *(f"hyperscalers.{x}.payout_kept_share=1" for x in ("meta", "alphabet")),
    "hyperscalers.meta.spread_slope_bps=150",
    "hyperscaler_funding.supply_usd_bn=20",
)
"""Core cash flow shrinks and payouts are kept: every rung is stood on."""


@pytest.mark.slow
def test_engine_equals_oracle_where_every_rung_is_used():
    case = check("base", n_random=2, most_excluded=0, overrides=SQUEEZED)
    record = case.results.record.hyperscalers
    funding = record.funding
    both = (record.issued > 1e-3) & (funding.leased > 1e-3)
    for happened in (both, funding.payout_cut > 0, funding.capex_cut > 0):
        assert happened.any()
    assert funding.supply_spread.max() > 1e-5
    worst = {k: float(np.max(x)) for k, x in case.results.residuals.items()}
    assert max(worst.values()) < 1e-10, worst


@pytest.mark.slow
def test_a_hidden_lease_shows_in_the_residuals():
    import equinox as eqx

    from engine.funds.holders import Holders
    from engine.metrics.residuals import residuals

    economy, state, grid = load(CONFIGS / "base.toml").build()
    scenario = engine.reference_scenario(economy, grid)
    record = jax.jit(engine.simulate)(economy, state, grid, scenario).record
    first = jax.tree.map(lambda series: series[0], record)
    holders = Holders.build(economy)

    def worst(tampered):
        found = residuals(tampered, state, holders)
        return float(found["cash"]), float(found["balance_sheet"])

    where = lambda r: r.hyperscalers.funding  # noqa: E731
    for name, index in (("leased", 0), ("obligation", 1)):
        leaf = lambda r, name=name: getattr(where(r), name)  # noqa: E731
        tampered = eqx.tree_at(leaf, first, leaf(first) + 1.0)
        assert worst(first)[index] < 1e-10
        assert worst(tampered)[index] > 1e-4
