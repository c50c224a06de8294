"""`buytime breakeven` as users meet it: other unknowns, batches, bad input."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import calibration
import engine
from calibration.adoption import earliest_midpoint, with_midpoint
from calibration.breakeven import STATUSES
from calibration.scattered import TOLERANCE
from calibration.unknowns import MIDPOINT, midpoint_scan
from scripts import breakeven
from scripts._break_even_batch import batch
from scripts._output import BadInput
from scripts._run import load_config
from scripts.main import parser
from tests.cli.test_command import buytime, document

CHAIN = "configs/chain.toml"


@functools.cache
def chain():
    return load_config(CHAIN, [])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--batch", "0"), "at least 1"),
        (("--seed", "1"), "without --batch"),
        (("--batch", "4", "--seed", "-1"), "0 or more"),
        (("--batch", "4", "--shift", "rates.short_pct"), "no sensitivities"),
    ],
)
def test_what_does_not_go_with_a_batch_is_refused(words: tuple[str, ...], says: str):
    with pytest.raises(BadInput, match=says):
        breakeven.execute(parser("breakeven").parse_args(["breakeven", CHAIN, *words]))


@pytest.mark.parametrize(
    ("unknown", "between", "says"),
    [
        ("rates.shrot_pct", None, "did you mean 'rates.short_pct'"),
        ("adoption.history_usd_bn_per_year", None, "expected a scalar"),
        (None, [1, 2], "--unknown"),
        ("rates.short_pct", [5, 3], "the lower one first"),
        ("rates.short_pct", [3, math.inf], "finite"),
        ("rates.short_pct", [3, math.nan], "finite"),
        ("rates.short_pct", [-50, 9], "bounds of rates.short_pct, 0 to 20"),
        ("rates.short_pct", [6, 9], "own 3.9"),
        ("adoption.midpoint_date", [2027, 2030], "another figure"),
    ],
)
def test_a_bad_unknown_is_one_sentence(unknown, between, says):
    with pytest.raises(BadInput) as caught:
        breakeven.looked_up(chain(), unknown, between=between)
    (message,) = caught.value.messages
    assert says in message
    assert message.startswith("--")


def test_bounds_are_in_the_unit_of_the_key():
    found = breakeven.looked_up(chain(), "rates.short_pct", between=[3, 9])
    assert found["unknown"] == "rates.short"
    assert found["bounds"] == pytest.approx((0.03, 0.09))


def test_the_command_says_so_and_exits_with_2():
    run = buytime("breakeven", CHAIN, "--unknown", "rates.shrot_pct")
    assert run.returncode == 2, run.stderr
    assert run.stderr.count("\n") == 1
    assert run.stdout == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "between", "layer", "step"),
    [
        ("market.reference_price_usd_bn_per_gw", (5, 20), "neocloud_equity", 0.5),
    ],
)
def test_another_unknown_is_where_hard_runs_begin_to_fail(key, between, layer, step):
    low, high = (str(x) for x in between)
    words = ("--criterion", layer, "--unknown", key, "--between", low, high, "--json")
    run = buytime("breakeven", CHAIN, *words)
    assert run.returncode == 0, run.stderr
    found = document(run)
    assert found["status"] == "ok"
    own = found["in_key"]
    assert own["key"] == key

    economy, _, grid = chain().build(jnp.float64)
    quiet = engine.Scenario({}, jnp.zeros((grid.n_model, 3)))

    @jax.jit
    def date(x):
        moved = economy.replace({found["unknown"]: x})
        state = engine.opening_state(moved, grid)
        return engine.simulate(moved, state, grid, quiet).failures[layer]

    def fails(x: float) -> bool:
        factor = found["base"] / own["base"]
        return float(date(jnp.asarray(x * factor))) <= found["horizon"] + 1e-6

    outward = math.copysign(step, own["value"] - own["base"])
    holds = own["base"]
    assert not fails(holds)
    while not fails(holds + outward):
        holds += outward
    broken = holds + outward
    for _ in range(30):
        middle = (holds + broken) / 2
        holds, broken = (holds, middle) if fails(middle) else (middle, broken)
    assert own["value"] == pytest.approx(broken, rel=1e-6)


@pytest.mark.slow
def test_a_batch_of_one_without_draws_is_the_single_solve():
    economy, _, grid = chain().build(jnp.float64)
    quiet = engine.reference_scenario(economy, grid)
    single = calibration.locate(economy, grid, scenario=quiet)
    # The single search reads 512 values outward: the same cells for both.
    ways = (midpoint_scan(single.base, earliest_midpoint(economy, grid)),)
    one = jax.tree.map(lambda leaf: leaf[None], quiet)
    names, found, _ = batch(with_midpoint(economy, grid), grid, one, ways, MIDPOINT)
    alone = {k: x for k, x in single.layers.items() if "@" not in k}
    assert list(alone) == list(names)
    # Kinks are not told from smooth points; which crossings follow does not matter.
    words = {"at_kink": "ok"}
    for c, (name, x) in enumerate(alone.items()):
        assert STATUSES[found.status[0, c]] == words.get(x.status, x.status), name
        if x.value is None:
            assert np.isnan(found.value[0, c]), name
        else:
            assert abs(found.value[0, c] - x.value) <= TOLERANCE, name
    assert np.isfinite(found.value).sum() >= 5
