"""A joint venture by level: who pays in, what it collects, who is paid, where cash is.

A vehicle that owns a part of an asset has its part of every flow of the venture that
owns the whole, and the other owners the rest. The venture keeps no cash: it calls what
it spends from its owners pro rata and hands on what it collects; escrow and accounts
are its owner's, who issues the notes (docs/capital-structures.md).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

PART = "venture"
OPENING, CLOSING = "opening cash of the venture", "closing cash of the venture"
CHECK = "check: sources less uses, venture"

COLLECTED = (
    "rent collected",
    "owed by a tenant who left",
    "damages from the contractor",
    "operating costs",
    "damages to the tenant",
)
"""Rows of the vehicle's cash that are its share of what the venture collects, net."""

SPENT = ("construction", "construction beyond budget")
"""The same of what the venture builds."""


class Row(NamedTuple):
    """One row of the venture by model quarter [USD bn]."""

    item: str
    amounts: np.ndarray


def venture_rows(
    cash: dict[str, np.ndarray], share: float, before_rent: np.ndarray
) -> Iterator[Row]:
    r"""The venture's quarter, from the signed cash rows of a vehicle that owns `share`.

    $$ C_i = s_i K, \quad D_i = s_i N, \quad
       \sum_i C_i + \text{collected} - \text{spent} - \sum_i D_i = 0 $$

    with $K$ what the venture spends, and what it lacks where it pays more than it
    collects, $N$ what is left of what it collects, $s_i$ an owner's share.

    **Arguments:** `cash`, the rows of the vehicle's cash by name [USD bn], uses
    negative, with its closing balance, reserve and trap account; `share` in (0, 1);
    `before_rent`, 1 in quarters that end before rent starts.

    **Returns:** what every owner pays in, what is collected and spent, what every owner
    gets, and where the vehicle's own cash lies: the first add up to zero in every
    quarter, the last to the vehicle's closing cash.
    """
    nothing = np.zeros_like(cash["closing cash"])
    whole = {name: cash.get(name, nothing) / share for name in (*COLLECTED, *SPENT)}
    net = sum((whole[name] for name in COLLECTED), nothing)
    spent = sum((whole[name] for name in SPENT), nothing)
    called, left = np.maximum(-net, 0.0) - spent, np.maximum(net, 0.0)
    owners = (("the vehicle", share), ("the other owners", 1.0 - share))
    rows = [Row(f"contributed by {owner}", part * called) for owner, part in owners]
    rows += [Row(f"{name}, venture", amounts) for name, amounts in whole.items()]
    rows += [Row(f"distributed to {owner}", -part * left) for owner, part in owners]
    yield Row(OPENING, nothing)
    yield from rows
    yield Row(CLOSING, nothing)
    yield Row(CHECK, sum((row.amounts for row in rows), nothing))
    free = cash["closing cash"] - cash["in the debt service reserve"]
    free = free - cash["in the trap account"]
    yield Row("cash of the vehicle in Treasury bills before rent", free * before_rent)
    yield Row("cash of the vehicle free after rent starts", free * (1.0 - before_rent))
    yield Row("cash of the vehicle in reserve", cash["in the debt service reserve"])
    yield Row("cash of the vehicle trapped", cash["in the trap account"])
