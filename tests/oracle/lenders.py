"""Who is paid: what lenders offer, and layer 5 of a quarter."""

from tests.oracle import agency, credit_spv, neoclouds, workout
from tests.oracle.credit_neocloud import recovery
from tests.oracle.credit_neocloud_step import run_cloud
from tests.oracle.holders import Holders


class Lenders(Holders):
    """The middle of the recipe: neoclouds and SPVs with their creditors."""

    def unpaid(self, c: dict, labs: dict) -> float:
        """Share of a payee's revenue that labs leave unpaid."""
        return sum(c[f"customers.{m}"] * (1.0 - r["honoured"]) for m, r in labs.items())

    def window(self, m: str) -> dict:
        """Openness and spread that lenders ask for at the start of the quarter."""
        openness = self.d["access"] * self.system["openness"]
        return {"open": openness, "spread": self.spread_met(m)}

    def spread_met(self, m: str) -> float:
        """An issuer's own contagion spread at the start of the quarter."""
        return self.system["met"].get(m, self.system["spread"])

    def lending(self, t: int, m: str, kind: str) -> dict:
        """The window of those whose loans the agency buys."""
        return agency.resold(self.buyer, self.agency, t, self.window(m), kind)

    def offer(self, t: int) -> dict:
        """What the choice of lender changes in the terms of new money."""
        plain = {"kept": 1.0, "margin": 0.0}
        plain |= {"takeout_kept": 1.0, "takeout_margin": 0.0}
        if self.book is None:
            return dict.fromkeys([*self.clouds, *self.spvs], plain)
        clouds, spvs, g = [], [], self.g
        opened = self.d["access"] * self.system["openness"]
        more = {k: g["advance"] * x + g["leverage"] for k, x in g["part"].items()}
        for m, s in self.clouds.items():
            advance = min(0.98, self.c["neoclouds"][m]["advance"] + more["secured"])
            due = advance * opened * self.cloud_plan[m]["capex"][t]
            clouds.append({**s, "draws": due})
        for m, s in self.spvs.items():
            plan, due = self.spv_plan[m], 0.0
            if self.kinds[m]["funding"] == "drawn":
                ltc = min(0.98, self.c["spvs"][m]["ltc"] + more["notes"])
                due = ltc * plan["spend"][t]
            takes = plan["attempt"][t] * s["loan"]
            spvs.append({**s, "draws": due, "takes": takes})
        elsewhere = self.agency.get("loans", [0.0] * len(self.terms))
        found = self.book.offer(clouds, spvs, elsewhere)
        return {
            m: x
            for family, offers in zip((self.clouds, self.spvs), found, strict=True)
            for m, x in zip(family, offers, strict=True)
        }

    def run_clouds(self, t: int, labs: dict, bills: dict, p: dict) -> dict:
        """Neoclouds earn, pay, borrow and build."""
        result, ways, starts = {}, {}, dict(self.clouds)
        for m, c in self.c["neoclouds"].items():
            s, b = self.clouds[m], bills[m]
            if m in self.backer:
                b["backstop_share"] = self.backer[m]["runs"][t]
                b["backstop_rate"] = self.backer[m]["rate"]
            unpaid = self.unpaid(c, labs)
            earned = neoclouds.earn(c, self.calendar, t, s, b, unpaid)
            w = {"bill": b, "earned": earned, "real": p["level"]}
            w |= self.lending(t, m, "secured")
            w |= self.offers[m]
            w["chips"] = self.chips[m]
            w["middle"], w["middles"] = self.calendar.middles[t], self.calendar.middles
            w["short"] = self.d["short"][t]
            kind = self.choices[f"neoclouds.{m}.kind"]
            plan = self.cloud_plan[m]
            result[m], self.clouds[m] = run_cloud(
                self.f, c, plan, kind, self.d, t, s, w, self.g
            )
            if self.acquired is not None:
                seen = {**b, "level": p["level"]}
                ways[m] = workout.going_concern(c, plan, t, s, seen, earned["receipts"])
        if self.acquired is not None:
            self.work_out(result, ways, starts, p["level"])
        return result

    def work_out(self, result: dict, ways: dict, starts: dict, level: float) -> None:
        """Creditors take the best way; recovery is what that brings."""
        free = workout.buyers_cash(self.f, self.c["hyperscalers"], self.hypers)
        k = self.f["workout.buyer_cash"] * sum(free.values())
        kinds = {m: self.choices[f"neoclouds.{m}.kind"] for m in ways}
        workout.resolve(self.f, kinds, starts, ways, result, k)
        for m, c in self.c["neoclouds"].items():
            back = recovery(c, starts[m], level, ways[m]["pool"])
            cover, r = back.pop("cover"), result[m]
            r.update(back, secured_headroom=max(r["headroom"], cover))
            r["workout"] = ways[m]

    def run_spvs(self, t: int, tenancies: dict, collected: dict, p: dict) -> dict:
        """SPVs build, collect rent, and pay their lenders."""
        result = {}
        for m, c in self.c["spvs"].items():
            w = {"tenancy": tenancies[m], "collected": collected[m]}
            w |= self.lending(t, m, "takeout")
            w |= self.offers[m]
            result[m], self.spvs[m] = credit_spv.run_spv(
                self.f,
                c,
                self.spv_plan[m],
                self.lease[m],
                self.kinds[m],
                self.d,
                t,
                self.spvs[m],
                w,
                self.g,
            )
        return result
