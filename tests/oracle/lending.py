"""New lending split between banks and funds by price: docs/model.md, section 5."""

import math
import statistics

from tests.oracle.credit_neocloud import SECURED, UNSECURED, total
from tests.oracle.dates import clip, ratio
from tests.oracle.drivers import rate_shift

NORMAL = statistics.NormalDist()


def risk_weight(p: float, loss: float, years: float) -> float:
    """The corporate formula of Basel CRE31."""
    near = (1.0 - math.exp(-50.0 * p)) / (1.0 - math.exp(-50.0))
    r = 0.12 * near + 0.24 * (1.0 - near)
    z = NORMAL.inv_cdf(p) + math.sqrt(r) * NORMAL.inv_cdf(0.999)
    # By the complementary error function, as exact as the tail itself.
    worst = 0.5 * math.erfc(-z / math.sqrt(1.0 - r) / math.sqrt(2.0))
    b = (0.11852 - 0.05478 * math.log(p)) ** 2
    longer = (1.0 + (years - 2.5) * b) / (1.0 - 1.5 * b)
    return 12.5 * loss * (worst - p) * longer


def quote(
    f: dict, short: float, headroom: float, recovery: float, building: bool
) -> tuple[float, float]:
    """Banks' share by price, and by how much a bank's rate is above the other's."""
    close = max(0.0, f["marks.hazard_reference"] - headroom)
    hazard = f["marks.hazard_slope"] * close
    p = clip(1.0 - math.exp(-hazard), 0.0005, 0.5)
    loss = max(1.0 - recovery, f["route.least_lgd"])
    standard = f["route.weight_building"] if building else 1.0
    weight = risk_weight(p, loss, f["route.maturity"])
    weight = max(weight, f["route.output_floor"] * standard)
    funding = short + f["route.bank_funding_spread"]
    beyond = f["route.bank_hurdle"] - funding
    bank = funding + p * loss + weight * f["route.capital_ratio"] * beyond
    private = short + f["route.private_margin"] + p * loss
    part = f["lending.bank_advance"]
    package = part * bank + (1.0 - part) * f["lending.owner_cost"]
    advantage = (private - package) / f["route.width"]
    return 1.0 / (1.0 + math.exp(-advantage)), bank - private


class Book:
    """What banks have of every class beyond the figures, and funds have not."""

    def __init__(self, f: dict, terms: list, n_spvs: int) -> None:
        self.f, self.terms, self.n_spvs = f, terms, n_spvs
        short = f["rates.short"] + rate_shift(f)
        self.quotes = [quote(f, short, 10.0, 1.0, False) for _ in terms]
        self.bank = [0.0 for _ in terms]
        self.receivable = [0.0 for _ in terms]
        self.margin = [0.0] * n_spvs
        self.quoted = [0.0 for _ in terms]

    def beyond(self, drawn: list, held: list) -> list:
        """Banks' share of what is drawn beyond their figure, within their limits."""
        f, cet1 = self.f, self.f["banks.cet1"]
        amounts = []
        for i, term in enumerate(self.terms):
            both = term["share"]["bank"] + term["share"]["fund"]
            room = max(f["route.single_name"] * cet1 - held[i], 0.0)
            amounts.append(min(both * self.quotes[i][0] * drawn[i], room))
        left = max(f["lending.sector"] * cet1 - sum(held), 0.0)
        scale = min(ratio(left, sum(amounts), 1.0), 1.0)
        found = []
        for i, term in enumerate(self.terms):
            bank, fund = term["share"]["bank"], term["share"]["fund"]
            wanted = (bank + fund) * self.quotes[i][0]
            share = ratio(amounts[i] * scale, drawn[i], wanted)
            chosen = term["instrument"] != "unsecured"
            found.append(f["lending.by_price"] * (share - bank) if chosen else 0.0)
        return found

    def offer(self, clouds: list, spvs: list, elsewhere: list) -> tuple[list, list]:
        """By neocloud and SPV: advances' factors and margins' moves of the quarter."""
        balance, due = [], []
        for kinds, key in ((SECURED, "draws"), (UNSECURED, None)):
            for s in clouds:
                balance.append(s["alive"] * total(s, kinds))
                due.append(s["alive"] * s[key] if key else 0.0)
        for kinds, key in ((("loan", "arrears"), "draws"), (("takeout",), "takes")):
            for s in spvs:
                balance.append(s["alive"] * total(s, kinds))
                due.append(s["alive"] * s[key])
        shares = [x["share"]["bank"] for x in self.terms]
        held = [
            (share + more) * (x - owned)
            for share, more, x, owned in zip(
                shares, self.bank, balance, elsewhere, strict=True
            )
        ]
        self.quoted = self.beyond(due, held)
        cut = 1.0 - self.f["lending.bank_advance"]
        kept = [
            1.0 - cut / (1.0 - cut * share) * more
            for share, more in zip(shares, self.quoted, strict=True)
        ]
        more = self.dearer()
        n, k = len(clouds), self.n_spvs
        of_clouds = [{"kept": kept[i], "margin": more[i]} for i in range(n)]
        of_spvs = [
            {
                "kept": kept[2 * n + i],
                "margin": self.margin[i],
                "takeout_kept": kept[2 * n + k + i],
                "takeout_margin": more[2 * n + k + i],
            }
            for i in range(k)
        ]
        return of_clouds, of_spvs

    def dearer(self) -> list:
        """By how much the blend of lenders moves a margin."""
        pairs = zip(self.quoted, self.quotes, strict=True)
        return [x * gap for x, (_, gap) in pairs]

    def settle(
        self, classes: list, kept: list, clouds: list, spvs: list, short: float
    ) -> None:
        """Adds to every class what moved, and quotes for the next quarter.

        `kept` is what is owed further to an agency, which private holders do not lend.
        """
        n, k = len(clouds), self.n_spvs
        owed = [r["alive"] * (r["rolled"] + r["arrears_secured"]) for r in clouds]
        owed += [x["lent"] + mine for x, mine in zip(classes, kept, strict=True)][
            n : 2 * n
        ]
        owed += [r["alive"] * (r["capitalised"] + r["arrears"]) for r in spvs]
        owed += [0.0] * k
        drawn = [
            x["lent"] - (unpaid - mine)
            for x, unpaid, mine in zip(classes, owed, kept, strict=True)
        ]
        held = []
        for i, x in enumerate(classes):
            before = x["balance"] - drawn[i]
            held.append((self.terms[i]["share"]["bank"] + self.bank[i]) * before)
        beyond = self.beyond(drawn, held)
        for i, x in enumerate(classes):
            had, owed = self.bank[i], self.receivable[i]
            x["moved"] = {
                "interest": had * x["interest"],
                "repaid": had * x["repaid"],
                "lent": had * (x["lent"] - drawn[i]) + beyond[i] * drawn[i],
                "drawn": beyond[i] * drawn[i],
                "loss": had * x["loss"],
                "claimed": had * x["claimed"],
                "recovered": owed * x["recovered"],
            }
            new = min(ratio(drawn[i], x["balance"]), 1.0)
            self.bank[i] = had + (beyond[i] - had) * new
            to_come = x["failed"] - x["loss"] - x["claimed"]
            part = min(ratio(to_come, x["receivable"]), 1.0)
            self.receivable[i] = owed + (had - owed) * part
            x["moved"]["balance"] = self.bank[i] * x["balance"]
            x["moved"]["receivable"] = self.receivable[i] * x["receivable"]
        more = self.dearer()[2 * n : 2 * n + k]
        for i, r in enumerate(spvs):
            part = ratio(r["draw"], r["loan"])
            self.margin[i] += (more[i] - self.margin[i]) * part
        self.quotes = [
            *[
                quote(self.f, short, r["headroom"], r[f"recovery_{kind}"], False)
                for kind in ("secured", "unsecured")
                for r in clouds
            ],
            *[
                quote(self.f, short, r["headroom"], r["recovery"], building)
                for is_loan in (True, False)
                for r in spvs
                for building in (is_loan and r["spend"] > 0.0,)
            ],
        ]
