"""Who pays whom, read from a record: links of `source`, `target`, `value` [USD bn]."""

from typing import Any

import numpy as np

HOLDERS = ("fund", "bond_fund", "bank", "insurer", "pension", "outside")
NEXT = 4
"""Quarters of the capital-flow chart."""

SMALLEST = 0.05
"""Links below this [USD bn] are left out."""

AGENCY, BONDS = "agency", "Agency's bonds"
"""What a government's agency collects, and what its creditors put in."""

OWN = "own capex"
"""Kind of the hyperscalers' capital expenditure for themselves."""

Links = list[dict[str, Any]]


class Ledger:
    """Adds up payments between two names."""

    def __init__(self) -> None:
        self.totals: dict[tuple[str, str, str], float] = {}

    def pay(self, source: str, target: str, value: Any, kind: str) -> None:
        """Books a payment; one below `SMALLEST` in all is kept but not drawn."""
        key = source, target, kind
        self.totals[key] = self.totals.get(key, 0.0) + float(value)

    def links(self) -> Links:
        return [
            {"source": a, "target": b, "kind": kind, "value": value}
            for (a, b, kind), value in self.totals.items()
            if value >= SMALLEST
        ]


def holders_of(economy: Any) -> dict[str, np.ndarray]:
    """Shares of each holder in each class of debt."""
    from engine.funds.holders import Holders

    found = Holders.build(economy)
    return {name: np.asarray(getattr(found, name)) for name in HOLDERS}


def classes_of(economy: Any) -> list[tuple[str, str]]:
    """Vehicle and class of every column of the record's classes."""
    clouds, spvs = economy.members("neoclouds"), economy.members("spvs")
    return [
        (name, kind)
        for kinds, members in (
            (("secured loans", "unsecured notes"), clouds),
            (("loans and notes", "take-out loans"), spvs),
        )
        for kind in kinds
        for name in members
    ]


def capital(economy: Any, grid: Any, result: Any) -> Links:
    """Payments over the next four quarters."""
    return ledger(economy, grid, result).links()


def ledger(economy: Any, grid: Any, result: Any) -> Ledger:
    """The same, with every payment however small."""
    import jax.numpy as jnp

    from engine.contracts.labs import firm_commitments
    from engine.vehicles.hybrid import hybrid_paths

    record, book = result.record, Ledger()

    def year(values: Any) -> np.ndarray:
        return np.sum(np.asarray(values)[:NEXT], axis=0)

    labs, scalers = economy.members("labs"), economy.members("hyperscalers")
    clouds, spvs = economy.members("neoclouds"), economy.members("spvs")
    (hybrid,) = economy.members("hybrid")
    honoured = np.asarray(record.labs.honoured)
    alive = np.asarray(record.clouds.alive)
    billed = np.asarray(record.clouds.billed) * alive
    backlog = np.asarray(hybrid_paths(economy, grid).backlog)
    firm = np.asarray(firm_commitments(economy, grid))

    for i, lab in enumerate(labs):
        book.pay("End users", lab, year(record.labs.revenue)[i], "revenue")
        book.pay("Investors in labs", lab, year(record.labs.raised)[i], "equity")
        named = 0.0
        owed = {
            cloud: float(economy[f"neoclouds.{cloud}.customers.{lab}"]) * billed[:, j]
            for j, cloud in enumerate(clouds)
        }
        owed[hybrid] = float(economy[f"hybrid.{hybrid}.customers.{lab}"]) * backlog
        for scaler in scalers:
            owed[scaler] = float(economy[f"labs.{lab}.providers.{scaler}"]) * firm[:, i]
        for payee, due in owed.items():
            paid = float(np.sum((due * honoured[:, i])[:NEXT]))
            book.pay(lab, payee, paid, "compute")
            named += paid
        for k, spv in enumerate(spvs):
            if economy.blueprint.choice(f"spvs.{spv}.tenant") == lab:
                here = np.asarray(record.spvs.rent * record.spvs.alive)[:NEXT, k]
                named += float(np.sum(here))
        rest = float(year(record.labs.paid)[i]) - named
        book.pay(lab, "Other compute suppliers", rest, "compute")

    for j, cloud in enumerate(clouds):
        others = float(np.sum((np.asarray(record.clouds.receipts) * alive)[:NEXT, j]))
        for scaler in scalers:
            share = float(economy[f"neoclouds.{cloud}.customers.{scaler}"])
            paid = share * float(np.sum(billed[:NEXT, j]))
            book.pay(scaler, cloud, paid, "compute")
            others -= paid
        for i, lab in enumerate(labs):
            share = float(economy[f"neoclouds.{cloud}.customers.{lab}"])
            others -= share * float(np.sum((billed[:, j] * honoured[:, i])[:NEXT]))
        book.pay("Other customers", cloud, others, "compute")
        raised = np.sum((np.asarray(record.clouds.raised) * alive)[:NEXT, j])
        book.pay("Shareholders", cloud, raised, "equity")
        spent = np.sum((np.asarray(record.clouds.capex) * alive)[:NEXT, j])
        _build(book, economy, cloud, float(spent))

    for k, spv in enumerate(spvs):
        here = np.asarray(record.spvs.alive)[:, k]
        rent = np.sum((np.asarray(record.spvs.cfads)[:, k] * here)[:NEXT])
        tenant = economy.blueprint.choice(f"spvs.{spv}.tenant")
        book.pay(
            tenant if tenant in (*labs, *scalers, hybrid) else "Other tenants",
            spv,
            rent,
            "rent",
        )
        own = np.asarray(record.spvs.equity + record.spvs.sponsor)[:, k] * here
        book.pay("Sponsors", spv, np.sum(own[:NEXT]), "equity")
        spent = np.asarray(record.spvs.spend)[:, k] * here
        book.pay(spv, "Builders, power, other", np.sum(spent[:NEXT]), "capex")

    _build(book, economy, hybrid, float(year(record.hybrid.capex)))
    for i, scaler in enumerate(scalers):
        # Kept apart: beside it, everything else would be too thin to see.
        spent = year(record.hyperscalers.capex)[i]
        book.pay(scaler, "Own build-out", spent, OWN)

    shares = holders_of(economy)
    classes = record.classes
    service = year(jnp.asarray(classes.interest + classes.repaid))
    lent, by_agency = year(classes.lent), 0.0 * service
    left = service
    if record.agency is not None:
        by_agency = year(record.agency.interest + record.agency.repaid)
        left = service - by_agency
    served = {h: left * shares[h] for h in HOLDERS}
    if record.moved is not None:
        moved = year(jnp.asarray(record.moved.interest + record.moved.repaid))
        served["bank"], served["fund"] = served["bank"] + moved, served["fund"] - moved
    own = 0.0 * service
    if record.agency is not None:
        own = year(record.agency.taken + record.agency.kept)
        _agency(book, record, year, shares)
    premium = 0.0 * service if classes.premium is None else year(classes.premium)
    for c, (vehicle, kind) in enumerate(classes_of(economy)):
        book.pay("New credit", vehicle, lent[c] - own[c], "credit")
        book.pay(BONDS, vehicle, own[c], "credit")
        family = "Neocloud" if vehicle in clouds else "SPV"
        pool = f"{family} {kind}"
        book.pay(vehicle, pool, service[c], "debt service")
        for holder in HOLDERS:
            book.pay(pool, holder, served[holder][c], "debt service")
        book.pay(pool, AGENCY, by_agency[c], "debt service")
        book.pay(vehicle, "government", premium[c], "premium")
    received = {h: float(np.sum(served[h])) for h in ("fund", "bond_fund")}
    _onwards(book, economy, received, record, year)
    return book


def _agency(book: Ledger, record: Any, year: Any, shares: dict[str, Any]) -> None:
    """What it pays holders for older loans, and what it does with what it collects."""
    agency = record.agency
    older = year(agency.bought - agency.taken)
    paid = {h: older * shares[h] for h in HOLDERS}
    if record.moved is not None:
        # Banks hold more than the figures say, funds less: they sell what they hold.
        private = np.asarray(record.private.repaid)
        part = np.divide(
            np.asarray(record.moved.repaid),
            private,
            out=np.zeros_like(private),
            where=private > 0.0,
        )
        beyond = year(part * np.asarray(agency.bought - agency.taken))
        paid["bank"], paid["fund"] = paid["bank"] + beyond, paid["fund"] - beyond
    for holder, amounts in paid.items():
        book.pay(BONDS, holder, np.sum(amounts), "credit")
    collected = float(np.sum(year(agency.interest + agency.repaid)))
    other = float(np.sum(year(agency.recovered + agency.claimed)))
    dividend = float(year(agency.dividend))
    injected = float(year(agency.injected))
    book.pay("Recoveries and claims", AGENCY, other, "debt service")
    book.pay("Treasury", AGENCY, injected, "equity")
    book.pay(AGENCY, "government", dividend, "debt service")
    rest = collected + other + injected - dividend
    # Its creditors are paid the rest, or lend what a dividend exceeds.
    book.pay(AGENCY, "Agency's creditors", max(rest, 0.0), "debt service")
    book.pay(BONDS, AGENCY, max(-rest, 0.0), "credit")


def _build(book: Ledger, economy: Any, buyer: str, spent: float) -> None:
    rest = 1.0
    for vendor in economy.members("vendor"):
        chips = float(economy[f"vendor.{vendor}.chip"])
        book.pay(buyer, vendor, chips * spent, "capex")
        rest -= chips
    book.pay(buyer, "Builders, power, other", rest * spent, "capex")


def _onwards(
    book: Ledger, economy: Any, received: dict[str, float], record: Any, year: Any
) -> None:
    """What the funds hand on: the private-credit fund's costs come off first."""
    from engine.metrics.chain import investors_of

    fund = record.fund
    income = float(np.sum(year(fund.income)))
    paid = received["fund"]
    # Fees and line interest are the whole fund's: its AI holdings bear their share.
    share = min(1.0, paid / income) if income > 0 else 0.0
    fee = share * float(np.sum(year(fund.to_managers)))
    service = np.sum(year(fund.line_interest)) + np.sum(year(fund.service_beside))
    line = share * float(service)
    book.pay("fund", "Managers' fees", fee, "debt service")
    book.pay("fund", "bank", line, "debt service")
    left = {"fund": max(paid - fee - line, 0.0), "bond_fund": received["bond_fund"]}
    # By what each cohort distributes of what its AI holdings earn.
    earned = np.asarray(year(fund.interest))
    weights = {
        "fund": earned / max(float(np.sum(earned)), 1e-9),
        "bond_fund": np.ones(1),
    }
    for name, weight in weights.items():
        for investor, owned in investors_of(economy, name).items():
            part = float(np.sum(np.asarray(owned) * weight))
            book.pay(name, investor, left[name] * part, "debt service")
