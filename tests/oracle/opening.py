"""What is known of a scenario beforehand, and every balance sheet at `as_of`."""

from tests.oracle import (
    agency,
    building,
    contracts,
    credit_neocloud,
    credit_spv,
    funds,
    lending,
    market,
    public,
    vehicles,
    wealth,
)
from tests.oracle import system as contagion
from tests.oracle.dates import Calendar, under
from tests.oracle.drivers import drive
from tests.oracle.resemblance import Likeness

KINDS = (
    "kind",
    "profile",
    "coupon_kind",
    "funding",
    "rent_rule",
    "tenant",
    "asset",
    "guarantor",
    "completion_guarantor",
    "rvg_beneficiary",
)


class Opened:
    """One scenario: its figures, what is known beforehand, and the state."""

    def __init__(
        self, figures: dict, families: dict, choices: dict, shocks: list, grid: tuple
    ) -> None:
        self.f, self.choices, self.families = figures, choices, families
        self.calendar = Calendar(*grid)
        f, calendar = figures, self.calendar
        self.d = drive(f, choices, calendar, shocks)
        self.c = {
            family: {m: under(f, f"{family}.{m}") for m in members}
            for family, members in families.items()
        }
        self.kinds = {
            m: {k: choices[f"spvs.{m}.{k}"] for k in KINDS} for m in families["spvs"]
        }
        clouds = self.c["neoclouds"]
        for c in clouds.values():
            c["box_margin"] -= credit_neocloud.discount(c, families)
        self.g = g = credit_neocloud.guarantee_terms(f, list(clouds.values()))
        self.firm = {
            m: contracts.prepare_lab(f, c, calendar)["firm"]
            for m, c in self.c["labs"].items()
        }
        self.capex = {
            m: calendar.path(c["capex.dates"], c["capex.values"])
            for m, c in self.c["hyperscalers"].items()
        }
        self.hybrid_plan = vehicles.prepare_hybrid(self.only("hybrid"), calendar)
        self.cloud_plan = {
            m: credit_neocloud.prepare_cloud(f, c, calendar, g["scale"])
            for m, c in clouds.items()
        }
        self.lease = {
            m: contracts.prepare_lease(f, c, calendar, self.kinds[m]["rent_rule"])
            for m, c in self.c["spvs"].items()
        }
        self.spv_plan = {
            m: credit_spv.prepare_spv(f, c, self.lease[m], calendar)
            for m, c in self.c["spvs"].items()
        }
        for m, c in self.c["spvs"].items():
            self.spv_plan[m]["building"] = building.prepare_building(
                f, c, self.kinds[m], self.lease[m], calendar, families["hyperscalers"]
            )
        self.backer = {
            choices[f"vendor.{m}.backs"]: {
                "runs": calendar.overlap(calendar.starts[0], c["backstop_end"]),
                "rate": c["backstop_rate"],
                "order": c["backstop"],
            }
            for m, c in self.c["vendor"].items()
        }
        self.terms = funds.class_terms(
            f,
            list(clouds.values()),
            list(self.c["spvs"].values()),
            list(self.kinds.values()),
        )
        self.likeness = None
        if "resemblance.part" in f:
            self.likeness = Likeness(f, families, self.kinds, choices)
        self.foresight: dict | None = None
        self.open()

    def only(self, family: str) -> dict:
        """Figures of the one member of a family."""
        (member,) = self.c[family].values()
        return member

    def open(self) -> None:
        """Every balance sheet at `as_of`."""
        f, scale = self.f, self.g["scale"]
        self.labs = {
            m: {"cash": c["cash"], "deferred": 0.0} for m, c in self.c["labs"].items()
        }
        self.acquired = None
        if "workout.buyer_cash" in self.f:
            self.acquired = dict.fromkeys(self.c["hyperscalers"], 0.0)
        self.hypers = {
            m: vehicles.open_hyperscaler(c) for m, c in self.c["hyperscalers"].items()
        }
        self.supply = f.get("hyperscaler_funding.supply", 0.0)
        nobody = dict.fromkeys([*self.families["labs"], None], 0.0)
        self.hybrid = {"cash": self.only("hybrid")["cash"], "new": 0.0}
        self.hybrid |= {"served": nobody, "seeking": nobody}
        self.vendor_cash = {m: c["cash"] for m, c in self.c["vendor"].items()}
        unbacked = {"order": 0.0}
        self.clouds = {
            m: credit_neocloud.open_cloud(
                f, c, scale, self.backer.get(m, unbacked)["order"]
            )
            for m, c in self.c["neoclouds"].items()
        }
        self.spvs = {
            m: credit_spv.open_spv(f, c, self.kinds[m]["funding"], self.calendar, scale)
            for m, c in self.c["spvs"].items()
        }
        total, clouds = credit_neocloud.total, self.clouds.values()
        self.opening = [
            *[total(s, credit_neocloud.SECURED) for s in clouds],
            *[total(s, credit_neocloud.UNSECURED) for s in clouds],
            *[s["loan"] for s in self.spvs.values()],
            *[s["takeout"] for s in self.spvs.values()],
        ]
        kinds = {m: self.choices[f"funds.{m}.kind"] for m in self.families["funds"]}
        self.cohorts = {
            m: funds.fund_terms(f, m, kind, self.terms)
            for m, kind in kinds.items()
            if kind != "bond"
        }
        self.fund = {
            m: funds.open_fund(f, c, self.terms, self.opening)
            for m, c in self.cohorts.items()
        }
        self.lends = funds.lends(self.fund)
        self.holders = [
            m
            for m in self.families["investors"]
            if self.choices[f"investors.{m}.kind"] == "holder"
        ]
        self.book = None
        if "lending.by_price" in f:
            self.book = lending.Book(f, self.terms, len(self.spvs))
        self.receivables = [0.0] * len(self.opening)
        self.buyer = agency.agency_terms(f, self.terms, self.calendar)
        self.agency = {}
        if self.buyer is not None:
            self.agency = agency.open_agency(self.buyer, len(self.opening))
        self.market = market.opening_market(f)
        buyers = ("neoclouds", "hyperscalers", "hybrid")
        self.late = {m: 0.0 for family in buyers for m in self.families[family]}
        self.ranks = {
            m: c.get("chip_priority", 2.0)
            for family in buyers
            for m, c in self.c[family].items()
        }
        self.system = contagion.open_system()
        assets = self.families["public_markets"]
        self.public = public.open_public(f, self.choices, assets)
        h, hybrid = self.calendar.n_history, self.hybrid_plan
        first = {
            "years": self.d["years"][h],
            "rpo": hybrid["rpo"][h],
            "rent": hybrid["rent"][h],
            "capex": hybrid["capex"][h],
            "hyperscalers": [path[h] for path in self.capex.values()],
            "committed": [plan["capex"][h] for plan in self.cloud_plan.values()],
        }
        self.wealth = wealth.open_wealth(f, self.c, first)
