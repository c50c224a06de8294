"""What a run reports: docs/model.md, section 9, and the registered metrics."""

from collections.abc import Iterable

from tests.oracle.dates import DT, HIGHEST, clip, ratio
from tests.oracle.drivers import rate_shift
from tests.oracle.funds import GATED

NEVER = 9999.0
ROUND = 1e-6


class Run:
    """The quarters of a finished run, read as series."""

    def __init__(self, oracle, quarters: list) -> None:
        self.f, self.choices, self.families = oracle.f, oracle.choices, oracle.families
        self.opening, self.quarters = oracle.opening, quarters
        calendar = oracle.calendar
        self.ends = calendar.ends[calendar.n_history :]
        self.middles = calendar.middles[calendar.n_history :]
        self.as_of = calendar.as_of

    def of(self, group: str, member: object, name: str) -> list[float]:
        """A member's series."""
        return [q[group][member][name] for q in self.quarters]

    def one(self, group: str, name: str) -> list:
        """The series of a group without members."""
        return [q[group][name] for q in self.quarters]

    def until(self, date: float) -> int:
        """Number of quarters that end by a date."""
        return sum(end <= date + ROUND for end in self.ends)

    def members(self, family: str, kind: str = "named", **more: str) -> list[str]:
        """Members of a family with these choices."""
        wanted = {"kind": kind, **more}
        return [
            m
            for m in self.families[family]
            if all(self.choices[f"{family}.{m}.{k}"] == v for k, v in wanted.items())
        ]

    def cohorts(self, *kinds: str) -> list[str]:
        """Cohorts of private-credit funds, all or of these kinds."""
        kind = {m: self.choices[f"funds.{m}.kind"] for m in self.families["funds"]}
        return [m for m, k in kind.items() if k != "bond" and (not kinds or k in kinds)]

    def lost(self, index: int) -> float:
        """What the lenders of a class lose, claims on the government included."""
        loss, claimed = (self.of("classes", index, x) for x in ("loss", "claimed"))
        return sum(loss) + sum(claimed)

    def cloud_class(self, member: str, junior: bool = False) -> int:
        """Index of a neocloud's secured (or unsecured) class."""
        clouds = self.families["neoclouds"]
        return clouds.index(member) + (len(clouds) if junior else 0)

    def spv_class(self, member: str, second: bool = False) -> int:
        """Index of an SPV's loan (or take-out)."""
        spvs = self.families["spvs"]
        start = 2 * len(self.families["neoclouds"]) + spvs.index(member)
        return start + (len(spvs) if second else 0)


def missing(cohorts: Iterable[dict]) -> float:
    """Expected shortfall on all lines, per unit of them."""
    pairs = [(r["line_share"], r["line"]) for r in cohorts]
    return ratio(sum(x * line for x, line in pairs), sum(line for _, line in pairs))


def spvs_of(run: Run, layer: str) -> list[str]:
    """Named SPVs of a layer."""
    if layer == "chip_spv":
        return run.members("spvs", asset="chips")
    profile = "bullet" if layer == "bank_spv" else "amortising"
    return run.members("spvs", asset="shell", profile=profile)


SPV_LAYERS = ("bank_spv", "chip_spv", "tenant_spv")


def headrooms(run: Run) -> dict[str, list[float]]:
    """Headroom of every layer by quarter."""

    def lowest(series: list[list[float]]) -> list[float]:
        return [min([HIGHEST, *x]) for x in zip(*series, strict=True)]

    single = run.members("neoclouds")
    leased = spvs_of(run, "tenant_spv")
    tenants = [
        run.of(group, m, name)
        for m in leased
        for group, name in (
            ("tenancies", "renewal_due"),
            ("tenancies", "repudiation"),
            ("spvs", "headroom"),
        )
    ]
    tolerated = run.f["criteria.line_loss"]
    investors = run.one("investors", "headroom")
    hypers = run.families["hyperscalers"]
    found = {
        "lab": lowest([run.of("labs", m, "headroom") for m in run.families["labs"]]),
        "neocloud_equity": lowest(
            [run.of("clouds", m, "equity_headroom") for m in single]
        ),
        "neocloud_unsecured": lowest([run.of("clouds", m, "headroom") for m in single]),
        "neocloud_secured": lowest(
            [run.of("clouds", m, "secured_headroom") for m in single]
        ),
        "hybrid_cloud": run.one("hybrid", "headroom"),
        "bank_spv": lowest(
            [run.of("spvs", m, "headroom") for m in spvs_of(run, "bank_spv")]
        ),
        "chip_spv": lowest(
            [
                [max(pair) for pair in zip(*both, strict=True)]
                for both in (
                    [run.of("spvs", m, x) for x in ("headroom", "security")]
                    for m in spvs_of(run, "chip_spv")
                )
            ]
        ),
        "tenant_spv": lowest(tenants),
        "hyperscaler": lowest([run.of("hyperscalers", m, "headroom") for m in hypers]),
        "fund": lowest(
            [run.of("fund", m, "gate_headroom") for m in run.cohorts(*GATED)]
        ),
        "fund_bank_line": [
            clip(1.0 - missing(q["fund"].values()) / tolerated, -1.0, HIGHEST)
            for q in run.quarters
        ],
        "lp": [min(x) for x in investors],
        "bank": run.one("investors", "bank_headroom"),
        "government": run.one("investors", "government_headroom"),
    }
    return {layer: series for layer, series in found.items() if series}


def first_failure(run: Run, series: list[float]) -> float:
    """End of the first quarter with a negative headroom."""
    for end, g in zip(run.ends, series, strict=True):
        if g < 0.0:
            return end
    return NEVER


def up_to_failure(run: Run, series: list[float], horizon: float) -> float:
    """Lowest headroom up to and including the first failure, by the horizon."""
    lowest = HIGHEST
    for end, g in zip(run.ends, series, strict=True):
        if end <= horizon + ROUND:
            lowest = min(lowest, g)
        if g < 0.0:
            break
    return lowest


def present_value(flows: list[float], rate: float) -> float:
    """Value at `as_of` of flows at quarter ends."""
    return sum(x * (1.0 + rate) ** (-DT * (t + 1)) for t, x in enumerate(flows))


def lender_return(run: Run, held: list[int], rate: float) -> float:
    """What a lender earns over its required rate, per unit put in."""
    n = run.until(run.f["criteria.return_horizon"])
    back, lent = [0.0] * n, [0.0] * n
    for k in held:
        for t in range(n):
            x = run.quarters[t]["classes"][k]
            back[t] += x["interest"] + x["repaid"] + x["recovered"] + x["claimed"]
            lent[t] += x["lent"]
        x = run.quarters[n - 1]["classes"][k]
        back[-1] += x["balance"] + x["receivable"]
    put_in = sum(run.opening[k] for k in held) + present_value(lent, rate)
    return ratio(present_value(back, rate) - put_in, put_in)


def system_return(run: Run) -> float:
    """What AI earns against the build."""
    f = run.f
    shift = f["shifts.leverage_future"] + f["shifts.leverage_all"]
    debt = min(0.98, f["hurdle.debt"] + shift)
    wacc = debt * (f["criteria.system_debt_cost"] + rate_shift(f))
    wacc += (1.0 - debt) * f["criteria.system_equity_cost"]
    n, life = run.until(f["criteria.system_horizon"]), f["hurdle.hardware_life"]
    kept = f["criteria.system_margin"] * f["criteria.system_capture"]
    revenue = run.one("drivers", "revenue")[:n]
    outlay = f["hurdle.investment"]
    for turn in range(1, 6):
        used = clip((n * DT - turn * life) / life, 0.0, 1.0)
        outlay += f["hurdle.hardware"] * used * (1.0 + wacc) ** (-turn * life)
    return present_value([kept * x * DT for x in revenue], wacc) / outlay - 1.0


def limit_states(run: Run) -> dict[str, dict[str, float]]:
    """Every criterion: its value, first failure, and value over the whole grid."""
    f, values, first, full = run.f, {}, {}, {}
    for name, series in headrooms(run).items():
        values[name] = up_to_failure(run, series, f["criteria.horizon"])
        first[name] = first_failure(run, series)
        full[f"{name}@full"] = up_to_failure(run, series, run.ends[-1])
    cloud = run.families["neoclouds"][0]
    held = {
        "neocloud_secured": ("secured", [run.cloud_class(cloud)]),
        "neocloud_unsecured": ("unsecured", [run.cloud_class(cloud, junior=True)]),
    }
    for layer in SPV_LAYERS:
        for m in spvs_of(run, layer):
            both = [run.spv_class(m), run.spv_class(m, second=True)]
            held.setdefault(layer, ("spv", []))[1].extend(both)
    base = f["rates.ten_year"] + rate_shift(f)
    for layer, (premium, classes) in held.items():
        rate = base + f[f"criteria.required_{premium}_premium"]
        values[f"{layer}.return"] = lender_return(run, classes, rate)
    n = run.until(f["criteria.return_horizon"])
    price = max(run.of("clouds", cloud, "price")[n - 1], 1e-6)
    growth = price ** (1.0 / (run.ends[n - 1] - run.as_of)) - 1.0
    values["neocloud_equity.return"] = growth - f["criteria.required_equity"]
    values["system.return"] = system_return(run)
    values = {name: clip(g, -1.0, HIGHEST) for name, g in values.items()}
    return {"values": values, "first": first, "alternatives": full}


def losses(run: Run) -> dict[str, float]:
    """What each layer's holders lose over the grid."""
    f, single = run.f, run.members("neoclouds")

    def spv(layer: str) -> float:
        return sum(
            run.lost(run.spv_class(m)) + run.lost(run.spv_class(m, second=True))
            for m in spvs_of(run, layer)
        )

    def gone(m: str) -> float:
        fallen = max(0.0, 1.0 - run.of("clouds", m, "price")[-1])
        return f[f"neoclouds.{m}.market_cap"] * fallen

    lines = sum(run.one("investors", "bank_lines"))
    through = [
        (r["credit_loss"], r["line_loss"])
        for q in run.quarters
        for r in q["fund"].values()
    ]
    return {
        "lab": sum(sum(run.of("labs", m, "forgiven")) for m in run.families["labs"]),
        "neocloud_equity": sum(gone(m) for m in single),
        "neocloud_unsecured": sum(
            run.lost(run.cloud_class(m, junior=True)) for m in single
        ),
        "neocloud_secured": sum(run.lost(run.cloud_class(m)) for m in single),
        "hybrid_cloud": 0.0,
        **{layer: spv(layer) for layer in SPV_LAYERS if spvs_of(run, layer)},
        "hyperscaler": 0.0,
        "fund": sum(loss - line for loss, line in through),
        "fund_bank_line": lines,
        "lp": sum(sum(x) for x in run.one("investors", "losses")),
        "bank": sum(run.one("investors", "bank_direct")) + lines,
        "government": sum(run.one("investors", "government")),
    }
