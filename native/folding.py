"""What an equation comes to when some of its inputs are known numbers."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from native.program import SAME, VIEWS, Atom, Constant, Equation

EXACT: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "neg": np.negative,
    "abs": np.abs,
    "sign": np.sign,
    "max": np.maximum,
    "min": np.minimum,
    "clamp": lambda low, x, high: np.minimum(np.maximum(x, low), high),
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "not": np.logical_not,
}
"""Arithmetic of arrays; of it only zeros and ones are used (`native.known.PLAIN`)."""

ALIKE = {"concatenate", "stack", "reduce_max", "reduce_min", "reduce_or", "reduce_and"}
ALIKE |= {"cummax", "cummin", *VIEWS, *SAME}
"""Of arrays that hold one number throughout they give that number."""


def folded(e: Equation) -> Atom | None:
    """The number or the input that the equation comes to; None if neither.

    A product with zero is zero: what the other factor is, if it is not finite, shows
    wherever else it is read.
    """
    (out,) = e.outs
    found = _same_input(e)
    if found is None and all(isinstance(x, Constant) for x in e.ins):
        found = _number(e, [x.value for x in e.ins if isinstance(x, Constant)])
    if found is None or found.shape != out.shape or found.kind != out.kind:
        return None
    return found


def _number(e: Equation, values: Sequence[float]) -> Constant | None:
    """The result where all inputs are numbers."""
    (out,) = e.outs
    if e.name in ALIKE:
        if len(set(values)) != 1:
            return None
        value = values[0]
    elif e.name == "reduce_sum":
        value = values[0] * math.prod(e.ins[0].shape[k] for k in e.params["axes"])
    elif e.name == "cumsum" and values[0] == 0:
        value = 0.0
    elif e.name in EXACT and (e.name != "not" or out.kind == "flag"):
        value = EXACT[e.name](*values)
    else:
        return None
    cast = {"real": float, "whole": int, "flag": bool}[out.kind]
    return Constant(cast(value), out.shape, out.kind)


def _is(x: Atom, value: float) -> bool:
    return isinstance(x, Constant) and x.value == value


def _same_input(e: Equation) -> Atom | None:
    """The input that the result equals."""
    ins, (out,) = e.ins, e.outs
    match e.name, *ins:
        case "mul", a, b if _is(a, 0) or _is(b, 0):
            return Constant(0.0 if out.kind == "real" else 0, out.shape, out.kind)
        case "mul", a, b if _is(a, 1) or _is(b, 1):
            return b if _is(a, 1) else a
        case "add", a, b if _is(a, 0) or _is(b, 0):
            return b if _is(a, 0) else a
        case (("sub" | "div"), a, b) if _is(b, 0 if e.name == "sub" else 1):
            return a
        case (("and" | "or"), a, b) if out.kind == "flag":
            return _of_flags(e.name == "and", a, b)
        case "select_n", which, first, second:
            if isinstance(which, Constant):
                chosen = second if which.value else first
                if isinstance(chosen, Constant):
                    return Constant(chosen.value, out.shape, out.kind)
                return chosen
            return first if first == second else None
    return None


def _of_flags(both: bool, a: Atom, b: Atom) -> Atom | None:
    """And (`both`) or or, of which one side is known."""
    for known, other in ((a, b), (b, a)):
        if isinstance(known, Constant):
            return other if bool(known.value) == both else known
    return None


def value_of(e: Equation, ins: Sequence[np.ndarray]) -> np.ndarray | None:
    """The value of an equation whose inputs are known arrays; None if not told here."""
    (out,), p = e.outs, e.params
    if e.name in SAME:
        return ins[0] if e.ins[0].kind == out.kind else ins[0].astype(_TYPES[out.kind])
    if e.name in EXACT and (e.name != "not" or out.kind == "flag"):
        return EXACT[e.name](*ins)
    match e.name:
        case "select_n" if len(ins) == 3:
            return np.where(ins[0], ins[2], ins[1])
        case "concatenate":
            return np.concatenate(ins, axis=p["dimension"])
        case "stack":
            return np.stack(ins, axis=p["axis"])
        case "reshape" | "squeeze" | "expand_dims":
            return ins[0].reshape(out.shape)
        case "broadcast_in_dim":
            shape = [1] * len(out.shape)
            for k, axis in enumerate(p["broadcast_dimensions"]):
                shape[axis] = ins[0].shape[k]
            return np.broadcast_to(ins[0].reshape(shape), out.shape)
        case "slice":
            steps = p["strides"] or (1,) * ins[0].ndim
            pairs = zip(p["start_indices"], p["limit_indices"], steps, strict=True)
            return ins[0][tuple(slice(*pair) for pair in pairs)]
        case "transpose":
            return ins[0].transpose(p["permutation"])
        case "rev":
            return np.flip(ins[0], p["dimensions"])
        case "reduce_sum" | "reduce_max" | "reduce_min":
            function = {"sum": np.sum, "max": np.max, "min": np.min}[e.name[7:]]
            return function(ins[0], axis=tuple(p["axes"]))
    return None


_TYPES = {"real": np.float64, "whole": np.int64, "flag": np.bool_}
