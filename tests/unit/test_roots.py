import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration.roots import ROOT_STATUS, find_root
from tests.helpers import finite_difference_jvp

FUNCTIONS = {
    "cubic": (lambda x, a: x**3 - a, 0.0, 10.0, 8.0, 2.0),
    "steep": (lambda x, a: jnp.exp(50 * x) - a, -5.0, 5.0, 1.0, 0.0),
    "flat": (lambda x, a: (x - a) ** 9, -1.0, 4.0, 1.5, 1.5),
    "kinked": (lambda x, a: jnp.where(x < a, x - a, 10 * (x - a)), 0.0, 1.0, 0.3, 0.3),
    "jump": (lambda x, a: jnp.where(x < a, -1.0, 2.0), 0.0, 1.0, 0.7, 0.7),
    "at the end": (lambda x, a: x - a, 0.0, 1.0, 1.0, 1.0),
}


def status(root):
    return ROOT_STATUS[int(root.status)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_known_roots(name):
    f, lower, upper, args, expected = FUNCTIONS[name]
    root = find_root(f, lower, upper, args)
    assert status(root) == "ok"
    # A ninth-order root is known to the ninth root of rounding only.
    np.testing.assert_allclose(root.value, expected, atol=1e-12)
    assert root.residual == f(root.value, args)


def test_statuses_and_values_without_a_root():
    root = find_root(lambda x, _: x * x + 1, -1.0, 2.0)
    assert (status(root), root.value, root.residual) == ("no_sign_change", -1.0, 2.0)
    broken = find_root(lambda x, _: jnp.log(x), -1.0, 2.0)
    assert status(broken) == "not_converged"


def test_gradient_is_zero_and_finite_where_there_is_no_root():
    slope = jax.grad(lambda a: find_root(lambda x, a: x * x + a, -1.0, 2.0, a).value)
    assert slope(1.0) == 0


def cube_root(a):
    return find_root(lambda x, a: x**3 - a, 0.0, 10.0, a).value


second_slope = jax.grad(jax.grad(cube_root))
cube_root_slopes = jax.jit(lambda a: (jax.grad(cube_root)(a), second_slope(a)))


@given(st.floats(0.1, 20.0))
def test_derivatives_of_a_cube_root(a):
    first, second = cube_root_slopes(a)
    np.testing.assert_allclose(first, a ** (-2 / 3) / 3, rtol=1e-12)
    np.testing.assert_allclose(second, -2 / 9 * a ** (-5 / 3), rtol=1e-11)


def test_derivative_to_a_tree_of_arguments_and_to_what_the_function_closes_over():
    def root(args, scale):
        def f(x, p):
            return scale * jnp.tanh(x - p["shift"]) + p["tilt"][0] * x

        return find_root(f, -5.0, 5.0, args).value

    point = ({"shift": jnp.array(0.4), "tilt": (jnp.array(0.3), 2)}, jnp.array(1.5))
    along = ({"shift": jnp.array(1.0), "tilt": (jnp.array(0.5), 0)}, jnp.array(-1.0))

    def along_line(t):
        moved = {
            "shift": point[0]["shift"] + t * along[0]["shift"],
            "tilt": (point[0]["tilt"][0] + t * along[0]["tilt"][0], 2),
        }
        return root(moved, point[1] + t * along[1])

    zero, one = jnp.array(0.0), jnp.array(1.0)
    _, exact = jax.jvp(along_line, (zero,), (one,))
    _, difference = finite_difference_jvp(along_line, (zero,), (one,))
    np.testing.assert_allclose(exact, difference, rtol=1e-8)
    np.testing.assert_allclose(jax.grad(along_line)(0.0), exact, rtol=1e-12)


def test_vmap_over_brackets_and_arguments():
    levels = jnp.array([1.0, 8.0, 27.0])
    roots = jax.jit(jax.vmap(lambda a: find_root(lambda x, a: x**3 - a, 0.0, 2.5, a)))(
        levels
    )
    assert [ROOT_STATUS[i] for i in roots.status] == ["ok", "ok", "no_sign_change"]
    np.testing.assert_allclose(roots.value, [1, 2, 2.5], rtol=1e-14)
    # Batched, every lane still stops at its own root.
    slopes = jax.vmap(
        jax.grad(lambda a: find_root(lambda x, a: x**3 - a, 0.0, 2.5, a).value)
    )(levels)
    np.testing.assert_allclose(slopes, [1 / 3, 1 / 12, 0], rtol=1e-12)


def test_single_precision():
    root = find_root(lambda x, a: x * x - a, jnp.float32(0), jnp.float32(3), 2.0)
    assert root.value.dtype == jnp.float32
    np.testing.assert_allclose(root.value, 2**0.5, rtol=3e-7)


@pytest.mark.parametrize(
    ("lower", "upper", "message"),
    [
        (1.0, 1.0, "upper - lower must be positive, got 0.0"),
        (2.0, 1.0, "upper - lower must be positive, got -1.0"),
        ([0.0], 1.0, "lower must have shape"),
    ],
)
def test_a_bracket_must_be_a_bracket(lower, upper, message):
    with pytest.raises(ValueError, match=message):
        find_root(lambda x, _: x, lower, upper)
