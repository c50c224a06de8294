"""A mark changes no value and no gradient, and outlives the compiler's clearing up."""

import jax
import jax.numpy as jnp
import numpy as np

from engine.once import computed_once, once


def shared(x, y):
    a = jnp.sin(x) * y
    b = a * a + y
    return {"sum": a + b, "product": a * b, "flag": a > 0, "count": jnp.arange(3)}


def total(f, x, y):
    out = f(x, y)
    return jnp.sum(out["sum"] * out["product"])


def test_value_gradient_and_batch_are_those_without_the_mark():
    x, y = jnp.linspace(-1.0, 2.0, 5), jnp.linspace(0.5, 3.0, 5)
    marked = computed_once(shared)
    for name, value in shared(x, y).items():
        np.testing.assert_array_equal(marked(x, y)[name], value)
        np.testing.assert_array_equal(jax.jit(jax.vmap(marked))(x, y)[name].shape[0], 5)
    plain = jax.grad(lambda x, y: total(shared, x, y), argnums=(0, 1))(x, y)
    found = jax.grad(lambda x, y: total(marked, x, y), argnums=(0, 1))(x, y)
    np.testing.assert_array_equal(found, plain)
    slope = jax.jvp(lambda x: total(marked, x, y), (x,), (jnp.ones_like(x),))[1]
    np.testing.assert_allclose(slope, jnp.sum(plain[0]), rtol=1e-12)


def test_a_cotangent_that_is_nothing_stays_nothing():
    # An unread leaf must not be differentiated: most of the record is unread.
    def f(x):
        read, _unread = once((x * 2.0, jnp.exp(x)))
        return jnp.sum(read)

    backward = str(jax.make_jaxpr(jax.grad(f))(jnp.ones(3)))
    assert backward.count("once") == 3  # two forward, one cotangent


def test_the_mark_outlives_the_compiler():
    # Without the option of scripts/_run.py it would not.
    def f(x):
        a = once(jnp.sin(x) * x)
        return a + jnp.cos(a), a * x

    text = jax.jit(f).lower(jnp.ones(64)).compile().as_text()
    assert text.count(" sine(") == 1
