"""The C text of a program: what is alike for all scenarios, then a block of them."""

import dataclasses
import pathlib
from collections.abc import Sequence

import numpy as np

from native.emit import ROOMS, Emitter, View, contiguous, size
from native.program import Atom, Equation, Program, Unsupported, Var, reads

HEADER = pathlib.Path(__file__).with_name("lanes.h")

REALS = {"float32": ("float", "int"), "float64": ("double", "long")}
"""C types of a real and of a whole number of the same width, by dtype."""

RESULTS = {
    "bool": "uint8_t",
    "uint8": "uint8_t",
    "int8": "int8_t",
    "int32": "int32_t",
    "int64": "int64_t",
    "float32": "float",
    "float64": "double",
}
"""C types of what is handed over, by dtype: a byte is written as one."""


@dataclasses.dataclass
class Source:
    """Units of C, and where things lie.

    `places` are the shared inputs and constants, `loaded` the scenario's inputs that
    are read, in the order of the block's argument; `rooms` elements by space and kind.
    """

    units: list[str]
    places: dict[Var, View]
    loaded: list[Var]
    rooms: dict[tuple[str, bool], int]


def write(
    program: Program,
    dtype: np.dtype,
    results: Sequence[np.dtype],
    lanes: int,
    n_units: int,
) -> Source:
    """Writes `prepare`, for what is alike, and `block`, for `lanes` scenarios."""
    if dtype.name not in REALS:
        raise Unsupported(f"real numbers of type {dtype}")
    for result in results:
        if result.name not in RESULTS:
            raise Unsupported(f"results of type {result}")
    used = _used(program)
    m = Emitter()
    shared = [*program.inputs, *(v for v, _ in program.constants)]
    places = {v: m.place(v) for v in shared if v in used and not v.varies}
    head = f"EXPORT void prepare({ROOMS}){{"
    known = [out for e in program.shared for out in e.outs if out in used]
    m.region(program.shared, known, keep=True)
    prepare = [head, *m.lines, "}"]

    m.lines = []
    m.shared_space = "S"
    loaded = [v for v in program.inputs if v in used and v.varies]
    for k, v in enumerate(loaded):
        _load(m, k, v)
    m.region(program.own, program.outputs, keep=False)
    for k, (x, result) in enumerate(zip(program.outputs, results, strict=True)):
        _hand_over(m, k, x, RESULTS[result.name])
    head = f"EXPORT void block(long first,int n,void**in,void**out,{ROOMS}){{"
    block = [head, *m.lines, "}"]

    real, whole = REALS[dtype.name]
    common = (
        f"#define L {lanes}\n#define SINGLE {int(dtype == np.float32)}\n"
        f"typedef {real} R;typedef {whole} I;\n{HEADER.read_text()}"
    )
    heads = [part[: part.index("{")] + ";" for part in m.parts]
    main = "\n".join([*heads, *prepare, *block, ""])
    units = [common + "\n".join([*m.parts[k::n_units], ""]) for k in range(n_units)]
    return Source(
        units=[units[0] + main, *units[1:]],
        places=places,
        loaded=loaded,
        rooms={key: arena.size for key, arena in m.arenas.items()},
    )


def _used(program: Program) -> set[Var]:
    """What some equation or the caller reads."""
    everything: Sequence[Equation] = [*program.shared, *program.own]
    found = {x for e in everything for x in reads(e) if isinstance(x, Var)}
    return found | {x for x in program.outputs if isinstance(x, Var)}


def _load(m: Emitter, k: int, v: Var) -> None:
    """Scenarios by row, as they come, to lanes; the last block repeats its last row."""
    count, kind = size(v.shape), "R" if v.kind == "real" else "I"
    base = m.place(v).base
    m.line(
        f"{{const {kind}*p=(const {kind}*)in[{k}]+first*{count};"
        f"for(int i=0;i<{count};i++)for(int l=0;l<L;l++)"
        f"A{kind}[({base}+i)*L+l]=p[(l<n?l:n-1)*{count}+i];}}"
    )


def _hand_over(m: Emitter, k: int, x: Atom, kind: str) -> None:
    """Lanes to scenarios by row, as the C type `kind`."""
    names, heads, closing = m.indices(x.shape)
    place = "+".join(
        f"{i}*{stride}" for i, stride in zip(names, contiguous(x.shape), strict=True)
    )
    m.line(
        f"{heads}for(int l=0;l<n;l++)"
        f"(({kind}*)out[{k}])[(first+l)*{size(x.shape)}+{place or '0'}]="
        f"{m.read(x, names)};{closing}"
    )
