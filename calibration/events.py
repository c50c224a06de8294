r"""Which event pins a jump: the earliest whose date changes between the two sides."""

import dataclasses

import numpy as np
from jaxtyping import Float

NEVER = 9000.0
"""Dates from here on mean that the event does not happen."""

_MOVED = 1e-4

ACCELERATION = ".covenant"
"""End of the name of a default that lenders' acceleration caused."""


@dataclasses.dataclass(frozen=True)
class Event:
    """An event whose date switches at a break-even; None: it does not happen.

    `others` switch at the same point, by date.
    """

    name: str
    before: float | None
    after: float | None
    others: tuple["Event", ...] = ()


def pinning_event(
    names: tuple[str, ...],
    before: Float[np.ndarray, " event"],
    after: Float[np.ndarray, " event"],
    criterion: str,
) -> Event | None:
    """The event that switches, its dates just before and just after the jump.

    Causes precede effects: of all events whose date changes, the earliest; the
    criterion's own failure only if nothing else moves (a horizon, for instance). Where
    its own failure is an entity's event (`<entity>.<event>`), that is no other event,
    unless the event is a covenant's: that says why the entity failed.
    """
    moved = [i for i in range(len(names)) if abs(before[i] - after[i]) > _MOVED]
    own = criterion.split("@")[0]
    mine = [i for i in moved if names[i].split("@")[0] == own]
    for i in list(mine):
        dates = (before[i], after[i])
        mine += [j for j in moved if "." in names[j] and dates == (before[j], after[j])]
    mine = [i for i in mine if not names[i].endswith(ACCELERATION)]
    others = [i for i in moved if i not in mine] or moved
    if not others:
        return None
    # A default and the acceleration that caused it have one date: the cause is first.
    ordered = sorted(
        others,
        key=lambda i: (min(before[i], after[i]), not names[i].endswith(ACCELERATION)),
    )
    events = [Event(names[i], _date(before[i]), _date(after[i])) for i in ordered]
    return dataclasses.replace(events[0], others=tuple(events[1:]))


def caused_by(event: Event, names: set[str]) -> Event:
    """The same switch, named after the first of its events that is in `names`.

    A criterion that passes smoothly through zero exactly there is the cause, whatever
    else happens in the same quarter.
    """
    every = (dataclasses.replace(event, others=()), *event.others)
    first = next((x for x in every if x.name in names), None)
    if first is None:
        return event
    rest = tuple(x for x in every if x.name != first.name)
    return dataclasses.replace(first, others=rest)


def _date(date: float) -> float | None:
    return float(date) if date < NEVER else None
