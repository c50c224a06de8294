"""A jaxpr made flat: no calls, no dead or repeated equations, loops kept.

What is left is small: arithmetic, views (a slice is a way of looking), reductions, and
`scan`. Every variable says whether it differs between scenarios, so that what does not
is computed once for all of them.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.extend.core import Literal as JaxLiteral
from jax.interpreters import partial_eval

CALLS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "remat2": "jaxpr",
    "checkpoint": "jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
}
"""Primitives that only call, and the parameter that holds what they call."""


class Unsupported(Exception):
    """The program holds something that the C path does not know."""


@dataclasses.dataclass(eq=False)
class Var:
    """A value; `kind` is "real", "whole" (an index or a count) or "flag"."""

    shape: tuple[int, ...]
    kind: str
    varies: bool


@dataclasses.dataclass(frozen=True)
class Constant:
    """An array that holds one number, known when the text is written."""

    value: float
    shape: tuple[int, ...]
    kind: str


Atom = Var | Constant


@dataclasses.dataclass(eq=False)
class Equation:
    """`outs = name(ins)`."""

    name: str
    ins: list[Atom]
    outs: list[Var]
    params: dict[str, Any]


@dataclasses.dataclass(eq=False)
class Loop(Equation):
    """A scan. Its body sees the variables around it; what it does not change is there.

    `carried` are the state's variables inside, `sliced` the inputs' of one turn,
    `following` the state after a turn, `reported` the outputs of one.
    """

    body: list[Equation]
    carried: list[Var]
    sliced: list[Var]
    following: list[Atom]
    reported: list[Atom]


@dataclasses.dataclass
class Program:
    """Equations alike for all scenarios, those that are not, inputs and outputs."""

    shared: list[Equation]
    own: list[Equation]
    inputs: list[Var]
    constants: list[tuple[Var, np.ndarray]]
    outputs: list[Atom]


def kind_of(dtype: Any) -> str:
    """How a dtype is computed with."""
    if np.issubdtype(dtype, np.floating):
        return "real"
    if np.issubdtype(dtype, np.integer):
        return "whole"
    if dtype == np.bool_:
        return "flag"
    raise Unsupported(f"values of type {dtype}")


def flatten(
    function: Callable[..., Any], shared: Sequence[Any], own: Sequence[Any]
) -> tuple[Program, Any]:
    """The program of `function(*shared, *own)`, and the tree of what it returns.

    `own` are one scenario's arguments, `shared` those that all scenarios have.
    """
    closed, shape = jax.make_jaxpr(function, return_shape=True)(*shared, *own)
    jaxpr, _ = partial_eval.dce_jaxpr(
        closed.jaxpr, [True] * len(closed.jaxpr.outvars), instantiate=True
    )
    untyped: Any = jaxpr
    n_shared = len(jax.tree.leaves(tuple(shared)))
    reader = _Reader()
    inputs = [
        Var(aval.shape, kind_of(aval.dtype), i >= n_shared)
        for i, aval in enumerate(v.aval for v in untyped.invars)
    ]
    env: dict[Any, Atom] = dict(zip(jaxpr.invars, inputs, strict=True))
    env |= dict(zip(jaxpr.constvars, map(reader.constant, closed.consts), strict=True))
    equations = reader.read(jaxpr, env)
    outputs = [_atom(env, v) for v in jaxpr.outvars]
    return (
        Program(
            shared=[e for e in equations if not e.outs[0].varies],
            own=[e for e in equations if e.outs[0].varies],
            inputs=inputs,
            constants=[*reader.constants.values()],
            outputs=outputs,
        ),
        shape,
    )


def _atom(env: dict[Any, Atom], v: Any) -> Atom:
    if not isinstance(v, JaxLiteral):
        return env[v]
    value = np.asarray(v.val)
    if value.ndim:
        raise Unsupported("a literal array")
    return Constant(value.item(), (), kind_of(value.dtype))


class _Reader:
    """Reads jaxprs into one list of equations; `seen` finds repeated ones."""

    def __init__(self) -> None:
        self.seen: dict[Any, list[Var]] = {}
        self.constants: dict[int, tuple[Var, np.ndarray]] = {}
        self.real: Any = None

    def constant(self, value: Any) -> Var:
        """The variable of an array that the program brings along."""
        if id(value) not in self.constants:
            array = np.asarray(value)
            v = Var(array.shape, kind_of(array.dtype), False)
            self.constants[id(value)] = (v, array)
        return self.constants[id(value)][0]

    def read(self, jaxpr: Any, env: dict[Any, Atom]) -> list[Equation]:
        """Equations of a jaxpr; `env` gains its variables."""
        found: list[Equation] = []
        for eqn in jaxpr.eqns:
            name = eqn.primitive.name
            ins = [_atom(env, v) for v in eqn.invars]
            if name in CALLS:
                outs = self._call(eqn.params[CALLS[name]], ins, found)
            elif name == "scan":
                outs = self._scan(eqn, ins, found)
            else:
                outs = self._plain(eqn, name, ins, found)
            env.update(zip(eqn.outvars, outs, strict=True))
        return found

    def _call(self, inner: Any, ins: list[Atom], found: list[Equation]) -> list[Atom]:
        jaxpr = inner.jaxpr if hasattr(inner, "consts") else inner
        consts = inner.consts if hasattr(inner, "consts") else ()
        env: dict[Any, Atom] = dict(zip(jaxpr.invars, ins, strict=True))
        env |= dict(zip(jaxpr.constvars, map(self.constant, consts), strict=True))
        found += self.read(jaxpr, env)
        return [_atom(env, v) for v in jaxpr.outvars]

    def _plain(
        self, eqn: Any, name: str, ins: list[Atom], found: list[Equation]
    ) -> list[Atom]:
        avals = [v.aval for v in eqn.outvars]
        for aval in avals:
            if kind_of(aval.dtype) == "real":
                self.real = self.real or aval.dtype
                if aval.dtype != self.real:
                    raise Unsupported(f"{aval.dtype} beside {self.real}")
        if len(avals) != 1:
            raise Unsupported(f"{name} with {len(avals)} results")
        (aval,) = avals
        kind, shape = kind_of(aval.dtype), tuple(aval.shape)
        if name in SAME and (kind == ins[0].kind) and shape == ins[0].shape:
            return [ins[0]]
        first = ins[0] if ins else None
        if isinstance(first, Constant) and name in (*VIEWS, *SAME):
            number = float(first.value) if kind == "real" else int(first.value)
            return [Constant(number, shape, kind)]
        if name in VIEWS and shape == ins[0].shape and not _moves(name, eqn.params):
            return [ins[0]]
        key = (
            name,
            tuple(ins),
            str(sorted(eqn.params.items())),
            shape,
            kind,
        )
        if key not in self.seen:
            varies = any(isinstance(x, Var) and x.varies for x in ins)
            out = Var(shape, kind, varies)
            found.append(Equation(name, ins, [out], eqn.params))
            self.seen[key] = [out]
        return list(self.seen[key])

    def _scan(self, eqn: Any, ins: list[Atom], found: list[Equation]) -> list[Atom]:
        p = eqn.params
        closed, n_consts, n_carry = p["jaxpr"], p["num_consts"], p["num_carry"]
        jaxpr = closed.jaxpr
        if len(closed.consts):
            raise Unsupported("constants inside a loop")
        consts, starts = ins[:n_consts], ins[n_consts : n_consts + n_carry]
        series = ins[n_consts + n_carry :]
        vary = [any(isinstance(x, Var) and x.varies for x in starts)] * n_carry
        # The state differs between scenarios if any of it starts or becomes so.
        while True:
            before = dict(self.seen)
            carried = [
                Var(x.shape, x.kind, v) for x, v in zip(starts, vary, strict=True)
            ]
            sliced = [_one_of(x) for x in series]
            env = dict(zip(jaxpr.invars, [*consts, *carried, *sliced], strict=True))
            body = self.read(jaxpr, env)
            results = [_atom(env, v) for v in jaxpr.outvars]
            if any(vary) or not any(isinstance(x, Var) and x.varies for x in results):
                break
            vary, self.seen = [True] * n_carry, before
        # What a turn neither changes nor looks up goes in front of the loop.
        moving: set[Atom] = {*carried, *sliced}
        kept: list[Equation] = []
        for inner in body:
            if any(isinstance(x, Var) and x in moving for x in _reads(inner)):
                kept.append(inner)
                moving.update(inner.outs)
            else:
                found.append(inner)
        varies = any(isinstance(x, Var) and x.varies for x in results)
        outs = [
            Var(tuple(v.aval.shape), kind_of(v.aval.dtype), varies) for v in eqn.outvars
        ]
        found.append(
            Loop(
                "scan",
                [*starts, *(x for x in series if isinstance(x, Var))],
                outs,
                {"length": p["length"], "reverse": p["reverse"]},
                body=kept,
                carried=carried,
                sliced=[x for x in sliced if isinstance(x, Var)],
                following=results[:n_carry],
                reported=results[n_carry:],
            )
        )
        # Equations of the body may not be found again outside of it.
        self.seen = {
            k: v for k, v in self.seen.items() if not any(x in moving for x in v)
        }
        return list(outs)


SAME = (
    "convert_element_type",
    "copy",
    "copy_p",
    "once",
    "reduce_precision",
    "stop_gradient",
)
"""Primitives that return their argument where its kind stays."""

VIEWS = (
    "broadcast_in_dim",
    "expand_dims",
    "reshape",
    "rev",
    "slice",
    "squeeze",
    "transpose",
)
"""Primitives that only look at an array in another way."""


def _one_of(series: Atom) -> Atom:
    """What a turn sees of a series."""
    shape, kind = series.shape[1:], series.kind
    if isinstance(series, Constant):
        return Constant(series.value, shape, kind)
    return Var(shape, kind, series.varies)


def _moves(name: str, params: dict[str, Any]) -> bool:
    """Whether a view of unchanged shape still shows other elements."""
    return (
        name == "rev"
        or (
            name == "transpose"
            and list(params["permutation"]) != sorted(params["permutation"])
        )
        or (name == "slice" and params.get("strides") is not None)
    )


def _reads(equation: Equation) -> list[Atom]:
    """What an equation reads, a loop's body included."""
    if not isinstance(equation, Loop):
        return equation.ins
    inside = [x for inner in equation.body for x in _reads(inner)]
    return [*equation.ins, *equation.following, *equation.reported, *inside]


reads = _reads
