"""Neoclouds: contract first, then finance the contract. What they bill and earn."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from engine.bottlenecks.power import has_queue, unpowered
from engine.contracts.indexation import ContractPrices, Indexation, since_as_of
from engine.contracts.termination import Left, Termination
from engine.drivers import Drivers
from engine.economy import Economy
from engine.grid import DT, TimeGrid, span
from engine.market import VINTAGES, Prices
from engine.numerics import ratio_above
from engine.once import computed_once
from engine.vehicles.power import PowerClauses, cost_share, priced


class NeocloudPaths(eqx.Module):
    """Dated figures by model quarter (leading axis) or in one quarter [USD bn]."""

    legacy: Float[Array, "..."]
    """Annual revenue of contracts signed up to `as_of`."""
    expiring: Float[Array, "..."]
    """Annual revenue of such contracts that ends in the quarter."""
    tail: Float[Array, "..."]
    """Annual revenue whose contract is over while its chips still run."""
    lease: Float[Array, "..."]
    backstop: Float[Array, "..."]
    """Share of the quarter in which the vendor's backstop runs."""
    indexed: Float[Array, "..."] | None = None
    """Price of what runs at `as_of`, by consumer prices; None without an index [1]."""


class Operations(eqx.Module):
    """What a quarter of operations brings, average living member [USD bn]."""

    legacy: Float[Array, "neocloud ..."]
    contracted: Float[Array, "neocloud ..."]
    sold: Float[Array, "neocloud ..."]
    """Annual revenue sold, tail included."""
    billed: Float[Array, "neocloud ..."]
    left: Left | None = None
    """What customers who left bring; None where none may."""
    to_leave: Float[Array, "neocloud ..."] | None = None
    """Of what is billed, payments of those who leave now."""
    unpowered: Float[Array, "neocloud ..."] | None = None
    """Contracted, and not sold for want of power; None without a queue."""

    @property
    def served(self) -> Float[Array, "neocloud ..."]:
        """Billed for what is delivered, without payments for leaving."""
        return self.billed if self.to_leave is None else self.billed - self.to_leave


class Earnings(eqx.Module):
    """Cash and accrual result of the quarter [USD bn]."""

    receipts: Float[Array, "neocloud ..."]
    backstop: Float[Array, "neocloud ..."]
    prepaid: Float[Array, "neocloud ..."]
    costs: Float[Array, "neocloud ..."]
    ebitda: Float[Array, "neocloud ..."]
    """Accrual: what was prepaid counts when it is delivered."""
    cash_ebitda: Float[Array, "neocloud ..."]
    once: Float[Array, "neocloud ..."] | None = None
    """Of EBITDA what customers paid to leave; None where none may."""

    @property
    def run_rate(self) -> Float[Array, "neocloud ..."]:
        """EBITDA of a year like this quarter, without what comes once."""
        return 4.0 * (self.ebitda if self.once is None else self.ebitda - self.once)


class Neoclouds(eqx.Module):
    """Operating parameters by neocloud; `live` and `ended` by age of a contract."""

    labs: Float[Array, "neocloud lab ..."]
    collected: Float[Array, "neocloud ..."]
    legacy_cash: Float[Array, "neocloud ..."]
    prepayment: Float[Array, "neocloud ..."]
    variable: Float[Array, "neocloud ..."]
    overhead: Float[Array, "neocloud ..."]
    lease_rate: Float[Array, "neocloud ..."]
    capex_per_revenue: Float[Array, "neocloud ..."]
    backstop_share: Float[Array, "neocloud ..."]
    tail_price: Float[Array, "neocloud ..."]
    live: Float[Array, "vintage neocloud ..."]
    ended: Float[Array, "vintage neocloud ..."]
    ending: Float[Array, "vintage neocloud ..."]
    power: PowerClauses | None
    indexation: Indexation | None = None
    termination: Termination | None = None
    starting: Float[Array, "vintage neocloud ..."] | None = None
    """None where nothing waits for power."""

    @staticmethod
    def build(economy: Economy) -> "Neoclouds":
        """Assembles the operations from the figures."""

        def stack(key: str) -> Float[Array, "neocloud ..."]:
            return economy.stack("neoclouds", key)

        delay = economy["physics.delay"]
        terms = economy.rows("neoclouds", "delivery", "term", "tail")
        live, ended, ending, starting = jax.vmap(
            lambda deal: _lives(deal, delay), out_axes=1
        )(terms)
        labs = [
            economy.stack("neoclouds", f"customers.{lab}")
            for lab in economy.members("labs")
        ]
        return Neoclouds(
            labs=jnp.stack(labs, axis=1),
            collected=stack("collected"),
            legacy_cash=stack("legacy_cash"),
            prepayment=stack("prepayment"),
            variable=stack("variable"),
            overhead=stack("overhead"),
            lease_rate=stack("lease_rate"),
            capex_per_revenue=stack("capex_per_revenue"),
            backstop_share=_of_backer(economy, "backstop_rate"),
            tail_price=jnp.exp(-economy["market.chip_decay"] * stack("term")),
            live=live,
            ended=ended,
            ending=ending,
            power=PowerClauses.build(economy),
            indexation=Indexation.build(economy),
            termination=Termination.build(economy, live, ended),
            starting=starting if has_queue(economy) else None,
        )

    @computed_once
    def operate(
        self,
        quarter: Drivers,
        prices: Prices,
        paths: NeocloudPaths,
        contracts: Float[Array, "vintage neocloud ..."],
        deferred_capex: Float[Array, "neocloud ..."],
        indexed: ContractPrices | None,
        left: Left | None,
        waiting: Float[Array, "neocloud ..."] | None = None,
    ) -> Operations:
        """Bills contracts, old and new, and what expired chips fetch at market.

        `contracts` is the register of annual revenue signed, aged into this quarter,
        without those that were `left`; `indexed` are prices over the signed ones;
        capacity whose capex is deferred earns nothing, nor does what is `waiting` for
        power [USD bn/year] until the queue connects it.
        """
        lost = deferred_capex / self.capex_per_revenue
        legacy = jnp.maximum(paths.legacy - lost, 0.0)
        running = self.live * contracts
        contracted = jnp.sum(running, axis=0)
        dark = None
        if waiting is not None and self.starting is not None:
            starting = jnp.sum(self.starting * contracts, axis=0)
            dark = unpowered(prices.powered, waiting, starting, contracted)
        if dark is not None:
            running = running * (1.0 - ratio_above(dark, contracted))[None]
            contracted = contracted - dark
        expired = paths.tail + jnp.sum(self.ended * contracts, axis=0)
        tail = expired * jnp.minimum(prices.level * self.tail_price, 1.0)
        sold = legacy + contracted + tail
        sold = sold if left is None else sold + left.sold
        charged = priced(self.power, quarter.power, sold, (legacy, contracted))
        if indexed is not None:
            charged = charged + indexed.rise(legacy, running)
        billed = charged * DT * self.collected
        to_leave = None if left is None else left.payment * self.collected
        return Operations(
            legacy=legacy,
            contracted=contracted,
            sold=sold,
            billed=billed if to_leave is None else billed + to_leave,
            left=left,
            to_leave=to_leave,
            unpowered=dark,
        )

    @computed_once
    def earn(
        self,
        quarter: Drivers,
        operations: Operations,
        paths: NeocloudPaths,
        honoured: Float[Array, "lab ..."],
        deferred_revenue: Float[Array, "neocloud ..."],
        backstop_left: Float[Array, "neocloud ..."],
    ) -> Earnings:
        """Collects from labs what they honour, from the others in full; pays costs."""
        from_labs = self.labs * honoured[None, :]
        paying = 1.0 - jnp.sum(self.labs, axis=1) + jnp.sum(from_labs, axis=1)
        receipts = operations.billed * paying
        lost = operations.billed - receipts
        backstop = paths.backstop * jnp.minimum(
            backstop_left, self.backstop_share * lost
        )
        early = (1.0 - self.legacy_cash) * operations.legacy * DT
        early = early + self.prepayment * operations.contracted * DT
        left = operations.left
        early = early if left is None else early + left.prepaid
        prepaid = jnp.minimum(deferred_revenue, early)
        share = cost_share(self.power, quarter.power, self.variable + self.overhead)
        costs = share * operations.sold * DT
        leases = jnp.maximum(paths.lease, self.lease_rate * operations.sold) * DT
        ebitda = receipts + backstop - costs - leases
        return Earnings(
            receipts=receipts,
            backstop=backstop,
            prepaid=prepaid,
            costs=costs + leases,
            ebitda=ebitda,
            cash_ebitda=ebitda - prepaid,
            once=None if operations.to_leave is None else operations.to_leave * paying,
        )


def _lives(
    deal: dict[str, Array], delay: Float[Array, ""]
) -> tuple[
    Float[Array, " vintage"],
    Float[Array, " vintage"],
    Float[Array, " vintage"],
    Float[Array, " vintage"],
]:
    """Ages at which a contract runs, its chips outlive it, it ends, and it starts."""
    start = deal["delivery"] + delay
    end = start + deal["term"]
    last = end + deal["tail"]
    return (
        span(start, end, VINTAGES),
        span(end, last, VINTAGES),
        span(end, end + DT, VINTAGES),
        span(start, start + DT, VINTAGES),
    )


def neocloud_paths(economy: Economy, grid: TimeGrid) -> NeocloudPaths:
    """Dated figures of every neocloud by model quarter."""

    def of(deal: dict[str, Array]) -> NeocloudPaths:
        dates, values = deal["legacy_revenue.dates"], deal["legacy_revenue.values"]
        legacy = grid.path(dates, values)
        before = jnp.interp(grid.middles - DT, dates, values)
        earlier = jnp.interp(grid.middles - deal["tail"], dates, values)
        lease = grid.path(deal["lease.dates"], deal["lease.values"])
        return NeocloudPaths(
            legacy=grid.modelled(legacy),
            expiring=grid.modelled(jnp.maximum(before - legacy, 0.0)),
            tail=grid.modelled(jnp.maximum(earlier - legacy, 0.0)),
            lease=grid.modelled(lease),
            backstop=grid.modelled(grid.overlap(grid.start, deal["backstop_end"])),
        )

    deals = economy.rows(
        "neoclouds", "legacy_revenue.dates", "legacy_revenue.values", "tail",
        "lease.dates", "lease.values",
    )  # fmt: skip
    deals["backstop_end"] = _of_backer(economy, "backstop_end")
    paths = jax.vmap(of, out_axes=1)(deals)
    return dataclasses.replace(paths, indexed=since_as_of(economy, grid))


def backing(economy: Economy) -> Float[Array, "vendor neocloud"]:
    """1 where the vendor has ordered the neocloud's unsold capacity."""
    clouds = economy.members("neoclouds")
    backed = [
        economy.blueprint.choice(f"vendor.{name}.backs")
        for name in economy.members("vendor")
    ]
    chosen = [[cloud == name for cloud in clouds] for name in backed]
    return jnp.asarray(chosen, dtype=economy.stack("vendor", "stake").dtype)


def _of_backer(economy: Economy, key: str) -> Float[Array, " neocloud"]:
    """Figure `key` of the vendor that backs each neocloud, 0 where none does."""
    return jnp.sum(backing(economy) * economy.stack("vendor", key)[:, None], axis=0)


def backstops(economy: Economy) -> Float[Array, "neocloud ..."]:
    """Orders of the vendors for unsold capacity [USD bn]."""
    return _of_backer(economy, "backstop")
