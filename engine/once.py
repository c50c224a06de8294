"""Values that many formulas read, computed once: where a compiler may not copy.

XLA's processor compiler makes loops of the step's formulas by copying each formula into
every loop that reads it, and what that formula reads with it. Unchecked, the gradient's
7,000 operations of a quarter become 139,000. A value that passes through `once` is
written down where it is made and read from there, in the backward pass its cotangent
likewise. It changes no number.

The compiler drops such marks before it copies unless told otherwise:
`scripts._run.xla_flags` says `--xla_disable_hlo_passes=cse_barrier_expander`, for the
command and the tests. Without it, and on accelerators, where copying is cheaper than
memory, a mark does nothing.
"""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import jax
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import PyTree

P = ParamSpec("P")
R = TypeVar("R")

_once_p = Primitive("once")
_once_p.def_impl(lambda x: x)
_once_p.def_abstract_eval(lambda x: x)
# Linear, and its own transpose; a cotangent that is nothing stays nothing.
ad.deflinear2(_once_p, lambda cotangent, _: [_once_p.bind(cotangent)])
batching.defvectorized(_once_p)
mlir.register_lowering(_once_p, mlir.lower_fun(lambda x: x, multiple_results=False))
mlir.register_lowering(
    _once_p,
    mlir.lower_fun(lax.optimization_barrier, multiple_results=False),
    platform="cpu",
)


def once(tree: PyTree) -> PyTree:
    """The same values, each leaf computed once however many formulas read it."""
    return jax.tree.map(_once_p.bind, tree)


def computed_once(f: Callable[P, R]) -> Callable[P, R]:
    """A layer whose results pass through `once`: its readers copy none of it."""

    @functools.wraps(f)
    def marked(*args: P.args, **kwargs: P.kwargs) -> R:
        return once(f(*args, **kwargs))

    return marked
