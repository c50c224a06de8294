import jax.numpy as jnp
import numpy as np
import pytest

from calibration.breakeven import STATUSES, BreakEven, break_even, break_evens
from calibration.frontier import frontier
from calibration.problem import Outcome, problem
from calibration.resolve import resolve
from calibration.scan import Scan

SCAN = Scan(base=2028.8, end=2046.8, before=2027.3)
FIGURES = {"theta": jnp.asarray(0.0), "kappa": jnp.asarray(2.0)}
T = 2032.061


def solve(g) -> BreakEven:
    return break_even(g, FIGURES, SCAN)


def test_ok_is_found_to_a_few_units_in_the_last_place():
    found = solve(lambda t, f: jnp.tanh(0.3 * (T - t)) + f["theta"])
    assert found.status == "ok"
    assert found.value is not None
    assert abs(found.value - T) < 1e-11
    assert found.residual is not None
    assert abs(found.residual) < 1e-11
    assert found.crossings == (found.value,)


def test_first_of_three_crossings_not_the_last():
    roots = (2030.4, 2031.9, 2040.2)

    def g(t, f):
        return -(t - roots[0]) * (t - roots[1]) * (t - roots[2]) / 100

    found = solve(g)
    assert found.status == "reswitches"
    assert found.value == found.crossings[0]
    np.testing.assert_allclose(found.crossings, roots, rtol=0, atol=1e-10)
    assert found.local == "ok"


def test_a_failure_hidden_between_two_scanned_values_is_found():
    # Fails for 0.05 years only; the scan's cells are 0.28 years wide.
    def g(t, f):
        return jnp.abs(t - 2035.11) - 0.025

    found = solve(g)
    assert found.status == "reswitches"
    np.testing.assert_allclose(found.crossings, (2035.085, 2035.135), atol=1e-9)


@pytest.mark.parametrize("steepness", [1e-3, 1.0, 1e3])
def test_smooth_points_of_any_steepness_are_ok(steepness: float):
    found = solve(lambda t, f: -jnp.tanh(steepness * (t - T) / 20) / 5)
    assert found.status == "ok"


def test_at_kink_has_both_slopes():
    def g(t, f):
        return jnp.where(t < T, 0.5 * (T - t), 0.1 * (T - t))

    found = solve(g)
    assert found.status == "at_kink"
    assert found.slopes is not None
    np.testing.assert_allclose(found.slopes, (-0.5, -0.1), rtol=1e-4)


def test_where_a_limit_state_stays_at_zero_its_first_zero_is_the_break_even():
    found = solve(lambda t, f: jnp.maximum(T - t, 0.0))
    assert found.status == "at_kink"
    assert found.value is not None
    assert abs(found.value - T) < 1e-10


def test_a_kink_elsewhere_does_not_make_it_a_kink():
    found = solve(lambda t, f: jnp.minimum(0.4 * (T - t), 3.0 * (T - t) + 1e-4))
    assert found.status == "ok"


def pinned_system(t, figures):
    """The SPV's headroom falls from +.13 to −.07 when the neocloud defaults."""
    neocloud = 0.05 * (T - 3 * figures["theta"] - t)
    is_alive = neocloud > 0
    spv = jnp.where(is_alive, 0.127, -0.069) - 0.01 * (t - T)
    never = jnp.asarray(9999.0)
    first = {
        "neocloud": jnp.where(is_alive, never, 2031.5),
        "bank_spv": jnp.where(spv > 0, never, 2031.75),
    }
    return Outcome({"neocloud": neocloud, "bank_spv": spv}, {}, first, {})


def test_at_jump_names_the_event_that_switches():
    layers = break_evens(problem(pinned_system, FIGURES), SCAN).layers
    assert layers["neocloud"].status == "ok"
    pinned = layers["bank_spv"]
    assert pinned.status == "at_jump"
    assert pinned.value is not None
    assert abs(pinned.value - T) < 1e-10
    assert pinned.event is not None
    assert pinned.event.name == "neocloud"
    assert (pinned.event.before, pinned.event.after) == (None, 2031.5)
    assert pinned.limit == pytest.approx(0.127)


def test_a_jump_that_nothing_else_explains_names_the_criterion_itself():
    def system(t, figures):
        fails = t > T
        first = jnp.where(fails, 2034.9, 2035.3)
        return Outcome({"x": jnp.where(fails, -0.1, 0.6)}, {}, {"x": first}, {})

    found = break_evens(problem(system, FIGURES), SCAN).layers["x"]
    assert found.status == "at_jump"
    assert found.event is not None
    assert found.event.name == "x"


def test_an_entity_that_fails_after_its_layer_is_named():
    # The layer failed long ago, when a tenant left; then its vehicle defaults.
    def system(t, figures):
        is_alive = t < T
        layer = jnp.asarray(2029.5)
        default = jnp.where(is_alive, 9999.0, 2032.25)
        g = jnp.where(is_alive, 0.04, -0.03)
        first = {"tenant_spv": layer}
        events = first | {"hyperion.default": default}
        return Outcome({"tenant_spv.return": g}, {}, first, events)

    found = break_evens(problem(system, FIGURES), SCAN).layers["tenant_spv.return"]
    assert found.event is not None
    assert (found.event.name, found.event.after) == ("hyperion.default", 2032.25)


def test_a_layers_own_failure_is_not_pinned_on_the_entity_that_fails():
    def system(t, figures):
        date = jnp.where(t < T, 9999.0, 2034.9)
        g = jnp.where(t < T, 0.6, -0.1)
        first = {"x": date}
        return Outcome({"x": g}, {}, first, first | {"coreweave.default": date})

    found = break_evens(problem(system, FIGURES), SCAN).layers["x"]
    assert found.event is not None
    assert found.event.name == "x"


def test_a_saw_beyond_zero_is_no_kink():
    # Beyond its zero the first failure moves to ever earlier quarters, by tiny jumps.
    def g(t, f):
        late = t - T
        return jnp.where(late < 0, -0.9 * late, -0.9 * jnp.mod(late, 7e-7))

    assert solve(g).status == "ok"


def test_always_holds_has_a_bound_and_what_binds():
    def system(t, figures):
        quarter = jnp.where(t > 2040, 17, 3)
        return Outcome({"x": 1 / (t - 2020)}, {"x": quarter}, {}, {})

    found = break_evens(problem(system, FIGURES), SCAN).layers["x"]
    assert (found.status, found.value, found.bound) == ("always_holds", None, 2046.8)
    assert found.binding == 17
    assert found.limit == pytest.approx(1 / 26.8)


def test_never_holds_fails_even_before_base():
    found = solve(lambda t, f: (2020.0 - t) / 10)
    assert (found.status, found.value, found.bound) == ("never_holds", None, 2027.3)


def test_fails_at_base_is_not_never_holds():
    found = solve(lambda t, f: 2028.0 - t)
    assert (found.status, found.value) == ("fails_at_base", None)
    np.testing.assert_allclose(found.crossings, (2028.0,), atol=1e-9)


def test_holding_only_between_two_values_after_base_fails_at_base():
    found = solve(lambda t, f: 1.0 - jnp.abs(t - 2035.0))
    assert found.status == "fails_at_base"
    np.testing.assert_allclose(found.crossings, (2034.0, 2036.0), atol=1e-9)


def test_zero_fails():
    assert solve(lambda t, f: jnp.zeros_like(t)).status == "never_holds"


def test_not_finite_is_not_converged():
    found = solve(lambda t, f: jnp.where(t > 2040, jnp.inf - jnp.inf, 1.0) * t)
    assert (found.status, found.value) == ("not_converged", None)


def test_not_finite_inside_the_bracket_is_not_converged():
    def g(t, f):
        return jnp.where(jnp.abs(t - T) < 0.01, jnp.asarray(jnp.nan), T - t)

    found = solve(g)
    assert found.status == "not_converged"


def test_no_bracket_at_the_ends_is_needed():
    # Both ends hold: a bracket would say "always".
    found = solve(lambda t, f: (t - 2033.0) * (t - 2041.0))
    assert found.status == "reswitches"
    np.testing.assert_allclose(found.crossings, (2033.0, 2041.0), atol=1e-9)


def test_unknowns_can_be_scanned_downward():
    scan = Scan(base=0.9, end=0.1, before=1.0)
    found = break_even(lambda x, f: x - 0.42, FIGURES, scan)
    assert found.status == "ok"
    assert found.value == pytest.approx(0.42, abs=1e-12)
    assert found.slopes is not None
    np.testing.assert_allclose(found.slopes, (1.0, 1.0), rtol=1e-6)


def test_every_status_is_planted_here():
    assert set(STATUSES) == {
        "ok",
        "at_kink",
        "at_jump",
        "always_holds",
        "never_holds",
        "fails_at_base",
        "reswitches",
        "not_converged",
    }


def test_at_least_64_values_outward():
    points = SCAN.points()
    assert (points > SCAN.base).sum() >= 64
    assert (points < SCAN.base).sum() > 0


def test_what_is_found_in_many_values_is_found_again_in_few():
    fine = Scan(base=2028.8, end=2046.8, before=2027.3, n=512, n_before=64)

    def g(t, f):
        # Holds again within a month: narrower than a cell of the coarse scan.
        return jnp.where(jnp.abs(t - (T + 0.07)) < 0.04, 0.1, T - 0.01 - t)

    p = problem(lambda t, f: Outcome({"x": g(t + f["theta"], f)}), FIGURES, ("theta",))
    solved = break_evens(p, fine)
    assert len(solved.layers["x"].crossings) == 3
    assert solved.points.size < 180
    again = resolve(p, solved, p.shifted(theta=1e-4)[None], ("x",))
    assert again.value[0, 0] == pytest.approx(T - 0.01 - 1e-4, abs=1e-9)
    assert again.status == [["reswitches"]]


def test_one_search_serves_another_economy_without_compiling_again():
    traces = []

    def system(t, figures):
        traces.append(1)
        return Outcome({"x": T - figures["kappa"] - t})

    base = problem(system, FIGURES)
    break_evens(base, SCAN)
    n = len(traces)
    moved = break_evens(base.at(FIGURES | {"kappa": jnp.asarray(1.0)}), SCAN)
    assert len(traces) == n
    assert moved.layers["x"].value == pytest.approx(T - 1, abs=1e-10)


def test_frontier_gives_a_status_to_every_cell():
    def system(t, figures):
        return Outcome({"x": T - 100 * figures["a"] + 50 * figures["b"] - t})

    figures = {"a": jnp.asarray(0.0), "b": jnp.asarray(0.0)}
    p = problem(system, figures, ("a", "b"))
    solved = break_evens(p, SCAN)
    table = frontier(p, solved, "x", {"a": (-0.2, 0.0, 0.02, 0.04), "b": (0.0, 0.01)})
    assert [row[0] for row in table.status] == [
        "always_holds",
        "ok",
        "ok",
        "fails_at_base",
    ]
    assert table.value[0] == [None, None]
    assert table.value[2] == pytest.approx([T - 2, T - 1.5])


@pytest.mark.parametrize(
    ("keys", "figures", "message"),
    [
        (("nope",), FIGURES, "keys: no figure is called 'nope'"),
        (("path",), {"path": jnp.ones(3)}, "keys: 'path' is not a scalar"),
        ((), {"x": jnp.ones((), jnp.float32)}, "float64"),
    ],
)
def test_bad_problems_are_refused(keys, figures, message):
    with pytest.raises(ValueError, match=message):
        problem(lambda t, f: Outcome({"x": t}), figures, keys)


def test_base_must_lie_between_before_and_end():
    with pytest.raises(ValueError, match="base"):
        Scan(base=1.0, end=2.0, before=1.5)


def test_what_one_criterion_shows_of_another_is_followed_up():
    # `narrow` fails for a moment, with a jump, near where `other` first fails; no
    # scanned value falls inside and no dip announces it.
    def system(t, figures):
        hole = jnp.abs(t - (T - 0.025)) < 0.006
        narrow = jnp.where(hole, -1.0, jnp.where(t > 2040.01, -1.0, 1.0))
        return Outcome({"other": T - t, "narrow": narrow})

    solved = break_evens(problem(system, FIGURES), SCAN)
    found = solved.layers["narrow"]
    assert found.status == "reswitches"
    np.testing.assert_allclose(found.crossings[0], T - 0.031, atol=1e-9)
    assert len(found.crossings) == 3
