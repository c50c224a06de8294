"""The whole quarterly step, in the order of docs/model.md."""

from tests.oracle import (
    chips,
    contracts,
    market,
    neoclouds,
    vehicles,
    wealth,
    workout,
)
from tests.oracle.dates import DT
from tests.oracle.lenders import Lenders


class Oracle(Lenders):
    """One scenario, quarter by quarter."""

    def quarter(self, t: int) -> dict:
        """One quarter of everything: groups of series, by member where there are."""
        kept = wealth.feel(self.f, self.d, t, self.wealth["cut"])
        p = market.prices(self.f, self.d, t, self.market)
        asked = market.order(self.f, self.d, t, self.market, p, self.system["openness"])
        bills = {
            m: neoclouds.bill(
                self.f,
                c,
                self.calendar,
                self.d,
                t,
                self.clouds[m],
                p,
                self.late[m],
                asked["powered"],
            )
            for m, c in self.c["neoclouds"].items()
        }
        tenancies = self.run_tenancies(t, p)
        dues = {
            m: vehicles.rent_due(c, self.lease[m], self.calendar, t, tenancies[m])
            for m, c in self.c["spvs"].items()
        }
        late = (
            self.late[self.families["hybrid"][0]]
            / self.only("hybrid")["overflow_capex"]
        )
        self.rpo = max(0.0, self.hybrid_plan["rpo"][t] - late * DT)
        labs = self.run_labs(t, bills, dues)
        self.allot_chips(t, bills, p, asked["share"])
        collected = {}
        for m, c in self.c["spvs"].items():
            tenant = self.kinds[m]["tenant"]
            pays = labs[tenant]["honoured"] if tenant in labs else 1.0
            collected[m] = vehicles.collect(
                c, dues[m], tenancies[m], pays, self.spvs[m]
            )
        by_cost = "hyperscaler_funding.supply" in self.f
        dearer = vehicles.supply_spread(self.f, self.supply) if by_cost else 0.0
        started = {m: s["alive"] for m, s in self.spvs.items()}
        self.offers = self.offer(t)
        spvs = self.run_spvs(t, tenancies, collected, p)
        billed = {m: b["billed"] * self.clouds[m]["alive"] for m, b in bills.items()}
        clouds = self.run_clouds(t, labs, bills, p)
        hypers = self.run_hypers(
            t, labs, (billed, clouds), collected, dearer, started, spvs
        )
        hybrid = self.run_hybrid(t, labs, p, dearer)
        self.hybrid["seeking"] = self.freed(bills, clouds)
        vendor = self.run_vendors(t, hypers, hybrid, clouds, spvs)
        report = self.run_holders(t, clouds, spvs)
        self.market = market.build(self.f, self.d, t, self.market, p, asked)
        spending = self.run_wealth(t, clouds, hypers, hybrid, vendor)
        p.update(in_service=self.market["fleet"])
        p.update({k: self.market[k] for k in ("additions", "waiting", "wait")})
        p.update(chips=asked["share"], on_order=self.market["on_order"])
        names = ("revenue", "plan", "ratio", "response", "short", "ten_year")
        names += ("spread_factor", "gpu_factor", "money", "demand", "power")
        return {
            "drivers": {name: self.d[name][t] for name in names},
            "prices": p,
            "labs": labs,
            "tenancies": tenancies,
            "hyperscalers": hypers,
            "hybrid": hybrid,
            "clouds": clouds,
            "spvs": spvs,
            "vendor": vendor,
            "late": dict(self.late),
            "late_in_all": self.late_in_all,
            "wealth": {**spending, "kept": kept},
            **report,
        }

    def allot_chips(self, t: int, bills: dict, p: dict, share: float) -> None:
        """What chips let every buyer build, and what it waits for afterwards."""
        orders, contracted, weights = {}, {}, {}
        for m, c in self.c["neoclouds"].items():
            s, plan = self.clouds[m], self.cloud_plan[m]
            resuming = s["deferred"] * min(1.0, DT / c["resume"])
            orders[m] = (plan["capex"][t] + resuming, self.late[m])
            middle, volume = self.calendar.middles[t], self.g["volume"]
            wanted = chips.offered(c, self.d, t, bills[m], middle, volume)
            unit = chips.unit_cost(c, self.g["fabs"], p["level"])
            contracted[m], weights[m] = unit * wanted, s["alive"]
        plans = {m: self.capex[m][t] for m in self.families["hyperscalers"]}
        plans |= {m: self.hybrid_plan["capex"][t] for m in self.families["hybrid"]}
        for m, planned in plans.items():
            orders[m] = (planned * DT * self.d["response"][t], self.late[m])
            contracted[m], weights[m] = 0.0, 1.0
        self.chips = chips.allot(orders, contracted, weights, self.ranks, share)
        self.late = {m: x["left"] for m, x in self.chips.items()}
        self.late_in_all = sum(weights[m] * x for m, x in self.late.items())

    def run_labs(self, t: int, bills: dict, dues: dict) -> dict:
        """Labs pay their dues, or a share of them."""
        result = {}
        for m, c in self.c["labs"].items():
            firm = self.firm[m][t]
            named = sum(c[f"providers.{x}"] for x in self.c["hyperscalers"]) * firm
            named += self.only("hybrid")[f"customers.{m}"] * self.rpo
            named += self.hybrid["served"][m] * DT
            for i, cloud in self.c["neoclouds"].items():
                billed = bills[i]["billed"] * self.clouds[i]["alive"]
                named += cloud[f"customers.{m}"] * billed
            for i, x in dues.items():
                if self.kinds[i]["tenant"] == m:
                    named += (x["rent"] + x["owed"]) * self.spvs[i]["alive"]
            r = contracts.run_lab(self.f, c, self.d, t, self.labs[m], firm, named)
            self.labs[m] = result[m] = r
        return result

    def run_tenancies(self, t: int, p: dict) -> dict:
        """Tenants stay or leave."""
        f, d, begin = self.f, self.d, self.calendar.starts[t]
        told, h = self.foresight, self.calendar.n_history
        if told is None:
            rents = contracts.expected_rents(
                f, self.choices, d, t, self.market["shells"]
            )
            chips = None
        else:
            rents, chips = (contracts.told(told[k], t - h) for k in ("shell", "level"))
        return {
            m: contracts.decide(
                f,
                c,
                self.lease[m],
                d,
                t,
                begin,
                self.kinds[m],
                rents,
                self.spvs[m],
                p,
                chips,
            )
            for m, c in self.c["spvs"].items()
        }

    def run_hypers(
        self,
        t: int,
        labs: dict,
        sellers: tuple[dict, dict],
        collected: dict,
        dearer: float,
        started: dict,
        spvs: dict,
    ) -> dict:
        """Hyperscalers collect from labs, build, pay rent and complete projects.

        `sellers` are the neoclouds: what they billed and what they report; `started`
        is who lived at the start of the quarter, `spvs` what they report.
        """
        result = {}
        billed, clouds = sellers
        bought = {}
        if self.acquired is not None:
            price = sum(r["workout"]["paid"] for r in clouds.values())
            free = workout.buyers_cash(self.f, self.c["hyperscalers"], self.hypers)
            bought = workout.buy(self.f, price, free, self.acquired)
            self.acquired = {m: x["held"] for m, x in bought.items()}
        for m, c in self.c["hyperscalers"].items():
            from_labs = rent = 0.0
            for lab, figures in self.c["labs"].items():
                due = figures[f"providers.{m}"] * self.firm[lab][t]
                from_labs += labs[lab]["honoured"] * due
            for i, x in collected.items():
                if self.kinds[i]["tenant"] == m:
                    paid = x["from_tenant"] + x["owed"] - x["covered"]
                    rent += paid * started[i]
                    extra, lives = spvs[i]["building"], spvs[i]["alive"]
                    rent -= extra["credited"] * lives
                    if extra["by_tenant"]:
                        rent += extra["guaranteed"] * lives
            for i, cloud in self.c["neoclouds"].items():
                rent += cloud[f"customers.{m}"] * billed[i]
            plan = {
                "capex": self.chips[m]["built"],
                "rent": rent,
                "from_labs": from_labs,
                "last": self.calendar.n_history - 1,
                "bought": bought.get(m),
            }
            self.hypers[m] = result[m] = vehicles.run_hyperscaler(
                self.f, c, self.d, t, self.hypers[m], plan, dearer
            )
        if "hyperscaler_funding.supply" in self.f:
            gone = min(1.0, DT / self.f["hyperscaler_funding.digestion"])
            self.supply -= self.supply * gone
            self.supply += sum(r["issued"] for r in result.values())
        return result

    def run_hybrid(self, t: int, labs: dict, p: dict, dearer: float) -> dict:
        """The hybrid cloud's quarter."""
        c = self.only("hybrid")
        self.hybrid = vehicles.run_hybrid(
            c,
            self.hybrid_plan,
            self.d,
            t,
            self.hybrid,
            self.unpaid(c, labs),
            p,
            self.f["shifts.rate_all"],
            {
                **self.window(*self.families["hybrid"]),
                "supply": dearer,
                "rpo": self.rpo,
                "power": self.d["power"][t] / self.f["power.price"] - 1.0,
                "capex": self.chips[self.families["hybrid"][0]]["built"],
            },
            {m: r["honoured"] for m, r in labs.items()},
        )
        return self.hybrid

    def freed(self, bills: dict, clouds: dict) -> dict:
        """What neoclouds that fail this quarter sold, by payer (None: no name)."""
        seeking = dict.fromkeys([*self.families["labs"], None], 0.0)
        own = self.families["hyperscalers"]
        for i, c in self.c["neoclouds"].items():
            served = bills[i]["billed"] - bills[i]["to_leave"]
            lost = clouds[i]["failing"] * served / DT
            if "workout" in clouds[i]:
                lost *= clouds[i]["workout"]["liquidated"]
            rest = 1.0 - sum(c[f"customers.{m}"] for m in own)
            for m in self.families["labs"]:
                seeking[m] += c[f"customers.{m}"] * lost
                rest -= c[f"customers.{m}"]
            seeking[None] += rest * lost
        return seeking

    def run_vendors(
        self, t: int, hypers: dict, hybrid: dict, clouds: dict, spvs: dict
    ) -> dict:
        """The vendors' quarter."""
        capex = sum(r["capex"] for r in hypers.values()) + hybrid["capex"]
        capex += sum(r["alive"] * r["capex"] for r in clouds.values())
        result = {}
        for m, c in self.c["vendor"].items():
            backed = self.choices[f"vendor.{m}.backs"]
            cloud = clouds.get(backed, {"alive": 0.0, "backstop": 0.0, "price": 0.0})
            paid = {"backstop": cloud["alive"] * cloud["backstop"]}
            paid["guarantees"] = paid["dividends"] = 0.0
            for i, r in spvs.items():
                if self.kinds[i]["guarantor"] != m:
                    continue
                paid["guarantees"] += r["covered"] * r["alive"]
                paid["guarantees"] += r["guaranteed"] * r["failing"]
                share = self.c["spvs"][i]["vendor_equity"]
                owners = r["distributed"] - r["equity"] - r["sponsor"]
                if r["building"]["by_tenant"]:
                    owners += r["building"]["guaranteed"]
                paid["dividends"] += share * owners * r["alive"]
            report = vehicles.run_vendor(c, self.d, t, self.vendor_cash[m], capex, paid)
            self.vendor_cash[m] = report["cash"]
            worth = 0.0
            if backed in clouds:
                worth = cloud["price"] * self.c["neoclouds"][backed]["market_cap"]
            report["stake"] = c["stake"] * worth
            result[m] = report
        return result


def run(
    figures: dict,
    families: dict,
    choices: dict,
    shocks: list,
    grid: tuple,
    foresight: dict | None = None,
):
    """Every model quarter of a scenario; `grid` is start, quarters, history.

    `foresight`: paths of `shell` and `level` that tenants are told, if they are.
    """
    oracle = Oracle(figures, families, choices, shocks, grid)
    oracle.foresight = foresight
    quarters = range(oracle.calendar.n_history, oracle.calendar.n_quarters)
    return oracle, [oracle.quarter(t) for t in quarters]
