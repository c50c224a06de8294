from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.config import load, load_sweep
from engine.config.economy import EconomyConfig, json_schema
from tests.config_files import CONFIGS, replace

SHIPPED = [
    "base.toml",
    "chain.toml",
    *sorted(f"scenarios/{p.name}" for p in CONFIGS.glob("scenarios/*")),
]


# ── What ships ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("base.toml", jnp.float32), *((name, jnp.float64) for name in SHIPPED)],
)
def test_every_shipped_config_builds_into_arrays_of_the_dtype(name, dtype):
    economy, _, grid = load(CONFIGS / name).build(dtype=dtype)
    for figure, leaf in economy.figures.items():
        assert isinstance(leaf, jax.Array), figure
        assert leaf.dtype == dtype, figure
        assert bool(jnp.all(jnp.isfinite(leaf))), figure
    assert grid.start.dtype == dtype
    assert (grid.n_quarters, grid.n_history) == (104, 7)


def test_every_figure_has_source_date_confidence_and_bounds(base):
    assert len(base.figures) > 500
    for figure in base.figures:
        assert len(figure.source) > 8, figure.path
        assert "TO DO" not in figure.source, figure.path
        assert figure.date, figure.path
        assert figure.confidence, figure.path
        assert figure.bounds[0] <= figure.bounds[1], figure.path
        assert figure.unit, figure.path
        assert figure.confidence != "choice" or len(figure.source) > 12, figure.path


def test_engine_names_are_unique_and_map_both_ways(base):
    counts = Counter(f.name for f in base.figures)
    assert [name for name, n in counts.items() if n > 1] == []
    for figure in base.figures:
        assert base.engine_name(figure.path) == figure.name
        assert base.config_path(figure.name) == figure.path


def test_values_arrive_in_engine_units(base):
    economy, _, _ = base.build(dtype=jnp.float64)
    expected = {
        "spvs.hyperion.coupon": 0.06581,
        "spvs.hyperion.margin": 0.0,
        "neoclouds.coreweave.box_margin": 0.05,
        "neoclouds.coreweave.advance": 0.75,
        "neoclouds.coreweave.customers.openai": 0.25,
        "contagion.price_impact": 1e-5,
        "funds.drawdown_ai.investors.pension": 0.6,
        "funds.listed_broad.holdings.secured": 0.1,
        "labs.openai.firm": 0.85,
        "hyperscalers.meta.reported_capex_2026": 138.0,
    }
    for name, value in expected.items():
        np.testing.assert_allclose(economy[name], value, rtol=1e-12, err_msg=name)
    np.testing.assert_allclose(
        economy["labs.openai.commitments.edges"], np.arange(2026.0, 2032.0)
    )
    assert economy["labs.openai.commitments.amounts"].shape == (5,)
    assert economy["adoption.history"].shape == (7,)


def test_the_blueprint_says_who_is_there_and_which_rules_they_use(base):
    blueprint = base.blueprint
    assert blueprint.members("neoclouds") == (
        "coreweave",
        "nebius",
        "rest_of_neoclouds",
    )
    assert blueprint.members("spvs") == (
        "hyperion",
        "el_paso",
        "vantage",
        "xai_chips",
        "anthropic_chips",
        "rest_of_spvs",
    )
    assert blueprint.members("labs") == ("openai", "anthropic", "xai")
    assert blueprint.choice("adoption.timing") == "midpoint"
    assert blueprint.choice("credit.default") == "hard"
    assert blueprint.choice("spvs.vantage.tenant") == "oracle"
    assert blueprint.choice("neoclouds.rest_of_neoclouds.kind") == "cohort"
    ranges = {r.name: r for r in blueprint.ranges}
    midpoint = ranges["adoption.midpoint"]
    assert (midpoint.kind, midpoint.low, midpoint.mode) == (
        "triangular",
        2027.8,
        2028.8,
    )
    assert ranges["neoclouds.coreweave.box_margin"].high == pytest.approx(0.065)
    economy, _, _ = base.build(dtype=jnp.float64)
    for r in blueprint.ranges:
        assert r.low <= float(economy[r.name]) <= r.high


def test_history_is_the_sum_of_the_reported_years(base):
    history = base.adoption.history_usd_bn_per_year.values
    assert sum(history[:4]) / 4 == pytest.approx(47, abs=0.5)


def test_reported_totals_name_the_four_hyperscalers(base):
    assert set(base.reported_totals) == {"meta", "microsoft", "alphabet", "amazon"}


def test_scenarios_state_only_their_difference(base):
    slow = load(CONFIGS / "scenarios/slow.toml")
    values = {f.name: f.value for f in base.figures}
    moved = [f.name for f in slow.figures if f.value != values[f.name]]
    assert moved == ["adoption.duration_10_90"]
    assert slow.blueprint.choice("adoption.timing") == "duration"
    both = load(CONFIGS / "scenarios/disproved_guarantee.toml")
    assert both.adoption.stall_date.value == 2027.5
    assert both.guarantee.coverage_share.value == 1.0
    assert both.guarantee.coverage_share.bounds == (0.0, 1.0)  # inherited


def test_the_schema_names_every_section():
    properties = json_schema()["properties"]
    assert {"neoclouds", "spvs", "adoption", "hurdle"} <= set(properties)


def test_sweep_axes_are_grids_in_engine_units(base):
    sweep = load_sweep(CONFIGS / "sweeps/rate_by_leverage.toml", base)
    rate, leverage = sweep.axes
    assert rate.engine_name == "shifts.rate_future"
    assert leverage.engine_name == "shifts.leverage_future"
    np.testing.assert_allclose(rate.values()[jnp.array([0, -1])], [-0.01, 0.03])


# ── Hash and overrides ───────────────────────────────────────────────────────────────


def test_comments_and_sources_do_not_change_the_hash_and_a_value_does(copy, base):
    path = copy / "base.toml"
    path.write_text(f"# another comment\n{path.read_text()}")
    replace(path, 'source = "FOMC', 'source = "The FOMC')
    assert load(path).hash == base.hash
    replace(path, "short_pct = { value = 3.9", "short_pct = { value = 3.91")
    assert load(path).hash != base.hash
    assert load(CONFIGS / "scenarios/slow.toml").hash != base.hash


def test_the_hash_survives_a_round_trip_and_the_order_of_keys(base):
    again = EconomyConfig.model_validate(base.model_dump())
    assert again.hash == base.hash
    turned = dict(reversed(list(base.model_dump().items())))
    assert EconomyConfig.model_validate(turned).hash == base.hash


def test_an_override_sets_the_value_and_pins_it(base):
    config = load(
        CONFIGS / "base.toml",
        [
            "adoption.midpoint_date=2035",
            "adoption.timing=duration",
            "neoclouds.coreweave.customers.openai=0.3",
            "labs.openai.commitments_usd_bn.amounts=[1, 2, 3, 4, 5]",
        ],
    )
    assert config.adoption.midpoint_date.value == 2035
    assert "adoption.midpoint" not in {r.name for r in config.blueprint.ranges}
    assert config.adoption.timing == "duration"
    assert config.neoclouds["coreweave"].customers.shares["openai"] == 0.3
    assert config.labs["openai"].commitments_usd_bn.amounts == (1, 2, 3, 4, 5)
    assert config.hash != base.hash
