import jax.numpy as jnp
import numpy as np
import pytest

from calibration.breakeven import break_evens
from calibration.cross import crosses
from calibration.problem import Outcome, problem
from calibration.scan import Scan
from calibration.sensitivities import gradients, sensitivities

SCAN = Scan(base=2028.8, end=2046.8, before=2027.3)
KEYS = ("rate", "leverage")
T = 2033.3


def figures():
    return {
        "rate": jnp.asarray(0.0),
        "leverage": jnp.asarray(0.0),
        "level": jnp.asarray(4.1),
        "path": jnp.asarray([0.2, 0.5, 0.3]),
    }


def system(t, f):
    """Smooth, convex, kinked in the unknown, kinked in a figure, pinned."""
    rate, leverage = f["rate"], f["leverage"]
    weight = jnp.sum(f["path"] * jnp.asarray([1.0, 2.0, 3.0]))
    late = t - T
    smooth = jnp.tanh(0.4 * weight / 2.1 - 0.1 * late - 4 * rate + 2 * leverage)
    smooth = smooth - jnp.tanh(f["level"] / 10.25) - 30 * rate * leverage
    convex = jnp.exp(-0.5 * late) - jnp.exp(60 * rate) * (1 + 0.3 * leverage)
    edge = late + 20 * rate
    kinked = jnp.where(edge < 0, -0.5 * edge, -0.1 * (edge + 10 * leverage * edge))
    kinked = kinked - leverage
    gate = -0.2 * (late + 7 * rate - leverage)
    one_way = -0.3 * late - jnp.maximum(rate, 0.0) * 5 + jnp.minimum(rate, 0.0)
    is_alive = gate > 0
    pinned = jnp.where(is_alive, 0.127, -0.069) + 0.001 * leverage
    first = {"gate": jnp.where(is_alive, 9999.0, 2031.5)}
    values = {
        "smooth": smooth,
        "convex": convex,
        "kinked": kinked,
        "gate": gate,
        "one_way": one_way,
        "pinned": pinned,
    }
    return Outcome(values, {}, first, {})


@pytest.fixture(scope="module")
def study():
    p = problem(system, figures(), KEYS)
    solved = break_evens(p, SCAN)
    slopes = gradients(p, solved)
    return p, solved, slopes, sensitivities(p, solved, slopes, KEYS)


def test_the_planted_points_are_what_they_are(study):
    _, solved, _, _ = study
    assert {k: x.status for k, x in solved.layers.items()} == {
        "smooth": "ok",
        "convex": "ok",
        "kinked": "at_kink",
        "gate": "ok",
        "one_way": "ok",
        "pinned": "at_jump",
    }


@pytest.mark.parametrize("layer", ["smooth", "convex", "gate"])
@pytest.mark.parametrize("key", KEYS)
def test_implicit_equals_resolved_at_two_step_sizes(study, layer: str, key: str):
    found = study[3][layer][key]
    assert found.status == "ok"
    assert found.second_step < found.step
    checks = [(found.check_up + found.check_down) / 2]
    checks += [(found.second_up + found.second_down) / 2]
    np.testing.assert_allclose(checks, found.value, rtol=1e-4)


@pytest.mark.parametrize("layer", ["smooth", "gate"])
@pytest.mark.parametrize("key", KEYS)
def test_each_side_alone_agrees(study, layer: str, key: str):
    found = study[3][layer][key]
    sides = [found.check_up, found.check_down, found.second_up, found.second_down]
    np.testing.assert_allclose(sides, found.value, rtol=1e-4)


def test_known_derivatives(study):
    found = study[3]
    assert found["gate"]["rate"].value == pytest.approx(-7.0)
    assert found["gate"]["leverage"].value == pytest.approx(1.0)
    assert found["convex"]["rate"].value == pytest.approx(-120.0)


def test_every_figure_has_a_derivative_also_paths(study):
    p, solved, slopes, _ = study
    value = slopes["smooth"].value
    assert value["path"].shape == (3,)
    step = 1e-5
    moved = p.at(p.figures | {"path": p.figures["path"].at[2].add(step)})
    again = break_evens(moved, SCAN, ("smooth",)).layers["smooth"].value
    resolved = (again - solved.layers["smooth"].value) / step
    assert value["path"][2] == pytest.approx(resolved, rel=1e-3)


def test_at_a_kink_both_implicit_derivatives_and_both_resolves_are_given(study):
    _, _, slopes, found = study
    kink = slopes["kinked"]
    assert kink.value is None
    assert float(kink.before["leverage"]) == pytest.approx(-2.0, rel=1e-5)
    assert float(kink.after["leverage"]) == pytest.approx(-10.0, rel=1e-5)
    check = found["kinked"]["leverage"]
    assert check.status == "at_kink"
    # More leverage breaks earlier, where the slope is .5; less breaks later, at .1.
    assert check.check_up == pytest.approx(-2.0, rel=1e-3)
    assert check.check_down == pytest.approx(-10.0, rel=1e-3)


def test_a_kink_in_the_figure_is_seen_by_the_resolves(study):
    found = study[3]["one_way"]["rate"]
    assert found.status == "at_kink"
    assert found.check_up == pytest.approx(-5 / 0.3, rel=1e-3)
    assert found.check_down == pytest.approx(1 / 0.3, rel=1e-3)


def test_a_pinned_break_even_moves_with_the_event_that_pins_it(study):
    _, _, slopes, found = study
    pinned = found["pinned"]["rate"]
    assert float(slopes["pinned"].value["rate"]) == pytest.approx(-7.0)
    assert pinned.status == "at_jump"
    assert pinned.check_up == pytest.approx(-7.0, rel=1e-4)
    assert pinned.check_down == pytest.approx(-7.0, rel=1e-4)


def test_cross_derivative_by_four_corners(study):
    p, solved, _, _ = study
    pair = ("rate", "leverage")
    found = crosses(p, solved, (pair,))
    # late = −120 rate − 2 ln(1 + .3 leverage): no cross term.
    assert found["convex"][pair].value == pytest.approx(0.0, abs=1e-3)
    assert found["gate"][pair].value == pytest.approx(0.0, abs=1e-3)
    # tanh(.4 − .1 late − …) = tanh(.4) + 30 rate leverage.
    slope = 0.1 * (1 - np.tanh(0.4) ** 2)
    assert found["smooth"][pair].status == "ok"
    assert found["smooth"][pair].value == pytest.approx(-30 / slope, rel=1e-2)


def test_a_resolve_without_a_failure_has_a_status_not_a_number():
    def flat(t, f):
        return Outcome({"x": jnp.where(f["rate"] > 0, 1.0, T - t)})

    p = problem(flat, figures(), ("rate",))
    solved = break_evens(p, SCAN)
    found = sensitivities(p, solved, gradients(p, solved), ("rate",))["x"]["rate"]
    assert found.status == "not_found"
    assert found.check_up is None
    assert found.check_down == pytest.approx(0.0, abs=1e-4)
