"""Single precision against double, on every metric a headline uses."""

import jax.numpy as jnp
import pytest

from tests.properties.runs import NEVER, run

# One more program to compile; the fast tier runs base in single precision in
# tests/properties.
pytestmark = pytest.mark.slow

HEADLINES = (
    "system.debt_peak",
    "system.revenue",
    "system.credit_loss",
    "coreweave.minimum_headroom",
    "coreweave.default_date",
    "coreweave.recovery_secured",
    "hyperion.minimum_dscr",
    "hyperion.lowest_repudiation",
    "private_credit.lowest_index",
    "oracle.peak_leverage",
    "openai.lowest_honoured",
)


@pytest.mark.parametrize("story", ["base", "slow", "disproved"])
@pytest.mark.parametrize("name", HEADLINES)
def test_float32_gives_the_headline(story, name):
    double = float(run(story).metrics[name])
    single = float(run(story, dtype=jnp.float32).metrics[name])
    assert single == pytest.approx(double, rel=2e-4, abs=2e-4)


@pytest.mark.parametrize("story", ["base", "slow", "disproved"])
def test_float32_fails_on_the_same_dates(story):
    double, single = run(story).failures, run(story, dtype=jnp.float32).failures
    for layer, date in double.items():
        assert float(single[layer]) == pytest.approx(float(date), abs=1e-3), layer
        assert (float(single[layer]) == NEVER) == (float(date) == NEVER)
