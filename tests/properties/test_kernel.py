"""The whole chain as a C kernel says what XLA says."""

import functools

import jax
import numpy as np
import pytest

import engine
from native import compile_kernel
from scripts._batch import flatten
from scripts._sweep_summary import TOLERANCE
from tests.properties.runs import CHUNK, NEVER, as_shipped, batch, scenarios


@functools.cache
def by_xla():
    return {k: np.asarray(v) for k, v in flatten(batch("base", CHUNK)).items()}


def by_c(dtype, folder):
    _, economy, state, grid = as_shipped("base", dtype=dtype)
    drawn = jax.tree.map(lambda leaf: np.asarray(leaf, dtype), scenarios("base", CHUNK))
    example = jax.tree.map(lambda leaf: leaf[0], drawn)
    example = jax.tree.map(jax.numpy.asarray, example)

    def outcome(economy, state, scenario):
        return flatten(engine.simulate(economy, state, grid, scenario))

    kernel = compile_kernel(outcome, (economy, state), example, folder, dtype, 2)
    return kernel(drawn, 2)


def assert_same(found, wanted):
    """Two programs in double precision."""
    assert set(found) == set(wanted)
    for name, values in wanted.items():
        assert found[name].dtype == values.dtype, name
        # Invariants are rounding only; they have a tolerance of their own.
        atol = 1e-10 if name.startswith("residual:") else 1e-9
        np.testing.assert_allclose(
            found[name], values, rtol=1e-9, atol=atol, err_msg=name
        )


def assert_within_rounding(found, wanted, median=2e-4):
    """Single precision against double, column by column."""
    for name, values in wanted.items():
        if name.startswith("residual:"):
            assert np.max(found[name]) <= TOLERANCE["float32"], name
            continue
        gap = np.abs(found[name].astype(float) - values)
        relative = gap / np.maximum(np.abs(values), 1e-3)
        # Beside a cliff rounding may decide: few scenarios, and no column more.
        assert np.median(relative) <= median, name
        assert np.mean(relative > 1e-2) <= 0.02, name


def assert_the_same_fail(found, wanted):
    """Layers that fail in single precision are those that fail in double."""
    dates = [name for name in wanted if name.startswith("failure:")]
    assert dates
    for name in dates:
        other = (found[name] < NEVER) != (wanted[name] < NEVER)
        assert np.mean(other) <= 0.02, name


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    return by_c(np.float32, tmp_path_factory.mktemp("kernel"))


def test_in_double_precision_every_column_is_the_same(tmp_path):
    assert_same(by_c(np.float64, tmp_path), by_xla())


@pytest.mark.slow
def test_in_single_precision_columns_differ_by_rounding(single):
    assert_within_rounding(single, by_xla())


@pytest.mark.slow
def test_in_single_precision_the_same_layers_fail(single):
    assert_the_same_fail(single, by_xla())
