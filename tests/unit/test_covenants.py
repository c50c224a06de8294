"""Covenants of the quarterly step by hand: draws, trap, sweep, cure, acceleration."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.credit.box_covenants import BoxTerms, draws_open, examine_boxes, sweep
from engine.credit.covenants import (
    acceleration,
    cure_due,
    failed,
    passed,
)
from engine.metrics.of_covenants import years_to_breach
from engine.survival import HIGHEST

OFF = {"draw_stop": 0.0, "trap": 0.0, "default": 0.0, "sweep": 0.0}


def boxes(**changed):
    figures = {**OFF, "band": 0.1, "cure": 1.0, **changed}
    return BoxTerms(**{k: jnp.asarray([float(v)]) for k, v in figures.items()})


def one(value):
    return jnp.asarray([float(value)])


def examine(terms, cash, service, equity=0.0, before=11.0):
    return examine_boxes(terms, *(one(x) for x in (cash, service, equity, before)))


@pytest.mark.parametrize(
    ("cover", "share"), [(1.25, 1.0), (1.2, 1.0), (1.15, 0.5), (1.1, 0.0), (0.5, 0.0)]
)
def test_draws_stop_at_the_threshold_and_are_whole_a_band_above(cover, share):
    assert float(passed(cover, 1.1, 0.1)) == pytest.approx(share)
    assert float(draws_open(boxes(draw_stop=1.1), one(cover))[0]) == pytest.approx(
        share
    )


def test_without_a_threshold_nothing_binds():
    for cover in (-3.0, 0.0, 0.7, 11.0):
        assert float(passed(cover, 0.0, 0.1)) == 1.0
        assert float(failed(cover, 0.0, 0.1)) == 0.0
        assert float(acceleration(cover, cover, 0.0)) == HIGHEST
        assert float(cure_due(cover, 2.0, 0.0)) == 0.0


def test_two_quarters_below_accelerate_and_one_does_not():
    assert float(acceleration(0.9, 1.3, 1.0)) == pytest.approx(0.3)
    assert float(acceleration(1.3, 0.9, 1.0)) == pytest.approx(0.3)
    assert float(acceleration(0.9, 0.8, 1.0)) == pytest.approx(-0.1)
    assert float(acceleration(-5.0, -4.0, 1.0)) == -1.0


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
