"""Collateral pools of a neocloud by hand: whose contracts, whose cover, whose trap."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from engine.config import ConfigError, load
from engine.credit.box_covenants import examine_boxes, sweep
from engine.credit.box_pools import (
    Pool,
    PoolState,
    PoolTerms,
    draws_open_apart,
    examine_pools,
    pools,
    sweep_pools,
)
from engine.credit.neocloud_terms import neocloud_dues, neocloud_opening
from engine.vehicles.neocloud import Earnings, NeocloudPaths, Operations
from tests.config_files import CONFIGS, stating
from tests.unit.test_covenants import boxes, one


def terms(cross_default=0.0):
    return PoolTerms(
        is_apart=one(cross_default) >= 0.0,
        cross_default=one(cross_default),
        legacy_cash=one(0.9),
        prepayment=one(0.2),
        tail_price=one(0.5),
    )


def pool(cash, service=1.0, debt=10.0):
    return Pool(revenue=one(8.0), cash=one(cash), service=one(service), debt=one(debt))


def state(reach=11.0, accelerated=0.0):
    return PoolState(one(reach), one(accelerated))


def examine(documents, old, new, equity=0.0, before=11.0, cross=0.0, remembered=None):
    """Both pools' tests, and what one test of both together says."""
    whole = examine_boxes(
        documents,
        old.cash + new.cash,
        old.service + new.service,
        one(equity),
        one(before),
    )
    remembered = state(before) if remembered is None else remembered
    apart = examine_pools(
        terms(cross), documents, (old, new), whole, one(equity), one(before), remembered
    )
    return whole, *apart


def prepaid(documents, test, pool_test, free, older=5.0, newer=5.0, cross=0.0):
    found = sweep_pools(
        terms(cross), documents, test, pool_test, one(free), one(older), one(newer)
    )
    return [float(x[0]) for x in found]


def earned(cash_ebitda, prepaid):
    nothing = one(0.0)
    return Earnings(
        receipts=nothing,
        backstop=nothing,
        prepaid=one(prepaid),
        costs=nothing,
        ebitda=one(cash_ebitda + prepaid),
        cash_ebitda=one(cash_ebitda),
    )


def divided(built, legacy, tail=0.0):
    """Of legacy 20 a year, 10 of new contracts, and a tail."""
    nothing = one(0.0)
    paths = NeocloudPaths(one(20.0), nothing, one(tail), nothing, nothing)
    sold = legacy + 10.0 + 0.5 * tail
    operations = Operations(one(legacy), one(10.0), one(sold), one(sold / 4))
    service = (one(1.0), one(2.0))
    return pools(
        terms(), one(built), paths, operations, earned(3.0, 0.4), one(0.8), service,
        service,
    )  # fmt: skip


def test_legacy_revenue_is_told_apart_by_what_was_paid_for_its_chips():
    # 60 % of 20 stands on chips of before; the rest with 10 of new contracts.
    old, new = divided(0.4, 20.0)
    assert float(old.revenue[0]) == pytest.approx(12.0)
    assert float(new.revenue[0]) == pytest.approx(18.0)
    # 3.4 by revenue; of 0.4 prepaid, 0.1 x 12 of 0.1 x 20 + 0.2 x 10.
    assert float(old.cash[0]) == pytest.approx(3.4 * 0.4 - 0.4 * 0.3)
    assert float(old.cash[0] + new.cash[0]) == pytest.approx(3.0, rel=1e-12)


def test_chips_that_are_not_bought_are_the_drawn_pools():
    old, new = divided(0.4, 15.0)
    assert float(old.revenue[0]) == pytest.approx(12.0)
    assert float(new.revenue[0]) == pytest.approx(13.0)
    old, _ = divided(0.4, 9.0)
    assert float(old.revenue[0]) == pytest.approx(9.0)
    # Expired chips: 60 % of 6, at 0.8 of the price times what decay leaves, 0.5.
    old, _ = divided(0.4, 20.0, tail=6.0)
    assert float(old.revenue[0]) == pytest.approx(12.0 + 0.6 * 6.0 * 0.4)


def test_the_weak_pool_is_trapped_while_the_other_draws():
    # Together 2.6 on 2 pays 1.3 times: nothing binds. Apart, 1.1 and 1.5.
    documents = boxes(trap=1.2, draw_stop=1.3)
    whole, test, found = examine(documents, pool(1.1), pool(1.5))
    assert float(whole.dscr[0]) == pytest.approx(1.3)
    none = sweep(documents, whole.dscr, one(0.6), one(5.0), one(5.0))
    assert [float(x[0]) for x in none] == [0.0, 0.0]
    assert float(draws_open_apart(None, documents, whole.dscr, None)[0]) == (
        pytest.approx(0.0, abs=1e-9)
    )
    assert float(draws_open_apart(terms(), documents, test.dscr, found.state)[0]) == 1.0
    # A band below its trap: all of the 0.1 that it leaves, and none of the other's 0.5.
    assert prepaid(documents, test, found, 0.6) == pytest.approx([0.1, 0.0])
    # Other cash of the issuer is out of reach; where half is gone, half is there.
    assert prepaid(documents, test, found, 4.0) == pytest.approx([0.1, 0.0])
    assert prepaid(documents, test, found, 0.3) == pytest.approx([0.05, 0.0])
    # The other way round the new boxes stop and are trapped.
    _, test, found = examine(documents, pool(1.5), pool(1.1))
    assert float(draws_open_apart(terms(), documents, test.dscr, found.state)[0]) == 0.0
    assert prepaid(documents, test, found, 0.6) == pytest.approx([0.0, 0.1])


@pytest.mark.parametrize("cover", [0.6, 0.85, 0.99, 1.0, 1.05, 1.15, 1.4])
@pytest.mark.parametrize("equity", [0.0, 0.3, 4.0])
def test_pools_of_one_cover_are_tested_like_one(cover, equity):
    documents = boxes(trap=1.2, draw_stop=1.1, default=1.0, sweep=0.1, cure=0.5)
    old, new = pool(3.0 * cover, 3.0), pool(1.0 * cover, 1.0)
    whole, test, found = examine(documents, old, new, equity=equity, before=0.7)
    for mine, theirs in zip(test, whole, strict=True):
        assert float(mine[0]) == pytest.approx(float(theirs[0]), rel=1e-12, abs=1e-12)
    assert float(found.state.reach[0]) == pytest.approx(float(whole.reach[0]))
    if float(test.headroom[0]) >= 0.0:
        # All free cash is what the pools leave: the same is prepaid of one as of both.
        free = float(4.0 * max(cover - 1.0, 0.0) + test.cure[0])
        one_test = sweep(documents, whole.dscr, one(free), one(50.0), one(50.0))
        both = prepaid(documents, test, found, free, 50.0, 50.0)
        assert sum(both) == pytest.approx(sum(float(x[0]) for x in one_test))


def test_an_accelerated_pool_is_the_issuers_default_only_above_the_amount():
    documents = boxes(default=1.0)
    weak, strong = pool(0.8, debt=10.0), pool(2.0, debt=30.0)
    for cross, room in ((0.0, -0.2), (8.0, -0.2), (10.0, 0.0), (15.0, 0.5)):
        _, test, found = examine(documents, weak, strong, before=0.7, cross=cross)
        assert float(test.headroom[0]) == pytest.approx(room)
        assert float(found.flows.opening_headroom[0]) == pytest.approx(-0.2)
    # Without recourse its lenders keep what it leaves, and draw no more of it.
    _, test, found = examine(documents, strong, weak, before=0.7, cross=99.0)
    assert float(test.headroom[0]) > 0.0
    assert float(found.state.accelerated[0]) == 1.0
    assert float(draws_open_apart(terms(), documents, one(9.0), found.state)[0]) == 0.0
    # One quarter below is not acceleration.
    _, _, found = examine(documents, strong, weak, before=1.4, cross=99.0)
    assert float(found.state.accelerated[0]) == 0.0


def test_owners_cure_what_each_pool_lacks_and_no_more_than_they_have():
    documents = boxes(default=1.0)
    # 0.3 and 0.1 are lacking; 0.2 meets half of each.
    _, test, found = examine(documents, pool(0.7), pool(0.9), equity=0.2)
    assert float(found.opening_cure[0]) == pytest.approx(0.15)
    assert float(found.drawn_cure[0]) == pytest.approx(0.05)
    assert float(test.cure[0]) == pytest.approx(0.2)
    # A pool that is owed nothing has no test and no cure, whatever its cash.
    _, test, found = examine(documents, pool(1.3), pool(-2.0, 0.0, 0.0), equity=9.0)
    assert float(test.cure[0]) == 0.0
    assert float(test.dscr[0]) == 11.0


def test_a_neocloud_without_pools_apart_keeps_the_test_of_all():
    documents = boxes(trap=1.2, default=1.0)
    whole, test, found = examine(
        documents, pool(0.7), pool(2.4), before=0.8, cross=-1.0
    )
    assert [float(x[0]) for x in test] == [float(x[0]) for x in whole]
    assert float(found.state.accelerated[0]) == 0.0
    same = sweep(documents, whole.dscr, one(3.0), one(5.0), one(5.0))
    mine = prepaid(documents, test, found, 3.0, cross=-1.0)
    assert mine == [float(x[0]) for x in same]
    assert examine_pools(None, documents, None, whole, one(0.0), one(0.0), None) == (
        whole,
        None,
    )


def test_what_is_prepaid_is_never_more_than_free_or_owed():
    documents = boxes(trap=1.5, default=1.0, sweep=0.3, cure=0.5)
    draws = np.random.default_rng(11).uniform(0.0, 3.0, (7, 500))
    cash_o, cash_n, equity, spare, older, newer, service = map(jnp.asarray, draws)
    full = jnp.ones_like(service)
    old = Pool(full, cash_o - 0.5, service, 10.0 * full)
    new = Pool(full, cash_n - 0.5, full, 10.0 * full)
    before = PoolState(0.9 * full, 0.0 * full)
    whole = examine_boxes(
        documents, old.cash + new.cash, service + full, equity, before.reach
    )
    test, found = examine_pools(
        terms(), documents, (old, new), whole, equity, before.reach, before
    )
    free = spare + test.cure
    first, second = sweep_pools(terms(), documents, test, found, free, older, newer)
    assert float(jnp.min(jnp.minimum(first, second))) >= 0.0
    assert float(jnp.max(first)) > 0.0
    assert np.all(np.asarray(first + second) <= np.asarray(free) + 1e-12)
    assert np.all(np.asarray(first) <= np.asarray(older))
    assert np.all(np.asarray(second) <= np.asarray(newer))
    assert np.all(np.asarray(test.cure) <= 0.5 * np.asarray(equity) + 1e-12)


def test_gradients_are_finite_at_the_kinks():
    documents = boxes(trap=1.2, default=1.0, cure=0.5)

    def lowest(cash):
        weak = pool(0.0)._replace(cash=cash)
        _, test, found = examine(documents, weak, pool(1.0), equity=0.2, before=0.4)
        paid = sweep_pools(
            terms(), documents, test, found, one(0.5), one(5.0), one(5.0)
        )
        return jnp.sum(test.headroom + test.cure + paid[0] + paid[1])

    for cash in (-1.0, 0.0, 0.9, 1.0, 1.2, 11.0):
        assert np.all(np.isfinite(np.asarray(jax.grad(lowest)(one(cash)))))


def test_only_who_states_the_figure_has_pools_apart(tmp_path):
    economy, _, grid = load(CONFIGS / "chain.toml").build(jnp.float64)
    price = economy.stack("neoclouds", "legacy_cash")
    assert PoolTerms.build(economy, price) is None
    assert neocloud_opening(economy).pools is None
    assert jax.eval_shape(lambda e: neocloud_dues(e, grid), economy).built is None
    economy, _, grid = load(stating(tmp_path, {"cross_default_usd_bn": 3.0})).build(
        jnp.float64
    )
    found = PoolTerms.build(economy, price)
    assert found is not None
    assert found.is_apart.tolist() == [True, False]
    assert neocloud_opening(economy).pools is not None
    # CoreWeave in mid-2028: 11.5 + 16 + 7.5 x 0.1 paid at 2.9 a dollar, of 29.3 a year.
    built = jax.jit(lambda e: neocloud_dues(e, grid).built)(economy)[:, 0]
    at = int((2028.5 - float(grid.as_of)) * 4)
    assert float(built[0]) == 0.0
    assert float(built[at]) == pytest.approx((27.5 + 0.75) / 2.9 / 29.3, rel=1e-9)


def test_an_amount_below_zero_is_refused(tmp_path):
    with pytest.raises(ConfigError) as error:
        load(stating(tmp_path, {"cross_default_usd_bn": -1.0}))
    (told,) = [m for m in error.value.messages if "cross_default_usd_bn" in m]
    assert "expected 0 or more" in told
