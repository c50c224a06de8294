"""Labs: revenue, patience of their shareholders, commitments met pro rata to cash."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.drivers import Drivers
from engine.economy import Economy
from engine.grid import DT, TimeGrid
from engine.once import computed_once
from engine.survival import headroom


class LabState(eqx.Module):
    """Cash and renegotiated commitments still to be met, by lab [USD bn]."""

    cash: Float[Array, "lab ..."]
    deferred: Float[Array, "lab ..."]


class LabFlows(eqx.Module):
    """One quarter of the labs [USD bn]; `honoured` is the share of dues paid."""

    revenue: Float[Array, "lab ..."]
    margin: Float[Array, "lab ..."]
    interest: Float[Array, "lab ..."]
    raised: Float[Array, "lab ..."]
    due: Float[Array, "lab ..."]
    honoured: Float[Array, "lab ..."]
    paid: Float[Array, "lab ..."]
    forgiven: Float[Array, "lab ..."]
    headroom: Float[Array, "lab ..."]
    cash: Float[Array, "lab ..."]


class Labs(eqx.Module):
    """Parameters by lab; `commitments` by quarter."""

    revenue_share: Float[Array, "lab ..."]
    margin: Float[Array, "lab ..."]
    minimum_cash: Float[Array, "lab ..."]
    equity: Float[Array, "lab ..."]
    forgiven: Float[Array, "lab ..."]
    renegotiation: Float[Array, "lab ..."]
    patience_low: Float[Array, "lab ..."]
    patience_high: Float[Array, "lab ..."]
    compute: Float[Array, "..."]
    access: Float[Array, "..."]

    @staticmethod
    def build(economy: Economy) -> "Labs":
        """Assembles the labs from the figures."""

        def stack(key: str) -> Float[Array, "lab ..."]:
            return economy.stack("labs", key)

        return Labs(
            revenue_share=stack("revenue"),
            margin=1.0 - stack("non_compute"),
            minimum_cash=stack("minimum_cash"),
            equity=stack("equity"),
            forgiven=stack("forgiven"),
            renegotiation=stack("renegotiation"),
            patience_low=stack("patience_low"),
            patience_high=stack("patience_high"),
            compute=economy["market.compute"],
            access=jnp.clip(economy["access.level"], 0.0, 1.0),
        )

    @staticmethod
    def opening(economy: Economy) -> LabState:
        """Cash at `as_of`, nothing renegotiated."""
        cash = economy.stack("labs", "cash")
        return LabState(cash=cash, deferred=jnp.zeros_like(cash))

    @computed_once
    def __call__(
        self,
        quarter: Drivers,
        firm: Float[Array, "lab ..."],
        named: Float[Array, "lab ..."],
        state: LabState,
    ) -> tuple[LabFlows, LabState]:
        """Raises what patience allows and pays every provider the same share.

        `firm` are the firm commitments of the quarter, `named` the dues to the
        economy's own vehicles; what is left of the dues goes to outside providers.
        """
        revenue = self.revenue_share * quarter.revenue * DT
        interest = state.cash * quarter.short * DT
        margin = revenue * self.margin + interest
        again = state.deferred * DT / self.renegotiation
        usage = self.compute * revenue
        due = jnp.maximum(jnp.maximum(firm + again, usage), named)
        width = self.patience_high - self.patience_low
        patience = jnp.clip(
            (quarter.ratio_year_ago - self.patience_low) / width, 0.0, 1.0
        )
        capacity = self.equity * DT * patience * self.access
        own = state.cash + margin
        raised = jnp.clip(due + self.minimum_cash - own, 0.0, capacity)
        honoured = jnp.clip((own + raised) / jnp.maximum(due, 1e-9), 0.0, 1.0)
        paid = honoured * due
        short = due - paid
        flows = LabFlows(
            revenue=revenue,
            margin=margin - interest,
            interest=interest,
            raised=raised,
            due=due,
            honoured=honoured,
            paid=paid,
            forgiven=self.forgiven * short,
            headroom=headroom(own + capacity, due),
            cash=own + raised - paid,
        )
        deferred = state.deferred - again + (1.0 - self.forgiven) * short
        return flows, LabState(cash=flows.cash, deferred=deferred)


def firm_commitments(economy: Economy, grid: TimeGrid) -> Float[Array, "quarter lab"]:
    """What the labs firmly owe for compute, by quarter [USD bn]."""
    owed = [
        economy[f"labs.{name}.firm"]
        * grid.schedule(
            economy[f"labs.{name}.commitments.edges"],
            economy[f"labs.{name}.commitments.amounts"],
        )
        for name in economy.members("labs")
    ]
    return grid.modelled(jnp.stack(owed, axis=1)) * economy["market.coordinator"]
