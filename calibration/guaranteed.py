r"""What a guarantee does to a story: how often, how late, how much, and at whose cost.

Each variant of the guarantee runs on the *same* scenarios as the story without it, so
ratios and premia have the standard error of paired draws:

$$ r = \frac{\bar y}{\bar x}, \quad
   s_r = \frac{\operatorname{sd}(y_i - r x_i)}{\bar x \sqrt n} $$

with losses $x$ without and $y$ with it. The fair premium is the same ratio with the
value of claims over the value of guaranteed balances, in 1/year.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

import engine
from calibration.unknowns import MIDPOINT
from engine.credit.guarantee import PREMIUM
from engine.drivers import adoption
from engine.economy import Economy
from engine.grid import TimeGrid
from engine.metrics import NEVER

CHUNK = 256

COVERAGE = "guarantee.coverage"
SUBSIDY = "government.subsidy"
EFFECTS = ("spread", "ltv", "extension", "claims")

VARIANTS: dict[str, dict[str, float]] = {
    "none": {COVERAGE: 0.0},
    "full": {COVERAGE: 1.0},
    **{
        f"without_{effect}": {COVERAGE: 1.0, f"guarantee.{effect}": 0.0}
        for effect in EFFECTS
    },
    "extension_only": {
        COVERAGE: 1.0,
        "guarantee.spread": 0.0,
        "guarantee.ltv": 0.0,
        "guarantee.claims": 0.0,
    },
}
"""Name: the figures of the guarantee that it sets; the rest as in the config."""

AGENCY = {
    "agency": {COVERAGE: 0.0},
    "agency_full": {COVERAGE: 1.0},
}
"""With an agency that buys as the config says, alone and beside the full guarantee."""

PAID = ("injected", "own_loss", "taxpayer_value", "contingent", "overpaid")
"""What is read of an agency."""


def variants(economy: Economy) -> dict[str, dict[str, float]]:
    """The variants of an economy: an agency, where it has one, buys only in its own."""
    if not economy.agencies():
        return VARIANTS
    idle = {name: 0.0 for name in _bought(economy)}
    return {name: {**figures, **idle} for name, figures in VARIANTS.items()} | AGENCY


def _bought(economy: Economy) -> list[str]:
    """Figures that say what an agency buys."""
    return [name for name in economy.figures if name.startswith(BUYS)]


BUYS = "government.agency.buys."

Row = Float[np.ndarray, " scenario"]


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A mean or a ratio of means, with its standard error."""

    value: float
    standard_error: float

    @staticmethod
    def mean(x: Row) -> "Estimate":
        """Of independent draws."""
        return Estimate(float(x.mean()), float(x.std(ddof=1) / np.sqrt(x.size)))

    @staticmethod
    def ratio(y: Row, x: Row) -> "Estimate | None":
        """Mean of y over mean of x, paired; None where x has no mean to divide by."""
        if abs(x.mean()) < 1e-9:
            return None
        r = y.mean() / x.mean()
        error = np.std(y - r * x, ddof=1) / np.sqrt(x.size) / abs(x.mean())
        return Estimate(float(r), float(error))


class Guaranteed:
    """Batches of the stories under every variant, by one compiled program."""

    def __init__(self, economy: Economy, grid: TimeGrid, n: int, seed: int = 0):
        """`economy` gives the structure and the draws; `n` a multiple of `CHUNK`."""
        if n % CHUNK:
            raise ValueError(f"n must be a multiple of {CHUNK}, got {n}")
        self.n, self.grid = n, grid
        self.variants = variants(economy)
        self._plain = economy.choosing(adoption_timing="midpoint")
        self._told = economy.choosing(adoption_timing="duration")
        self._drawn = engine.scenarios(economy, grid, n, seed=seed)
        self._run = jax.jit(self._batch)

    def run(self, story: Economy, variant: str) -> dict[str, Row]:
        """Columns of the batch of a story under a variant."""
        is_told = story.blueprint.choice("adoption.timing") == "duration"
        own = {
            name: value
            for name, value in story.figures.items()
            if value.ndim == 0 and float(value) != float(self._plain[name])
        }
        figures = {
            **{k: float(v) for k, v in own.items() if k not in self._drawn.draws},
            **self.variants[variant],
        }
        draws = {
            k: jnp.broadcast_to(jnp.asarray(v, self._plain[k].dtype), (self.n,))
            for k, v in figures.items()
        }
        draws = {**self._drawn.draws, **self._common(), **draws}
        parts = []
        for start in range(0, self.n, CHUNK):
            part = slice(start, start + CHUNK)
            found = self._run(
                {k: v[part] for k, v in draws.items()},
                self._drawn.shocks[part],
                jnp.asarray(is_told),
            )
            parts.append({k: np.asarray(v, np.float64) for k, v in found.items()})
        return {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}

    def _common(self) -> dict[str, Any]:
        """Every figure that a story or a variant may set: one program serves all."""
        names = [COVERAGE, *(f"guarantee.{x}" for x in EFFECTS)]
        names += _bought(self._plain)
        names += ["adoption.duration_10_90", "adoption.stall"]
        names += ["adoption.stall_level", "adoption.stall_decline"]
        return {k: jnp.broadcast_to(self._plain[k], (self.n,)) for k in names}

    def _batch(
        self, draws: dict[str, Any], shocks: Any, is_told: Any
    ) -> dict[str, Any]:
        def middle(row: dict[str, Any]) -> Any:
            return adoption.midpoint(self._told.replace(row), self.grid)

        derived = jax.vmap(middle)(draws)
        middles = jnp.where(is_told, derived, draws[MIDPOINT])
        result = engine.simulate_batch(
            self._plain,
            engine.opening_state(self._plain, self.grid),
            self.grid,
            engine.Scenario({**draws, MIDPOINT: middles}, shocks),
            chunk=CHUNK,
        )
        wanted = (
            "system.credit_loss",
            "government.loss",
            "government.claims_value",
            "government.guaranteed_peak",
            "government.guaranteed_value",
        )
        if PREMIUM in self._plain.figures:
            wanted += (SUBSIDY,)
        names = (*PAID, "exhausted_date")
        wanted += tuple(f"{a}.{x}" for a in self._plain.agencies() for x in names)
        return {
            **{name: result.metrics[name] for name in wanted},
            "default": result.failures["neocloud_unsecured"],
        }


def compare(
    guaranteed: Guaranteed, stories: Mapping[str, Economy], horizon: float
) -> dict[str, dict[str, Any]]:
    """Every story × variant against the story without a guarantee.

    **Returns:** by story, by variant: default probability by the horizon, date of
    default where both default, loss, ratio of losses, premium, claims, liability.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, story in stories.items():
        columns = {
            variant: guaranteed.run(story, variant) for variant in guaranteed.variants
        }
        none = columns["none"]
        found[name] = {
            variant: _against(none, with_it, horizon)
            for variant, with_it in columns.items()
        }
    return found


def _against(
    none: dict[str, Row], with_it: dict[str, Row], horizon: float
) -> dict[str, Any]:
    failed = (with_it["default"] <= horizon + 1e-6).astype(float)
    both = (none["default"] < NEVER) & (with_it["default"] < NEVER)
    later = (with_it["default"] - none["default"])[both]
    loss, claims = with_it["system.credit_loss"], with_it["government.loss"]
    paid = {name.split(".")[1]: x for name, x in with_it.items() if "agency." in name}
    claims_value = with_it["government.claims_value"]
    return {
        "default_probability": Estimate.mean(failed),
        "default_ever": Estimate.mean((with_it["default"] < NEVER).astype(float)),
        "years_later": Estimate.mean(later) if later.size > 1 else None,
        "credit_loss_bn": Estimate.mean(loss),
        "ratio": Estimate.ratio(loss, none["system.credit_loss"]),
        "expected_claims_bn": Estimate.mean(claims),
        # Where nothing is charged, the value of claims is the subsidy.
        "subsidy_bn": Estimate.mean(with_it.get(SUBSIDY, claims_value)),
        "contingent_liability_bn": Estimate.mean(with_it["government.guaranteed_peak"]),
        "fair_premium_per_year": Estimate.ratio(
            claims_value, with_it["government.guaranteed_value"]
        ),
        "claims_quantiles_bn": {
            str(q): float(np.quantile(claims, q)) for q in (0.05, 0.25, 0.5, 0.75, 0.95)
        },
        **({"agency": _of_agency(paid)} if paid else {}),
        "default_dates": np.quantile(
            np.minimum(with_it["default"], 2100.0), np.linspace(0.0, 1.0, 41)
        ).tolist(),
    }


def _of_agency(paid: dict[str, Row]) -> dict[str, Any]:
    """How often its capital goes, what the Treasury puts in, what it all costs."""
    cost, gone = paid["taxpayer_value"], paid["injected"] > 0.0
    dates = paid["exhausted_date"][gone]
    return {
        "exhausted_probability": Estimate.mean(gone.astype(float)),
        "exhausted_median": float(np.median(dates)) if dates.size else None,
        **{f"{name}_bn": Estimate.mean(paid[name]) for name in PAID},
        "taxpayer_quantiles_bn": {
            str(q): float(np.quantile(cost, q)) for q in (0.05, 0.25, 0.5, 0.75, 0.95)
        },
    }
