"""The batch axis stands last: entity by scenario, so that a CPU's lanes are scenarios.

Layers are assembled and dated figures read for one scenario at a time under `vmap`; the
quarterly step then runs on arrays that end in a scenario axis, by plain broadcasting
(docs/decisions/0001-array-layout.md: three times faster forward than batch first).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Literal
from jaxtyping import Array, PyTree


def _depends(jaxpr: Any) -> list[bool]:
    """Whether each output of a jaxpr depends on its inputs (never wrongly no)."""
    reached = set(jaxpr.invars)
    for equation in jaxpr.eqns:
        inputs = [v for v in equation.invars if not isinstance(v, Literal)]
        if any(v in reached for v in inputs):
            reached.update(equation.outvars)
    return [not isinstance(v, Literal) and v in reached for v in jaxpr.outvars]


def batch_last(f: Callable[..., PyTree], *args: PyTree) -> PyTree:
    """`vmap(f)` over leading axes, with the batch axis last on every output leaf.

    What does not depend on `args` is not repeated: its batch axis has length one.
    """
    row = jax.tree.map(lambda leaf: leaf[0], args)
    closed, shape = jax.make_jaxpr(f, return_shape=True)(*row)
    varies = _depends(closed.jaxpr)
    leaves = jax.vmap(
        lambda *a: tuple(jax.tree.leaves(f(*a))),
        out_axes=tuple(-1 if v else None for v in varies),
    )(*args)
    last = [
        leaf if v else jnp.asarray(leaf)[..., None]
        for leaf, v in zip(leaves, varies, strict=True)
    ]
    return jax.tree.unflatten(jax.tree.structure(shape), last)


def repeated(tree: PyTree, n: int) -> PyTree:
    """Every leaf with its last axis, of length one or `n`, repeated to `n`.

    A scan's carry must keep its shape, so a state is whole from the start.
    """

    def repeat(leaf: Array) -> Array:
        return jnp.broadcast_to(leaf, (*leaf.shape[:-1], n))

    return jax.tree.map(repeat, tree)
