"""Clearing in rational arithmetic, by trying every state: nothing is approximated.

A firm is sound, or in default with one of its ranks as the marginal one. Each of these
states has one linear system; those whose solution is consistent with the state are the
clearing vectors. Meant for a handful of firms.
"""

import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

Number = int | float | Fraction


class ExactClearing(NamedTuple):
    """Payments by rank and firm, and who is in default."""

    payments: tuple[tuple[Fraction, ...], ...]
    defaults: tuple[bool, ...]

    @property
    def total(self) -> Fraction:
        return sum((x for rank in self.payments for x in rank), Fraction(0))


def solutions(
    liabilities: Sequence[Sequence[Sequence[Number]]],
    assets: Sequence[Number],
    external: Number | Sequence[Number] = 0,
    alpha: Number = 1,
    beta: Number = 1,
) -> list[ExactClearing]:
    """Every clearing vector that is the only one of its state, greatest first."""
    owed = [[[Fraction(x) for x in row] for row in rank] for rank in liabilities]
    e = [Fraction(x) for x in assets]
    n, ranks = len(e), range(len(owed))
    outside = [external] * n if isinstance(external, Number) else list(external)
    due = [
        [sum(owed[r][i]) + (Fraction(outside[i]) if r == 0 else 0) for i in range(n)]
        for r in ranks
    ]
    found: dict[tuple, ExactClearing] = {}
    for state in itertools.product((*ranks, None), repeat=n):
        paid = _solve(owed, due, e, Fraction(alpha), Fraction(beta), state)
        if paid is None:
            continue
        defaults = tuple(rank is not None for rank in state)
        if _is_consistent(owed, due, e, Fraction(alpha), Fraction(beta), state, paid):
            found[paid] = ExactClearing(paid, defaults)
    return sorted(found.values(), key=lambda x: x.total, reverse=True)


def greatest(*arguments, **options) -> ExactClearing:
    """The greatest clearing vector; checks that it is above all others."""
    found = solutions(*arguments, **options)
    best = found[0]
    for other in found[1:]:
        pairs = zip(sum(best.payments, ()), sum(other.payments, ()), strict=True)
        assert all(x >= y for x, y in pairs), "no greatest vector"
    return best


def _share(owed, due, rank, debtor, creditor):
    total = due[rank][debtor]
    return owed[rank][debtor][creditor] / total if total else Fraction(0)


def _received(owed, due, paid, i):
    n = len(due[0])
    return sum(
        (
            _share(owed, due, r, k, i) * paid[r][k]
            for r in range(len(due))
            for k in range(n)
        ),
        Fraction(0),
    )


def _fixed(due, state, rank, i):
    """What a firm pays on a rank, or None where it is its marginal one."""
    if state[i] is None or rank < state[i]:
        return due[rank][i]
    return None if rank == state[i] else Fraction(0)


def _solve(owed, due, e, alpha, beta, state):
    n, ranks = len(e), range(len(due))
    unknown = [i for i in range(n) if state[i] is not None]
    rows = []
    for i in unknown:
        ahead = sum((due[r][i] for r in range(state[i])), Fraction(0))
        row = [Fraction(int(i == k)) for k in unknown]
        constant = alpha * e[i] - ahead
        for r, k in itertools.product(ranks, range(n)):
            fixed = _fixed(due, state, r, k)
            weight = beta * _share(owed, due, r, k, i)
            if fixed is None:
                row[unknown.index(k)] -= weight
            else:
                constant += weight * fixed
        rows.append([*row, constant])
    solution = _eliminate(rows)
    if solution is None:
        return None
    marginal = dict(zip(unknown, solution, strict=True))
    return tuple(
        tuple(
            marginal[i]
            if _fixed(due, state, r, i) is None
            else _fixed(due, state, r, i)
            for i in range(n)
        )
        for r in ranks
    )


def _eliminate(rows):
    n = len(rows)
    for i in range(n):
        pivot = next((k for k in range(i, n) if rows[k][i] != 0), None)
        if pivot is None:
            return None
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for k in range(n):
            if k != i and rows[k][i] != 0:
                factor = rows[k][i]
                rows[k] = [
                    x - factor * y for x, y in zip(rows[k], rows[i], strict=True)
                ]
    return [row[-1] for row in rows]


def _is_consistent(owed, due, e, alpha, beta, state, paid):
    for i in range(len(e)):
        received = _received(owed, due, paid, i)
        is_default = e[i] + received < sum(due[r][i] for r in range(len(due)))
        if is_default != (state[i] is not None):
            return False
        if is_default and not 0 <= paid[state[i]][i] <= due[state[i]][i]:
            return False
    return True
