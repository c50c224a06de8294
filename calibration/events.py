r"""Which event pins a jump: the earliest whose date changes between the two sides."""

import dataclasses

import numpy as np
from jaxtyping import Float

NEVER = 9000.0
"""Dates from here on mean that the event does not happen."""

_MOVED = 1e-4


@dataclasses.dataclass(frozen=True)
class Event:
    """An event whose date switches at a break-even; None: it does not happen."""

    name: str
    before: float | None
    after: float | None


def pinning_event(
    names: tuple[str, ...],
    before: Float[np.ndarray, " event"],
    after: Float[np.ndarray, " event"],
    criterion: str,
) -> Event | None:
    """The event that switches, its dates just before and just after the jump.

    Causes precede effects: of all events whose date changes, the earliest; the
    criterion's own failure only if nothing else moves (a horizon, for instance).
    """
    moved = [i for i in range(len(names)) if abs(before[i] - after[i]) > _MOVED]
    own = criterion.split("@")[0]
    others = [i for i in moved if names[i].split("@")[0] != own] or moved
    if not others:
        return None
    i = min(others, key=lambda i: min(before[i], after[i]))
    return Event(names[i], _date(before[i]), _date(after[i]))


def _date(date: float) -> float | None:
    return float(date) if date < NEVER else None
