"""How the numbers were obtained, and what they rest on."""

import shlex
from typing import Any

from scripts.report.style import STORIES, date, layer, number, percent, ranked, words

TAGS = {
    "A": "the article’s own claim, not checked further",
    "V1": "seen in a filing, a rating, official statistics or top-tier press",
    "V2": "seen in secondary press, an aggregator or a transcript",
    "V3": "seen in one weak source only",
    "D": "derived by arithmetic from sourced figures",
    "M": "from memory, unverified",
    "choice": "a choice of this model, not a fact",
}


def content(material: dict[str, Any]) -> dict[str, Any]:
    """What the last section shows."""
    figures, config = material["figures"], material["config"]
    counted = figures["confidence"]
    total = sum(counted.values()) or 1
    return {
        "tags": [
            (tag, TAGS.get(tag, words(tag)), n, percent(n / total, 0))
            for tag, n in counted.items()
        ],
        "choices": counted.get("choice", 0),
        "number": figures["number"],
        "ranged": figures["ranged"],
        "residuals": _residuals(material),
        "sweep": _sweep(material),
        "swept": _swept(material),
        "versions": material.get("versions") or {},
        "commands": _commands(config, material["sweep"]),
    }


def _residuals(material: dict[str, Any]) -> list[list[str]]:
    """Largest violation of each invariant, by story."""
    rows = []
    for name, (label, _, _) in STORIES.items():
        found = material["stories"].get(name, {}).get("residuals")
        if found:
            keys = ("cash", "balance_sheet", "seniority")
            rows.append([label, *(_small(found.get(k)) for k in keys)])
    swept = (material.get("summary") or {}).get("residuals")
    if swept:
        keys = ("cash", "balance_sheet", "seniority")
        cells = [_small(swept.get(k, {}).get("largest")) for k in keys]
        rows.append(["Sweep, largest", *cells])
    return rows


def _small(value: Any) -> str:
    return "–" if value is None else f"{value:.1e}".replace("-", "−")


def _sweep(material: dict[str, Any]) -> dict[str, Any] | None:
    summary = material.get("summary")
    if not summary:
        return None
    identity = summary.get("identity") or material["sweep"]
    shares = summary.get("classification") or {}
    return {
        "scenarios": number(summary["scenarios"], 0),
        "seed": identity.get("seed"),
        "dtype": identity.get("dtype"),
        "sampler": identity.get("sampler"),
        "fans": material["fans"]["scenarios"] == summary["scenarios"],
        "broken": sum(r["failures"] for r in summary["residuals"].values()),
        "classes": [(words(k), percent(v, 1)) for k, v in shares.items()],
    }


def _swept(material: dict[str, Any]) -> list[list[str]]:
    """How often each layer fails in the sweep, and what it then costs."""
    summary = material.get("summary")
    if not summary:
        return []
    rows = []
    for name in ranked(summary["layers"]):
        x = summary["layers"][name]
        lost, dates = x.get("loss_bn") or {}, x.get("failure_date") or {}
        rows.append(
            [
                layer(name),
                percent(x["probability"], 1),
                "±\u2009" + percent(x["standard_error"], 2),
                percent(x.get("probability_ever"), 1),
                date(dates.get("0.5")),
                number(lost.get("mean"), 1),
                number(lost.get("expected_shortfall"), 1),
            ]
        )
    return rows


def _commands(config: dict[str, Any], sweep: dict[str, Any]) -> list[str]:
    """Commands that give these numbers again."""
    path = config["path"] or "CONFIG.toml"
    tail = "".join(f" --set {shlex.quote(x)}" for x in config["set"])
    n, seed = sweep.get("scenarios"), sweep.get("seed")
    lines = [
        f"buytime hurdle {path}{tail}",
        f"buytime breakeven {path} --criterion all{tail}",
    ]
    if n:
        lines.append(
            f"buytime sweep {path} --scenarios {n} --seed {seed} --out sweep{tail}"
        )
    folder = config.get("folder")
    lines.append(
        f"buytime report {folder} --out report.html"
        if folder
        else f"buytime report {path} --out report.html{tail}"
    )
    return lines
