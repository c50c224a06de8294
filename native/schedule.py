"""The order of equations: arithmetic of one shape together, in one loop over lanes.

An intermediate value that only its own group reads stays in a register, and nothing is
computed twice. Views and constants cost nothing and are no step.
"""

import dataclasses
import heapq
from collections.abc import Sequence

from native.program import VIEWS, Atom, Equation, Loop, Var, reads

SMALL = 16
"""A reduction of at most so many elements is an expression, and joins a group."""

LIMIT = 400
"""Equations of one group, so that the compiler's registers and patience suffice."""

NODES = {"concatenate", "stack", "gather", "dynamic_slice", "argmin", "argmax"}
NODES |= {"cumsum", "cummax", "cummin", "cumprod", "scan"}
REDUCTIONS = {"reduce_sum", "reduce_max", "reduce_min", "reduce_or", "reduce_and"}


@dataclasses.dataclass
class Group:
    """Arithmetic over one shape; `stored` are the variables that others read.

    `sums` are reductions of its variables, all over the same axes: they are taken in
    the group's own loop, so that what only they read stays in a register too.
    """

    shape: tuple[int, ...]
    varies: bool
    equations: list[Equation]
    stored: set[Var]
    sums: list[Equation] = dataclasses.field(default_factory=list)

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes that its reductions take together."""
        return tuple(sorted(self.sums[0].params["axes"])) if self.sums else ()


Step = Group | Equation

Key = tuple[tuple[int, ...], bool] | None
"""What the equations of a group have in common; None for one with its own loops."""


def reduced_size(equation: Equation) -> int:
    """How many elements make one of the result."""
    size = 1
    for axis in equation.params["axes"]:
        size *= equation.ins[0].shape[axis]
    return size


def is_node(equation: Equation) -> bool:
    """Whether an equation has loops of its own."""
    if equation.name in REDUCTIONS:
        return reduced_size(equation) > SMALL
    return equation.name in NODES


def is_arithmetic(equation: Equation) -> bool:
    """Whether an equation joins a group."""
    return not is_node(equation) and equation.name not in VIEWS


def needs_memory(equation: Equation) -> bool:
    """Whether it reads elements other than its own."""
    return not is_arithmetic(equation) or equation.name in REDUCTIONS


def schedule(equations: Sequence[Equation], outs: Sequence[Atom]) -> list[Step]:
    """Steps in an order that keeps groups long."""
    own = {out for e in equations for out in e.outs}
    consumers: dict[Var, list[int]] = {v: [] for v in own}
    waiting = []
    for i, e in enumerate(equations):
        needed = {x for x in reads(e) if isinstance(x, Var) and x in own}
        needed -= _inside(e)
        waiting.append(len(needed))
        for v in needed:
            consumers[v].append(i)
    ready: dict[Key, list[int]] = {}

    def key(e: Equation) -> Key:
        return (e.outs[0].shape, e.outs[0].varies) if is_arithmetic(e) else None

    def arrive(i: int) -> None:
        """One more input of equation i is there."""
        pending = [i]
        while pending:
            i = pending.pop()
            waiting[i] -= 1
            if waiting[i] > 0:
                continue
            e = equations[i]
            if e.name in VIEWS:
                steps.append(e)
                pending += consumers[e.outs[0]]
            else:
                heapq.heappush(ready.setdefault(key(e), []), i)

    steps: list[Step] = []
    for i in [i for i, count in enumerate(waiting) if count == 0]:
        waiting[i] = 1
        arrive(i)
    while any(ready.values()):
        heads = [(heap[0], n, k) for n, (k, heap) in enumerate(ready.items()) if heap]
        chosen = min(heads)[-1]
        heap = ready[chosen]
        if chosen is None:
            e = equations[heapq.heappop(heap)]
            steps.append(e)
            for out in e.outs:
                for i in consumers[out]:
                    arrive(i)
            continue
        shape, varies = chosen
        group = Group(shape, varies, [], set())
        later: list[int] = []
        while heap and len(group.equations) < LIMIT:
            e = equations[heapq.heappop(heap)]
            group.equations.append(e)
            for i in consumers[e.outs[0]]:
                inner = equations[i]
                if key(inner) == chosen and not needs_memory(inner):
                    arrive(i)
                else:
                    later.append(i)
        steps.append(group)
        for i in later:
            arrive(i)
    steps = _with_sums(steps)
    _mark_stored(steps, outs)
    return steps


def _with_sums(steps: list[Step]) -> list[Step]:
    """Takes reductions into the loop of the group that makes what they reduce."""
    home: dict[Var, Group] = {}
    left: list[Step] = []
    for step in steps:
        if isinstance(step, Group):
            home |= {e.outs[0]: step for e in step.equations}
        elif step.name in REDUCTIONS:
            (x,) = step.ins
            group = home.get(x) if isinstance(x, Var) else None
            axes = tuple(sorted(step.params["axes"]))
            if (
                group is not None
                and group.varies == step.outs[0].varies
                and group.axes in ((), axes)
            ):
                group.sums.append(step)
                continue
        left.append(step)
    return left


def _inside(e: Equation) -> set[Var]:
    """Variables that belong to a loop."""
    if not isinstance(e, Loop):
        return set()
    found = {*e.carried, *e.sliced}
    for inner in e.body:
        found |= {*inner.outs} | _inside(inner)
    return found


def _mark_stored(steps: list[Step], outs: Sequence[Atom]) -> None:
    """Finds what is read outside its group, or by position inside it."""
    home: dict[Var, Group] = {}
    for step in steps:
        if isinstance(step, Group):
            for e in step.equations:
                for x in e.ins:
                    if x in home and (home[x] is not step or needs_memory(e)):
                        home[x].stored.add(x)
                home[e.outs[0]] = step
        else:
            for x in reads(step):
                if x in home:
                    home[x].stored.add(x)
    for x in outs:
        if x in home:
            home[x].stored.add(x)
