import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from calibration.audit import audit_solved
from calibration.breakeven import STATUSES, break_evens
from calibration.problem import Outcome, problem
from calibration.scan import Scan

SCAN = Scan(base=2028.8, end=2046.8, before=2027.3)
T = 2033.3
RATE, LEVERAGE = "shifts.rate_all", "shifts.leverage_all"


def system(t, figures):
    """Every status, planted."""
    rate, leverage = figures[RATE], figures[LEVERAGE]
    late = t - T + 7 * rate - 3 * leverage
    is_alive = late < 0
    gate = -0.2 * late
    kink = jnp.where(late < 0, -0.5 * late, -0.1 * late)
    # Beyond zero the first failure moves through a thousand tiny steps.
    saw = jnp.where(late < 0, -0.9 * late, -0.9 * jnp.mod(late, 7e-7))
    values = {
        "ok": gate,
        "saw": saw,
        "at_kink": kink - 40 * jnp.where(late < 0, 0.0, late) * leverage,
        "at_jump": jnp.where(is_alive, 0.127, -0.069) + 0.001 * leverage,
        "always_holds": 2050.0 - t,
        "never_holds": 2020.0 - t,
        "fails_at_base": t - 2030.0,
        "reswitches": -(t - 2030.4) * (t - 2031.9) * (t - 2040.2) / 100 - rate,
        "not_converged": jnp.where(t > 2040, jnp.inf - jnp.inf, 1.0) * t,
    }
    first = {"gate": jnp.where(is_alive, 9999.0, 2031.5)}
    return Outcome(values, {}, first, {})


@pytest.fixture(scope="module")
def planted():
    figures = {RATE: jnp.asarray(0.0), LEVERAGE: jnp.asarray(0.0)}
    p = problem(system, figures, (RATE, LEVERAGE))
    return p, break_evens(p, SCAN)


def faults(p, solved, name: str, **changes) -> tuple[str, ...]:
    """What the audit says of a criterion of which something is told wrongly."""
    layers = solved.layers | {name: dataclasses.replace(solved.layers[name], **changes)}
    wrong = dataclasses.replace(solved, layers=layers)
    found = audit_solved(p, wrong, is_resolved=False)
    return next(x.faults for x in found if x.criterion == name)


def test_every_status_occurs_and_nothing_contradicts_it(planted):
    found = audit_solved(*planted, is_resolved=True)
    assert {x.criterion: x.status for x in found} == {k: k for k in STATUSES} | {
        "saw": "ok"
    }
    assert {x.criterion: x.faults for x in found if x.faults} == {}


@pytest.mark.parametrize("name", ["ok", "saw"])
def test_smooth_points_are_solved_again(planted, name):
    found = {x.criterion: x for x in audit_solved(*planted, is_resolved=True)}[name]
    assert {k: x.status for k, x in found.sensitivities.items()} == {
        RATE: "ok",
        LEVERAGE: "ok",
    }
    assert found.sensitivities[RATE].value == pytest.approx(-7.0)
    assert found.sensitivities[RATE].second_up == pytest.approx(-7.0, rel=1e-4)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("ok", {"status": "always_holds", "value": None}, "fails near"),
        ("ok", {"status": "never_holds", "value": None}, "holds near"),
        ("ok", {"status": "fails_at_base", "value": None}, "holds at base"),
        ("ok", {"status": "not_converged", "value": None}, "every value is finite"),
        ("ok", {"status": "reswitches"}, "reswitches with 1 crossings"),
        ("ok", {"value": T + 0.1, "crossings": (T + 0.1,)}, "unlisted"),
        ("ok", {"local": "at_kink", "slopes": (-0.2, -0.1)}, "measured"),
        ("ok", {"local": "at_jump"}, "with a gap of"),
        ("at_kink", {"local": "ok", "status": "ok"}, "smooth with slopes"),
        ("at_jump", {"local": "ok", "status": "ok"}, "with a gap of"),
        ("at_jump", {"event": None}, "without an event"),
        ("always_holds", {"status": "never_holds"}, "holds near"),
        ("never_holds", {"status": "always_holds"}, "fails near"),
        ("never_holds", {"status": "fails_at_base"}, "holds nowhere"),
        ("fails_at_base", {"status": "never_holds"}, "holds near"),
        ("fails_at_base", {"status": "ok", "value": 2030.0}, "fails at base"),
        ("reswitches", {"status": "ok"}, "ok with 3 crossings"),
        ("reswitches", {"status": "ok", "crossings": (2030.4,)}, "unlisted"),
        ("not_converged", {"status": "always_holds"}, "not finite"),
    ],
)
def test_a_wrong_status_is_contradicted(planted, name, changes, message):
    assert any(message in x for x in faults(*planted, name, **changes))


def test_an_event_that_does_not_switch_there_is_contradicted(planted):
    event = planted[1].layers["at_jump"].event
    assert event is not None
    wrong = dataclasses.replace(event, after=2040.0)
    assert any("gate goes from" in x for x in faults(*planted, "at_jump", event=wrong))


def test_a_wrong_derivative_is_contradicted(planted):
    p, _ = planted

    def crooked(t, figures):
        # Re-solves see the whole figure, the reverse pass half of it.
        values = system(t, figures).values
        hidden = jnp.where(jnp.abs(figures[RATE]) > 0, 0.1 * figures[RATE], 0.0)
        return Outcome({"ok": values["ok"] - hidden})

    q = problem(crooked, p.figures, (RATE, LEVERAGE))
    (found,) = audit_solved(q, break_evens(q, SCAN), is_resolved=True)
    assert [x for x in found.faults if RATE in x]
    np.testing.assert_allclose(found.sensitivities[LEVERAGE].value, 3.0, rtol=1e-9)
