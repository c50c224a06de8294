import jax.numpy as jnp
import numpy as np

from calibration.reference_grid import AXES, Axis, reference_grid
from engine.config import load
from engine.economy import Blueprint, Economy
from tests.config_files import CONFIGS

TWO = (Axis("a", "x.a", 0.0, 1.0), Axis("b", "x.b", -2.0, 2.0))


def economies() -> dict[str, Economy]:
    def one(a: float) -> Economy:
        figures = {"x.a": jnp.asarray(a), "x.b": jnp.asarray(0.5), "y": jnp.ones(2)}
        return Economy(figures, Blueprint((), ()))

    return {"one": one(0.3), "two": one(0.7)}


def test_story_ends_and_box_of_each_story():
    cases = reference_grid(economies(), 8, axes=TWO)
    assert len(cases) == 2 * (1 + 2 * 2 + 8)
    shipped = [x for x in cases if x.name == "as shipped"]
    assert [float(x.economy["x.a"]) for x in shipped] == [0.3, 0.7]
    ends = {x.name: x.economy for x in cases if x.story == "two"}
    assert float(ends["b -2"]["x.b"]) == -2.0
    assert float(ends["b -2"]["x.a"]) == 0.7


def test_sobol_points_fill_the_box_once_and_come_again_alike():
    def points() -> np.ndarray:
        cases = reference_grid(economies(), 64, axes=TWO)
        drawn = [x.economy for x in cases if x.name.startswith("Sobol")]
        return np.array([[float(e[x.figure]) for x in TWO] for e in drawn])

    found = points()
    np.testing.assert_array_equal(found, points())
    assert len(np.unique(found, axis=0)) == 128
    low, high = np.array([[x.low, x.high] for x in TWO]).T
    assert (found >= low).all()
    assert (found <= high).all()
    np.testing.assert_allclose(found.mean(axis=0), (low + high) / 2, atol=0.05)


def test_the_shipped_grid_has_two_hundred_economies_within_the_bounds_of_figures():
    config = load(CONFIGS / "base.toml")
    economy = config.build(jnp.float64)[0]
    cases = reference_grid({"base": economy, "slow": economy, "disproved": economy})
    assert len(cases) >= 200
    stated = {r.name: (r.low, r.high) for r in economy.blueprint.ranges}
    for axis in AXES:
        if axis.figure in stated:
            np.testing.assert_allclose((axis.low, axis.high), stated[axis.figure])
    assert {type(x) for x in cases[5].economy.figures.values()} == {
        type(x) for x in economy.figures.values()
    }
