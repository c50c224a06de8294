"""Each primitive as C: expressions for arithmetic, index maps for views, loops else."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, TypeGuard

from native.program import Atom, Constant, Equation, Unsupported

LOCAL = {"real": "R", "whole": "I", "flag": "_Bool"}
"""C types of local variables; in memory a flag is a whole number."""


def literal(x: Constant) -> str:
    """A number as C."""
    if x.kind != "real":
        return f"({int(x.value)})"
    if math.isnan(x.value):
        return "((R)NAN)"
    if math.isinf(x.value):
        return "((R)INFINITY)" if x.value > 0 else "(-(R)INFINITY)"
    return f"((R){x.value!r})"


BINARY = {"add": "+", "sub": "-", "mul": "*", "div": "/", "rem": "%"}
COMPARE = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
COMPARE |= {"lt_to": "<", "le_to": "<="}
LOGIC = {"and": "&", "or": "|", "xor": "^"}
CALLED = {"exp", "exp2", "log", "log1p", "expm1", "pow", "sqrt", "abs", "erf", "erfc"}
CALLED |= {"tanh", "logistic", "sign", "floor", "ceil", "square"}


def arithmetic(e: Equation, args: list[str]) -> str:
    """The value of one element."""
    name, kind = e.name, e.outs[0].kind
    if name == "rem" and kind == "real":
        raise Unsupported("rem of real numbers")
    if name == "div" and _is_power_of_two(e.ins[1]):  # exact, and much faster
        return f"{args[0]}*((R){1.0 / e.ins[1].value!r})"
    if name in BINARY:
        return f"{args[0]}{BINARY[name]}{args[1]}"
    if name in COMPARE:
        return f"{args[0]}{COMPARE[name]}{args[1]}"
    if name in LOGIC:
        return f"{args[0]}{LOGIC[name]}{args[1]}"
    if name == "not":
        return f"!{args[0]}" if kind == "flag" else f"~{args[0]}"
    if name == "neg":
        return f"-{args[0]}"
    if name in ("max", "min"):
        return extreme(name, kind, e.ins, args)
    if name == "clamp":
        low = extreme("max", kind, [e.ins[0], e.ins[1]], args[:2])
        return extreme("min", kind, [e.ins[2], e.ins[1]], [args[2], f"({low})"])
    if name == "select_n" and len(args) == 3:
        return f"{args[0]}?{args[2]}:{args[1]}"
    if name == "convert_element_type":
        if kind != "flag" and e.ins[0].kind == "flag":
            # A cast of a truth value keeps gcc from making vectors of the whole loop.
            return f"{args[0]}?({LOCAL[kind]})1:({LOCAL[kind]})0"
        return f"({LOCAL[kind]}){args[0]}" if kind != "flag" else f"{args[0]}!=0"
    if name in ("copy", "stop_gradient"):
        return args[0]
    if name == "is_finite":
        return f"({args[0]}-{args[0]}==0)"
    if name == "round" and int(e.params["rounding_method"]) == 1:  # half to even
        return f"x_round({args[0]})"
    if name == "integer_pow":
        return power(args[0], e.params["y"])
    if name in CALLED and (kind == "real" or name in ("abs", "sign", "square")):
        suffix = "" if kind == "real" else "_i"
        return f"x_{name}{suffix}({','.join(args)})"
    raise Unsupported(f"the primitive {name} on {kind} values")


def _is_power_of_two(x: Atom) -> TypeGuard[Constant]:
    """Whether dividing by a number is multiplying by another, to the last bit."""
    if not isinstance(x, Constant) or x.kind != "real":
        return False
    return 2.0**-60 < x.value < 2.0**60 and math.frexp(x.value)[0] == 0.5


def extreme(name: str, kind: str, ins: list[Atom], args: list[str]) -> str:
    """Maximum or minimum; a NaN among the arguments is the result, as in XLA."""
    sign = ">" if name == "max" else "<"
    a, b = args
    if isinstance(ins[1], Constant):
        ins, (a, b) = [ins[1], ins[0]], (b, a)
    if kind != "real" or isinstance(ins[0], Constant):
        return f"{a}{sign}{b}?{a}:{b}"
    return f"x_{name}({a},{b})"


def power(x: str, n: int) -> str:
    """A whole power by squaring."""
    if n < 0:
        return f"(R)1/({power(x, -n)})"
    if n == 0:
        return "(R)1"
    half = power(x, n // 2) if n > 1 else ""
    parts = ([f"({half})", f"({half})"] if half else []) + ([x] if n % 2 else [])
    return "*".join(parts)


START = {
    "reduce_sum": "0",
    "reduce_max": "-(R)INFINITY",
    "reduce_min": "(R)INFINITY",
    "reduce_or": "0",
    "reduce_and": "1",
}
JOIN = {"reduce_sum": "add", "reduce_max": "max", "reduce_min": "min"}
JOIN |= {"reduce_or": "or", "reduce_and": "and"}


def join(name: str, kind: str, a: str, b: str) -> str:
    """Two elements of a reduction made one."""
    if name == "add":
        return f"{a}+{b}"
    if name in LOGIC:
        return f"{a}{LOGIC[name]}{b}"
    return f"x_{name}({a},{b})" if kind == "real" else f"x_{name}_i({a},{b})"


def small_reduction(
    e: Equation, names: list[str], read: Callable[[Atom, list[str]], str]
) -> str:
    """A reduction written out, element by element."""
    (x,) = e.ins
    axes, kept = set(e.params["axes"]), iter(names)
    index = ["" if k in axes else next(kept) for k in range(len(x.shape))]
    indices = [index]
    for axis in sorted(axes):
        indices = [
            [*i[:axis], str(k), *i[axis + 1 :]]
            for i in indices
            for k in range(x.shape[axis])
        ]
    terms = [read(x, i) for i in indices]
    value = terms[0]
    for term in terms[1:]:
        value = f"({join(JOIN[e.name], x.kind, value, term)})"
    return value


def look(e: Equation, view: Any) -> Any:
    """The view of a view."""
    p, out = e.params, e.outs[0]
    strides, base, shape = list(view.strides), view.base, view.shape
    if e.name == "broadcast_in_dim":
        new = [0] * len(out.shape)
        for k, axis in enumerate(p["broadcast_dimensions"]):
            new[axis] = strides[k] if shape[k] != 1 else 0
        strides = new
    elif e.name == "squeeze":
        gone = {d % len(shape) for d in p["dimensions"]}
        strides = [s for k, s in enumerate(strides) if k not in gone]
    elif e.name == "expand_dims":
        for d in sorted(p["dimensions"]):
            strides.insert(d, 0)
    elif e.name == "slice":
        steps = p["strides"] or (1,) * len(shape)
        base += sum(a * s for a, s in zip(p["start_indices"], strides, strict=True))
        strides = [s * n for s, n in zip(strides, steps, strict=True)]
    elif e.name == "rev":
        for d in p["dimensions"]:
            base += (shape[d] - 1) * strides[d]
            strides[d] = -strides[d]
    elif e.name == "transpose":
        strides = [strides[k] for k in p["permutation"]]
    else:
        strides = _reshaped(shape, strides, out.shape)
    # Operands of length one along an axis are broadcast: there they do not move.
    strides = [s * (n != 1) for s, n in zip(strides, out.shape, strict=True)]
    return dataclasses.replace(
        view, base=base, strides=tuple(strides), shape=tuple(out.shape)
    )


def _reshaped(shape: Any, strides: list[int], wanted: Any) -> list[int]:
    """Strides after a reshape that adds or drops axes of length one, or a whole one."""
    long = [s for n, s in zip(shape, strides, strict=True) if n != 1]
    if [n for n in shape if n != 1] == [n for n in wanted if n != 1]:
        rest = iter(long)
        return [next(rest) if n != 1 else 0 for n in wanted]
    expected = 1
    for n, stride in zip(reversed(shape), reversed(strides), strict=True):
        if n != 1 and stride != expected:
            raise Unsupported("a reshape that moves elements")
        expected *= n
    return [math.prod(wanted[k + 1 :]) for k in range(len(wanted))]


def node(m: Any, e: Equation) -> None:
    """Writes an equation that has loops of its own."""
    writer = NODES.get(e.name)
    if writer is None:
        raise Unsupported(f"the primitive {e.name}")
    writer(m, e)


def _concatenate(m: Any, e: Equation) -> None:
    (out,) = e.outs
    axis, start = e.params["dimension"], 0
    to = m.where[out]
    for x in e.ins:
        part = dataclasses.replace(
            to, base=to.base + start * to.strides[axis], shape=tuple(x.shape)
        )
        m.copy(x, part, out.varies)
        start += x.shape[axis]


def _stack(m: Any, e: Equation) -> None:
    (out,) = e.outs
    axis, to = e.params["axis"], m.where[out]
    rest = [k for k in range(len(to.shape)) if k != axis]
    for n, x in enumerate(e.ins):
        part = dataclasses.replace(
            to,
            base=to.base + n * to.strides[axis],
            strides=tuple(to.strides[k] for k in rest),
            shape=tuple(x.shape),
        )
        m.copy(x, part, out.varies)


def _reduction(m: Any, e: Equation) -> None:
    (x,), (out,) = e.ins, e.outs
    axes = set(e.params["axes"])
    names, heads, closing = m.indices(out.shape)
    kept = iter(names)
    inner, inner_heads, inner_closing = m.indices(
        tuple(x.shape[k] for k in sorted(axes))
    )
    inside = iter(inner)
    index = [next(inside) if k in axes else next(kept) for k in range(len(x.shape))]
    local = "R" if x.kind == "real" else "I"
    lanes, pick = m.lanes(out.varies), "[l]" if out.varies else ""
    joined = join(JOIN[e.name], x.kind, f"a{pick}", m.read(x, index))
    m.line(f"{heads}{{{local} a{'[L]' if out.varies else ''};")
    m.line(f"{lanes}a{pick}={START[e.name]};")
    m.line(f"{inner_heads}{lanes}a{pick}={joined};{inner_closing}")
    m.line(f"{lanes}{m.where[out].at(names)}=a{pick};}}{closing}")


def _cumulative(m: Any, e: Equation) -> None:
    (x,), (out,) = e.ins, e.outs
    axis, n = e.params["axis"], e.ins[0].shape[e.params["axis"]]
    name = {"cumsum": "add", "cummax": "max", "cummin": "min"}[e.name]
    rest = tuple(1 if k == axis else n for k, n in enumerate(x.shape))
    names, heads, closing = m.indices(rest)
    lanes, to = m.lanes(out.varies), m.where[out]
    order = [str(k) for k in range(n)]
    k = f"i{next(m.count)}"
    first, here, before = list(names), list(names), list(names)
    first[axis] = order[-1] if e.params["reverse"] else order[0]
    here[axis], before[axis] = k, f"({k}{'+' if e.params['reverse'] else '-'}1)"
    turn = (
        f"for(int {k}={n - 2};{k}>=0;{k}--)"
        if e.params["reverse"]
        else f"for(int {k}=1;{k}<{n};{k}++)"
    )
    joined = join(name, x.kind, to.at(before), m.read(x, here))
    m.line(f"{heads}{lanes}{to.at(first)}={m.read(x, first)};")
    m.line(f"{turn} {lanes}{to.at(here)}={joined};{closing}")


def _argument(m: Any, e: Equation) -> None:
    (x,), (out,) = e.ins, e.outs
    if len(x.shape) != 1:
        raise Unsupported(f"{e.name} over several axes")
    sign = "<" if e.name == "argmin" else ">"
    k = f"i{next(m.count)}"
    lanes, pick = m.lanes(out.varies), "[l]" if out.varies else ""
    length = "[L]" if out.varies else ""
    to = m.where[out].at([])
    m.line(f"{{{LOCAL[x.kind]} a{length};")
    m.line(f"{lanes}{{a{pick}={m.read(x, ['0'])};{to}=0;}}")
    m.line(f"for(int {k}=1;{k}<{x.shape[0]};{k}++) {lanes}{{")
    m.line(f"const {LOCAL[x.kind]} b={m.read(x, [k])};const _Bool w=b{sign}a{pick};")
    m.line(f"a{pick}=w?b:a{pick};{to}=w?{k}:{to};}}}}")


def _taken(m: Any, x: Atom, index: list[str]) -> str:
    """An element whose index is computed."""
    return m.read(x, [f"({i})" for i in index])


def _gather(m: Any, e: Equation) -> None:
    (x, where), (out,) = e.ins, e.outs
    d = e.params["dimension_numbers"]
    names, heads, closing = m.indices(out.shape)
    batch = [i for k, i in enumerate(names) if k not in d.offset_dims]
    offsets = iter(i for k, i in enumerate(names) if k in d.offset_dims)
    sizes = e.params["slice_sizes"]
    alike = dict(
        zip(d.operand_batching_dims, d.start_indices_batching_dims, strict=True)
    )
    index = []
    for k in range(len(x.shape)):
        if k in alike:
            index.append(batch[alike[k]])
        else:
            index.append("0" if k in d.collapsed_slice_dims else next(offsets))
    m.line(f"{heads}{m.lanes(out.varies)}{{")
    fills = "FILL" in str(e.params["mode"])
    m.line("_Bool inside=1;" if fills else "")
    for k, axis in enumerate(d.start_index_map):
        most = x.shape[axis] - sizes[axis]
        m.line(f"I s{k}={m.read(where, [*batch, str(k)])};")
        if fills:
            m.line(f"inside&=s{k}>=0&s{k}<={most};")
        m.line(f"s{k}=s{k}<0?0:s{k}>{most}?{most}:s{k};")
        index[axis] = f"s{k}" if index[axis] == "0" else f"s{k}+{index[axis]}"
    value = _taken(m, x, index)
    if fills:
        given = e.params["fill_value"]
        if x.kind != "real" and given is None:
            raise Unsupported("an index that may be outside of whole numbers")
        given = math.nan if given is None else given
        value = f"inside?{value}:{literal(Constant(given, (), x.kind))}"
    m.line(f"{m.where[out].at(names)}={value};}}{closing}")


def _dynamic_slice(m: Any, e: Equation) -> None:
    (x, *starts), (out,) = e.ins, e.outs
    names, heads, closing = m.indices(out.shape)
    m.line(f"{heads}{m.lanes(out.varies)}{{")
    index = []
    for k, start in enumerate(starts):
        most = x.shape[k] - e.params["slice_sizes"][k]
        m.line(f"I s{k}={m.read(start, [])};s{k}=s{k}<0?0:s{k}>{most}?{most}:s{k};")
        index.append(f"s{k}+{names[k]}")
    m.line(f"{m.where[out].at(names)}={_taken(m, x, index)};}}{closing}")


NODES = {
    "argmax": _argument,
    "argmin": _argument,
    "concatenate": _concatenate,
    "cummax": _cumulative,
    "cummin": _cumulative,
    "cumsum": _cumulative,
    "dynamic_slice": _dynamic_slice,
    "gather": _gather,
    "stack": _stack,
    "reduce_sum": _reduction,
    "reduce_max": _reduction,
    "reduce_min": _reduction,
    "reduce_or": _reduction,
    "reduce_and": _reduction,
}
