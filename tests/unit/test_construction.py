"""Overruns and damages for delay, by hand, on the deals of the shipped configs."""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.config import ConfigError, load
from engine.credit.spv import divide_spv
from engine.credit.window import Window
from engine.jump import HardDefault
from engine.layers import Layers, opening_state, paths
from engine.metrics.causes import spv_default
from engine.vehicles.construction import built
from engine.vehicles.spv import SpvEarnings, contract_rent, spv_paths
from scripts._output import BadInput
from scripts.breakeven import bounds
from tests.helpers import filled

CONFIGS = pathlib.Path(__file__).parents[2] / "configs"


@pytest.fixture(scope="module")
def base():
    economy, _, grid = load(CONFIGS / "base.toml").build(jnp.float64)
    return economy, grid


def risk_of(base, spv, **figures):
    """What befalls one SPV, by model quarter."""
    economy, grid = base
    names = {k.replace("__", "."): jnp.asarray(v) for k, v in figures.items()}
    economy = economy.replace(names)
    found = spv_paths(economy, grid).building
    assert found is not None
    i = economy.members("spvs").index(spv)
    names = ("overrun", "guaranteed", "received", "credited", "late", "beyond")
    return {k: np.asarray(getattr(found, k))[:, i] for k in names}


def left(base, spv):
    """Budget not yet spent at `as_of`."""
    economy, grid = base
    dates = [economy[f"spvs.{spv}.{k}"] for k in ("construction_start", "completion")]
    done = float(built(*dates, grid.as_of))
    return float(economy[f"spvs.{spv}.construction_cost"]) * (1.0 - done)


def test_the_chain_has_none_of_it_in_its_program():
    economy, _, grid = load(CONFIGS / "chain.toml").build(jnp.float64)
    assert spv_paths(economy, grid).building is None
    assert Layers.build(economy, grid).completing is None


def test_base_is_on_budget_and_on_time(base):
    for amounts in risk_of(base, "vantage").values():
        np.testing.assert_array_equal(amounts, 0.0)


def test_an_overrun_is_a_share_of_what_is_left_to_build(base):
    found = risk_of(base, "vantage", physics__overrun=0.1, spvs__vantage__overrun=0.05)
    remaining = left(base, "vantage")
    assert 15.0 < remaining < 25.0
    assert found["overrun"].sum() == pytest.approx(0.15 * remaining)
    np.testing.assert_array_equal(found["beyond"], 0.0)


def test_a_guarantee_pays_the_first_and_no_more(base):
    figures = {"spvs__vantage__completion_guarantee": 3.0}
    found = risk_of(base, "vantage", spvs__vantage__overrun=0.4, **figures)
    total = 0.4 * left(base, "vantage")
    assert found["guaranteed"].sum() == pytest.approx(3.0)
    assert found["beyond"].sum() == pytest.approx(total - 3.0)
    first = np.flatnonzero(found["beyond"])[0]
    # Nothing falls on the vehicle while the guarantee lasts.
    assert found["guaranteed"][:first].sum() < 3.0
    np.testing.assert_array_equal(found["guaranteed"][first + 1 :], 0.0)


def test_chips_are_bought_at_a_price(base):
    assert risk_of(base, "anthropic_chips", physics__overrun=0.3)["overrun"].sum() == 0


@pytest.mark.parametrize(
    ("delay", "cap", "total"),
    [(0.5, 0.15, 40.0 * 0.0005 * 365.0 * 0.5), (0.5, 0.02, 0.8), (0.0, 0.15, 0.0)],
)
def test_the_contractor_pays_by_the_day_up_to_its_cap(base, delay, cap, total):
    found = risk_of(
        base,
        "vantage",
        physics__delay=delay,
        spvs__vantage__contractor_damages=0.0005,
        spvs__vantage__contractor_damages_cap=cap,
    )
    assert found["received"].sum() == pytest.approx(total)


def test_the_vehicle_credits_days_of_rent_to_its_tenant(base):
    economy, _ = base
    found = risk_of(
        base, "hyperion", physics__delay=0.4, spvs__hyperion__tenant_damages=1.0
    )
    i = economy.members("spvs").index("hyperion")
    rent = 0.8 * float(contract_rent(economy)[i])
    assert found["credited"].sum() == pytest.approx(0.4 * rent)


def test_interest_of_a_delay_is_due_as_far_as_the_deal_says(base):
    found = risk_of(
        base, "vantage", physics__delay=0.5, spvs__vantage__delay_interest=0.6
    )
    assert found["late"].sum() == pytest.approx(0.6 * 2.0)


def test_who_has_no_books_here_neither_completes_nor_is_paid(tmp_path):
    (tmp_path / "bad.toml").write_text(
        f'extends = "{CONFIGS / "base.toml"}"\n'
        '[spvs.vantage]\ncompletion_guarantor = "tenant"\n'
        'tenant_damages_x = { value = 1.0, source = "choice: a test", '
        'date = "2026Q3", confidence = "choice", bounds = [0.0, 2.0] }\n'
    )
    with pytest.raises(ConfigError) as error:
        load(tmp_path / "bad.toml")
    for key in ("completion_guarantor", "tenant_damages_x"):
        told = [m for m in error.value.messages if f"spvs.vantage.{key}" in m]
        assert len(told) == 1
        assert "the tenant is oracle" in told[0]


def test_a_vehicle_has_its_share_of_the_jointly_owned_asset(base):
    """Two levels of ownership: JVCo's rent is struck so that Beignet's share covers."""
    economy, grid = base
    layers = Layers.build(economy, grid)
    i = economy.members("spvs").index("hyperion")
    rent = float(layers.spvs.rent[i])
    assert rent == pytest.approx(3.49, abs=0.02)
    r, n = 0.06581, 20.15
    service = 27.3 * r / (1.0 - (1.0 + r) ** -n)
    assert 0.8 * rent == pytest.approx(1.12 * service)


def first_quarter(base, **figures):
    """The SPVs' first quarter with no rent, and the state in which it began."""
    economy, grid = base
    names = {k.replace("__", "."): jnp.asarray(v) for k, v in figures.items()}
    economy = economy.replace(names)
    layers = Layers.build(economy, grid)
    every = paths(economy, grid, jnp.zeros((grid.n_model, 3)))
    now = jax.tree.map(lambda x: x[0], every)
    state = opening_state(economy, grid).spvs
    nothing = jnp.zeros_like(state.cash)
    flows, after = divide_spv(
        now.drivers,
        Window(open=jnp.asarray(1.0), spread=jnp.asarray(0.0)),
        layers.spv_terms,
        now.loans,
        now.spvs,
        layers.guarantee,
        filled(SpvEarnings, nothing),
        HardDefault(),
        state,
    )
    return economy, now, state, flows, after


def test_undrawn_proceeds_earn_the_short_rate(base):
    economy, now, state, flows, _ = first_quarter(base)
    i = economy.members("spvs").index("hyperion")
    assert float(state.cash[i]) > 5.0
    expected = float(state.cash[i]) * float(now.drivers.short) / 4.0
    assert float(flows.earned[i]) == pytest.approx(expected)


def test_cash_and_books_hold_and_the_overrun_is_the_cause(base):
    figures = {
        "physics__delay": 0.1,
        "spvs__vantage__completion_guarantee": 0.5,
        "spvs__vantage__contractor_damages": 0.0005,
        "spvs__hyperion__overrun": 0.3,
    }
    _, _, before, mild, _ = first_quarter(base, spvs__vantage__overrun=0.2, **figures)
    economy, _, state, hard, after = first_quarter(
        base, spvs__vantage__overrun=2.0, **figures
    )
    np.testing.assert_allclose(hard.book_gap, mild.book_gap, atol=1e-12)
    risk = hard.building
    uses = state.cash + hard.cfads + hard.owed + hard.earned + hard.equity
    uses += hard.sponsor + hard.lent_loan - hard.capitalised + risk.received
    uses -= hard.interest_loan + hard.repaid_loan + hard.spend
    uses -= risk.overrun + risk.credited
    np.testing.assert_allclose(after.cash, uses, atol=1e-12)
    i = economy.members("spvs").index("vantage")
    # Guarantee and sponsor first: 0.5 and up to 5.
    assert float(mild.sponsor[i]) == pytest.approx(float(mild.building.beyond[i]))
    assert float(mild.alive[i]) == 1.0
    assert float(hard.sponsor[i]) == pytest.approx(5.0)
    assert float(hard.alive[i]) == 0.0
    planted = jax.tree.map(lambda x: x[None], hard)
    cause = spv_default(planted, True, 0, i)
    assert cause.name == "overrun"
    assert cause.missing == pytest.approx(float(risk.beyond[i]) - 5.0)
    assert cause.sources["cash"] == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(before.cash, state.cash)


def test_a_break_even_is_sought_between_values_in_the_keys_unit():
    config = load(CONFIGS / "base.toml")
    unknown = "spvs.vantage.contractor_damages"
    low, high = bounds(config, unknown, [0.0, 20.0])
    assert (low, high) == (0.0, pytest.approx(0.002))
    for key, between, told in (
        (None, [0.0, 1.0], "--unknown"),
        (unknown, [2.0, 1.0], "the lower one first"),
    ):
        with pytest.raises(BadInput, match=told):
            bounds(config, key, between)
