"""Who is re-priced by whose failure, in the layer of the step, against the kernel."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import engine
from engine.config import load
from engine.contagion import reprice
from engine.contagion.information import Contagion
from engine.contagion.resemblance import Resemblance
from engine.grid import DT
from tests.config_files import CONFIGS, PROVENANCE, errors
from tests.resembling import kernel_of, weights_of

OWN = CONFIGS / "own_deals.toml"


@pytest.fixture(scope="module")
def base():
    economy, _, _ = load(CONFIGS / "base.toml").build(jnp.float64)
    return economy


@jax.jit
def quarters(economy, clouds, spvs, prices, losses, sales):
    """States and flows of the contagion layer, quarter by quarter."""
    layer = Contagion.build(economy)

    def one(state, now):
        equity, failing_clouds, failing_spvs, lost, sold = now
        flows, after = layer(
            equity, failing_clouds, failing_spvs, lost, sold, jnp.ones(()), state
        )
        return after, flows

    _, flows = jax.lax.scan(one, layer.opening(), (prices, clouds, spvs, losses, sales))
    return flows


def story(economy, n=6, seed=0):
    """Random failures, prices, losses and sales."""
    draw = np.random.default_rng(seed)
    n_clouds, n_spvs = (len(economy.members(f)) for f in ("neoclouds", "spvs"))
    clouds, spvs = (
        draw.uniform(0, 0.2, (n, n_clouds)),
        draw.uniform(0, 0.2, (n, n_spvs)),
    )
    prices = draw.uniform(0.2, 1.5, (n, n_clouds))
    losses, sales = draw.uniform(0, 20, n), draw.uniform(0, 50, n)
    return tuple(map(jnp.asarray, (clouds, spvs, prices, losses, sales)))


def met(flows):
    return np.concatenate(
        [flows.met.clouds, flows.met.spvs, flows.met.hybrid[..., None]], axis=-1
    )


def test_what_each_meets_is_reprice_with_the_whole_kernel(base):
    clouds, spvs, prices, losses, sales = story(base)
    flows = quarters(base, clouds, spvs, prices, losses, sales)
    part, scale = base["resemblance.part"], Resemblance.build(base).scale
    kernel = 1.0 - part + part * scale * kernel_of(base)
    w = weights_of(base)
    fear, others = jnp.zeros_like(w), jnp.zeros(())
    decay = base["contagion.spread_decay"]
    for t in range(clouds.shape[0]):
        failed = w * jnp.concatenate([clouds[t], spvs[t], jnp.zeros(1)])
        impulse = base["contagion.spread_impulse"]
        fear = reprice(fear, kernel, failed, impulse, decay, DT)
        others = others * jnp.exp(-decay * DT)
        others += base["contagion.loss_impulse"] * losses[t] / 1000.0
        others += base["contagion.sale_impulse"] * flows.impact[t]
        fallen = (
            jnp.zeros_like(w)
            .at[: prices.shape[1]]
            .set(jnp.clip(1.0 - prices[t], 0.0, 1.0))
        )
        seen = base["contagion.equity_pass"] * kernel @ (w * fallen)
        np.testing.assert_allclose(met(flows)[t], fear + others + seen, atol=1e-14)


def test_without_resemblance_each_meets_the_systems_spread_to_the_last_bit(base):
    alike = base.replace({"resemblance.part": jnp.zeros(())})
    flows = quarters(alike, *story(alike))
    assert np.all(flows.spread > 0.0)
    np.testing.assert_array_equal(
        met(flows), np.broadcast_to(flows.spread[:, None], met(flows).shape)
    )
    # The system's own spread, and openness with it, do not know of resemblance.
    whole = quarters(base, *story(base))
    np.testing.assert_array_equal(flows.spread, whole.spread)
    np.testing.assert_array_equal(flows.openness, whole.openness)


def test_failures_in_proportion_to_weights_move_the_average_as_the_system(base):
    part = jnp.asarray(1.0)
    economy = base.replace({"resemblance.part": part})
    one = jnp.ones((1, 1))
    flows = quarters(economy, 0.1 * one, 0.1 * one, one, jnp.zeros(1), jnp.zeros(1))
    kinds = ("ddtl", "oem", "notes", "convertibles")
    debt = [
        *sum(economy.stack("neoclouds", k) for k in kinds),
        *(
            economy[f"spvs.{m}.notes"]
            if economy.blueprint.choice(f"spvs.{m}.funding") == "prefunded"
            else economy[f"spvs.{m}.ltc"] * economy[f"spvs.{m}.construction_cost"]
            for m in economy.members("spvs")
        ),
        economy.only("hybrid", "legacy_debt"),
    ]
    debt = np.asarray(jnp.stack(debt))
    average = np.sum(debt * met(flows)[0]) / np.sum(debt)
    np.testing.assert_allclose(average, flows.spread[0], rtol=1e-12)
    assert np.ptp(met(flows)[0]) > 0.5 * flows.spread[0]


def test_more_failures_never_lower_what_anybody_meets(base):
    economy = base.replace({"resemblance.part": jnp.asarray(1.0)})
    for seed in range(20):
        clouds, spvs, prices, losses, sales = story(economy, seed=seed)
        few = quarters(economy, clouds, spvs, prices, losses, sales)
        draw = np.random.default_rng(100 + seed)
        clouds = clouds + draw.uniform(0, 0.2, clouds.shape)
        spvs = spvs + draw.uniform(0, 0.2, spvs.shape)
        many = quarters(economy, clouds, spvs, prices, losses, sales)
        assert np.all(met(many) >= met(few) - 1e-15)
        assert np.all(met(few) > -1e-15)


def test_who_is_like_the_failed_neocloud_is_repriced_more(base):
    clouds = jnp.zeros((1, len(base.members("neoclouds"))))
    at = base.members("neoclouds").index("coreweave")
    none = jnp.zeros((1, len(base.members("spvs"))))
    one = jnp.ones_like(clouds)
    flows = quarters(
        base, clouds.at[0, at].set(1.0), none, one, jnp.zeros(1), jnp.zeros(1)
    )
    by_name = dict(
        zip(
            (*base.members("neoclouds"), *base.members("spvs")),
            met(flows)[0],
            strict=False,
        )
    )
    # Another neocloud; a shell of a customer of it; chips of a lab it does not serve.
    assert by_name["nebius"] > by_name["hyperion"] > by_name["xai_chips"] > 0.0
    # As docs/contagion.md and the source of `part_share` say.
    told = {"nebius": 3.14, "rest_of_neoclouds": 3.37, "hyperion": 0.92}
    for name, times in told.items():
        assert by_name[name] / flows.spread[0] == pytest.approx(times, abs=0.005)
    oracle = flows.met.hybrid[0]
    assert oracle / flows.spread[0] == pytest.approx(0.84, abs=0.005)
    assert oracle / by_name["coreweave"] == pytest.approx(0.25, abs=0.005)
    # xAI's vehicle meets only what all meet.
    common = 1.0 - float(base["resemblance.part"])
    np.testing.assert_allclose(by_name["xai_chips"], common * flows.spread[0])


def split(deals, row):
    """The tape with one deal as two halves, the second last."""
    halved = ("contagion_weight", "notes", "construction_cost")
    figures = {}
    for key, values in deals.figures.items():
        grown = np.concatenate([values, values[row : row + 1]])
        if key in halved:
            grown[[row, -1]] *= 0.5
        figures[key] = grown
    return dataclasses.replace(
        deals,
        names=(*deals.names, "second_half"),
        choices={k: (*v, v[row]) for k, v in deals.choices.items()},
        figures=figures,
    )


def test_a_deal_split_in_two_halves_changes_nothing_for_the_others():
    own = load(OWN)
    tape = own.deals["spvs"]
    tape = dataclasses.replace(
        tape,
        figures=tape.figures
        | {"contagion_weight": np.linspace(0.1, 0.6, len(tape.names))},
    )
    failing = np.linspace(0.05, 0.3, len(own.spvs) + len(tape.names))
    row = len(own.spvs) + 2
    found = []
    for deals in (tape, split(tape, 2)):
        economy, _, _ = own.with_deals({**own.deals, "spvs": deals}).build(jnp.float64)
        n = len(economy.members("spvs"))
        spvs = np.append(failing, failing[row])[:n][None]
        clouds = jnp.full((1, len(economy.members("neoclouds"))), 0.1)
        nothing = jnp.zeros(1)
        flows = quarters(economy, clouds, jnp.asarray(spvs), clouds, nothing, nothing)
        found.append(flows)
    whole, halves = found
    np.testing.assert_allclose(halves.met.clouds, whole.met.clouds, rtol=1e-13)
    n = whole.met.spvs.shape[1]
    np.testing.assert_allclose(halves.met.spvs[:, :n], whole.met.spvs, rtol=1e-13)
    np.testing.assert_allclose(
        halves.met.spvs[:, n], whole.met.spvs[:, row], rtol=1e-13
    )
    np.testing.assert_allclose(halves.met.hybrid, whole.met.hybrid, rtol=1e-13)


def test_derivatives_are_finite_at_both_ends_of_both_figures(base):
    parts = story(base)

    def highest(part, by_type):
        economy = base.replace({"resemblance.part": part, "resemblance.type": by_type})
        return jnp.sum(quarters(economy, *parts).met.spvs)

    slopes = jax.jit(jax.grad(highest, argnums=(0, 1)))
    for part in (0.0, 1.0):
        for by_type in (0.0, 1.0):
            found = slopes(jnp.asarray(part), jnp.asarray(by_type))
            assert np.all(np.isfinite(found)), (part, by_type)


def test_an_absent_table_is_absent_from_the_program():
    economy, state, _ = load(CONFIGS / "chain.toml").build(jnp.float64)
    layer = Contagion.build(economy)
    assert layer.resemblance is None
    assert state.system.fear is None


@pytest.mark.slow
def test_a_chain_with_no_part_is_the_chain_without_the_table(tmp_path):
    path = tmp_path / "own.toml"
    figures = "\n".join(
        f"{key}_share = {{ value = {value}, {PROVENANCE}, bounds = [0.0, 1.0] }}"
        for key, value in (("part", 0.0), ("type", 0.5))
    )
    chain = CONFIGS / "chain.toml"
    path.write_text(f'extends = "{chain}"\n[resemblance]\n{figures}\n')
    runs = []
    for config in (chain, path):
        overrides = ("adoption.midpoint_date=2031.5",)
        economy, state, grid = load(config, overrides).build(jnp.float64)
        quiet = engine.reference_scenario(economy, grid)
        runs.append(jax.jit(engine.simulate)(economy, state, grid, quiet))
    plain, none = runs
    assert np.any(plain.record.clouds.failing > 0.5)
    more = {name for name in none.metrics if name not in plain.metrics}
    assert {name.split(".")[1] for name in more} == {"spread_met", "highest_spread_met"}
    for name, value in plain.metrics.items():
        np.testing.assert_array_equal(none.metrics[name], value, err_msg=name)
    np.testing.assert_array_equal(none.record.price, plain.record.price)


def test_a_table_by_halves_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(
        f'extends = "{CONFIGS / "chain.toml"}"\n[resemblance]\n'
        f"part_share = {{ value = 0.5, {PROVENANCE}, bounds = [0.0, 1.0] }}\n"
    )
    (message,) = errors(path)
    assert "resemblance.type_share" in message
    assert errors(CONFIGS / "base.toml", ("resemblance.part_share=1.5",))
