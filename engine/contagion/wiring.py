r"""The same loss in two wirings: held by funds and their investors, or by banks.

A small system of its own, beside the economy: banks, funds and insurers hold one kind
of impaired paper and public assets. In each quarter marks follow prices, levered
holders sell back towards their leverage, fund investors withdraw up to the gate, sales
move prices, and what everybody owes everybody is cleared.
"""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

from engine._types import Scalar
from engine.contagion.clearing import clear
from engine.contagion.deleveraging import price_fall
from engine.funds import redeem
from engine.grid import DT
from engine.numerics import ratio_above

BANKS, FUNDS, INSURERS = 8, 8, 2
N = BANKS + FUNDS + INSURERS
IS_BANK = tuple(i < BANKS for i in range(N))
IS_FUND = tuple(BANKS <= i < BANKS + FUNDS for i in range(N))
PAPER, PUBLIC = 0, 1

COLLATERAL = ("productive", "non_productive")
WIRING = ("direct", "bank")
HOLDERS = (
    "bank_shareholders",
    "bank_creditors",
    "fund_investors",
    "insurers",
    "direct_holders",
    "buyers",
)
"""Who can end with the loss; buyers are those who took what was sold."""


class Members(NamedTuple):
    """Opening balance sheets [USD bn]; banks first, then funds, then insurers."""

    holdings: Float[Array, "member asset"]
    other: Float[Array, " member"]
    debt: Float[Array, " member"]
    """Owed to outsiders."""
    mutual: Float[Array, "member member"]
    """Interbank debts, and lines of funds from banks."""
    outside: Scalar
    """Paper in the hands of those who neither borrow nor sell."""


class _State(NamedTuple):
    value: Scalar
    discount: Float[Array, " asset"]
    mark: Float[Array, " member"]
    holdings: Float[Array, "member asset"]
    other: Float[Array, " member"]
    debt: Float[Array, " member"]
    mutual: Float[Array, "member member"]
    failed: Bool[Array, " member"]
    queue: Float[Array, " member"]
    peak: Float[Array, " member"]
    units: Float[Array, " member"]
    """Units of a fund outstanding, of those at the start."""
    honoured: Float[Array, " member"]
    """Share of its debts that a member paid when all was last cleared."""
    redeemed: Float[Array, " member"]
    bought: Float[Array, " asset"]
    cost: Scalar
    waiting: Scalar
    burnt: Scalar


class Wiring(NamedTuple):
    """What one cell comes to, by quarter [USD bn]."""

    losses: Float[Array, "quarter holder"]
    """Cumulated, at market prices, in the order of `HOLDERS`."""
    by_assets: Float[Array, " quarter"]
    """The same total by the other route: what all assets have lost."""
    reported: Float[Array, " quarter"]
    """Total with members' paper at their own marks."""
    fundamental: Float[Array, " quarter"]
    """Loss without any sale or failure."""
    burnt: Float[Array, " quarter"]
    """Assets lost to costs of default."""
    price: Float[Array, "quarter asset"]
    failed: Bool[Array, "quarter member"]
    initial: Scalar


def members(figures: Mapping[str, Array], wiring: str) -> Members:
    """Balance sheets that differ by wiring only in who holds the paper."""
    bank, fund = jnp.asarray(IS_BANK), jnp.asarray(IS_FUND)
    paper = figures["paper"]
    shares = {
        kind: figures[f"{wiring}.{kind}"] for kind in ("banks", "funds", "insurers")
    }
    # The most exposed bank holds `concentration` times the paper of the least.
    slope = jnp.linspace(0.0, 1.0, BANKS, dtype=paper.dtype)
    weight = figures["banks.concentration"] ** slope
    by_bank = shares["banks"] * paper * weight / jnp.sum(weight)
    by_fund = jnp.full(FUNDS, 1.0 / FUNDS, paper.dtype) * shares["funds"] * paper
    by_insurer = (
        jnp.full(INSURERS, 1.0 / INSURERS, paper.dtype) * shares["insurers"] * paper
    )
    held = jnp.concatenate([by_bank, by_fund, by_insurer])

    bank_assets = jnp.full(BANKS, 1.0 / BANKS, paper.dtype) * figures["banks.assets"]
    fund_assets = by_fund / figures["funds.concentration"]
    insurer_assets = (
        jnp.full(INSURERS, 1.0 / INSURERS, paper.dtype) * figures["insurers.assets"]
    )
    assets = jnp.concatenate([bank_assets, fund_assets, insurer_assets])
    low, high = figures["banks.lowest_leverage"], figures["banks.highest_leverage"]
    leverage = low + (high - low) * slope
    debt = jnp.concatenate(
        [
            bank_assets * (1 - 1 / leverage),
            fund_assets * figures["funds.line"],
            insurer_assets * (1 - 1 / figures["insurers.leverage"]),
        ]
    )
    liquid = jnp.where(
        bank,
        figures["banks.public"],
        jnp.where(fund, figures["funds.public"], figures["insurers.public"]),
    )
    public = liquid * assets
    inter = figures["banks.interbank"] * jnp.where(bank, debt, 0.0)
    to_banks = (bank[:, None] & bank[None, :]) & ~jnp.eye(N, dtype=bool)
    mutual = jnp.where(to_banks, inter[:, None] / (BANKS - 1), 0.0)
    from_banks = fund[:, None] & bank[None, :]
    mutual = mutual + jnp.where(from_banks, (debt / BANKS)[:, None], 0.0)
    claims = jnp.sum(mutual, axis=0)
    return Members(
        holdings=jnp.stack([held, public], axis=1),
        other=assets - held - public - claims,
        debt=debt - jnp.sum(mutual, axis=1),
        mutual=mutual,
        outside=paper - jnp.sum(held),
    )


def run_wiring(
    figures: Mapping[str, Array], collateral: str, wiring: str, quarters: int
) -> Wiring:
    r"""One cell of the comparison: the loss falls, and then `quarters` pass.

    **Arguments:** `figures` by name as in `engine/config/comparison.py`, in the
    engine's units; `collateral` of `COLLATERAL`, `wiring` of `WIRING`, `quarters`,
    static.

    **Returns:** `Wiring`; `sum(losses) == by_assets` in every quarter.

    **References:** Greenlaw, Hatzius, Kashyap and Shin (2008), "Leveraged losses:
    lessons from the mortgage market meltdown" (the same loss in levered and unlevered
    hands); the parts are those of `engine.contagion` and `engine.funds`.
    """
    start = members(figures, wiring)
    bank, fund = jnp.asarray(IS_BANK), jnp.asarray(IS_FUND)
    insurer = ~(bank | fund)
    initial = figures["initial_loss"]
    gap = initial / figures["paper"]
    recovery = figures[f"{collateral}.recovery"]
    floors = jnp.stack(
        [figures[f"{collateral}.floor"], figures["markets.public_floor"]]
    )
    depth = jnp.stack([figures["markets.paper_depth"], figures["markets.public_depth"]])
    half_life = jnp.where(
        bank,
        figures["banks.mark_half_life"],
        jnp.where(
            fund, figures["funds.mark_half_life"], figures["insurers.mark_half_life"]
        ),
    )
    smoothing = 1 - jnp.exp2(-DT / half_life)
    speed = jnp.where(
        bank,
        figures["banks.adjustment"],
        jnp.where(fund, 0.0, figures["insurers.adjustment"]),
    )
    claims = jnp.sum(start.mutual, axis=0)
    assets = jnp.sum(start.holdings, axis=1) + start.other + claims
    equity = assets - start.debt - jnp.sum(start.mutual, axis=1)
    target = ratio_above(assets, equity, 1.0)
    worth_before = jnp.sum(start.holdings) + jnp.sum(start.other) + start.outside

    def quarter(state: _State, t: Array) -> tuple[_State, tuple[Array, ...]]:
        value = jnp.where(
            t == 0, 1 - gap, 1 - (1 - state.value) * jnp.exp(-recovery * DT)
        )
        sound = jnp.stack([value, jnp.ones_like(value)])
        discount = state.discount * jnp.exp(-figures["markets.resilience"] * DT)
        price = sound * (1 - discount)
        mark = state.mark + (price[PAPER] - state.mark) * smoothing

        # What members believe they own decides what they sell.
        owed = state.debt + jnp.sum(state.mutual, axis=1)
        due_to = state.honoured @ state.mutual
        marked = (
            state.holdings[:, PAPER] * mark + state.holdings[:, PUBLIC] * price[PUBLIC]
        )
        seen = marked + state.other + due_to
        nav = seen - owed
        market = jnp.sum(state.holdings * price[None], axis=1)
        excess = jnp.maximum(seen - target * jnp.maximum(nav, 0.0), 0.0)
        levered = jnp.where(state.failed, market, jnp.minimum(speed * DT, 1.0) * excess)
        unit = ratio_above(nav, equity * state.units, 1.0)
        peak = jnp.maximum(state.peak, unit)
        fallen = jnp.maximum(1 - ratio_above(unit, peak, 1.0), 0.0)
        asked = figures["funds.request_slope"] * fallen * DT * jnp.maximum(nav, 0.0)
        paid, queue = _serve(nav, asked, state.queue, figures["funds.gate"])
        call = jnp.maximum(owed - figures["funds.maximum_advance"] * seen, 0.0)
        wanted = jnp.where(fund, paid + call, levered)
        share = jnp.minimum(ratio_above(wanted, market), 1.0)
        sold = share[:, None] * state.holdings * price[None]
        fall = price_fall(jnp.sum(sold, axis=0), depth, price, floors * sound)
        proceeds = jnp.sum(sold * (1 - 0.5 * fall[None]), axis=1)
        to_investors = jnp.where(fund, jnp.minimum(paid, proceeds), 0.0)
        repaid = proceeds - to_investors
        line = jnp.sum(state.mutual, axis=1)
        to_lines = jnp.where(fund, jnp.minimum(repaid, line), 0.0)
        mutual = state.mutual * (1 - ratio_above(to_lines, line))[:, None]
        # Banks use what funds repay to repay their own outside debt.
        passed = jnp.sum(state.mutual - mutual, axis=0)
        # What a failed member realises waits for all its creditors.
        cash = repaid - to_lines + passed
        waits = jnp.where(state.failed, cash, 0.0)
        debt = state.debt - (cash - waits)
        other = state.other + waits
        price = price * (1 - fall)
        holdings = state.holdings * (1 - share)[:, None]

        # Who cannot pay fails, once, at a cost.
        external = jnp.sum(holdings * price[None], axis=1) + other
        alpha = jnp.where(state.failed | fund, 1.0, figures["banks.realised"])
        # Policyholders do not run: an insurer's loss is its own, whatever its equity.
        owing = jnp.where(insurer, 0.0, jnp.maximum(debt, 0.0))
        over = jnp.where(insurer, 0.0, jnp.maximum(-debt, 0.0))  # cash
        found = clear(mutual, external + over, owing, alpha, 1.0)
        due = owing + jnp.sum(mutual, axis=1)
        is_new = found.defaults & ~state.failed
        kept = jnp.where(is_new, alpha, 1.0)
        burnt = jnp.sum((1 - kept) * (external + over))
        debt = jnp.where(is_new & ~insurer, owing - kept * over, debt)
        state = _State(
            value=value,
            discount=1 - price / sound,
            mark=mark,
            holdings=holdings * kept[:, None],
            other=other * kept,
            debt=debt,
            mutual=mutual,
            failed=state.failed | found.defaults,
            queue=queue,
            peak=peak,
            units=state.units * (1 - ratio_above(to_investors, nav)),
            honoured=ratio_above(found.payments, due, 1.0),
            redeemed=state.redeemed + to_investors,
            bought=state.bought + jnp.sum(sold, axis=0) / (price / (1 - fall)),
            cost=state.cost + jnp.sum(proceeds),
            waiting=state.waiting + jnp.sum(waits),
            burnt=state.burnt + burnt,
        )
        unpaid = owing * (1 - ratio_above(found.payments, due, 1.0))
        left = found.equity - jnp.where(insurer, debt, 0.0)
        lost = equity - state.redeemed - left
        losses = jnp.stack(
            [
                jnp.sum(jnp.where(bank, lost, 0.0)),
                jnp.sum(jnp.where(bank, unpaid, 0.0)),
                jnp.sum(jnp.where(fund, lost, 0.0)),
                jnp.sum(jnp.where(insurer, lost, 0.0)),
                start.outside * (1 - price[PAPER]),
                state.cost - jnp.sum(state.bought * price),
            ]
        )
        worth = jnp.sum(state.holdings * price[None]) + jnp.sum(state.other)
        worth = worth + start.outside * price[PAPER] + jnp.sum(state.bought * price)
        # Cash that waits came from buyers: it is theirs that is counted as a cost.
        worth = worth - state.waiting
        hidden = jnp.sum(state.holdings[:, PAPER] * (mark - price[PAPER]))
        row = (
            losses,
            worth_before - worth,
            jnp.sum(losses) - hidden,
            figures["paper"] * (1 - value),
            state.burnt,
            price,
            state.failed,
        )
        return state, row

    one, zero = jnp.ones_like(equity), jnp.zeros_like(equity)
    opening = _State(
        value=jnp.ones_like(gap),
        discount=jnp.zeros_like(depth),
        mark=one,
        holdings=start.holdings,
        other=start.other,
        debt=start.debt,
        mutual=start.mutual,
        failed=jnp.zeros_like(bank),
        queue=zero,
        peak=one,
        units=one,
        honoured=one,
        redeemed=zero,
        bought=jnp.zeros_like(depth),
        cost=jnp.zeros_like(gap),
        waiting=jnp.zeros_like(gap),
        burnt=jnp.zeros_like(gap),
    )
    _, rows = lax.scan(quarter, opening, jnp.arange(quarters))
    return Wiring(*rows, initial=initial)


def _serve(
    nav: Float[Array, " member"],
    asked: Float[Array, " member"],
    queue: Float[Array, " member"],
    gate: Scalar,
) -> tuple[Float[Array, " member"], Float[Array, " member"]]:
    """Redemptions of one quarter, each fund behind its own gate."""

    def one(value: Scalar, wanted: Scalar) -> tuple[Scalar, Scalar]:
        found = redeem(
            value[None], jnp.zeros_like(value)[None], wanted[None, None], gate
        )
        return found.paid[0, 0], found.queue[0, 0]

    return jax.vmap(one)(jnp.maximum(nav, 0.0), asked + queue)
