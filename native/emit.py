"""C text of a program: every value an array whose last axis is a block of scenarios."""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np

from native import primitives
from native.program import (
    VIEWS,
    Atom,
    Constant,
    Equation,
    Loop,
    Var,
    reads,
)
from native.schedule import REDUCTIONS, Group, Step, schedule


@dataclasses.dataclass(frozen=True)
class View:
    """Where an array lies: `space[base + turn + Σ i·stride]`, in elements.

    Spaces: U is computed once, S is alike for all lanes within a turn, A has lanes.
    """

    space: str
    kind: str
    base: int
    turn: str
    strides: tuple[int, ...]
    shape: tuple[int, ...]

    def at(self, index: list[str]) -> str:
        """The element at an index, as C."""
        parts = [str(self.base)] if self.base else []
        parts += [
            i if stride == 1 else f"{i}*{stride}"
            for i, stride, n in zip(index, self.strides, self.shape, strict=True)
            if stride and i != "0"
        ]
        where = "+".join(parts) or "0"
        where += self.turn
        name = self.space + ("R" if self.kind == "real" else "I")
        return f"{name}[({where})*L+l]" if self.space == "A" else f"{name}[{where}]"


class Arena:
    """Hands out room in one array, and takes it back."""

    def __init__(self) -> None:
        self.free: list[tuple[int, int]] = []
        self.size = 0

    def take(self, n: int) -> int:
        """Start of the first room of `n` elements."""
        for k, (start, room) in enumerate(self.free):
            if room >= n:
                self.free[k : k + 1] = [(start + n, room - n)] if room > n else []
                return start
        start = self.size
        if self.free and sum(self.free[-1]) == self.size:
            start = self.free.pop()[0]
        self.size = start + n
        return start

    def give(self, start: int, n: int) -> None:
        """Room that nobody reads any more."""
        self.free = sorted([*self.free, (start, n)])
        merged: list[tuple[int, int]] = []
        for begin, room in self.free:
            if merged and sum(merged[-1]) == begin:
                merged[-1] = (merged[-1][0], merged[-1][1] + room)
            else:
                merged.append((begin, room))
        self.free = merged


def size(shape: tuple[int, ...]) -> int:
    """Number of elements."""
    return int(np.prod(shape, dtype=int))


def contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Strides of an array laid out row by row; an axis of length one has none."""
    return tuple(size(shape[k + 1 :]) * (n != 1) for k, n in enumerate(shape))


class Emitter:
    """Writes C for equations, and remembers where every variable lies."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.parts: list[str] = []
        self.turns: list[str] = []
        self.where: dict[Var, View] = {}
        self.arenas: dict[tuple[str, bool], Arena] = {}
        self.shared_space = "U"
        self.count = itertools.count()

    # ---- room

    def _arena(self, space: str, kind: str) -> Arena:
        return self.arenas.setdefault((space, kind == "real"), Arena())

    def place(self, v: Var) -> View:
        """Room for a variable."""
        space = "A" if v.varies else self.shared_space
        base = self._arena(space, v.kind).take(max(size(v.shape), 1))
        self.where[v] = View(space, v.kind, base, "", contiguous(v.shape), v.shape)
        return self.where[v]

    def drop(self, v: Var) -> None:
        """Gives a variable's room back."""
        view = self.where[v]
        self._arena(view.space, v.kind).give(view.base, max(size(v.shape), 1))

    # ---- text

    def line(self, text: str) -> None:
        """Adds a line."""
        self.lines.append(text)

    def read(self, x: Atom, index: list[str]) -> str:
        """An element of an atom, as a C expression of its kind."""
        if isinstance(x, Constant):
            return primitives.literal(x)
        view = self.where[x]
        text = view.at(index if view.shape else [])
        return f"({text}!=0)" if x.kind == "flag" else text

    def indices(self, shape: tuple[int, ...]) -> tuple[list[str], str, str]:
        """Index names, the loops' heads and their closing."""
        names = [f"i{next(self.count)}" if n > 1 else "0" for n in shape]
        heads = "".join(
            f"for(int {i}=0;{i}<{n};{i}++){{"
            for i, n in zip(names, shape, strict=True)
            if n > 1
        )
        return names, heads, "}" * sum(n > 1 for n in shape)

    def lanes(self, varies: bool) -> str:
        """The head of the loop over lanes, where there is one."""
        return "LANES " if varies else ""

    # ---- steps

    def region(
        self, equations: Sequence[Equation], outs: Sequence[Atom], keep: bool
    ) -> None:
        """Writes equations; room of what nobody reads any more is used again."""
        steps = schedule(equations, outs)
        base: dict[Var, Var] = {}

        def root(x: Var) -> Var:
            while x in base:
                x = base[x]
            return x

        for step in steps:
            if (
                isinstance(step, Equation)
                and step.name in VIEWS
                and isinstance(step.ins[0], Var)
            ):
                base[step.outs[0]] = step.ins[0]
        last: dict[Var, int] = {}
        for k, step in enumerate(steps):
            for x in _uses(step):
                if isinstance(x, Var):
                    last[root(x)] = k
        held = {root(x) for x in outs if isinstance(x, Var)}
        placed: list[Var] = []
        mark = len(self.lines)
        for k, step in enumerate(steps):
            placed += self.step(step)
            if sum(map(len, self.lines[mark:])) > PART:
                self.cut(mark)
                mark = len(self.lines)
            if not keep:
                done = [v for v in placed if v not in held and last.get(v, k) <= k]
                for v in done:
                    self.drop(v)
                placed = [v for v in placed if v not in done]
        self.cut(mark)
        self.kept = placed

    def cut(self, mark: int) -> None:
        """Makes a function of the lines since `mark`: compilers dislike long ones."""
        body = self.lines[mark:]
        if sum(map(len, body)) < PART // 4:
            return
        name = f"part{len(self.parts)}"
        turns = "".join(f",int {q}" for q in self.turns)
        self.parts.append(f"void {name}({ROOMS}{turns}){{\n" + "\n".join(body) + "\n}")
        self.lines[mark:] = [f"{name}({','.join(['UR,UI,AR,AI,SR,SI', *self.turns])});"]

    def step(self, step: Step) -> list[Var]:
        """Writes one step; returns the variables it made room for."""
        if isinstance(step, Group):
            return self.group(step)
        if isinstance(step, Loop):
            return self.loop(step)
        if step.name in VIEWS:
            (x,) = step.ins
            assert isinstance(x, Var)  # views of constants are constants
            self.where[step.outs[0]] = primitives.look(step, self.where[x])
            return []
        (out,) = step.outs
        fresh = out not in self.where
        if fresh:
            self.place(out)
        primitives.node(self, step)
        return [out] if fresh else []

    def group(self, group: Group) -> list[Var]:
        """One loop nest over a shape, its equations as local variables."""
        kept = [k for k in range(len(group.shape)) if k not in group.axes]
        outer, heads, closing = self.indices(tuple(group.shape[k] for k in kept))
        inner, inner_heads, inner_closing = self.indices(
            tuple(group.shape[k] for k in group.axes)
        )
        of_axis = dict(zip([*kept, *group.axes], [*outer, *inner], strict=True))
        names = [of_axis[k] for k in range(len(group.shape))]
        fresh = [v for v in _ordered(group) if v not in self.where]
        for v in fresh:
            self.place(v)
        local: dict[Var, str] = {}
        loads: dict[str, str] = {}
        lanes, pick = self.lanes(group.varies), "[l]" if group.varies else ""
        self.line(heads)
        totals = [f"a{next(self.count)}" for _ in group.sums]
        for e, total in zip(group.sums, totals, strict=True):
            # A truth value takes a whole number's room, so that lanes stay alike.
            kind = "R" if e.outs[0].kind == "real" else "I"
            self.line(f"{kind} {total}{pick and '[L]'};")
            self.line(f"{lanes}{total}{pick}={primitives.START[e.name]};")
        self.line(inner_heads + lanes + "{")

        def read(x: Atom, index: list[str]) -> str:
            if isinstance(x, Constant):
                return primitives.literal(x)
            if x in local:
                return local[x]
            text = self.read(x, index)
            if text not in loads:
                loads[text] = f"m{next(self.count)}"
                self.line(f"const {primitives.LOCAL[x.kind]} {loads[text]}={text};")
            return loads[text]

        for e in group.equations:
            out = e.outs[0]
            if e.name in REDUCTIONS:
                value = primitives.small_reduction(e, names, read)
            elif e.name == "iota":
                local_type = primitives.LOCAL[out.kind]
                value = f"({local_type}){names[e.params['dimension']]}"
            else:
                value = primitives.arithmetic(e, [read(x, names) for x in e.ins])
            local[out] = f"v{next(self.count)}"
            self.line(f"const {primitives.LOCAL[out.kind]} {local[out]}={value};")
            if out in group.stored:
                self.line(f"{self.where[out].at(names)}={local[out]};")
        for e, total in zip(group.sums, totals, strict=True):
            kind, part = e.outs[0].kind, read(e.ins[0], names)
            joined = primitives.join(
                primitives.JOIN[e.name], kind, f"{total}{pick}", part
            )
            self.line(f"{total}{pick}={joined};")
        self.line("}" + inner_closing)
        for e, total in zip(group.sums, totals, strict=True):
            self.line(f"{lanes}{self.where[e.outs[0]].at(outer)}={total}{pick};")
        self.line(closing)
        return fresh

    def copy(self, x: Atom, to: View, varies: bool) -> None:
        """Copies a whole array."""
        names, heads, closing = self.indices(to.shape)
        self.line(
            f"{heads}{self.lanes(varies)}{to.at(names)}={self.read(x, names)};{closing}"
        )

    def loop(self, loop: Loop) -> list[Var]:
        """A scan: state in place, slices as views, reports written where they stay."""
        n, reverse = loop.params["length"], loop.params["reverse"]
        n_carry = len(loop.carried)
        starts, series = loop.ins[:n_carry], loop.ins[n_carry:]
        outer_space = self.shared_space
        finals, stacks = loop.outs[:n_carry], loop.outs[n_carry:]
        for out in loop.outs:
            self.place(out)
        for start, final, inner in zip(starts, finals, loop.carried, strict=True):
            self.copy(start, self.where[final], final.varies)
            self.where[inner] = self.where[final]
        q = f"q{next(self.count)}"
        self.line(
            f"for(int {q}={n - 1};{q}>=0;{q}--){{"
            if reverse
            else f"for(int {q}=0;{q}<{n};{q}++){{"
        )
        for x, inner in zip(series, loop.sliced, strict=True):
            assert isinstance(x, Var)  # a constant's slice is a constant
            self.where[inner] = _turn(self.where[x], q)
        if self.where[loop.outs[0]].space == "A":
            self.shared_space = "S"
        self.turns.append(q)
        target = {out: _turn(self.where[out], q) for out in stacks}
        direct = self.in_place(loop, target)
        self.region(loop.body, [*loop.following, *loop.reported], keep=False)
        self.turns.pop()
        kept = self.kept
        for x, out in zip(loop.reported, stacks, strict=True):
            if not (isinstance(x, Var) and self.where[x] == target[out]):
                self.copy(x, target[out], out.varies)
        kept += self.follow(loop.following, finals)
        for v in kept:
            if v not in direct:
                self.drop(v)
        self.line("}")
        self.shared_space = outer_space
        return list(loop.outs)

    def in_place(self, loop: Loop, target: dict[Var, View]) -> set[Var]:
        """Reports of the body's own that can be computed where they are to stay."""
        others = (*VIEWS, loop.name)
        own = {e.outs[0] for e in loop.body if e.name not in others}
        found: set[Var] = set()
        stacks = loop.outs[len(loop.carried) :]
        for x, out in zip(loop.reported, stacks, strict=True):
            if isinstance(x, Constant) or x not in own or x in found:
                continue
            if x.varies == out.varies:
                self.where[x] = target[out]
                found.add(x)
        return found

    def follow(self, following: Sequence[Atom], finals: Sequence[Var]) -> list[Var]:
        """The state after a turn; what shows parts of the old one goes via a copy."""
        spaces = [self.where[v] for v in finals]
        moved: list[tuple[Atom, View, bool]] = []
        made: list[Var] = []
        for x, final in zip(following, finals, strict=True):
            to = self.where[final]
            if isinstance(x, Var) and self.where[x] == to:
                continue
            if isinstance(x, Var) and _overlaps(self.where[x], spaces):
                copied = Var(x.shape, x.kind, x.varies)
                self.copy(x, self.place(copied), x.varies)
                made.append(copied)
                x = copied
            moved.append((x, to, final.varies))
        for x, to, varies in moved:
            self.copy(x, to, varies)
        return made


PART = 8000
"""Length of a C function at which the next one begins."""

ROOMS = (
    "R*restrict UR,I*restrict UI,R*restrict AR,I*restrict AI,"
    "R*restrict SR,I*restrict SI"
)


def _overlaps(view: View, others: list[View]) -> bool:
    return any(
        view.space == o.space
        and (view.kind == "real") == (o.kind == "real")
        and o.base <= view.base < o.base + max(size(o.shape), 1)
        for o in others
    )


def _turn(view: View, q: str) -> View:
    """One element of the leading axis: that of turn `q`."""
    return dataclasses.replace(
        view,
        turn=view.turn + (f"+{q}*{view.strides[0]}" if view.strides[0] else ""),
        strides=view.strides[1:],
        shape=view.shape[1:],
    )


def _ordered(group: Group) -> list[Var]:
    stored = [e.outs[0] for e in group.equations if e.outs[0] in group.stored]
    return [*stored, *(e.outs[0] for e in group.sums)]


def _uses(step: Step) -> list[Atom]:
    if isinstance(step, Group):
        return [x for e in step.equations for x in e.ins]
    return reads(step)
