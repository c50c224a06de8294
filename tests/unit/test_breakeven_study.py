import json
import math
from typing import NamedTuple

import jax.numpy as jnp
import pytest

from calibration.adoption import equivalents, with_midpoint
from calibration.located import locate
from calibration.study import heat_map, study
from engine.drivers import adoption
from engine.drivers.sampling import Scenario, reference_scenario
from engine.economy import Blueprint, Economy, Range
from engine.grid import TimeGrid
from engine.metrics.hurdle import INPUTS

GRID = TimeGrid(jnp.asarray(2025.0), 104, 7)
STATUS_KEYS = {"value", "unit", "check_up", "check_down", "step"}


class States(NamedTuple):
    values: dict
    binding: dict
    first: dict
    alternatives: dict
    events: dict


def economy(**changes: float) -> Economy:
    hurdle = dict.fromkeys(INPUTS, 1.0) | {
        "hurdle.investment": 3000.0,
        "hurdle.return": 0.12,
        "hurdle.margin": 0.65,
        "hurdle.debt_share": 0.7,
        "hurdle.capital_cost": 0.1125,
        "hurdle.hardware": 1600.0,
        "hurdle.hardware_life": 6.0,
        "hurdle.shell": 1300.0,
        "hurdle.shell_life": 20.0,
    }
    scalars = hurdle | {
        "macro.gdp": 30.5,
        "macro.gdp_growth": 0.045,
        "macro.gdp_reference": 2026.0,
        "adoption.ceiling": 35.0,
        "adoption.midpoint": 2028.8,
        "adoption.j_curve_lag": 0.0,
        "adoption.plan_midpoint": 2028.8,
        "adoption.stall": 2100.0,
        "adoption.stall_level": 1.0,
        "adoption.stall_decline": 1.0,
        "criteria.horizon": 2031.75,
        "rates.short": 0.039,
        "shifts.rate_future": 0.0,
        "shifts.rate_all": 0.0,
        "shifts.leverage_future": 0.0,
        "shifts.leverage_all": 0.0,
    }
    figures = {k: jnp.asarray(v) for k, v in (scalars | changes).items()}
    figures["adoption.history"] = jnp.linspace(47.0, 138.0, 7)
    choices = (("adoption.shape", "logistic"), ("adoption.timing", "midpoint"))
    ranges = (Range("rates.short", "uniform", 0.033, 0.05),)
    return Economy(figures, Blueprint((), choices, ranges))


def limit_states(moved: Economy, grid: TimeGrid, scenario: Scenario) -> States:
    """A stand-in: revenue against dues that rates and leverage raise."""
    # As the engine does: a scenario's draws replace figures.
    moved = moved.replace(scenario.draws)
    f = moved.figures
    dates = jnp.asarray([2030.0, 2034.0])
    at = adoption.revenue_curve(moved, grid, dates)
    rate = f["rates.short"] + f["shifts.rate_future"] + f["shifts.rate_all"]
    debt = 2000.0 * (1 + f["shifts.leverage_future"] + f["shifts.leverage_all"])
    dues = 150.0 + debt * rate
    headroom, late = at[0] / dues - 1, at[1] / dues - 1
    never = jnp.asarray(9999.0)
    alive = headroom > 0
    spv = jnp.where(alive, 0.127, -0.069)
    quarter = jnp.asarray(20)
    names = ("lab", "neocloud_unsecured", "bank_spv", "neocloud_unsecured.return")
    return States(
        {
            "lab": headroom + 5.0,
            "neocloud_unsecured": headroom,
            "bank_spv": spv,
            "neocloud_unsecured.return": 0.25 - headroom * 0 - dues / at[1],
        },
        dict.fromkeys(names, quarter),
        {
            "neocloud_unsecured": jnp.where(alive, never, 2030.0),
            "bank_spv": jnp.where(alive, never, 2030.25),
        },
        {"neocloud_unsecured@full": jnp.minimum(headroom, late)},
        {"neocloud_equity_wiped": jnp.where(alive, never, 2029.75)},
    )


def run(**options):
    return study(economy(), GRID, limit_states=limit_states, **options)


@pytest.fixture(scope="module")
def everything():
    return run(criterion="all", paths=("adoption.ceiling",))


def test_the_object_has_the_fixed_keys_and_is_strict_json(everything):
    json.dumps(everything, allow_nan=False)
    assert set(everything["layers"]) == {
        "lab",
        "neocloud_unsecured",
        "bank_spv",
        "neocloud_unsecured.return",
    }
    for layer in everything["layers"].values():
        assert layer["unknown"] == "adoption.midpoint"
        assert {"criterion", "value", "status", "residual", "binding"} <= set(layer)
        assert set(layer["equivalents"]) == {
            "duration_10_90",
            "hurdle_date_article",
            "hurdle_date_life_adjusted",
        }
        for shift in layer["sensitivities"].values():
            assert set(shift) >= STATUS_KEYS


def test_a_smooth_layer_is_confirmed_by_every_shift(everything):
    layer = everything["layers"]["neocloud_unsecured"]
    assert layer["status"] == "ok"
    shifts = layer["sensitivities"]
    assert set(shifts) == {
        "rate.future",
        "rate.all",
        "leverage.future",
        "leverage.all",
        "adoption.ceiling",
    }
    for name, shift in shifts.items():
        assert shift["status"] == "ok", (name, shift)
        assert shift["check_up"] == pytest.approx(shift["value"], rel=2e-4)
    assert shifts["rate.future"]["value"] < 0 < shifts["adoption.ceiling"]["value"]
    assert shifts["rate.future"]["per_100_bp"] == pytest.approx(
        shifts["rate.future"]["value"] / 100
    )
    assert shifts["rate.future"]["moves"]["up"] < 0
    assert layer["cross"]["rate.future×leverage.future"]["status"] == "ok"
    assert layer["gradients"]["rates.short"] == pytest.approx(
        shifts["rate.future"]["value"]
    )
    assert layer["full_grid"]["value"] == pytest.approx(layer["value"])
    assert layer["binding"]["quarter"] == 20


def test_a_pinned_layer_names_its_cause_not_what_else_happens_then(everything):
    layer = everything["layers"]["bank_spv"]
    assert layer["status"] == "at_jump"
    # The wipe-out is dated earlier, but the default's headroom is what reaches zero.
    assert layer["event"]["name"] == "neocloud_unsecured"
    assert layer["event"]["also"] == ["neocloud_equity_wiped"]
    own = layer["event"]["sensitivities"]["rate.future"]["value"]
    assert own == pytest.approx(
        layer["sensitivities"]["rate.future"]["check_up"], rel=1e-3
    )
    assert layer["one_sided"]["resolved"]["rate.future"]["up"] == pytest.approx(
        own, rel=1e-3
    )


def test_a_layer_that_always_holds_has_a_bound(everything):
    layer = everything["layers"]["lab"]
    assert (layer["status"], layer["value"]) == ("always_holds", None)
    assert layer["bound"] == pytest.approx(2046.8)


def test_the_default_is_the_financed_layer_that_fails_first():
    assert run()["criterion"] in ("neocloud_unsecured", "bank_spv")


def test_another_unknown_is_scanned_both_ways():
    found = run(criterion="neocloud_unsecured", unknown="rates.short")
    assert found["unknown"] == "rates.short"
    assert found["status"] in ("ok", "always_holds")
    found = run(
        criterion="neocloud_unsecured", unknown="rates.short", bounds=(0.0, 0.5)
    )
    assert found["status"] == "ok"
    assert found["sensitivities"]["rate.future"]["value"] == pytest.approx(-1.0)
    ceiling = run(criterion="neocloud_unsecured", unknown="adoption.ceiling")
    assert ceiling["status"] == "ok"
    assert ceiling["value"] < 35.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"criterion": "neocloud"}, "'neocloud' is none of lab"),
        ({"unknown": "rates.shrt"}, "no figure is called 'rates.shrt'"),
        ({"paths": ("rates.shrt",)}, "no figure is called 'rates.shrt'"),
    ],
)
def test_unknown_names_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        run(**options)


def test_a_scenario_keeps_its_shocks_and_its_draws_can_be_moved():
    drawn = reference_scenario(economy(**{"rates.short": 0.045}), GRID)
    found = run(criterion="neocloud_unsecured", scenario=drawn)
    base = run(criterion="neocloud_unsecured")
    assert found["value"] < base["value"]
    short = found["gradients"]["rates.short"]
    assert short == pytest.approx(found["sensitivities"]["rate.future"]["value"])


def test_equivalents_of_the_logistic():
    found = equivalents(economy(), GRID, (2028.8, 2033.0))
    date, share = (float(x) for x in adoption.anchor(economy(), GRID))
    k = math.log(1 / share - 1) / (2028.8 - date)
    assert found[0].duration_10_90 == pytest.approx(2 * math.log(9) / k)
    assert found[0].hurdle_date_article is not None
    assert found[0].hurdle_date_life_adjusted is not None
    at = jnp.asarray([found[0].hurdle_date_article])
    assert float(adoption.revenue_curve(economy(), GRID, at)[0]) == pytest.approx(
        553.846, rel=1e-4
    )
    assert found[0].hurdle_date_life_adjusted > found[0].hurdle_date_article
    assert found[1].hurdle_date_article > found[0].hurdle_date_article


def test_a_midpoint_given_as_a_duration_is_the_same_midpoint():
    given = economy(**{"adoption.duration_10_90": 5.2})
    by_duration = given.choosing(adoption_timing="duration")
    moved = with_midpoint(by_duration, GRID)
    middle = float(moved["adoption.midpoint"])
    assert moved.blueprint.choice("adoption.timing") == "midpoint"
    found = equivalents(by_duration, GRID, (middle,))
    assert found[0].duration_10_90 == pytest.approx(5.2)


def test_the_heat_map_has_a_status_in_every_cell():
    found = locate(economy(), GRID, limit_states=limit_states)
    table = heat_map(found, "neocloud_unsecured", (-1e-3, 0.0), (0.0, 0.01, 0.02))
    assert table["axes"] == {
        "rate.future": [-1e-3, 0.0],
        "leverage.future": [0.0, 0.01, 0.02],
    }
    assert [len(row) for row in table["status"]] == [3, 3]
    assert table["value"][1][0] == pytest.approx(
        found.layers["neocloud_unsecured"].value, abs=1e-9
    )
    assert table["value"][0][0] > table["value"][1][0] > table["value"][1][2]


def test_another_economy_is_located_without_compiling_again():
    traces = []

    def counted(moved, grid, scenario):
        traces.append(1)
        return limit_states(moved, grid, scenario)

    found = locate(economy(), GRID, limit_states=counted)
    n = len(traces)
    dearer = economy(**{"rates.short": 0.045, "adoption.midpoint": 2028.5})
    moved = found.again(dearer)
    assert len(traces) == n
    assert moved.base == 2028.5
    fresh = locate(dearer, GRID, limit_states=limit_states)
    for name, x in fresh.layers.items():
        assert moved.layers[name].status == x.status
        if x.value is not None:
            assert moved.layers[name].value == pytest.approx(x.value, abs=1e-10)


def test_a_much_later_economy_is_scanned_as_if_located_anew():
    found = locate(economy(), GRID, limit_states=limit_states)
    later = economy(**{"adoption.midpoint": 2034.0, "adoption.j_curve_lag": 0.4})
    moved = found.again(later)
    fresh = locate(later, GRID, limit_states=limit_states)
    assert [s.scan for s in moved.solutions] == [s.scan for s in fresh.solutions]


def test_a_figure_of_weak_type_compiles_nothing():
    traces = []

    def counted(moved, grid, scenario):
        traces.append(1)
        return limit_states(moved, grid, scenario)

    found = locate(economy(), GRID, limit_states=counted)
    n = len(traces)
    for value in (jnp.asarray(0.045), jnp.asarray(0.045, jnp.float64)):
        found.again(economy().replace({"rates.short": value}))
    assert len(traces) == n
