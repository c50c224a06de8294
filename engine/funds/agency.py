"""The government's agency: buys loans at par on thin capital, with its own cheap debt.

It takes a part of what originators lend, so that their openness goes further, and its
part of every flow of a class. Losses eat its capital; then the Treasury pays.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.credit.neocloud_flows import NeocloudFlows
from engine.credit.spv import SpvFlows
from engine.drivers import Drivers
from engine.economy import Economy
from engine.funds.holders import INSTRUMENTS, ClassFlows, Holders
from engine.grid import DT, TimeGrid
from engine.numerics import ratio_above
from engine.once import computed_once

AGENCY = "government.agency"

MOST = 0.99
"""The largest part of a loan that counts as resold at once."""


LEAST = 1e-12
"""Balance below which a class has no parts [USD bn]."""


class AgencyState(eqx.Module):
    """Balance sheet of the agency [USD bn]."""

    loans: Float[Array, "class ..."]
    receivable: Float[Array, "class ..."]
    """Recoveries still to come."""
    debt: Float[Array, "..."]
    """Negative where it holds cash."""
    capital: Float[Array, "..."]
    wanted: Float[Array, "..."]
    """What it would have bought last quarter, had its capital allowed everything."""


class AgencyFlows(eqx.Module):
    """One quarter of the agency [USD bn], and what it leaves to private holders."""

    share: Float[Array, "class ..."]
    """Of the class's balance, at the end of the quarter."""
    bought: Float[Array, "class ..."]
    taken: Float[Array, "class ..."]
    """Of it, what was newly lent."""
    interest: Float[Array, "class ..."]
    repaid: Float[Array, "class ..."]
    recovered: Float[Array, "class ..."]
    claimed: Float[Array, "class ..."]
    """What the guarantee pays it."""
    kept: Float[Array, "class ..."]
    """Interest and principal that borrowers do not pay and owe it further."""
    loss: Float[Array, "class ..."]
    loans: Float[Array, "class ..."]
    receivable: Float[Array, "class ..."]
    funding: Float[Array, "..."]
    """Interest on its debt, less what its cash earns."""
    dividend: Float[Array, "..."]
    injected: Float[Array, "..."]
    """Paid in by the Treasury, when capital is gone."""
    public_loss: Float[Array, "..."]
    """Credit loss that the Treasury bears: the part of what it pays in."""
    own_loss: Float[Array, "..."]
    """Credit loss that the agency's income and capital bear."""
    overpaid: Float[Array, "..."]
    """Par paid above the market price of what it bought."""
    debt: Float[Array, "..."]
    capital: Float[Array, "..."]
    private: ClassFlows
    """What is left of every class for the other holders, who share it as before."""


class Agency(eqx.Module):
    """What the agency may buy, and how it is funded."""

    buys: Float[Array, "class ..."]
    """Share of new loans that it buys at par."""
    boxes: Float[Array, "..."]
    """The same of loans secured by chips, and of take-outs."""
    takeouts: Float[Array, "..."]
    seasoned: Float[Array, "..."]
    """Part of older loans offered to it in a quarter, where it buys the class whole."""
    leverage: Float[Array, "..."]
    spread: Float[Array, "..."]
    payout: Float[Array, "..."]
    lag: Float[Array, "class ..."]

    @staticmethod
    def build(economy: Economy, holders: Holders) -> "Agency | None":
        """Assembles the agency; None where the config has none."""
        if not economy.agencies():
            return None
        share = {k: economy[f"{AGENCY}.buys.{k}"] for k in INSTRUMENTS}
        clouds = jnp.ones_like(economy.stack("neoclouds", "recovery_lag"))
        spvs = jnp.ones_like(economy.stack("spvs", "recovery_lag"))
        members = zip(share.values(), (clouds, clouds, spvs, spvs), strict=True)
        return Agency(
            buys=jnp.concatenate([x * ones for x, ones in members]),
            boxes=share["secured"],
            takeouts=share["takeout"],
            seasoned=economy[f"{AGENCY}.seasoned"] * DT,
            leverage=economy[f"{AGENCY}.leverage"],
            spread=economy[f"{AGENCY}.spread"],
            payout=economy[f"{AGENCY}.payout"],
            lag=holders.lag,
        )

    @staticmethod
    def opening(economy: Economy, holders: Holders) -> AgencyState | None:
        """Paid-in capital in cash; None where the config has no agency."""
        if not economy.agencies():
            return None
        capital = economy[f"{AGENCY}.capital"]
        nothing = jnp.zeros_like(holders.lag)
        return AgencyState(
            loans=nothing,
            receivable=nothing,
            debt=-capital,
            capital=capital,
            wanted=jnp.zeros_like(capital),
        )

    def _room(
        self, loans: Float[Array, "class ..."], capital: Float[Array, "..."]
    ) -> Float[Array, "..."]:
        """What may still be bought."""
        return jnp.maximum(self.leverage * capital - jnp.sum(loans, axis=0), 0.0)

    def resold(
        self,
        open: Float[Array, "..."],
        running: Float[Array, "..."],
        state: AgencyState,
    ) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        r"""How open money is for boxes and take-outs: who resells a part lends more.

        Originators hold what they would without the agency, $A$, and $1 - b$ of what
        they lend: they lend $\min(1, A / (1 - b))$.
        """
        room = self._room(state.loans, state.capital)
        able = running * jnp.minimum(room / jnp.maximum(state.wanted, 1e-9), 1.0)

        def opened(share: Float[Array, "..."]) -> Float[Array, "..."]:
            held = 1.0 - jnp.minimum(share * able, MOST)
            return jnp.minimum(open / held, 1.0)

        return opened(self.boxes), opened(self.takeouts)

    @computed_once
    def __call__(
        self,
        quarter: Drivers,
        running: Float[Array, "..."],
        flows: ClassFlows,
        clouds: NeocloudFlows,
        spvs: SpvFlows,
        price: Float[Array, "class ..."],
        state: AgencyState,
    ) -> tuple[AgencyFlows, AgencyState]:
        """Takes its part of every class, buys, funds itself, and books its losses."""
        before = flows.balance - flows.lent + flows.repaid + flows.failed
        # Of what rounding left of a repaid class no part is more than the whole.
        part = jnp.clip(ratio_above(state.loans, before, 0.0, LEAST), 0.0, 1.0)
        # What is not paid is owed to who holds the loan; only new money is for sale.
        unpaid = jnp.concatenate(
            [
                clouds.alive * (clouds.rolled + clouds.arrears_secured),
                clouds.alive * clouds.arrears_unsecured,
                spvs.alive * (spvs.capitalised + spvs.arrears),
                jnp.zeros_like(spvs.alive),
            ]
        )
        new = flows.lent - unpaid
        interest, repaid = part * flows.interest, part * flows.repaid
        failed, claimed = part * flows.failed, part * flows.claimed
        loss, kept = part * flows.loss, part * unpaid
        recovered = state.receivable * jnp.minimum(DT / self.lag, 1.0)
        receivable = state.receivable - recovered + (failed - loss - claimed)

        held = state.loans + kept - repaid - failed
        older = jnp.maximum(flows.balance - held - new, 0.0)
        old = self.buys * self.seasoned * older
        wanted = running * (self.buys * new + old)
        total = jnp.sum(wanted, axis=0)
        room = self._room(held, state.capital)
        scale = jnp.minimum(room / jnp.maximum(total, 1e-9), 1.0)
        bought = scale * wanted
        loans = held + bought

        funding = DT * (
            quarter.short * state.debt + self.spread * jnp.maximum(state.debt, 0.0)
        )
        lost = jnp.sum(loss, axis=0)
        income = jnp.sum(interest, axis=0) - funding - lost
        dividend = self.payout * jnp.maximum(income, 0.0)
        left = state.capital + income - dividend
        injected = jnp.maximum(-left, 0.0)
        public_loss = jnp.minimum(injected, lost)
        capital = left + injected
        received = jnp.sum(interest + repaid + recovered + claimed, axis=0)
        paid = jnp.sum(bought + kept, axis=0)
        debt = state.debt + funding + paid + dividend - received - injected

        resold_old = scale * running * old
        taken = bought - resold_old
        private = ClassFlows(
            interest=flows.interest - interest,
            repaid=flows.repaid - repaid + resold_old,
            lent=flows.lent - kept - taken,
            failed=flows.failed - failed,
            loss=flows.loss - loss,
            claimed=flows.claimed - claimed,
            recovered=flows.recovered - recovered,
            balance=flows.balance - loans,
            receivable=flows.receivable - receivable,
        )
        out = AgencyFlows(
            share=ratio_above(loans, flows.balance),
            bought=bought,
            taken=taken,
            interest=interest,
            repaid=repaid,
            recovered=recovered,
            claimed=claimed,
            kept=kept,
            loss=loss,
            loans=loans,
            receivable=receivable,
            funding=funding,
            dividend=dividend,
            injected=injected,
            public_loss=public_loss,
            own_loss=lost - public_loss,
            overpaid=jnp.sum((1.0 - price) * bought, axis=0),
            debt=debt,
            capital=capital,
            private=private,
        )
        return out, AgencyState(
            loans=loans,
            receivable=receivable,
            debt=debt,
            capital=capital,
            wanted=total,
        )


def resold(
    agency: Agency | None,
    money: Float[Array, "..."],
    running: Float[Array, "..."] | None,
    state: AgencyState | None,
) -> tuple[Float[Array, "..."] | None, Float[Array, "..."] | None]:
    """How open money is for boxes and take-outs; None where there is no agency."""
    if agency is None or running is None or state is None:
        return None, None
    return agency.resold(money, running, state)


def bought(
    agency: Agency | None,
    quarter: Drivers,
    running: Float[Array, "..."] | None,
    flows: ClassFlows,
    clouds: NeocloudFlows,
    spvs: SpvFlows,
    price: Float[Array, "class ..."],
    state: AgencyState | None,
) -> tuple[AgencyFlows | None, AgencyState | None, ClassFlows]:
    """The agency's quarter, and what it leaves to private holders: without one, all."""
    if agency is None or running is None or state is None:
        return None, None, flows
    found, after = agency(quarter, running, flows, clouds, spvs, price, state)
    return found, after, found.private


def agency_dates(economy: Economy, grid: TimeGrid) -> Float[Array, " quarter"] | None:
    """Share of each quarter in which the agency buys; None where there is none."""
    if not economy.agencies():
        return None
    start = economy[f"{AGENCY}.start"]
    return grid.modelled(grid.overlap(start, grid.ends[-1]))
