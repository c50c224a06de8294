"""Who holds the paper, and what spreads: layers 6 to 8 of a quarter."""

from tests.oracle import agency, funds, wealth
from tests.oracle import public as markets
from tests.oracle import system as contagion
from tests.oracle.opening import Opened


class Holders(Opened):
    """The right-hand part of the recipe."""

    def run_wealth(
        self, t: int, clouds: dict, hypers: dict, hybrid: dict, vendor: dict
    ) -> dict:
        """Tech equity at market, and what households spend less for its fall."""
        pairs = [
            (r["price"], self.c["neoclouds"][m]["market_cap"])
            for m, r in clouds.items()
        ]
        companies = {
            m: (4.0 * r["operating"], r["owed"], r["cash"] + r["acquired"])
            for m, r in hypers.items()
        }
        (name,) = self.families["hybrid"]
        companies[name] = (4.0 * hybrid["ebitda"], hybrid["debt"], hybrid["cash"])
        for m, r in vendor.items():
            companies[m] = (4.0 * r["profit"], 0.0, r["cash"])
        rho, now = self.d["ratio"][t], wealth.gdp(self.f, self.calendar.middles[t])
        report, self.wealth = wealth.wealth_effect(
            self.f, self.wealth, rho, now, pairs, companies
        )
        return report

    def run_holders(self, t: int, clouds: dict, spvs: dict) -> dict:
        """Funds, investors and contagion."""
        f, before = self.f, self.system
        self.system_before = before
        flows = funds.member_flows(list(clouds.values()), list(spvs.values()))
        classes = funds.settle(self.terms, flows, self.receivables, self.g)
        self.receivables = [x["receivable"] for x in classes]
        names, deals = self.families["neoclouds"], self.families["spvs"]
        issuers = [*names, *names, *deals, *deals]
        price = [
            funds.mark_now(f, term, x, self.d, t, self.spread_met(m))
            for term, x, m in zip(self.terms, flows, issuers, strict=True)
        ]
        fund, private, bought = {}, classes, {}
        if self.buyer is not None:
            late = agency.unpaid(list(clouds.values()), list(spvs.values()))
            env = {"t": t, "short": self.d["short"][t]}
            bought, self.agency, private = agency.run_agency(
                self.buyer, self.terms, classes, late, price, env, self.agency
            )
        if self.book is not None:
            members = list(clouds.values()), list(spvs.values())
            kept = bought["kept"] if bought else [0.0] * len(private)
            self.book.settle(private, kept, *members, self.d["short"][t])
        quotes = {"other": 1.0, "moved": 0.0}
        if self.public is not None:
            quotes = markets.quote(self.public)
        charged = before["charged"].items()
        used = {who: x / f[f"investors.{who}.buffer"] for who, x in charged}
        for m, c in self.cohorts.items():
            fund[m], self.fund[m] = funds.run_fund(
                c, self.d, t, self.fund[m], private, price, used, quotes
            )
        investors, state = contagion.bear(
            f, self.terms, private, price, fund, self.holders, before, bought
        )
        traded = None
        if self.public is not None:
            sold = [r["sold"] for r in fund.values()]
            other = sum(s["other"] for s in self.fund.values())
            lost = dict(zip(markets.INSTITUTIONS, investors["used"], strict=True))
            lost["bank"] = state["bank_lost"]
            book = self.public, quotes, lost, before["charged"], sold, other
            traded, self.public = markets.trade(*book)
            investors, state = markets.mark_investors(f, traded, investors, state)
        pairs = [
            [(self.c[family][m], r) for m, r in reports.items()]
            for family, reports in (("neoclouds", clouds), ("spvs", spvs))
        ]
        sales = sum(investors["forced_sales"])
        sales += sum(r["sold"] for r in fund.values())
        opened = sum(self.lends[m] * r["lending"] for m, r in fund.items())
        impact = f["contagion.price_impact"] * sales
        if traded is not None:
            impact = traded["impact"]
        news, spread = contagion.spread_news(
            f, *pairs, classes, opened, (sales, impact), before
        )
        if self.likeness is not None:
            spread["fear"], spread["met"] = self.likeness.spreads(
                before, news, {**clouds, **spvs}
            )
            news["met"] = spread["met"]
        self.system = {**state, **spread}
        return {
            "classes": dict(enumerate(classes)),
            "private": private,
            "agency": bought,
            "price": price,
            "fund": fund,
            "bond": {"credit_loss": investors["bond_loss"]},
            "investors": investors,
            "system": news,
            **({} if traded is None else {"public": traded}),
        }
