"""What each borrower meets when fear goes by resemblance: docs/model.md, section 8."""

import math

from tests.oracle.dates import DT, clip


class Likeness:
    """Every issuer's type, tenants, weight and debt, and the kernel of all pairs."""

    def __init__(self, f: dict, families: dict, kinds: dict, choices: dict) -> None:
        self.f, self.names, self.types, self.tenants = f, [], {}, {}
        self.weight, self.debt = {}, {}
        payers = [*families["labs"], *families["hyperscalers"], *families["hybrid"]]
        for m in families["neoclouds"]:
            key = f"neoclouds.{m}"
            sold = {x: f.get(f"{key}.customers.{x}", 0.0) for x in payers}
            owed = sum(
                f[f"{key}.{k}"] for k in ("ddtl", "oem", "notes", "convertibles")
            )
            self.add(m, "neocloud", sold, f[f"{key}.contagion_weight"], owed)
        for m in families["spvs"]:
            key = f"spvs.{m}"
            let = {x: 1.0 if kinds[m]["tenant"] == x else 0.0 for x in payers}
            owed = f[f"{key}.notes"]
            if choices[f"{key}.funding"] == "drawn":
                owed = f[f"{key}.ltc"] * f[f"{key}.construction_cost"]
            weight = f[f"{key}.contagion_weight"]
            self.add(m, kinds[m]["asset"], let, weight, owed)
        (m,) = families["hybrid"]
        key = f"hybrid.{m}"
        sold = {x: f.get(f"{key}.customers.{x}", 0.0) for x in payers}
        sold[m] = 1.0 - sum(sold.values())
        self.add(m, "hybrid", sold, 0.0, f[f"{key}.legacy_debt"])
        alike = pairs = 0.0
        for i in self.names:
            for j in self.names:
                alike += self.debt[i] * self.weight[j] * self.like(i, j)
                pairs += self.debt[i] * self.weight[j]
        self.scale = pairs / alike if abs(alike) > 1e-9 else 1.0

    def add(self, m: str, kind: str, by: dict, weight: float, debt: float) -> None:
        """One issuer."""
        self.names.append(m)
        self.types[m], self.tenants[m] = kind, by
        self.weight[m], self.debt[m] = weight, debt

    def like(self, i: str, j: str) -> float:
        """Kernel of two issuers before an issuer is made like itself."""
        w, a, b = self.f["resemblance.type"], self.tenants[i], self.tenants[j]
        lengths = math.hypot(*a.values()) * math.hypot(*b.values())
        cosine = sum(a[x] * b[x] for x in a) / lengths if lengths > 0.0 else 0.0
        return w * float(self.types[i] == self.types[j]) + (1.0 - w) * cosine

    def spreads(self, s: dict, report: dict, reports: dict) -> tuple[dict, dict]:
        """Fear that each failure left, and what every issuer now meets."""
        f, fear, told = self.f, {}, {}
        for j in self.names:
            r = reports.get(j, {})
            fear[j] = s["fear"].get(j, 0.0) * math.exp(
                -f["contagion.spread_decay"] * DT
            )
            failed = self.weight[j] * r.get("failing", 0.0)
            fear[j] += f["contagion.spread_impulse"] * failed
            told[j] = fear[j]
            if self.types[j] == "neocloud":
                fallen = self.weight[j] * clip(1.0 - r["price"], 0.0, 1.0)
                told[j] += f["contagion.equity_pass"] * fallen
        met = {}
        for i in self.names:
            heard = 0.0
            for j in self.names:
                heard += (1.0 if i == j else self.like(i, j)) * told[j]
            moved = self.scale * heard - sum(told.values())
            met[i] = report["spread"] + f["resemblance.part"] * moved
        return fear, met
