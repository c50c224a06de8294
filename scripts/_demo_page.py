"""What `make demo` prints: the answer on one screen or two."""

from typing import Any

from rich.console import Console
from rich.table import Table

from scripts._names import words

SHIFTS = (
    ("rate.future", 0.01, "100 bp on new debt"),
    ("rate.all", 0.01, "100 bp on all debt"),
    ("leverage.future", 0.01, "1 point of new debt"),
    ("leverage.all", 0.01, "1 point of all debt"),
)


def show(document: dict[str, Any], summary: dict[str, Any]) -> None:
    """Prints hurdle, break-evens, sensitivities, stories and the report's path."""
    # Piped into a file or a log, tables keep the width they need.
    console = Console()
    console = Console(width=max(console.width, 118))
    _hurdle(console, document["hurdle"])
    layers = document["breakeven"]["layers"]
    _timing(console, document["breakeven"], summary)
    _sensitivities(console, layers)
    _stories(console, document["stories"])
    sweep, seconds = document["sweep"], document["seconds"]
    console.print(
        f"\n{sweep['scenarios']:,} scenarios in {sweep['seconds']:.1f} s "
        f"({sweep['scenarios_per_second']:,.0f} a second, compilation included); "
        f"{sweep['residual_failures']} broken invariants. Stages: "
        + ", ".join(f"{words(k)} {v:.0f} s" for k, v in seconds.items())
    )
    console.print(f"\nReport: {document['report']}", soft_wrap=True)


def _hurdle(console: Console, hurdle: dict[str, Any]) -> None:
    table = Table(title="Hurdle: what AI must earn in a year", title_justify="left")
    for name in ("", "revenue, bn", "EBITDA, bn", "of GDP", "× cloud", "equity yield"):
        table.add_column(name, justify="left" if not name else "right")
    for name in ("article", "life_adjusted"):
        found = {k: float(v) for k, v in hurdle[name].items()}
        table.add_row(
            words(name),
            f"{found['revenue_bn']:.1f}",
            f"{found['ebitda_bn']:.1f}",
            f"{found['gdp_share']:.2%}",
            f"{found['cloud_multiple']:.2f}",
            f"{found['equity_yield']:.1%}",
        )
    console.print(table)


def _timing(console: Console, study: dict[str, Any], summary: dict[str, Any]) -> None:
    base = study.get("base")
    title = "t*: latest midpoint of adoption that each layer survives"
    if base is not None:
        title += f" (base {base:.2f})"
    table = Table(title=title, title_justify="left")
    for name in ("layer", "t*", "status", "10–90 time", "hurdle by", "life-adj. by"):
        table.add_column(
            name, justify="left" if name in ("layer", "status") else "right"
        )
    table.add_column("full grid", justify="right")
    table.add_column("P(fail)", justify="right")
    for name, found in study["layers"].items():
        same = found.get("equivalents") or {}
        full = found.get("full_grid") or {}
        swept = summary["layers"].get(name, {})
        table.add_row(
            words(name),
            _date(found["value"], found.get("bound"), found["status"]),
            found["status"],
            _number(same.get("duration_10_90"), "{:.1f} y"),
            _number(same.get("hurdle_date_article"), "{:.1f}"),
            _number(same.get("hurdle_date_life_adjusted"), "{:.1f}"),
            _date(full.get("value"), full.get("bound"), full.get("status", "")),
            _number(swept.get("probability"), "{:.1%}"),
        )
    console.print(table)


def _date(value: float | None, bound: float | None, status: str) -> str:
    if value is not None:
        return f"{value:.2f}"
    if bound is None or status == "fails_at_base":
        return "–"
    return f"> {bound:.1f}" if status == "always_holds" else f"< {bound:.1f}"


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def _sensitivities(console: Console, layers: dict[str, Any]) -> None:
    """Years of t* per 100 bp and per point, and the same by solving again."""
    table = Table(
        title="Years of t* per shift: derivative (re-solved up / down)",
        title_justify="left",
    )
    table.add_column("layer")
    for _, _, text in SHIFTS:
        table.add_column(text, justify="right")
    for name, found in layers.items():
        shifts = found.get("sensitivities") or {}
        if found["value"] is None or not shifts:
            continue
        cells = []
        for key, size, _ in SHIFTS:
            shift = shifts.get(key, {})
            slope, up, down = (
                _number(x if x is None else x * size, "{:+.3f}")
                for x in (shift.get(k) for k in ("value", "check_up", "check_down"))
            )
            cells.append(f"{slope} ({up} / {down})")
        table.add_row(words(name), *cells)
    console.print(table)


def _stories(console: Console, stories: dict[str, Any]) -> None:
    table = Table(title="Order of failure", title_justify="left")
    for name in ("story", "outcome", "who fails, when, and the loss"):
        table.add_column(name)
    for name, run in stories.items():
        order = " → ".join(
            f"{words(e['layer'])} {e['date']:.2f}"
            + (f" ({e['loss_bn']:.0f} bn)" if e["loss_bn"] >= 0.5 else "")
            for e in run["order_of_failure"]
        )
        table.add_row(words(name), words(run["classification"]), order or "nobody")
    console.print(table)
