"""Quarters of public markets alone, without the step: engine against oracle."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.config import load
from engine.contagion.public_markets import PublicMarkets
from engine.economy import Economy
from tests.config_files import CONFIGS
from tests.oracle.public import INSTITUTIONS, TARGET, open_public, quote, trade

OVERRIDES = (
    "banks.buffer_usd_bn=6.0",
    "investors.pension.buffer_usd_bn=5.0",
    "public_markets.treasuries.depth_usd_bn=30000",
)
QUARTERS = 6


@pytest.mark.parametrize("sells", [True, False], ids=["banks_sell", "banks_do_not"])
def test_markets_of_the_engine_equal_the_oracle_quarter_by_quarter(sells):
    config = load(CONFIGS / "base.toml", list(OVERRIDES))
    figures = {f.name: f.engine_value for f in config.figures}
    if not sells:
        del figures[TARGET]
    economy = Economy(
        {k: jnp.asarray(x, float) for k, x in figures.items()}, config.blueprint
    )
    plain = {k: x for k, x in figures.items() if np.ndim(x) == 0}
    markets = PublicMarkets.build(economy)
    assert markets is not None
    mine = open_public(
        plain, dict(economy.blueprint.choices), list(economy.public_markets())
    )
    assert mine is not None
    rng, state, n_sold = np.random.default_rng(3), markets.opening(), 0
    run = jax.jit(
        lambda quotes, used, charged, bank, sold, other, state: markets(
            quotes, used, charged, bank, sold, other, state
        )
    )
    lost, bank, charged = np.zeros(2), 0.0, np.zeros(2)
    for _ in range(QUARTERS):
        # Losses in some quarters, and in some of those beyond a buffer.
        lost = lost + rng.exponential(2.0, 2) * (rng.random(2) < 0.7)
        bank = bank + rng.exponential(3.0) * (rng.random() < 0.7)
        sold, other = rng.exponential(2.0, 2), rng.uniform(50.0, 60.0, 2)
        inputs = [jnp.asarray(x) for x in (lost, charged, bank, sold, other)]
        flows, state = run(markets.quotes(state), *inputs, state)
        report, mine = trade(
            mine,
            quote(mine),
            {**dict(zip(INSTITUTIONS, lost, strict=True)), "bank": bank},
            dict(zip(INSTITUTIONS, charged, strict=True)),
            list(sold),
            float(other.sum()),
        )
        names = list(report["forced_sales"])
        assert (names[-1] == "bank") == sells
        n_sold += report["forced_sales"].get("bank", 0.0) > 0.1
        for name in ("forced_sales", "discount", "used"):
            expected = [report[name][who] for who in names]
            np.testing.assert_allclose(
                getattr(flows, name), expected, rtol=1e-7, atol=1e-9
            )
        np.testing.assert_allclose(flows.price, report["price"], rtol=1e-10)
        np.testing.assert_allclose(flows.bank_used, report["bank_used"], rtol=1e-8)
        np.testing.assert_allclose(flows.bank_mark, report["marks"]["bank"], rtol=1e-8)
        charged = np.array([report["charged"][who] for who in INSTITUTIONS])
        np.testing.assert_allclose(flows.charged[:2], charged, rtol=1e-9)
    # Banks sold in some quarters and not in others, or nothing was compared.
    assert (0 < n_sold < QUARTERS) == sells
