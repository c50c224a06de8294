"""Who holds each class of debt: interest, principal, draws and losses follow shares."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.credit.guarantee import Guarantee
from engine.credit.neocloud_flows import NeocloudFlows
from engine.credit.spv import SpvFlows
from engine.economy import Economy
from engine.grid import DT
from engine.once import computed_once

INSTRUMENTS = ("secured", "unsecured", "notes", "takeout")
"""Classes of debt of a vehicle: the first two of neoclouds, the others of SPVs."""

INSTITUTIONS = ("pension", "insurer")
"""Investors with a buffer, in the order of every array of them."""

HOLDERS = ("fund", "bond_fund", "bank", "insurer", "pension", "outside")


class ClassFlows(eqx.Module):
    """A quarter of every class of debt, all vehicles of the class [USD bn].

    Classes in order: secured and unsecured by neocloud, loan and take-out by SPV.
    """

    interest: Float[Array, "class ..."]
    """Without the premium that is handed on."""
    repaid: Float[Array, "class ..."]
    lent: Float[Array, "class ..."]
    failed: Float[Array, "class ..."]
    loss: Float[Array, "class ..."]
    claimed: Float[Array, "class ..."]
    """Loss that the government pays instead of the holders."""
    recovered: Float[Array, "class ..."]
    balance: Float[Array, "class ..."]
    receivable: Float[Array, "class ..."]
    premium: Float[Array, "class ..."] | None = None
    """Collected for the guarantor; None where nothing is charged."""


class ClassState(eqx.Module):
    """Recoveries still to come, by class [USD bn]."""

    receivable: Float[Array, "class ..."]


class Holders(eqx.Module):
    """Shares by holder and class; each class's shares sum to one."""

    fund: Float[Array, "class ..."]
    bond_fund: Float[Array, "class ..."]
    bank: Float[Array, "class ..."]
    insurer: Float[Array, "class ..."]
    pension: Float[Array, "class ..."]
    outside: Float[Array, "class ..."]
    lag: Float[Array, "class ..."]
    claims: Float[Array, "class ..."]

    @staticmethod
    def build(economy: Economy) -> "Holders":
        """Assembles shares, and what the guarantee pays of a class's losses."""

        def shares(holder: str) -> Float[Array, "class ..."]:
            tables = [
                ("neoclouds", "holders_secured"),
                ("neoclouds", "holders_unsecured"),
                ("spvs", "holders_notes"),
                ("spvs", "holders_takeout"),
            ]
            return jnp.concatenate(
                [economy.stack(family, f"{key}.{holder}") for family, key in tables]
            )

        lag = economy.stack("neoclouds", "recovery_lag")
        spv_lag = economy.stack("spvs", "recovery_lag")
        one, spv_one = jnp.ones_like(lag), jnp.ones_like(spv_lag)
        guarantee = Guarantee.build(economy)
        covered = guarantee.covered
        return Holders(
            **{holder: shares(holder) for holder in HOLDERS},
            lag=jnp.concatenate([lag, lag, spv_lag, spv_lag]),
            claims=guarantee.claims
            * jnp.concatenate(
                [
                    covered.of("secured", one),
                    jnp.zeros_like(one),
                    covered.of("notes", spv_one),
                    covered.of("takeout", spv_one),
                ]
            ),
        )

    def opening(self) -> ClassState:
        """No recoveries outstanding."""
        return ClassState(receivable=jnp.zeros_like(self.fund))

    @computed_once
    def __call__(
        self, clouds: NeocloudFlows, spvs: SpvFlows, state: ClassState
    ) -> tuple[ClassFlows, ClassState]:
        """Sums the living members' flows by class and books what failed."""
        share = jnp.concatenate([clouds.alive, clouds.alive, spvs.alive, spvs.alive])
        failing = jnp.concatenate(
            [clouds.failing, clouds.failing, spvs.failing, spvs.failing]
        )
        claim = jnp.concatenate(
            [
                clouds.claim_secured,
                clouds.claim_unsecured,
                spvs.claim_loan,
                spvs.claim_takeout,
            ]
        )
        recovery = jnp.concatenate(
            [
                clouds.recovery_secured,
                clouds.recovery_unsecured,
                spvs.recovery,
                spvs.recovery,
            ]
        )
        premium = _premium(clouds, spvs)
        failed = failing * claim
        lost = (1.0 - recovery) * failed
        claimed = self.claims * lost
        paid = state.receivable * jnp.minimum(DT / self.lag, 1.0)
        receivable = state.receivable - paid + recovery * failed
        flows = ClassFlows(
            interest=share
            * _less(
                jnp.concatenate(
                    [
                        clouds.interest_secured,
                        clouds.interest_unsecured,
                        spvs.interest_loan + spvs.capitalised,
                        spvs.interest_takeout,
                    ]
                ),
                premium,
            ),
            repaid=share
            * jnp.concatenate(
                [
                    clouds.repaid_secured,
                    clouds.repaid_unsecured,
                    spvs.repaid_loan,
                    spvs.repaid_takeout,
                ]
            ),
            lent=share
            * jnp.concatenate(
                [
                    clouds.lent_secured,
                    clouds.lent_unsecured,
                    spvs.lent_loan,
                    spvs.lent_takeout,
                ]
            ),
            failed=failed,
            loss=lost - claimed,
            claimed=claimed,
            recovered=paid,
            balance=share
            * jnp.concatenate(
                [clouds.secured, clouds.unsecured, spvs.loan, spvs.takeout]
            ),
            receivable=receivable,
            premium=None if premium is None else share * premium,
        )
        return flows, ClassState(receivable=receivable)


def _premium(clouds: NeocloudFlows, spvs: SpvFlows) -> Float[Array, "class ..."] | None:
    """Premium of the average living members, by class; None without one."""
    paid = clouds.premium, spvs.premium_loan, spvs.premium_takeout
    secured, loan, takeout = paid
    if secured is None or loan is None or takeout is None:
        return None
    return jnp.concatenate([secured, jnp.zeros_like(secured), loan, takeout])


def _less(
    interest: Float[Array, "class ..."], premium: Float[Array, "class ..."] | None
) -> Float[Array, "class ..."]:
    """Interest that lenders keep."""
    return interest if premium is None else interest - premium
