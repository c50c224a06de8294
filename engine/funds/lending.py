r"""Choice of money: new lending is split between banks and funds by price.

Present where the economy has a table `[lending]`. Banks and private-credit funds
compete for what is newly lent against chips and assets; bond funds, insurers and the
others keep the part of it that the figures give them, so that one number per class is
the state: what banks hold beyond their figure, and funds less. Interest, repayment and
losses go by what each held at the start of the quarter, interest that is capitalised
or unpaid is lent by those who are owed it, and only cash that a borrower draws is lent
by choice: a share moves by lending and repayment alone.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.credit.guarantee import CAPITAL_CAP
from engine.credit.neocloud_flows import NeocloudFlows
from engine.credit.neocloud_terms import NeocloudDues, NeocloudState, NeocloudTerms
from engine.credit.route import Lenders
from engine.credit.spv import SpvFlows
from engine.credit.spv_terms import SpvDates, SpvState, SpvTerms
from engine.economy import Economy
from engine.funds.agency import AgencyFlows, AgencyState
from engine.funds.holders import ClassFlows, Holders
from engine.numerics import ratio_above
from engine.once import computed_once
from engine.survival import HIGHEST
from engine.vehicles.spv import SpvPaths, reference_rates


class LendingState(eqx.Module):
    """What banks hold beyond the figures, and what was last quoted."""

    bank: Float[Array, "class ..."]
    """Share of a class that banks hold beyond their figure; of funds the reverse."""
    receivable: Float[Array, "class ..."]
    """The same of the recoveries that are still to come."""
    choice: Float[Array, "class ..."]
    """Share of banks' and funds' new lending that price gives to banks."""
    gap: Float[Array, "class ..."]
    """Rate of a bank less that of a private lender [1/year]."""
    margin: Float[Array, "spv ..."]
    """By how much drawn loans' margin has moved [1/year]."""


class Moved(eqx.Module):
    """Flows and stocks that are the banks' beyond the figures, not the funds'."""

    interest: Float[Array, "class ..."]
    repaid: Float[Array, "class ..."]
    lent: Float[Array, "class ..."]
    drawn: Float[Array, "class ..."]
    """Part of `lent` that the borrower drew in cash."""
    failed: Float[Array, "class ..."]
    loss: Float[Array, "class ..."]
    claimed: Float[Array, "class ..."]
    recovered: Float[Array, "class ..."]
    balance: Float[Array, "class ..."]
    receivable: Float[Array, "class ..."]


class Lending(eqx.Module):
    """Both lenders, the banks' limits, and the figures' own split."""

    lenders: Lenders
    bank: Float[Array, "class ..."]
    """Banks' share of a class by the figures."""
    both: Float[Array, "class ..."]
    """Share for which banks and funds compete."""
    by_price: Float[Array, "class ..."]
    """Part of new lending that is chosen by price; none of unsecured debt."""
    haircut: Float[Array, "class ..."]
    """Fall of the advance per unit of share that moves to banks."""
    single: Float[Array, "..."]
    """Most that banks lend in one class of one name [USD bn]."""
    sector: Float[Array, "..."]
    """Most that they lend in all [USD bn]."""

    @staticmethod
    def build(economy: Economy, holders: Holders) -> "Lending | None":
        """Assembles the choice; none without a table `[lending]`."""
        if "lending.by_price" not in economy.figures:
            return None
        lenders, cet1 = Lenders.build(economy), economy["banks.cet1"]
        n = len(economy.members("neoclouds"))
        secured, unsecured, of_spvs = jnp.split(holders.bank, [n, 2 * n])
        chosen = [
            jnp.ones_like(secured),
            jnp.zeros_like(unsecured),
            jnp.ones_like(of_spvs),
        ]
        kept = 1.0 - lenders.bank_advance
        return Lending(
            lenders=lenders,
            bank=holders.bank,
            both=holders.bank + holders.fund,
            by_price=economy["lending.by_price"] * jnp.concatenate(chosen),
            haircut=kept / (1.0 - kept * holders.bank),
            single=economy["route.single_name"] * cet1,
            sector=economy["lending.sector"] * cet1,
        )

    def opening(self, economy: Economy) -> LendingState:
        """The figures' own shares; both lenders quote for a calm economy."""
        short, _ = reference_rates(economy)
        calm = jnp.full_like(self.bank, HIGHEST)
        n_spvs = len(economy.members("spvs"))
        asked = self.lenders.ask(short, calm, jnp.ones_like(calm), jnp.ones_like(calm))
        nothing = jnp.zeros_like(self.bank)
        return LendingState(
            bank=nothing,
            receivable=nothing,
            choice=self.lenders.choose(asked),
            gap=asked.bank - asked.private,
            margin=nothing[:n_spvs],
        )

    def _beyond(
        self,
        choice: Float[Array, "class ..."],
        drawn: Float[Array, "class ..."],
        held: Float[Array, "class ..."],
    ) -> Float[Array, "class ..."]:
        """Banks' share of what is drawn beyond their figure, within their limits.

        `held` is what banks hold of each class before they lend.
        """
        wanted = self.both * choice * drawn
        single = jnp.minimum(wanted, jnp.maximum(self.single - held, 0.0))
        left = jnp.maximum(self.sector - jnp.sum(held, axis=0), 0.0)
        scale = jnp.minimum(ratio_above(left, jnp.sum(single, axis=0), 1.0), 1.0)
        share = ratio_above(single * scale[None], drawn, self.both * choice)
        return self.by_price * (share - self.bank)

    @computed_once
    def offer(
        self,
        money: Float[Array, "..."],
        cloud_terms: NeocloudTerms,
        spv_terms: SpvTerms,
        dues: NeocloudDues,
        dates: SpvDates,
        paths: SpvPaths,
        clouds: NeocloudState,
        spvs: SpvState,
        elsewhere: Float[Array, "class ..."] | None,
        state: LendingState,
    ) -> tuple[NeocloudTerms, SpvTerms, Float[Array, "class ..."]]:
        """Terms of the quarter's new money, by what was last quoted and what is due.

        `money` is how open lenders are, `elsewhere` what an agency owns of each class.

        **Returns:** the terms with advance and margin of the blend, and the share
        beyond the figures that banks are expected to lend.
        """
        n, k = clouds.alive.shape[0], spvs.alive.shape[0]
        committed = cloud_terms.advance * money * dues.committed
        expected = [
            clouds.alive * committed,
            jnp.zeros_like(clouds.alive),
            spvs.alive * spv_terms.drawn * spv_terms.ltc * paths.spend,
            spvs.alive * dates.takeout * spvs.loan,
        ]
        balance = [
            clouds.alive * clouds.secured,
            clouds.alive * clouds.unsecured,
            spvs.alive * (spvs.loan + spvs.arrears),
            spvs.alive * spvs.takeout,
        ]
        private = jnp.concatenate(balance)
        if elsewhere is not None:
            private = private - elsewhere
        held = (self.bank + state.bank) * private
        quoted = self._beyond(state.choice, jnp.concatenate(expected), held)
        kept, dearer = 1.0 - self.haircut * quoted, quoted * state.gap
        loan, takeout = slice(2 * n, 2 * n + k), slice(2 * n + k, None)

        def capped(advance: Array, kept: Array) -> Array:
            return jnp.minimum(advance * kept, CAPITAL_CAP)

        routed = eqx.tree_at(
            lambda t: (t.advance, t.box_margin),
            cloud_terms,
            (
                capped(cloud_terms.advance, kept[:n]),
                cloud_terms.box_margin + dearer[:n],
            ),
        )
        routed_spvs = eqx.tree_at(
            lambda t: (t.ltc, t.margin, t.takeout_ltv, t.takeout_margin),
            spv_terms,
            (
                capped(spv_terms.ltc, kept[loan]),
                spv_terms.margin + state.margin,
                capped(spv_terms.takeout_ltv, kept[takeout]),
                spv_terms.takeout_margin + dearer[takeout],
            ),
        )
        return routed, routed_spvs, quoted

    @computed_once
    def __call__(
        self,
        short: Float[Array, "..."],
        clouds: NeocloudFlows,
        spvs: SpvFlows,
        flows: ClassFlows,
        sold: Float[Array, "class ..."] | None,
        quoted: Float[Array, "class ..."],
        state: LendingState,
    ) -> tuple[Moved, LendingState]:
        """Books what banks hold beyond the figures, and quotes for the next quarter.

        `flows` are private holders'; `sold` is what an agency took of new loans.
        """
        n, k = clouds.alive.shape[0], spvs.alive.shape[0]
        drawn = jnp.concatenate(
            [
                clouds.alive * (clouds.drawn_box + clouds.drawn_revolver),
                jnp.zeros_like(clouds.alive),
                spvs.alive * spvs.draw,
                spvs.alive * spvs.lent_takeout,
            ]
        )
        if sold is not None:
            drawn = drawn - jnp.minimum(sold, drawn)
        owed = flows.balance - drawn
        beyond = self._beyond(state.choice, drawn, (self.bank + state.bank) * owed)
        new = jnp.minimum(ratio_above(drawn, flows.balance), 1.0)
        bank = state.bank + (beyond - state.bank) * new
        to_come = flows.failed - flows.loss - flows.claimed
        part = jnp.minimum(ratio_above(to_come, flows.receivable), 1.0)
        receivable = state.receivable + (state.bank - state.receivable) * part
        moved = Moved(
            interest=state.bank * flows.interest,
            repaid=state.bank * flows.repaid,
            lent=state.bank * (flows.lent - drawn) + beyond * drawn,
            drawn=beyond * drawn,
            failed=state.bank * flows.failed,
            loss=state.bank * flows.loss,
            claimed=state.bank * flows.claimed,
            recovered=state.receivable * flows.recovered,
            balance=bank * flows.balance,
            receivable=receivable * flows.receivable,
        )
        rooms = [clouds.headroom, clouds.headroom, spvs.headroom, spvs.headroom]
        recovery = [clouds.recovery_secured, clouds.recovery_unsecured]
        ones = jnp.ones_like(spvs.alive)
        building = jnp.where(spvs.spend > 0.0, self.lenders.building, 1.0)
        plain = jnp.ones_like(clouds.alive)
        asked = self.lenders.ask(
            short,
            jnp.concatenate(rooms),
            jnp.concatenate([*recovery, spvs.recovery, spvs.recovery]),
            jnp.concatenate([plain, plain, building * ones, ones]),
        )
        dearer = (quoted * state.gap)[2 * n : 2 * n + k]
        share = ratio_above(spvs.draw, spvs.loan)
        return moved, LendingState(
            bank=bank,
            receivable=receivable,
            choice=self.lenders.choose(asked),
            gap=asked.bank - asked.private,
            margin=state.margin + (dearer - state.margin) * share,
        )


def offered(
    lending: Lending | None,
    money: Float[Array, "..."],
    cloud_terms: NeocloudTerms,
    spv_terms: SpvTerms,
    dues: NeocloudDues,
    dates: SpvDates,
    paths: SpvPaths,
    clouds: NeocloudState,
    spvs: SpvState,
    agency: AgencyState | None,
    state: LendingState | None,
) -> tuple[NeocloudTerms, SpvTerms, Float[Array, "class ..."] | None]:
    """`Lending.offer`; without the table the deals' own terms, and no quote."""
    if lending is None or state is None:
        return cloud_terms, spv_terms, None
    owned = None if agency is None else agency.loans
    return lending.offer(
        money, cloud_terms, spv_terms, dues, dates, paths, clouds, spvs, owned, state
    )


def settled(
    lending: Lending | None,
    short: Float[Array, "..."],
    clouds: NeocloudFlows,
    spvs: SpvFlows,
    flows: ClassFlows,
    agency: AgencyFlows | None,
    quoted: Float[Array, "class ..."] | None,
    state: LendingState | None,
) -> tuple[Moved | None, LendingState | None]:
    """The quarter of `Lending`; without the table nothing moves."""
    if lending is None or quoted is None or state is None:
        return None, None
    sold = None if agency is None else agency.taken
    return lending(short, clouds, spvs, flows, sold, quoted, state)
