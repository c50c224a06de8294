"""Quarters, dated figures and small functions: docs/model.md, section 0."""

import math

DT = 0.25
VINTAGES = 40
HIGHEST = 10.0


class Calendar:
    """The quarters of a run; the first `n_history` are data."""

    def __init__(self, start: float, n_quarters: int, n_history: int) -> None:
        """Lists the starts, middles and ends of all quarters."""
        self.n_quarters, self.n_history = n_quarters, n_history
        self.starts = [start + t * DT for t in range(n_quarters)]
        self.middles = [s + DT / 2 for s in self.starts]
        self.ends = [s + DT for s in self.starts]
        self.as_of = start + n_history * DT

    def overlap(self, begin: float, end: float) -> list[float]:
        """Share of each quarter that lies in [begin, end]."""
        return [
            clip((min(end, e) - max(begin, s)) / DT, 0.0, 1.0)
            for s, e in zip(self.starts, self.ends, strict=True)
        ]

    def matures(self, date: float) -> list[float]:
        """Share of a payment dated `date` that falls in each quarter."""
        return self.overlap(date - DT, date)

    def schedule(self, edges: list[float], amounts: list[float]) -> list[float]:
        """Amounts spread evenly between their edges, per quarter."""
        total = [0.0] * self.n_quarters
        for a, b, amount in zip(edges, edges[1:], amounts, strict=False):
            for t, share in enumerate(self.overlap(a, b)):
                total[t] += amount * DT * share / (b - a)
        return total

    def bullets(self, dates: list[float], amounts: list[float]) -> list[float]:
        """Lump payments, each in the quarter that ends at its date."""
        total = [0.0] * self.n_quarters
        for date, amount in zip(dates, amounts, strict=True):
            for t, share in enumerate(self.matures(date)):
                total[t] += amount * share
        return total

    def path(self, dates: list[float], values: list[float]) -> list[float]:
        """A path read in the middle of each quarter."""
        return [read(m, dates, values) for m in self.middles]


def read(date: float, dates: list[float], values: list[float]) -> float:
    """A path at a date: linear between its points, flat outside."""
    if date <= dates[0]:
        return values[0]
    for k in range(1, len(dates)):
        if date <= dates[k]:
            share = (date - dates[k - 1]) / (dates[k] - dates[k - 1])
            return values[k - 1] + share * (values[k] - values[k - 1])
    return values[-1]


def conditional(weights: list[float]) -> list[float]:
    """Weight of a decision in each quarter, given that it was not taken before."""
    result, before = [], 0.0
    for weight in weights:
        left = 1.0 - before
        result.append(clip(weight / left, 0.0, 1.0) if left > 1e-9 else 0.0)
        before += weight
    return result


def span(begin: float, end: float) -> list[float]:
    """Share of each quarter of age in which a vintage of life [begin, end] lives."""
    return [
        clip((min(end, (k + 1) * DT) - max(begin, k * DT)) / DT, 0.0, 1.0)
        for k in range(VINTAGES)
    ]


def shifted(register: list[float]) -> list[float]:
    """A register one quarter older; its youngest vintage is empty."""
    return [0.0, *register[:-1]]


def dot(weights: list[float], register: list[float]) -> float:
    """Weighted sum of a register."""
    return sum(w * x for w, x in zip(weights, register, strict=True))


def clip(x: float, low: float, high: float) -> float:
    """`x` within [low, high]."""
    return min(max(x, low), high)


def ratio(a: float, b: float, otherwise: float = 0.0) -> float:
    """`a / b`, or `otherwise` where there is nothing to divide by."""
    return otherwise if abs(b) <= 1e-9 else a / b


def headroom(sources: float, dues: float) -> float:
    """What is there over what is due, less one; 10 where nothing is due."""
    if dues < 1e-9:
        return HIGHEST
    return clip((sources - dues) / dues, -1.0, HIGHEST)


def passed(x: float, least: float, band: float) -> float:
    """Share of a covenant's test that is passed."""
    return 1.0 if least == 0.0 else clip((x - least) / band, 0.0, 1.0)


def failed(x: float, least: float, band: float) -> float:
    """Share of a covenant's test that is failed."""
    return 0.0 if least == 0.0 else clip((least - x) / band, 0.0, 1.0)


def default_test(
    c: dict, before: float, cash: float, service: float, owners: float, due: float = 1.0
) -> dict:
    """Cover, what owners add to it, and the headroom of the default tier.

    `due` is the share of the quarter that counts.
    """
    least, top = c["default"], HIGHEST + 1.0
    lack = due * max(0.0, least * service - cash) if least > 0.0 else 0.0
    cover = cash / service if service > 1e-9 else top
    reach = cover + (owners / service if service > 1e-9 else 0.0)
    reach = due * reach + (1.0 - due) * top
    room = HIGHEST
    if least > 0.0:
        room = clip(max(reach, before) / least - 1.0, -1.0, HIGHEST)
    return {"cover": cover, "cure": min(lack, owners), "reach": reach, "room": room}


def annuity(rate: float, n: float) -> float:
    """Value of 1 a period for `n` periods."""
    return n if rate == 0.0 else (1.0 - (1.0 + rate) ** -n) / rate


def normal(x: float) -> float:
    """The normal distribution function."""
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def survive(
    kind: str, dispersion: float, alive: float, worst: float, g: float
) -> tuple[float, float]:
    """Alive share, and the worst log-headroom so far, after a headroom `g`."""
    worst = min(worst, math.log(max(1.0 + g, 1e-3)))
    if kind == "named":
        return (alive if g >= 0.0 else 0.0), worst
    return min(alive, normal(worst / dispersion)), worst


def under(figures: dict, prefix: str) -> dict:
    """The figures of one member, by key."""
    start = prefix + "."
    return {k[len(start) :]: v for k, v in figures.items() if k.startswith(start)}
