"""Covenants of the quarterly step by hand: draws, trap, sweep, cure, acceleration."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.credit.box_covenants import BoxTerms, draws_open, examine_boxes, sweep
from engine.credit.covenants import (
    Acceleration,
    cover,
    cure_due,
    failed,
    passed,
    threshold,
)
from engine.credit.spv_covenants import SpvCovenants, divide_excess, examine_spv
from engine.metrics.of_covenants import years_to_breach
from engine.survival import HIGHEST


def boxes(**changed):
    figures = {"draw_stop": 0.0, "trap": 0.0, "default": 0.0, "sweep": 0.0}
    figures |= {"band": 0.1, "cure": 1.0, **changed}
    arrays = {k: one(v) for k, v in figures.items()}
    for key in ("draw_stop", "trap"):
        arrays[key] = threshold(arrays[key])
    arrays["default"] = Acceleration.build(arrays["default"], arrays.pop("cure"))
    return BoxTerms(**arrays)


def one(value):
    return jnp.asarray([float(value)])


def examine(terms, cash, service, equity=0.0, before=11.0):
    return examine_boxes(terms, *(one(x) for x in (cash, service, equity, before)))


@pytest.mark.parametrize(
    ("tested", "share"), [(1.25, 1.0), (1.2, 1.0), (1.15, 0.5), (1.1, 0.0), (0.5, 0.0)]
)
def test_draws_stop_at_the_threshold_and_are_whole_a_band_above(tested, share):
    found = draws_open(boxes(draw_stop=1.1), one(tested))
    assert float(found[0]) == pytest.approx(share, abs=1e-12)


def test_without_a_threshold_nothing_binds():
    none = threshold(0.0)
    accelerates = Acceleration.build(one(0.0), one(1.0))
    for x in (-3.0, 0.0, 0.7, 11.0):
        assert float(passed(one(x), none, one(0.1))[0]) == 1.0
        assert float(failed(one(x), none, one(0.1))[0]) == 0.0
        assert float(accelerates.headroom(one(x), one(x))[0]) == HIGHEST
        test = examine(boxes(), x, 1.0, equity=2.0)
        assert (float(test.cure[0]), float(test.headroom[0])) == (0.0, HIGHEST)


def test_two_quarters_below_accelerate_and_one_does_not():
    accelerates = Acceleration.build(one(1.0), one(1.0))
    for pair, room in (
        ((0.9, 1.3), 0.3),
        ((1.3, 0.9), 0.3),
        ((0.9, 0.8), -0.1),
        ((-5.0, -4.0), -1.0),
    ):
        found = accelerates.headroom(*map(one, pair))
        assert float(found[0]) == pytest.approx(room)
    assert float(cure_due(one(0.8), one(1.0), one(1.1))[0]) == pytest.approx(0.3)


def test_a_cure_gives_what_lacks_as_far_as_owners_go():
    # 0.8 of cash on 1 of service lacks 0.2 of a threshold of 1.
    whole = examine(boxes(default=1.0), 0.8, 1.0, equity=0.5, before=0.8)
    assert float(whole.cure[0]) == pytest.approx(0.2)
    assert float(whole.dscr[0]) == pytest.approx(0.8)
    # What could be added counts, not what was: the headroom says how far a breach is.
    assert float(whole.reach[0]) == pytest.approx(1.3)
    assert float(whole.headroom[0]) == pytest.approx(0.3)
    part = examine(boxes(default=1.0, cure=0.1), 0.8, 1.0, equity=0.5, before=0.8)
    assert float(part.cure[0]) == pytest.approx(0.05)
    assert float(part.headroom[0]) == pytest.approx(-0.15)


def test_free_cash_prepays_the_older_box_first():
    # Half a band below the trap, of 4: a tenth by contract and half of the rest.
    terms = boxes(trap=1.2, sweep=0.1)
    older, newer = sweep(terms, one(1.15), one(4.0), one(1.5), one(9.0))
    assert float(older[0]) == 1.5
    assert float(newer[0]) == pytest.approx((0.1 + 0.9 * 0.5) * 4.0 - 1.5)
    older, newer = sweep(terms, one(0.2), one(4.0), one(1.5), one(1.0))
    assert (float(older[0]), float(newer[0])) == (1.5, 1.0)
    assert [
        float(x[0]) for x in sweep(boxes(), one(0.2), one(4.0), one(1.5), one(1.0))
    ] == [0.0, 0.0]


def test_nothing_due_passes_every_test():
    test = examine(boxes(default=1.0), 0.0, 0.0)
    assert float(test.dscr[0]) == float(test.reach[0]) == 11.0
    assert float(test.cure[0]) == 0.0


def test_years_to_breach_are_linear_between_tests():
    series = jnp.asarray([0.3, 0.1, -0.1, 0.2, -0.5])
    years, is_breached = years_to_breach(series)
    assert bool(is_breached)
    assert float(years) == pytest.approx(0.25 * 2.5)
    assert not bool(years_to_breach(jnp.asarray([0.3, 0.0]))[1])
    assert float(years_to_breach(jnp.asarray([-0.3, 0.0]))[0]) == 0.0


def test_gradients_are_finite_at_the_kinks():
    def lowest(cash):
        test = examine_boxes(
            boxes(default=1.0, cure=0.5, trap=1.0), cash, one(1.0), one(0.2), one(0.4)
        )
        return jnp.sum(test.headroom + test.cure)

    for cash in (-1.0, 0.0, 0.9, 1.0, 11.0):
        assert np.all(np.isfinite(np.asarray(jax.grad(lowest)(one(cash)))))


def spv(**changed):
    figures = {"trap": 0.0, "release": 0.25, "default": 0.0, "band": 0.05, "cure": 1.0}
    figures |= changed
    level, owners = one(figures.pop("default")), one(figures.pop("cure"))
    arrays = {k: one(v) for k, v in figures.items()}
    arrays["trap"] = threshold(arrays["trap"])
    return SpvCovenants(**arrays, default=Acceleration.build(level, owners))


def excess(terms, **changed):
    figures = {"sweeping": 0.0, "free": 1.0, "dscr": 1.3, "excess": 2.0, "held": 0.0}
    figures |= {"loan": 5.0, "takeout": 0.0, **changed}
    return [float(x[0]) for x in divide_excess(terms, *map(one, figures.values()))]


def test_excess_is_swept_then_distributed_by_the_lock_up():
    assert excess(spv()) == [0.0, 0.0, 0.0, 2.0]
    # Half of 2 prepays both loans, the first in full; half of the rest leaves.
    found = excess(spv(), sweeping=0.5, free=0.5, loan=0.6, takeout=3.0)
    np.testing.assert_allclose(found, [0.6, 0.4, 0.0, 0.5], rtol=1e-12)


def test_a_trap_holds_prepays_over_time_and_releases():
    # Half a band below: half of 2 and of the 1 held is caught, a quarter of it prepays.
    found = excess(spv(trap=1.2), dscr=1.175, held=1.0)
    np.testing.assert_allclose(found, [0.375, 0.0, 1.125, 1.5], rtol=1e-12)
    # Above the threshold everything is released, below the band nothing is.
    assert excess(spv(trap=1.2), dscr=1.2, held=1.0) == [0.0, 0.0, 0.0, 3.0]
    found = excess(spv(trap=1.2), dscr=1.0, held=1.0, loan=0.1)
    np.testing.assert_allclose(found, [0.1, 0.0, 2.9, 0.0], rtol=1e-12)


def test_a_sponsor_cures_only_after_rent_start():
    def examine_at(started):
        cash, service = one(0.8), one(1.0)
        return examine_spv(
            spv(default=1.0),
            one(started),
            cash,
            service,
            cover(cash, service),
            one(0.1),
            one(0.8),
        )

    after = examine_at(1.0)
    assert float(after.cure[0]) == pytest.approx(0.1)
    assert float(after.headroom[0]) == pytest.approx(-0.1)
    before = examine_at(0.0)
    assert float(before.cure[0]) == 0.0
    assert float(before.headroom[0]) == HIGHEST
