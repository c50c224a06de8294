"""An accelerator says what the processor says: the same program on both."""

import jax
import numpy as np
import pytest

import engine
from tests.properties.runs import CHUNK, NEVER, as_shipped, scenarios

pytestmark = pytest.mark.gpu


def on(device, dtype):
    """Every column of a batch of the chain, run on one device."""
    _, economy, state, grid = as_shipped("base", dtype=dtype)
    drawn = jax.tree.map(lambda x: np.asarray(x, dtype), scenarios("base", CHUNK))
    economy, state, grid, drawn = jax.device_put((economy, state, grid, drawn), device)
    program = jax.jit(lambda *built: engine.simulate_batch(*built))
    found = program(economy, state, grid, drawn)
    return {
        f"{kind}:{name}": np.asarray(values)
        for kind in ("metrics", "failures", "losses")
        for name, values in getattr(found, kind).items()
    }


@pytest.mark.parametrize(
    ("dtype", "relative"), [(np.float64, 1e-9), (np.float32, 1e-2)], ids=str
)
def test_the_accelerator_says_what_the_processor_says(dtype, relative):
    (processor,), accelerator = jax.devices("cpu")[:1], jax.devices()[0]
    found, wanted = on(accelerator, dtype), on(processor, dtype)
    assert set(found) == set(wanted)
    for name, values in wanted.items():
        if name.startswith("failures:"):
            differs = (found[name] < NEVER) != (values < NEVER)
        else:
            scale = np.maximum(np.abs(values), 1.0)
            differs = np.abs(found[name] - values) > relative * scale
        # Beside a cliff rounding decides; elsewhere the two are one model.
        assert np.mean(differs) <= 0.02, name
