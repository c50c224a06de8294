import types

import jax.numpy as jnp
import numpy as np
import pytest

from scripts import _fans

ECONOMY = types.SimpleNamespace(
    members=lambda family: {"neoclouds": ("c",), "spvs": ()}[family]
)


def codes(rooms=None, dscr=None, alive=None) -> dict[str, np.ndarray]:
    """Bytes of given paths `[scenario, quarter]`, as a sweep gets them."""
    shape = np.shape(rooms if dscr is None else dscr)
    ones = np.ones(shape)
    parts = (ones if x is None else np.asarray(x) for x in (rooms, dscr, alive))
    room, cover, living = (jnp.asarray(x.T, jnp.float32) for x in parts)
    flows = types.SimpleNamespace(dscr=cover[:, None], alive=living[:, None])
    none = types.SimpleNamespace(
        dscr=jnp.zeros((shape[1], 0, shape[0])),
        alive=jnp.zeros((shape[1], 0, shape[0])),
    )
    record = types.SimpleNamespace(clouds=flows, spvs=none)
    result = types.SimpleNamespace(record=record, headrooms={"x": room})
    found = _fans.watch(ECONOMY)(result)
    return {k: np.asarray(v).T for k, v in found.items()}


def test_a_failed_headroom_stays_failed():
    found = codes(rooms=[[0.5, -0.1, 2.0], [0.5, 0.4, 0.3]])["headroom:x"]
    fan = _fans.headroom(_fans.counts(found))
    assert fan["failed"] == [0.0, 0.5, 0.5]
    assert fan["quantiles"]["0.05"][1:] == [-1.0, -1.0]
    assert fan["quantiles"]["0.95"][2] == pytest.approx(0.3, abs=0.021)


def test_cover_has_no_value_where_nothing_is_due():
    found = codes(dscr=[[11.0, 1.5, 0.0], [11.0, 1.7, 1.2]])["dscr:c"]
    fan = _fans.cover(_fans.counts(found))
    assert fan["share"] == [0.0, 1.0, 0.5]
    assert fan["quantiles"]["0.5"][0] is None
    assert fan["quantiles"]["0.95"][1] == pytest.approx(1.7, abs=0.021)


def test_cover_of_what_is_gone_counts_for_nothing():
    found = codes(dscr=[[1.5], [1.7]], alive=[[1.0], [0.0]])["dscr:c"]
    assert _fans.cover(_fans.counts(found))["share"] == [0.5]


@pytest.mark.parametrize("spread", [0.1, 1.0, 4.0])
def test_quantiles_are_those_of_the_values_to_a_bin(spread):
    rng = np.random.default_rng(0)
    rooms = np.clip(np.abs(rng.normal(1.0, spread, (20_000, 3))), 0.0, 10.0)
    fan = _fans.headroom(_fans.counts(codes(rooms=rooms)["headroom:x"]))
    for q in _fans.QUANTILES:
        exact = np.quantile(rooms, q, axis=0)
        width = np.where(exact < 3.0, 0.02, 0.15)
        found = np.array(fan["quantiles"][str(q)])
        assert (np.abs(found - exact) < width).all()


def test_counts_of_blocks_add_up_to_those_of_the_whole():
    rng = np.random.default_rng(1)
    found = codes(rooms=rng.normal(1.0, 1.0, (300, 5)))["headroom:x"]
    parts = [_fans.counts(x) for x in np.array_split(found, 7)]
    np.testing.assert_array_equal(sum(parts), _fans.counts(found))
    assert (_fans.counts(found).sum(axis=1) == 300).all()


def test_bins_are_ordered_and_two_bytes_are_kept_apart():
    assert _fans.EDGES.size == _fans.FAILED + 1
    assert (np.diff(_fans.EDGES) > 0).all()
    values = np.concatenate([_fans.EDGES[:-1] + 1e-3, [-5.0, 50.0]])
    found = codes(dscr=np.where(values == 0, 1e-3, values)[:, None])["dscr:c"][:, 0]
    due = values < 10.99
    np.testing.assert_array_equal(found[:-2][due[:-2]], np.arange(254)[due[:-2]])
    assert found[-2] == 0
    assert found[-1] == _fans.NOTHING
