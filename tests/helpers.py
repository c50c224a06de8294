"""What several tests share: comparing trees, and derivatives by differences."""

from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np


def tree_allclose(
    actual: Any, desired: Any, rtol: float = 1e-9, atol: float = 1e-12
) -> None:
    """Assert same structure, shapes and dtypes, and equal values to a tolerance.

    The message names the leaf. NaN equals nothing, itself included.
    """
    left, structure = jtu.tree_flatten_with_path(actual)
    right, expected = jtu.tree_flatten_with_path(desired)
    assert structure == expected, f"structures differ:\n{structure}\n{expected}"
    for (path, x), (_, y) in zip(left, right, strict=True):
        name = jtu.keystr(path) or "leaf"
        if not (eqx.is_array_like(x) and eqx.is_array_like(y)):
            assert x == y, f"{name}: {x!r} != {y!r}"
            continue
        assert jnp.shape(x) == jnp.shape(y), f"{name}: {jnp.shape(x)} {jnp.shape(y)}"
        assert jnp.result_type(x) == jnp.result_type(y), (
            f"{name}: {jnp.result_type(x)} {jnp.result_type(y)}"
        )
        if jnp.issubdtype(jnp.result_type(x), jax.dtypes.prng_key):
            x, y = jax.random.key_data(x), jax.random.key_data(y)
        np.testing.assert_allclose(
            np.asarray(x), np.asarray(y), rtol, atol, equal_nan=False, err_msg=name
        )


def filled(kind: Any, value: Any, **known: Any) -> Any:
    """A module with `value` in every field but those known and those it may lack."""
    names = [f.name for f in fields(kind) if f.default is MISSING]
    return kind(**(dict.fromkeys(names, value) | known))


def finite_difference_jvp(
    fn: Callable[..., Any],
    primals: tuple[Any, ...],
    tangents: tuple[Any, ...],
    step: float = 1e-5,
) -> tuple[Any, Any]:
    r"""Value of `fn` at `primals` and its derivative along `tangents`, by differences.

    $$ f'(x) v \approx \frac{f(x + h v) - f(x - h v)}{2h} $$

    with error $O(h^2)$. Leaves stay JAX arrays (`jax.test_util.check_grads` passes
    NumPy ones, which the shape annotations refuse); leaves that are not floating do not
    move. `step` is absolute: scale the tangents to the problem.
    """

    def shift(sign: float) -> tuple[Any, ...]:
        def move(x: Any, v: Any) -> Any:
            if not eqx.is_inexact_array(x):
                return x
            return x + jnp.asarray(sign * step, x.dtype) * jnp.asarray(v, x.dtype)

        return jtu.tree_map(move, primals, tangents)

    def slope(up: Any, down: Any) -> Any:
        if not eqx.is_inexact_array(up):
            return np.zeros(jnp.shape(up), jax.dtypes.float0)
        return (up - down) / jnp.asarray(2 * step, up.dtype)

    return fn(*primals), jtu.tree_map(slope, fn(*shift(1.0)), fn(*shift(-1.0)))
