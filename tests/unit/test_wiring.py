"""The comparison with 2008: one loss in four worlds, and nothing lost on the way."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.config import ConfigError
from engine.config.comparison import load_comparison
from engine.contagion.wiring import (
    BANKS,
    COLLATERAL,
    FUNDS,
    HOLDERS,
    WIRING,
    members,
    run_wiring,
)
from tests.config_files import CONFIGS

PATH = CONFIGS / "comparisons" / "2008.toml"
CELLS = [(c, w) for c in COLLATERAL for w in WIRING]
run_jit = jax.jit(run_wiring, static_argnames=("collateral", "wiring", "quarters"))


@functools.cache
def figures(*overrides):
    config = load_comparison(PATH, overrides)
    return {f.name: jnp.asarray(f.engine_value) for f in config.figures}


def run(collateral, wiring, *overrides):
    return run_jit(figures(*overrides), collateral, wiring, 40)


STILL = (
    "banks.adjustment_per_year=0.0",
    "insurers.adjustment_per_year=0.0",
    "funds.request_slope_x=0.0",
    "funds.maximum_advance_share=1.0",
)
SEVERE = ("initial_loss_usd_bn=900.0", "banks.concentration_x=12.0")


@pytest.mark.parametrize(("collateral", "wiring"), CELLS)
def test_without_reactions_the_first_loss_is_the_same_and_lies_with_the_holders(
    collateral, wiring
):
    found = run(collateral, wiring, *STILL)
    assert float(found.initial) == 500.0
    np.testing.assert_allclose(found.losses[0].sum(), 500.0, rtol=1e-12)
    np.testing.assert_allclose(found.losses.sum(1), found.fundamental, rtol=1e-10)
    shares = {k: float(figures()[f"{wiring}.{k}"]) for k in ("banks", "insurers")}
    first = dict(zip(HOLDERS, np.asarray(found.losses[0]), strict=True))
    assert first["bank_shareholders"] == pytest.approx(500 * shares["banks"])
    assert first["insurers"] == pytest.approx(500 * shares["insurers"])
    assert first["buyers"] == 0.0


@pytest.mark.parametrize("overrides", [(), SEVERE], ids=["shipped", "severe"])
@pytest.mark.parametrize(("collateral", "wiring"), CELLS)
def test_what_holders_lose_is_what_assets_lose(collateral, wiring, overrides):
    found = run(collateral, wiring, *overrides)
    np.testing.assert_allclose(found.losses.sum(1), found.by_assets, rtol=0, atol=1e-9)
    assert np.all(np.asarray(found.losses.sum(1)) > 0)
    initial = 900.0 if overrides else 500.0
    np.testing.assert_allclose(found.fundamental[0], initial, rtol=1e-12)


def test_only_who_holds_the_paper_differs():
    direct, bank = (members(figures(), wiring) for wiring in WIRING)
    for kind in (slice(0, BANKS), slice(BANKS + FUNDS, None)):
        totals = [
            (m.holdings.sum(1) + m.other + m.mutual.sum(0))[kind]
            for m in (direct, bank)
        ]
        np.testing.assert_allclose(*totals, rtol=1e-12)
        owed = [(m.debt + m.mutual.sum(1))[kind] for m in (direct, bank)]
        np.testing.assert_allclose(*owed, rtol=1e-12)
    for found in (direct, bank):
        paper = found.holdings[:, 0].sum() + found.outside
        np.testing.assert_allclose(paper, 1400.0, rtol=1e-12)
        assert np.all(np.asarray(found.other) >= 0)


def test_a_failed_bank_passes_losses_to_creditors_at_a_cost():
    found = run("non_productive", "bank", *SEVERE)
    failed = np.asarray(found.failed)
    assert failed[-1, :BANKS].sum() > 0
    assert np.all(failed[1:] >= failed[:-1])  # who failed stays failed
    assert float(found.losses[-1, HOLDERS.index("bank_creditors")]) > 0
    assert float(found.burnt[-1]) > 0
    direct = run("non_productive", "direct", *SEVERE)
    assert not np.asarray(direct.failed)[-1, :BANKS].any()


@pytest.mark.parametrize("collateral", COLLATERAL)
def test_in_direct_wiring_losses_are_smaller_slower_and_less_visible(collateral):
    direct, bank = (run(collateral, wiring) for wiring in WIRING)
    assert direct.losses.sum(1).max() < bank.losses.sum(1).max()
    hidden = [
        1 - np.asarray(x.reported / x.losses.sum(1))[:8].mean() for x in (direct, bank)
    ]
    assert hidden[0] > hidden[1] > 0
    booked = [np.asarray(x.reported) for x in (direct, bank)]
    slow, fast = (int(np.argmax(x >= 0.9 * x.max())) for x in booked)
    assert slow > fast


def test_a_derivative_exists_and_agrees_with_differences():
    base = figures()

    def final(loss):
        return (
            run_wiring(base | {"initial_loss": loss}, "non_productive", "direct", 6)
            .losses[-1]
            .sum()
        )

    at = jnp.asarray(500.0)
    exact = jax.jit(jax.jacfwd(final))(at)
    value = jax.jit(final)
    difference = (value(at + 1e-3) - value(at - 1e-3)) / 2e-3
    np.testing.assert_allclose(exact, difference, rtol=1e-5)


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("initial_loss_usd_bn=2000.0", "expected a loss between 0 and paper_usd_bn"),
        ("direct.banks_share=0.9", "expected a sum of at most one"),
        ("banks.leverage=3", "unknown key"),
        ("funds.gate_share=2.0", "within its bounds"),
        ("quarters=1.5", "quarters"),
    ],
)
def test_bad_figures_are_one_sentence(override, says):
    with pytest.raises(ConfigError) as error:
        load_comparison(PATH, [override])
    assert len(error.value.messages) == 1
    assert says in error.value.messages[0]


def test_every_error_of_a_file_in_one_pass(tmp_path):
    text = PATH.read_text().replace("gate_share", "gate_shre")
    text = text.replace(
        'value = 0.55, source = "choice: private', 'value = 5.5, source = "x y'
    )
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(ConfigError) as error:
        load_comparison(tmp_path / "bad.toml")
    said = "\n".join(error.value.messages)
    assert "gate_shre" in said
    assert "funds_share" in said
