import dataclasses
import time

import jax
import jax.numpy as jnp
import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest

from engine.config import load
from engine.credit.neocloud_terms import neocloud_dues, neocloud_opening
from engine.credit.spv_terms import spv_opening
from engine.drivers.sampling import N_FACTORS
from engine.economy import Economy
from engine.jump import HardDefault
from engine.layers import Layers, opening_state, paths
from engine.metrics.criteria import limit_states_of
from engine.metrics.layers import headrooms
from engine.simulate import run_quarters, summarise
from engine.vehicles.spv import contract_rent
from tests.config_files import CONFIGS
from tests.helpers import finite_difference_jvp, tree_allclose

OWN = CONFIGS / "own_deals.toml"


@pytest.fixture(scope="module")
def own():
    return load(OWN)


@pytest.fixture(scope="module")
def built(own):
    return own.build(jnp.float64)


def spelt_out(economy: Economy) -> Economy:
    """The same economy with every deal of its tapes a member of the config."""
    figures = {k: v for k, v in economy.figures.items() if not k.startswith("tapes.")}
    choices = dict(economy.blueprint.choices)
    for tape in economy.blueprint.tapes:
        prefix = f"tapes.{tape.family}."
        for row, name in enumerate(tape.names):
            member = f"{tape.family}.{name}"
            for key, values in economy.figures.items():
                if key.startswith(prefix):
                    figures[f"{member}.{key.removeprefix(prefix)}"] = values[row]
            choices |= {f"{member}.{key}": kinds[row] for key, kinds in tape.choices}
    blueprint = dataclasses.replace(
        economy.blueprint, choices=tuple(sorted(choices.items())), tapes=()
    )
    return Economy(figures, blueprint)


def test_a_tape_adds_no_leaves_but_its_columns(own, built):
    economy, _, _ = built
    assert len(economy.members("spvs")) == len(own.spvs) + 6
    assert economy.listed("spvs") == tuple(own.spvs)
    assert economy["tapes.spvs.notes"].shape == (6,)
    np.testing.assert_allclose(economy["tapes.spvs.notes"][0], 4.2)
    np.testing.assert_allclose(economy["spvs.phoenix-2.coupon"], 0.069)
    assert economy.blueprint.choice("spvs.milam.profile") == "bullet"
    assert economy.where("spvs", "tenant", "oracle")[-2:] == (True, True)
    with pytest.raises(KeyError):
        economy["spvs.nobody.notes"]


def test_what_a_row_leaves_open_is_the_template_in_proportion(own, built):
    economy, _, _ = built
    template = "neoclouds.rest_of_neoclouds"
    scale = 0.6 / float(np.interp(2026.75, [2026.5, 2027.0], [4.2, 4.5]))

    def ratio(key: str) -> float:
        whole, deal = economy[f"{template}.{key}"], economy[f"neoclouds.norrland.{key}"]
        return float(np.max(deal) / np.max(whole))

    for key in ("oem", "notes", "lease.values", "committed_capex.amounts", "growth"):
        np.testing.assert_allclose(ratio(key), scale, rtol=1e-12)
    for key in ("advance", "box_tenor", "collected", "legacy_revenue.dates"):
        np.testing.assert_allclose(ratio(key), 1.0, rtol=1e-12)
    # What is repaid follows what is owed: 0.7 of loans in the template's steps.
    np.testing.assert_allclose(
        jnp.sum(economy["neoclouds.norrland.ddtl_schedule.amounts"]), 0.7, rtol=1e-12
    )
    np.testing.assert_allclose(economy["neoclouds.norrland.customers.openai"], 0.0)
    assert own.blueprint.choice("neoclouds.norrland.kind") == "named"


@pytest.mark.slow
def test_layers_are_the_same_as_of_deals_spelt_out(built):
    economy, state, grid = built
    plain = spelt_out(economy)
    shocks = jnp.zeros((grid.n_model, N_FACTORS))
    tree_allclose(Layers.build(economy, grid), Layers.build(plain, grid), 1e-14)
    tree_allclose(paths(economy, grid, shocks), paths(plain, grid, shocks), 1e-14)
    tree_allclose(state.spvs, spv_opening(plain, grid), 1e-14)
    tree_allclose(state.clouds, neocloud_opening(plain), 1e-14)


def test_more_deals_are_not_a_longer_program(own, built):
    economy, _, grid = built

    def program(economy: Economy) -> int:
        def whole(figures):
            moved = Economy(figures, economy.blueprint)
            state = opening_state(moved, grid)
            layers = Layers.build(moved, grid)
            dated = paths(moved, grid, jnp.zeros((grid.n_model, N_FACTORS)))
            record = run_quarters(layers, dated, state, HardDefault())
            summarise(record, layers, moved, grid)
            classes = jnp.zeros((record.price.shape[1],))
            rooms = headrooms(record, moved)
            return limit_states_of(record, rooms, classes, moved, grid).values

        return str(jax.make_jaxpr(whole)(economy.figures)).count(" = ")

    def many(deals):
        return dataclasses.replace(
            deals,
            names=tuple(f"{name}-{i}" for i in range(50) for name in deals.names),
            choices={k: v * 50 for k, v in deals.choices.items()},
            figures={k: np.concatenate([v] * 50) for k, v in deals.figures.items()},
        )

    more = {family: many(deals) for family, deals in own.deals.items()}
    larger, _, _ = own.with_deals(more).build(jnp.float64)
    n = len(own.deals["spvs"].names)
    assert len(larger.members("spvs")) == len(own.spvs) + 50 * n
    # A loop over deals would add at least one operation for each of the 441 more.
    assert program(larger) < program(economy) + 20


def test_a_deal_of_a_tape_can_be_replaced_and_differentiated(built):
    economy, _, grid = built
    changed = economy.replace({"spvs.dublin.minimum_dscr": jnp.asarray(1.6)})
    before, after = contract_rent(economy), contract_rent(changed)
    np.testing.assert_allclose(after[-3] / before[-3], 1.6 / 1.3)
    np.testing.assert_array_equal(after[:-3], before[:-3])
    with pytest.raises(ValueError, match=r"spvs\.dublin\.minimum_dcsr"):
        economy.replace({"spvs.dublin.minimum_dcsr": jnp.asarray(1.6)})

    def dues(amounts):
        key = "tapes.neoclouds.notes_bullets.amounts"
        return jnp.sum(neocloud_dues(economy.replace({key: amounts}), grid).notes)

    amounts = economy["tapes.neoclouds.notes_bullets.amounts"]
    direction = (jnp.ones_like(amounts),)
    _, slope = jax.jvp(dues, (amounts,), direction)
    _, expected = finite_difference_jvp(dues, (amounts,), direction)
    np.testing.assert_allclose(slope, expected, rtol=1e-6)
    assert float(slope) > 0


def test_shorter_schedules_are_lengthened_without_meaning_more(built):
    economy, _, grid = built
    deals = economy.rows("neoclouds", "oem_schedule.edges", "oem_schedule.amounts")
    whole = jax.vmap(grid.schedule)(*deals.values())
    for row, name in enumerate(economy.members("neoclouds")):
        key = f"neoclouds.{name}.oem_schedule"
        alone = grid.schedule(economy[f"{key}.edges"], economy[f"{key}.amounts"])
        np.testing.assert_array_equal(whole[row], alone)


def test_the_hash_follows_the_rows_and_not_the_place(own, tmp_path):
    def stored(suffix: str, text: str) -> str:
        tape = tmp_path / f"deals{suffix}"
        tape.with_suffix(".csv").write_text(text)
        if suffix == ".parquet":
            table = pyarrow.csv.read_csv(tape.with_suffix(".csv"))
            pyarrow.parquet.write_table(table, tape)
        config = tmp_path / "own.toml"
        clouds = CONFIGS / "tapes" / "neoclouds.csv"
        config.write_text(
            f'extends = "{CONFIGS / "base.toml"}"\n[tapes]\n'
            f'spvs = "{tape.name}"\nneoclouds = "{clouds}"\n'
        )
        return load(config).hash

    text = (CONFIGS / "tapes" / "spvs.csv").read_text()
    assert stored(".csv", text) == own.hash
    assert stored(".parquet", text) == own.hash
    assert stored(".csv", text.replace("4.2,", "4.3,", 1)) != own.hash
    assert load(CONFIGS / "base.toml").hash != own.hash


def test_a_tape_stands_for_the_member_it_replaces(tmp_path):
    config = tmp_path / "own.toml"
    tape = CONFIGS / "tapes" / "spvs.csv"
    config.write_text(
        f'extends = "{CONFIGS / "base.toml"}"\n[tapes]\n'
        f'spvs = "{tape}"\nreplaces = ["spvs.rest_of_spvs"]\n'
    )
    found = load(config)
    assert "rest_of_spvs" not in found.blueprint.members("spvs")
    assert "milam" in found.blueprint.members("spvs")
    economy, state, _ = found.build(jnp.float64)
    assert state.spvs.loan.shape == (len(economy.members("spvs")),)


def test_five_hundred_deals_load_at_once(base, tmp_path):
    header, *rows = (CONFIGS / "tapes" / "spvs.csv").read_text().splitlines()
    many = [f"d{i}-{row}" for i in range(100) for row in rows[:5]]
    (tmp_path / "deals.csv").write_text("\n".join([header, *many]))
    config = tmp_path / "own.toml"
    config.write_text(
        f'extends = "{CONFIGS / "base.toml"}"\n[tapes]\nspvs = "deals.csv"\n'
    )
    began = time.process_time()
    found = load(config)
    read = time.process_time() - began
    assert len(found.deals["spvs"].names) == 500
    assert read < 20.0  # generous: about a second, most of it the config itself
