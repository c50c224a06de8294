r"""Break-evens as strict JSON: no NaN, no infinity, None and a status instead."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from calibration.adoption import Equivalents
from calibration.breakeven import BreakEven
from calibration.cross import Cross
from calibration.sensitivities import Gradient, Move, Sensitivity
from calibration.unknowns import derivative_unit, figure_of, unit_of

Json = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class LayerResult:
    """Everything about one criterion; keys of `sensitivities` and `cross` as shown."""

    unknown: str
    found: BreakEven
    horizon: float | None = None
    dates: tuple[float, ...] = ()
    equivalents: Equivalents | None = None
    full_grid: BreakEven | None = None
    gradient: Gradient | None = None
    sensitivities: Mapping[str, Sensitivity] = dataclasses.field(default_factory=dict)
    moves: Mapping[str, Move] = dataclasses.field(default_factory=dict)
    cross: Mapping[tuple[str, str], Cross] = dataclasses.field(default_factory=dict)
    pin: Mapping[str, Sensitivity] | None = None

    def to_json(self) -> Json:
        """The object that `buytime breakeven --json` prints for one criterion."""
        found = self.found
        words = self.equivalents or Equivalents(None, None, None)
        result: Json = {
            "unknown": self.unknown,
            "criterion": found.criterion,
            "value": found.value,
            "unit": unit_of(self.unknown),
            "status": found.status,
            "local_status": found.local,
            "residual": found.residual,
            "base": found.base,
            "horizon": self.horizon,
            "bound": found.bound,
            "equivalents": dataclasses.asdict(words),
            "binding": self._binding(found),
            "sensitivities": {k: self._shift(k) for k in self.sensitivities},
            "cross": {
                f"{a}×{b}": dataclasses.asdict(x)
                | {"unit": f"{derivative_unit(self.unknown, a)}, and per 1.00 of {b}"}
                for (a, b), x in self.cross.items()
            },
            "crossings": list(found.crossings),
            "one_sided": self._one_sided(),
            "event": self._event(),
            "gradients": self._gradients(),
        }
        if self.full_grid is not None:
            full = self.full_grid
            result["full_grid"] = {
                "value": full.value,
                "status": full.status,
                "bound": full.bound,
                "crossings": list(full.crossings),
                "binding": self._binding(full),
            }
        return strict(result)

    def _binding(self, found: BreakEven) -> Json:
        quarter = found.binding
        known = quarter is not None and quarter < len(self.dates)
        return {
            "quarter": quarter,
            "date": self.dates[quarter] if quarter is not None and known else None,
            "limit": found.criterion.split("@")[0],
            "headroom": found.limit,
        }

    def _shift(self, shift: str) -> Json:
        x = self.sensitivities[shift]
        result: Json = {
            "value": x.value,
            "unit": derivative_unit(self.unknown, shift),
            "status": x.status,
            "check_up": x.check_up,
            "check_down": x.check_down,
            "step": x.step,
            "second": {
                "check_up": x.second_up,
                "check_down": x.second_down,
                "step": x.second_step,
            },
        }
        per = {"rate": "per_100_bp", "leverage": "per_point"}.get(shift.split(".")[0])
        if per is not None:
            result[per] = None if x.value is None else x.value * 0.01
        if shift in self.moves:
            result["moves"] = dataclasses.asdict(self.moves[shift])
        return result

    def _one_sided(self) -> Json | None:
        """Slopes of the limit state and of t* on each side, where they differ."""
        found = self.found
        if found.local not in ("at_kink", "at_jump") or found.slopes is None:
            return None
        sides: Json = {}
        for i, side in enumerate(("before", "after")):
            gradient = None if self.gradient is None else getattr(self.gradient, side)
            sides[side] = {
                "slope": found.slopes[i],
                "sensitivities": None
                if gradient is None
                else {k: float(gradient[figure_of(k)]) for k in self.sensitivities},
            }
        resolved = {
            k: {"up": x.check_up, "down": x.check_down, "step": x.step}
            for k, x in self.sensitivities.items()
        }
        return sides | {"resolved": resolved}

    def _event(self) -> Json | None:
        event = self.found.event
        if event is None:
            return None
        own = None
        if self.pin is not None:
            own = {
                k: {"value": x.value, "status": x.status} for k, x in self.pin.items()
            }
        return {
            "name": event.name,
            "date_before": event.before,
            "date_after": event.after,
            "also": [x.name for x in event.others],
            "sensitivities": own,
        }

    def _gradients(self) -> dict[str, float]:
        """Implicit derivatives to every scalar figure that matters at all."""
        value = None if self.gradient is None else self.gradient.value
        scalars = {k: v for k, v in (value or {}).items() if v.ndim == 0}
        return {
            k: float(v)
            for k, v in sorted(scalars.items())
            if v != 0 and k != self.unknown
        }


def strict(value: Any) -> Any:
    """The same tree with None in place of every number that JSON cannot write."""
    if isinstance(value, Mapping):
        return {k: strict(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [strict(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
