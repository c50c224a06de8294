r"""Named shifts, and how far each unknown is scanned."""

from collections.abc import Mapping

from calibration.scan import Scan

MIDPOINT = "adoption.midpoint"

SHIFTS: dict[str, str] = {
    "rate.future": "shifts.rate_future",
    "rate.all": "shifts.rate_all",
    "leverage.future": "shifts.leverage_future",
    "leverage.all": "shifts.leverage_all",
}
"""The four named shifts, and the figures that carry them."""

CROSSES: tuple[tuple[str, str], ...] = (
    ("rate.future", "leverage.future"),
    ("rate.all", "leverage.all"),
)

_YEARS_LATER, _YEARS_EARLIER = 18.0, 1.5


def figure_of(shift: str) -> str:
    """The figure behind a shift: a named one, or a config path as it stands."""
    return SHIFTS.get(shift, shift)


def size_of(key: str, value: float) -> float:
    """What a relative step of one means for a figure: its size, a year for a date."""
    if key.startswith("shifts.") or value == 0 or 1900 < value < 2200:
        return 1.0
    return abs(value)


def unit_of(unknown: str) -> str:
    """Unit of a break-even's value."""
    return "date (decimal years)" if unknown == MIDPOINT else f"unit of {unknown}"


def derivative_unit(unknown: str, shift: str) -> str:
    """Unit of a derivative of a break-even to a shift."""
    top = "years" if unknown == MIDPOINT else f"unit of {unknown}"
    if shift.startswith("rate."):
        return f"{top} per 1.00 of rate (100 bp = 0.01)"
    if shift.startswith("leverage."):
        return f"{top} per 1.00 of capital (1 point = 0.01)"
    return f"{top} per unit of {shift}"


def midpoint_scan(base: float, anchor: float, n: int = 512) -> Scan:
    """Midpoints outward from base: later by 18 years, and a little earlier.

    Every 13 days: limit states of return jump down and up again within a month as
    defaults move from quarter to quarter, which 50 days step over. `anchor` is the date
    of the last observation: a curve through it cannot have its midpoint before.
    """
    before = min(base, max(base - _YEARS_EARLIER, anchor + 0.1))
    return Scan(base, base + _YEARS_LATER, before, n, n // 8)


def scans(
    unknown: str,
    base: float,
    ranges: Mapping[str, tuple[float, float]],
    bounds: tuple[float, float] | None = None,
    n: int = 128,
) -> tuple[Scan, ...]:
    """Scans of any other unknown, upward and downward, as far as it makes sense.

    To `bounds` if given, else to the figure's range in `ranges` widened by its own
    width, else a shift by ±0.10, else from a quarter of the figure to four times it.
    """
    if bounds is None and unknown in ranges:
        low, high = ranges[unknown]
        bounds = (low - (high - low), high + (high - low))
        if low >= 0:
            bounds = (max(bounds[0], 0.0), bounds[1])
    if bounds is None and (unknown.startswith("shifts.") or base == 0):
        bounds = (base - 0.10, base + 0.10)
    if bounds is None:
        bounds = (min(base / 4, base * 4), max(base / 4, base * 4))
    low, high = min(bounds[0], base), max(bounds[1], base)
    # What lies on the other side of base is the other scan.
    return tuple(Scan(base, end, base, n, 0) for end in (high, low) if end != base)
