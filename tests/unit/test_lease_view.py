"""The accounting view of a run's leases, against the standards' own functions."""

import types

import jax.numpy as jnp
import numpy as np
import pytest

from engine.config import load
from engine.contracts import lease_schedule, right_of_use
from engine.grid import DT
from engine.metrics.accounting import accounting, own_leases, spv_leases
from tests.config_files import CONFIGS

TEN_YEAR, SHORT = 0.05, 0.04
TO_LESSORS = 3.0
START, TERM, END = 2029.25, 4.0, 2049.4


@pytest.fixture(scope="module")
def base():
    return load(CONFIGS / "base.toml").build(jnp.float64)


def record(economy, grid, let=1.0):
    """What the view reads of a run, with flat rates and one share of space let."""

    def flat(value, *shape):
        return jnp.full((grid.n_model, *shape), value)

    families = ("spvs", "neoclouds", "hyperscalers")
    n, k, h = (len(economy.members(family)) for family in families)
    funding = types.SimpleNamespace(obligation=flat(TO_LESSORS, h))
    return types.SimpleNamespace(
        drivers=types.SimpleNamespace(ten_year=flat(TEN_YEAR), short=flat(SHORT)),
        tenancies=types.SimpleNamespace(let=flat(let, n)),
        spvs=types.SimpleNamespace(alive=flat(1.0, n)),
        clouds=types.SimpleNamespace(alive=flat(1.0, k)),
        hyperscalers=types.SimpleNamespace(funding=funding),
    )


@pytest.fixture(scope="module")
def hyperion(base):
    economy, _, grid = base
    found = spv_leases(record(economy, grid), economy, grid)
    place = economy.members("spvs").index("hyperion")
    ends = np.asarray(grid.ends)
    return ends, {k: np.asarray(x[:, place]) for k, x in vars(found).items()}


def test_first_term_is_not_commenced_until_rent_starts(base, hyperion):
    economy, _, _ = base
    ends, found = hyperion
    before, after = ends < START - 1e-6, ends >= START - 1e-6
    cover = float(economy["spvs.hyperion.minimum_dscr"])
    years = float(economy["spvs.hyperion.amortisation"])
    coupon = float(economy["spvs.hyperion.coupon"])
    annuity = (1 - (1 + coupon) ** -years) / coupon
    expected = TERM * cover * 27.3 / annuity / 0.8
    np.testing.assert_allclose(found["not_commenced"][before], expected, rtol=1e-9)
    np.testing.assert_allclose(found["not_commenced"][after], 0.0, atol=1e-12)
    np.testing.assert_allclose(found["liability"][before], 0.0, atol=1e-12)
    whole = expected / TERM * (END - START)
    np.testing.assert_allclose(
        found["not_commenced"][0] + found["options"][0], whole, rtol=1e-9
    )


def test_a_term_is_the_standards_own_schedule(hyperion):
    ends, found = hyperion
    at = int(np.argmin(np.abs(ends - START)))
    n = round(TERM / DT)
    a_quarter = found["not_commenced"][0] / n
    schedule = lease_schedule(jnp.full((n,), a_quarter), (TEN_YEAR + 0.009) * DT, False)
    # At commencement the whole term is owed, then the schedule's closing balances.
    expected = np.append(schedule.opening[0], schedule.closing[:-1])
    np.testing.assert_allclose(found["liability"][at : at + n], expected, rtol=1e-9)
    for key, model in (("right_of_use", "operating"), ("finance_asset", "finance")):
        asset = right_of_use(schedule, model)
        expected = np.append(asset.opening[0], asset.closing[:-1])
        np.testing.assert_allclose(found[key][at : at + n], expected, rtol=1e-9)


def test_an_option_becomes_a_liability_when_it_is_exercised(hyperion):
    ends, found = hyperion
    at = int(np.argmin(np.abs(ends - (START + TERM))))
    fallen = found["options"][at - 1] - found["options"][at]
    assert fallen == pytest.approx(found["not_commenced"][0], rel=1e-9)
    assert found["liability"][at] > 3.0 * found["liability"][at - 1] > 0.0


def test_the_guarantee_lasts_sixteen_years(hyperion):
    ends, found = hyperion
    lasts = ends < START + 16.0 - 1e-6
    np.testing.assert_allclose(found["guarantee"][lasts], 28.0)
    np.testing.assert_allclose(found["guarantee"][~lasts], 0.0, atol=1e-9)


def test_who_left_shows_nothing(base):
    economy, _, grid = base
    found = spv_leases(record(economy, grid, let=0.25), economy, grid)
    whole = spv_leases(record(economy, grid), economy, grid)
    h = grid.n_history
    for key, x in vars(found).items():
        np.testing.assert_allclose(x[h:], 0.25 * getattr(whole, key)[h:], atol=1e-12)


def test_a_path_of_rent_is_in_force_or_to_come(base):
    """Everything that the path still pays is one or the other, undiscounted."""
    economy, _, grid = base
    nothing = {"hybrid.oracle.spread": jnp.asarray(-TEN_YEAR)}
    clouds = economy.members("neoclouds")
    nothing |= {f"neoclouds.{n}.box_margin": jnp.asarray(-SHORT) for n in clouds}
    free = economy.replace(nothing)
    found = own_leases(record(free, grid), free, grid)
    for i, key in enumerate(
        ["hybrid.oracle.rent", *(f"neoclouds.{n}.lease" for n in clouds)]
    ):
        dates = np.asarray(economy[f"{key}.dates"])
        middles, ends = np.asarray(grid.middles), np.asarray(grid.ends)
        path = np.interp(middles, dates, np.asarray(economy[f"{key}.values"]))
        path = np.where(ends <= dates[-1] + 1e-9, path, 0.0) * DT
        ahead = path.sum() - np.cumsum(path)
        both = np.asarray(found.liability + found.not_commenced)[:, i]
        np.testing.assert_allclose(both, ahead, atol=1e-9)
        at = grid.n_history - 1
        rest = path[at + 1 :]
        lowest = np.minimum(np.minimum.accumulate(rest), path[at])
        assert float(found.liability[at, i]) == pytest.approx(lowest.sum(), rel=1e-9)


def test_companies_show_their_own_leases_once(base):
    economy, _, grid = base
    told = record(economy, grid)
    view = accounting(told, economy, grid)
    spvs = spv_leases(told, economy, grid)
    own = own_leases(told, economy, grid)
    members = economy.members("spvs")
    tenants = [economy.blueprint.choice(f"spvs.{name}.tenant") for name in members]
    at = view.companies.index

    def of(tenant):
        return sum(spvs.liability[:, i] for i, t in enumerate(tenants) if t == tenant)

    # Alphabet rents from no SPV: what it owes to lessors outside is all it shows.
    to_lessors = np.where(np.arange(grid.n_quarters) < grid.n_history, 0.0, TO_LESSORS)
    for asset in ("liability", "right_of_use", "finance_asset"):
        shown = getattr(view.totals, asset)[:, at("alphabet")]
        np.testing.assert_allclose(shown, to_lessors)
    mine = of("meta") + to_lessors
    np.testing.assert_allclose(view.totals.liability[:, at("meta")], mine)
    np.testing.assert_allclose(
        view.totals.liability[:, at("other tenants")], of("outside")
    )
    # What Oracle pays to SPVs is part of its own path.
    np.testing.assert_allclose(
        view.totals.liability[:, at("oracle")], own.liability[:, 0]
    )
    # A vendor's guarantee is its own, not the tenant's.
    chips = members.index("anthropic_chips")
    np.testing.assert_allclose(
        view.off_balance[:, at("broadcom")], spvs.guarantee[:, chips]
    )
    np.testing.assert_allclose(view.totals.guarantee[:, at("anthropic")], 0.0)
    first = grid.n_history - 1
    larger = sum(
        jnp.maximum(spvs.guarantee[first, i], spvs.options[first, i])
        for i, t in enumerate(tenants)
        if t == "meta"
    )
    assert float(view.off_balance[first, at("meta")]) == pytest.approx(
        float(larger + view.totals.not_commenced[first, at("meta")])
    )
