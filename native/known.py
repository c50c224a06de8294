"""What the figures make plain: a program without the mechanisms that they switch off.

A threshold of zero, a share of one or a schedule without amounts is known before any
scenario is drawn. What it decides is decided here, once, and what then nobody reads is
dropped: a kernel costs what its economy uses, not what the model can do.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from native.folding import folded, value_of
from native.program import Atom, Constant, Equation, Loop, Program, Var, reads

PLAIN = (0.0, 1.0)
"""Numbers that decide; others stay figures, so that their kernel fits other figures."""


def simplify(program: Program, figures: Sequence[Any]) -> Program:
    """The same program where the shared inputs are `figures`.

    Of them only where all elements of an array are 0, 1, true or false is used: figures
    that agree in this have the same program.
    """
    values: dict[Var, np.ndarray] = dict(program.constants)
    for v, figure in zip(program.inputs, figures, strict=False):
        values[v] = np.asarray(figure)
    for e in program.shared:
        found = _value(e, values)
        if found is not None:
            values[e.outs[0]] = found
    pairs = [(v, _plain(v, value)) for v, value in values.items()]
    plain: dict[Var, Atom] = {v: x for v, x in pairs if x is not None}
    own = _fold(program.own, plain)
    outputs = [_now(x, plain) for x in program.outputs]
    own, needed = _alive(own, set(_variables(outputs)))
    shared, _ = _alive(program.shared, needed)
    return Program(shared, own, program.inputs, program.constants, outputs)


def _value(e: Equation, values: Mapping[Var, np.ndarray]) -> np.ndarray | None:
    """The value of a shared equation, where it is computed without rounding."""
    if isinstance(e, Loop):
        return None
    ins = [
        np.full(x.shape, x.value) if isinstance(x, Constant) else values.get(x)
        for x in e.ins
    ]
    known = [x for x in ins if x is not None]
    return value_of(e, known) if len(known) == len(ins) else None


def _plain(v: Var, value: np.ndarray) -> Constant | None:
    """The constant that an array holds throughout, if it is a plain one."""
    if value.size == 0 or value.flat[0] not in PLAIN:
        return None
    first = value.flat[0].item()
    return Constant(first, v.shape, v.kind) if np.all(value == first) else None


def _now(x: Atom, plain: Mapping[Var, Atom]) -> Atom:
    return plain.get(x, x) if isinstance(x, Var) else x


def _variables(atoms: Sequence[Atom]) -> list[Var]:
    return [x for x in atoms if isinstance(x, Var)]


def _fold(equations: Sequence[Equation], plain: dict[Var, Atom]) -> list[Equation]:
    """Equations that still have something to compute; `plain` gains the others."""
    left: list[Equation] = []
    for e in equations:
        if isinstance(e, Loop):
            left.append(_fold_loop(e, plain))
            continue
        now = Equation(e.name, [_now(x, plain) for x in e.ins], e.outs, e.params)
        found = folded(now)
        if found is None:
            left.append(now)
        else:
            plain[e.outs[0]] = found
    return left


def _fold_loop(e: Loop, plain: dict[Var, Atom]) -> Loop:
    """A loop without the state that starts plain and stays so."""
    n = len(e.carried)
    starts = [_now(x, plain) for x in e.ins[:n]]
    series = [_now(x, plain) for x in e.ins[n:]]
    seen = {
        v: Constant(x.value, v.shape, v.kind)
        for v, x in zip(e.sliced, series, strict=True)
        if isinstance(x, Constant)
    }
    pairs = zip(e.carried, starts, strict=True)
    stays: dict[Var, Atom] = {v: x for v, x in pairs if isinstance(x, Constant)}
    while True:
        inside: dict[Var, Atom] = {**plain, **seen, **stays}
        body = _fold(e.body, inside)
        following = [_now(x, inside) for x in e.following]
        pairs = zip(e.carried, following, strict=True)
        moved = [v for v, x in pairs if v in stays and x != stays[v]]
        if not moved:
            break
        for v in moved:
            del stays[v]
    plain |= {
        v: stays[c] for v, c in zip(e.outs, e.carried, strict=False) if c in stays
    }
    carries = [k for k, v in enumerate(e.carried) if v not in stays]
    sliced = [k for k, v in enumerate(e.sliced) if v not in seen]
    return Loop(
        e.name,
        [*(starts[k] for k in carries), *(series[k] for k in sliced)],
        [*(e.outs[k] for k in carries), *e.outs[n:]],
        e.params,
        body=body,
        carried=[e.carried[k] for k in carries],
        sliced=[e.sliced[k] for k in sliced],
        following=[following[k] for k in carries],
        reported=[_now(x, inside) for x in e.reported],
    )


def _alive(
    equations: Sequence[Equation], needed: set[Var]
) -> tuple[list[Equation], set[Var]]:
    """The equations that `needed` needs, and all that these and it read."""
    left: list[Equation] = []
    needed = set(needed)
    for e in reversed(equations):
        if not needed.intersection(e.outs):
            continue
        now = _alive_loop(e, needed) if isinstance(e, Loop) else e
        left.append(now)
        needed.update(_variables(reads(now)))
    return left[::-1], needed


def _alive_loop(e: Loop, needed: set[Var]) -> Loop:
    """A loop without state and reports that nobody reads."""
    n = len(e.carried)
    stacks = [k for k in range(len(e.reported)) if e.outs[n + k] in needed]
    carries = {k for k in range(n) if e.outs[k] in needed}
    while True:
        wanted = [e.reported[k] for k in stacks] + [e.following[k] for k in carries]
        body, inside = _alive(e.body, set(_variables(wanted)))
        read = {k for k, v in enumerate(e.carried) if v in inside}
        if read <= carries:
            break
        carries |= read
    kept = sorted(carries)
    sliced = [k for k, v in enumerate(e.sliced) if v in inside]
    return Loop(
        e.name,
        [*(e.ins[k] for k in kept), *(e.ins[n + k] for k in sliced)],
        [*(e.outs[k] for k in kept), *(e.outs[n + k] for k in stacks)],
        e.params,
        body=body,
        carried=[e.carried[k] for k in kept],
        sliced=[e.sliced[k] for k in sliced],
        following=[e.following[k] for k in kept],
        reported=[e.reported[k] for k in stacks],
    )
