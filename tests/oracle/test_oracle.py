"""The engine and a second implementation of docs/model.md say the same."""

import functools
import pathlib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest

import engine
from engine.config import load
from engine.credit.guarantee import Guarantee
from engine.economy import Economy
from engine.funds.holders import Holders
from engine.metrics.causes import defaults
from engine.metrics.registry import METRICS
from tests.oracle.classes import classification
from tests.oracle.measures import measure
from tests.oracle.metrics import Run, headrooms, limit_states, losses
from tests.oracle.run import run

CONFIGS = pathlib.Path(__file__).parents[2] / "configs"
# A productive technology that stalls, under a guarantee of all secured debt: the same
# program as `base`, so that the fast tier compiles it once.
STALLED = (
    "adoption.stall_date=2027.5",
    "adoption.stall_level_share=0.7",
    "adoption.stall_decline_years=2.0",
)
GUARANTEED = ("guarantee.coverage_share=1.0",)
# Calls of which much is not paid, a line on too few commitments, a NAV loan above its
# limit: under a stall that uses up the institutions' buffers.
UNPAID = (
    *STALLED,
    "investors.pension.buffer_usd_bn=3.0",
    "investors.insurer.buffer_usd_bn=3.0",
    "funds.drawdown_ai.undrawn_usd_bn=4.0",
    "funds.drawdown_ai.subscription_line_usd_bn=9.0",
    "funds.drawdown_ai.other_assets_usd_bn=3.0",
    "funds.drawdown_broad.lp_default_share=1.0",
    "funds.drawdown_broad.lp_default_range_x=0.1",
    "funds.drawdown_broad.subscription_delay_years=5.0",
    "funds.drawdown_broad.subscription_line_usd_bn=15.0",
    "funds.drawdown_broad.nav_loan_usd_bn=40.0",
    "funds.accounts.undrawn_usd_bn=1.0",
    "funds.accounts.other_assets_usd_bn=0.5",
)
# Banks of which little is left above the minimum, in markets that are not deep.
BANKS_SELL = (
    *STALLED,
    "banks.buffer_usd_bn=1.0",
    "investors.pension.buffer_usd_bn=3.0",
    "public_markets.treasuries.depth_usd_bn=30000",
)
SEED, CLIFF = 7, 1e-9
# Figures that switch every covenant on, at levels that bind.
COVENANTS = {
    "neoclouds": {
        "draw_stop": 1.0,
        "trap": 1.3,
        "default": 0.98,
        "covenant_band": 0.1,
        "sweep": 0.1,
        "cure": 0.2,
    },
    "spvs": {
        "reserve_funded": 0.4,
        "trap": 1.4,
        "trap_hold": 1.5,
        "sweep": 0.3,
        "sweep_from": 2030.1,
        "default": 1.14,
        "covenant_band": 0.2,
        "cure": 0.5,
    },
}
# New money goes to banks or funds by price: near indifference, at limits that bind.
LENDING = {
    "lending.by_price": 0.9,
    "lending.bank_advance": 0.75,
    "lending.owner_cost": 0.15,
    "lending.sector": 0.025,
    "route.single_name": 0.012,
}
# Overruns beyond guarantees, and damages of a delay both ways.
CONSTRUCTION = {
    "physics.delay": 0.3,
    "physics.overrun": 0.05,
    "spvs.vantage.overrun": 0.3,
    "spvs.vantage.completion_guarantee": 1.0,
    "spvs.vantage.contractor_damages": 0.0005,
    "spvs.vantage.contractor_damages_cap": 0.02,
    "spvs.vantage.delay_interest": 0.7,
    "spvs.hyperion.overrun": 0.1,
    "spvs.hyperion.completion_guarantee": 1.5,
    "spvs.hyperion.tenant_damages": 0.5,
    "spvs.hyperion.tenant_damages_cap": 0.1,
}
RELATIVE = 1e-9
# A money amount may also differ by this share of the system's assets [USD bn].
ASSETS = 1000.0


class Study(NamedTuple):
    """One config, with scenarios: the first is the reference, the others random."""

    economy: Any
    grid: Any
    scenarios: Any
    results: Any
    states: Any


@jax.jit
def _simulate(economy: Any, state: Any, grid: Any, scenarios: Any) -> Any:
    def one(scenario: Any) -> Any:
        drawn = economy.replace(scenario.draws)
        result = engine.simulate(economy, state, grid, scenario)
        return result, engine.limit_states(drawn, grid, scenario)

    return jax.vmap(one)(scenarios)


def with_covenants(economy: Any) -> Any:
    """The economy with `COVENANTS` in every deal, and all of `CONSTRUCTION`."""
    figures = {
        f"{family}.{member}.{key}": jnp.asarray(value, jnp.float64)
        for family, terms in COVENANTS.items()
        for member in economy.members(family)
        for key, value in terms.items()
    }
    figures |= {k: jnp.asarray(v, jnp.float64) for k, v in CONSTRUCTION.items()}
    return economy.replace(figures)


def with_lending(economy: Any) -> Any:
    """The economy with the choice between bank and private credit as a state."""
    figures = {k: jnp.asarray(v, jnp.float64) for k, v in LENDING.items()}
    return Economy(economy.figures | figures, economy.blueprint)


@functools.cache
def study(
    story: str,
    n_random: int,
    covenants: bool = False,
    overrides: tuple[str, ...] = (),
    lending: bool = False,
    pools: float | None = None,
) -> Study:
    config = load(str(CONFIGS / f"{story}.toml"), overrides)
    economy, state, grid = config.build(dtype=jnp.float64)
    if covenants:
        economy = with_covenants(economy)
        state = engine.opening_state(economy, grid)
    if pools is not None:
        economy = with_pools(economy, pools)
        state = engine.opening_state(economy, grid)
    if lending:
        economy = with_lending(economy)
        state = engine.opening_state(economy, grid)
    reference = engine.reference_scenario(economy, grid)
    drawn = engine.scenarios(economy, grid, n_random, seed=SEED)
    every = jtu.tree_map(lambda x, y: jnp.concatenate([x[None], y]), reference, drawn)
    results, states = _simulate(economy, state, grid, every)
    return Study(economy, grid, every, *jax.device_get((results, states)))


def oracle(case: Study, index: int) -> Run:
    """The oracle's run of a scenario."""
    figures = {k: v.tolist() for k, v in case.economy.figures.items()}
    figures |= {k: float(v[index]) for k, v in case.scenarios.draws.items()}
    blueprint, grid = case.economy.blueprint, case.grid
    families = {k: list(v) for k, v in blueprint.families}
    shape = (float(grid.start), grid.n_quarters, grid.n_history)
    shocks = case.scenarios.shocks[index].tolist()
    return Run(*run(figures, families, dict(blueprint.choices), shocks, shape))


def first_difference(mine: Run, record: Any) -> str:
    """Series of the record that differ, the earliest first: where to look."""
    found = []
    for path, theirs in jtu.tree_flatten_with_path(record)[0]:
        group, *name = [str(getattr(key, "name", key)) for key in path]
        for t, quarter in enumerate(mine.quarters):
            if group not in quarter:
                break
            x = quarter[group]
            if name and name[0] in x:
                x = x[name[0]]
            elif name and 0 in x:
                x = [member[name[0]] for member in x.values() if name[0] in member]
            elif name and isinstance(next(iter(x.values())), dict):
                x = [member[name[0]] for member in x.values() if name[0] in member]
            elif name:
                break
            for part in name[1:]:
                x = x[part] if isinstance(x, dict) and part in x else None
            if x is None or isinstance(x, dict):
                break
            if np.shape(x) != np.shape(theirs[t]):
                break
            if not np.allclose(x, theirs[t], RELATIVE, 1e-12):
                found.append((t, ".".join([group, *name]), x, theirs[t].tolist()))
                break
    found.sort(key=lambda x: x[0])
    return "\n".join(map(str, found[:10]))


def is_on_a_cliff(mine: Run) -> bool:
    """Whether some headroom is, before its failure, too near zero to compare."""
    series = list(headrooms(mine).values())
    for m in mine.members("spvs"):
        series.append(mine.of("tenancies", m, "renewal_due"))
        series.append(mine.of("tenancies", m, "repudiation"))
    for one in series:
        for g in one:
            if abs(g) < CLIFF:
                return True
            if g < 0.0:
                break
    return False


def differences(case: Study, index: int, mine: Run) -> list[str]:
    """What the two disagree on, in words."""
    result, states = jtu.tree_map(lambda x: x[index], (case.results, case.states))
    found: list[str] = []

    def same(name: str, a: float, b: float, money: bool = False) -> None:
        allowed = RELATIVE * max(abs(b), ASSETS if money else 1.0)
        if not abs(a - b) <= allowed:
            found.append(f"{name}: oracle {a!r}, engine {float(b)!r}")

    def all_same(kind: str, a: dict, b: dict, money: bool = False) -> None:
        assert set(a) == set(b), f"{kind}: {set(a) ^ set(b)}"
        for name in sorted(a):
            same(f"{kind} {name}", a[name], b[name], money)

    metrics = measure(mine)
    assert set(metrics) == set(result.metrics), set(metrics) ^ set(result.metrics)
    for name, (value, ok) in metrics.items():
        unit = METRICS[name.split(".", 1)[1]].unit
        same(f"metric {name}", value, result.metrics[name], unit.startswith("USD"))
        same(f"status of {name}", float(not ok), result.statuses[name])
    mine_states = limit_states(mine)
    all_same("limit state", mine_states["values"], states.values)
    all_same("limit state", mine_states["alternatives"], states.alternatives)
    all_same("first failure", mine_states["first"], states.first)
    all_same("failure", mine_states["first"], result.failures)
    all_same("loss", losses(mine), result.losses, money=True)
    ends = case.grid.modelled(case.grid.ends)
    theirs = defaults(result.record, case.economy, ends)
    mine_causes = {
        m: next(
            x for x, a in zip(mine.of(group, m, "cause"), alive, strict=True) if not a
        )
        for family, group in (("neoclouds", "clouds"), ("spvs", "spvs"))
        for m in mine.members(family)
        if not min(alive := mine.of(group, m, "alive"))
    }
    their_causes = {name: cause.name for name, _, cause in theirs}
    if mine_causes != their_causes:
        found.append(f"causes: oracle {mine_causes}, engine {their_causes}")
    kind, distances = classification(mine)
    same("classification", kind, result.classification)
    all_same("distance", distances, result.distances)
    return found


def banks_hold(case: Study) -> Any:
    """What banks hold of each class [USD bn]: scenario, quarter, class."""
    shares = Holders.build(case.economy, Guarantee.build(case.economy)).bank
    record = case.results.record
    return np.asarray(shares) * record.classes.balance + record.moved.balance


def check(
    story: str,
    n_random: int,
    most_excluded: int,
    covenants: bool = False,
    overrides: tuple[str, ...] = (),
    lending: bool = False,
    pools: float | None = None,
) -> Study:
    case = study(story, n_random, covenants, overrides, lending, pools)
    excluded = 0
    for index in range(n_random + 1):
        mine = oracle(case, index)
        if is_on_a_cliff(mine):
            excluded += 1
            continue
        found = differences(case, index, mine)
        if found:
            record = jtu.tree_map(lambda x, i=index: x[i], case.results.record)
            where = first_difference(mine, record)
            lines = "\n".join([f"scenario {index}", *found, "first:", where])
            pytest.fail(lines)
    assert excluded <= most_excluded, f"{excluded} scenarios lie on a cliff"
    return case


@pytest.mark.slow
def test_engine_equals_oracle_with_every_covenant_and_construction_risk():
    # The program of the plain base serves: figures are its arguments.
    record = check("base", n_random=4, most_excluded=0, covenants=True).results.record
    clouds = record.clouds
    # All of it happened somewhere, or nothing was compared.
    for happened in (clouds.swept > 0, clouds.cure > 0, clouds.draws_open < 1):
        assert happened.any()
    spvs = record.spvs
    for happened in (spvs.swept > 0, spvs.cure > 0, spvs.trapped > 0):
        assert happened.any()
    assert (clouds.covenant < 0.0).any()
    assert (spvs.covenant < 0.0).any()
    risk = spvs.building
    for happened in (risk.guaranteed > 0, risk.overrun > risk.guaranteed):
        assert happened.any()
    for happened in (risk.received > 0, risk.credited > 0):
        assert happened.any()


def with_pools(economy: Any, cross_default: float) -> Any:
    """The economy with every covenant, and one neocloud's pools apart."""
    figures = {
        f"neoclouds.{member}.{key}": value
        for member in economy.members("neoclouds")
        for key, value in COVENANTS["neoclouds"].items()
    }
    figures["neoclouds.coreweave.cross_default"] = cross_default
    added = {k: jnp.asarray(v, jnp.float64) for k, v in figures.items()}
    return Economy(economy.figures | added, economy.blueprint)


@pytest.mark.slow
def test_engine_equals_oracle_where_pools_are_apart():
    # With recourse, then without: figures of one program.
    for cross_default in (0.0, 100.0):
        case = check("chain", n_random=4, most_excluded=0, pools=cross_default)
        clouds = case.results.record.clouds
        pools = clouds.pools
        # A pool failed while the other stood, or nothing was compared.
        is_weak = (pools.opening_headroom < 0.0) != (pools.drawn_headroom < 0.0)
        assert is_weak[..., 0].any()
        for happened in (clouds.swept > 0, clouds.cure > 0, clouds.draws_open < 1):
            assert happened[..., 0].any()
        for name, worst in case.results.residuals.items():
            assert worst.max() <= 1e-10, name
        covenant = clouds.covenant[..., 0]
        assert (covenant < 0.0).any() == (cross_default == 0.0)


def test_engine_equals_oracle_where_lenders_are_chosen_by_price():
    case = check("chain", n_random=4, most_excluded=0, overrides=STALLED, lending=True)
    moved = case.results.record.moved
    # Banks gained in some class and lost in another, bore losses, and hit a limit.
    assert (moved.balance > 0.1).any()
    assert (moved.balance < -0.01).any()
    assert (moved.loss != 0.0).any()
    assert (moved.recovered != 0.0).any()
    held = banks_hold(case)
    cet1 = float(case.economy["banks.cet1"])
    assert held.max() >= LENDING["route.single_name"] * cet1
    assert held.sum(axis=-1).max() >= LENDING["lending.sector"] * cet1
    assert held.min() > -1e-9
    for name, worst in case.results.residuals.items():
        assert worst.max() <= 1e-10, name


@pytest.mark.parametrize(
    "overrides",
    [(), STALLED, GUARANTEED, STALLED + GUARANTEED],
    ids=["base", "stalled", "guaranteed", "stalled_guaranteed"],
)
def test_engine_equals_oracle(overrides):
    check("base", n_random=4, most_excluded=0, overrides=overrides)


@pytest.mark.slow
def test_engine_equals_oracle_when_investors_do_not_pay():
    fund = check("base", n_random=4, most_excluded=0, overrides=UNPAID).results.record
    calls, loan = fund.fund.calls, fund.fund.nav_loan
    # All of it happened somewhere, or nothing was compared.
    for name in ("defaulted", "missing", "sold", "overdrawn", "short", "loss"):
        assert (np.asarray(getattr(calls, name)) > 1e-3).any(), name
    assert (calls.reach < 0.9).any()
    assert (loan.repaid > 1e-3).any()


@pytest.mark.slow
def test_engine_equals_oracle_where_banks_sell():
    case = check("base", n_random=4, most_excluded=0, overrides=BANKS_SELL)
    public = case.results.record.public
    # Banks sold in some quarters and not in others, and pushed others or were pushed.
    banks = np.asarray(public.forced_sales)[..., -1]
    assert (banks > 1.0).any()
    assert (banks == 0.0).any()
    assert (np.asarray(public.sold).sum(-1) > 1.01 * np.asarray(public.first)).any()
    for name, worst in case.results.residuals.items():
        assert worst.max() <= 1e-10, name


@pytest.mark.slow
def test_engine_equals_oracle_where_banks_and_funds_compete_beside_an_agency():
    case = check("scenarios/agency", n_random=2, most_excluded=0, lending=True)
    record = case.results.record
    assert (record.agency.bought > 0.1).any()
    assert (record.moved.drawn > 0.01).any()
    for name, worst in case.results.residuals.items():
        assert worst.max() <= 1e-10, name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("story", "n_random"),
    [
        ("chain", 50),
        ("base", 50),
        ("scenarios/slow", 10),
        ("scenarios/disproved", 10),
        ("scenarios/guarantee", 10),
        ("scenarios/disproved_guarantee", 10),
        ("scenarios/guarantee_implicit", 3),
        ("scenarios/guarantee_premium", 3),
        ("scenarios/agency", 3),
        ("scenarios/disproved_agency", 3),
        ("scenarios/route_by_price", 10),
    ],
)
def test_engine_equals_oracle_on_many_random_scenarios(story, n_random):
    check(story, n_random, most_excluded=1)
