"""Layer 7, investors and banks: who ends with the loss, and what they sell (M12)."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.economy import Economy
from engine.funds.agency import AgencyFlows
from engine.funds.bond import BondFundFlows
from engine.funds.cohorts import FundFlows
from engine.funds.holders import INSTITUTIONS, ClassFlows, Holders
from engine.funds.lending import Moved
from engine.once import computed_once
from engine.survival import HIGHEST


class InvestorState(eqx.Module):
    """Cumulated losses [USD bn]; institutions in order pension, insurer."""

    institutions: Float[Array, "investor ..."]
    charged: Float[Array, "investor ..."]
    """Largest use of the buffer so far, marks included."""
    outside: Float[Array, "..."]
    bank_direct: Float[Array, "..."]
    bank_lines: Float[Array, "..."]
    government: Float[Array, "..."]


class InvestorFlows(eqx.Module):
    """Losses of the quarter by final holder, and forced sales [USD bn]."""

    losses: Float[Array, "investor ..."]
    outside: Float[Array, "..."]
    bank_direct: Float[Array, "..."]
    bank_lines: Float[Array, "..."]
    government: Float[Array, "..."]
    forced_sales: Float[Array, "investor ..."]
    headroom: Float[Array, "investor ..."]
    bank_headroom: Float[Array, "..."]
    government_headroom: Float[Array, "..."]
    used: Float[Array, "investor ..."]


class Investors(eqx.Module):
    """Shares in funds, buffers and what a used-up buffer sells."""

    fund: Float[Array, "investor cohort ..."]
    bond_fund: Float[Array, "investor ..."]
    buffer: Float[Array, "investor ..."]
    sale_multiple: Float[Array, "investor ..."]
    charge_slope: Float[Array, "investor ..."]
    bank_buffer: Float[Array, "..."]
    claim_threshold: Float[Array, "..."]

    @staticmethod
    def build(economy: Economy) -> "Investors":
        """Assembles the institutions from the figures."""

        def stack(key: str) -> Float[Array, "investor ..."]:
            return jnp.stack([economy[f"investors.{n}.{key}"] for n in INSTITUTIONS])

        charge = economy["investors.insurer.charge_slope"]
        return Investors(
            fund=jnp.stack(
                [economy.cohort_figures(f"investors.{n}") for n in INSTITUTIONS]
            ),
            bond_fund=jnp.stack(
                [economy[f"funds.bond.investors.{n}"] for n in INSTITUTIONS]
            ),
            buffer=stack("buffer"),
            sale_multiple=stack("sale_multiple"),
            charge_slope=jnp.stack([jnp.zeros_like(charge), charge]),
            bank_buffer=economy["banks.buffer"],
            claim_threshold=economy["government.claim_threshold"],
        )

    def opening(self) -> InvestorState:
        """No losses."""
        nothing = jnp.zeros_like(self.bank_buffer)
        return InvestorState(
            institutions=jnp.zeros_like(self.buffer),
            charged=jnp.zeros_like(self.buffer),
            outside=nothing,
            bank_direct=nothing,
            bank_lines=nothing,
            government=nothing,
        )

    @computed_once
    def __call__(
        self,
        flows: ClassFlows,
        moved: Moved | None,
        price: Float[Array, "class ..."],
        holders: Holders,
        fund: FundFlows,
        bond: BondFundFlows,
        agency: AgencyFlows | None,
        state: InvestorState,
    ) -> tuple[InvestorFlows, InvestorState]:
        """Books every loss once, at its final holder; `flows` are private holders'."""
        direct = jnp.stack(
            [
                jnp.sum(holders.pension * flows.loss, axis=0),
                jnp.sum(holders.insurer * flows.loss, axis=0),
            ]
        )
        # Banks bear what the lines' collateral does not cover; investors the rest.
        from_fund = fund.credit_loss - fund.line_loss
        bank_lines = jnp.sum(fund.line_loss, axis=0)
        through = jnp.sum(self.fund * from_fund[None], axis=1)
        losses = direct + through + self.bond_fund * bond.credit_loss
        outside = (
            jnp.sum(holders.outside * flows.loss, axis=0)
            + jnp.sum((1.0 - jnp.sum(self.fund, axis=0)) * from_fund, axis=0)
            + (1.0 - jnp.sum(self.bond_fund, axis=0)) * bond.credit_loss
        )
        bank_direct = jnp.sum(holders.bank * flows.loss, axis=0)
        if moved is not None:
            bank_direct = bank_direct + jnp.sum(moved.loss, axis=0)
        government = jnp.sum(flows.claimed, axis=0)
        if agency is not None:
            government = (
                government + jnp.sum(agency.claimed, axis=0) + agency.public_loss
            )
        below_par = jnp.maximum(1.0 - price, 0.0) * flows.balance
        marked_down = jnp.stack(
            [
                jnp.sum(holders.pension * below_par, axis=0),
                jnp.sum(holders.insurer * below_par, axis=0),
            ]
        )
        lost = state.institutions + losses
        used = lost + self.charge_slope * marked_down
        charged = jnp.maximum(state.charged, used)
        over = jnp.maximum(charged - self.buffer, 0.0)
        over_before = jnp.maximum(state.charged - self.buffer, 0.0)
        direct_total = state.bank_direct + bank_direct
        line_total = state.bank_lines + bank_lines
        claims = state.government + government
        out = InvestorFlows(
            losses=losses,
            outside=outside,
            bank_direct=bank_direct,
            bank_lines=bank_lines,
            government=government,
            forced_sales=self.sale_multiple * (over - over_before),
            headroom=_room(used, self.buffer),
            bank_headroom=_room(direct_total + line_total, self.bank_buffer),
            government_headroom=_room(claims, self.claim_threshold),
            used=used,
        )
        return out, InvestorState(
            institutions=lost,
            charged=charged,
            outside=state.outside + outside,
            bank_direct=direct_total,
            bank_lines=line_total,
            government=claims,
        )

    def marked_to_market(
        self,
        flows: InvestorFlows,
        state: InvestorState,
        used: Float[Array, "investor ..."],
        charged: Float[Array, "investor ..."],
        forced_sales: Float[Array, "investor ..."],
        bank_used: Float[Array, "..."],
    ) -> tuple[InvestorFlows, InvestorState]:
        """The quarter and its end with public assets at market (layer 8).

        Marks use buffers and are no losses: what the invariants add up stays.
        """
        lost = state.bank_direct + state.bank_lines + bank_used
        flows = dataclasses.replace(
            flows,
            forced_sales=forced_sales,
            headroom=_room(used, self.buffer),
            bank_headroom=_room(lost, self.bank_buffer),
            used=used,
        )
        return flows, dataclasses.replace(state, charged=charged)


def _room(
    used: Float[Array, "..."], buffer: Float[Array, "..."]
) -> Float[Array, "..."]:
    """Headroom of a buffer."""
    return jnp.clip(1.0 - used / buffer, -1.0, HIGHEST)
