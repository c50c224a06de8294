"""`buytime deal FILE`: a stand-alone deal, every row of its waterfall each period."""

import argparse
import pathlib
from typing import Any

import numpy as np

from scripts._deal_file import DealFile, read_deal
from scripts._output import BadInput, Failure, emit
from scripts._run import start

BALANCE = 1e-6
"""Sources and uses agree to this [USD bn]."""

BY_ROW = (
    "draws revolved fees interest principal in_kind converted repaid_line called "
    "premium swept cured distributed recovered"
).split()
BY_PERIOD = (
    "cfads earned spend cure supported reserve_in reserve_out trapped_in service "
    "headroom lock_up trap default"
).split()


def add_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("file", help="path of a deal file (TOML)")
    sub.add_argument("--out", help="folder for deal.parquet and deal.xlsx")


def execute(arguments: argparse.Namespace) -> None:
    deal = read_deal(arguments.file)
    start()
    document, sheets = run(deal, pathlib.Path(arguments.file).name)
    if arguments.out:
        document["files"] = _write(pathlib.Path(arguments.out), sheets)
    emit(arguments.json, document)


def run(deal: DealFile, file: str) -> tuple[dict[str, Any], dict[str, dict]]:
    """The answer as a document, and the tables: periods and instruments."""
    import jax

    from engine.credit.structure import Paths, Periods, assemble, divide

    periods = Periods(deal.n, deal.per_year)
    given = dict(deal.paths)
    paths = Paths.of(given.pop("cfads"), given.pop("index", None), **given)
    sized = _size(deal, paths, periods, file) if deal.sizing else None
    instruments = [_instrument(entry) for entry in deal.instruments]
    parts = [len(_rows(x, paths, periods)) for x in instruments]
    rows = assemble(instruments, paths, periods)
    terms = _terms(deal)
    sources, uses = _sources_and_uses(deal, rows, parts, terms, sized)
    if uses and abs(sum(sources.values()) - sum(uses.values())) > BALANCE:
        raise BadInput(
            f"{file}: uses: sources are {sum(sources.values()):.6f} and uses "
            f"{sum(uses.values()):.6f} USD bn, expected them to be equal"
        )
    table = jax.jit(divide, static_argnums=3)(rows, terms, paths, periods)
    names = [entry["name"] for entry in deal.instruments]
    columns = _columns(table, names, parts, periods, np.asarray(paths.parity))
    summary = {
        x["name"]: _instrument_summary(
            x["name"], columns, rows, parts, i, deal.per_year, x["kind"] == "equity"
        )
        for i, x in enumerate(deal.instruments)
    }
    dscr = columns["dscr"]
    has = np.isfinite(dscr)
    document = {
        "name": deal.name,
        "sources_bn": sources,
        "uses_bn": uses,
        "sizing": _sizing_document(sized),
        "instruments": summary,
        "dscr": {
            "minimum": float(dscr[has].min()) if has.any() else None,
            "at_years": float(columns["date_years"][has][dscr[has].argmin()])
            if has.any()
            else None,
            "average": float(dscr[has].mean()) if has.any() else None,
        },
        "default_years": _first(columns["date_years"], columns["alive"] < 1),
        "lock_up_years": _first(columns["date_years"], columns["lock_up"] < 0),
        "residual_bn": float(np.abs(columns["residual"]).max()),
    }
    wide = {
        "instrument": names,
        **{key: [summary[x][key] for x in names] for key in summary[names[0]]},
    }
    return document, {"periods": columns, "instruments": wide}


def _instrument(entry: dict[str, Any]) -> Any:
    from engine.credit.structure import KINDS, Contract

    return KINDS[entry["kind"]](contract=Contract(**entry["contract"]), **entry["own"])


def _rows(instrument: Any, paths: Any, periods: Any) -> Any:
    return np.asarray(instrument.rows(paths, periods).rank)


def _terms(deal: DealFile) -> Any:
    from engine.credit.structure import (
        Covenants,
        Reserve,
        Support,
        Sweep,
        Terms,
        Tier,
    )

    given = {part: dict(values) for part, values in deal.terms.items()}
    tiers = {
        name: Tier(**given["covenants"].pop(name))
        for name in ("lock_up", "trap", "default")
    }
    return Terms(
        reserve=Reserve(**given["reserve"]),
        sweep=Sweep(**given["sweep"]),
        covenants=Covenants(**given["covenants"], **tiers),
        support=Support(**given["support"]),
        **given["account"],
    )


def _size(deal: DealFile, paths: Any, periods: Any, file: str) -> Any:
    """Sizes the debt and the equity named, and writes their amounts into the deal."""
    from engine.credit.structure import size

    given = dict(deal.sizing or {})
    debt = next(x for x in deal.instruments if x["name"] == given["debt"])
    owner = next(x for x in deal.instruments if x["name"] == given["equity"])
    if debt["contract"].get("floats") or debt["kind"] in ("delayed_draw", "revolver"):
        raise BadInput(
            f"{file}: sizing.debt: got {debt['name']!r}, expected a term loan at a "
            "fixed coupon"
        )
    debt["contract"]["amount"] = 1.0
    row = _instrument(debt).rows(paths, periods)
    coupon, kind, repay = (
        np.asarray(x[0]) for x in (row.rate * row.accrual, row.in_kind, row.repay)
    )
    balance, service = 1.0, np.zeros(periods.n)
    for k in range(periods.n):
        service[k] = balance * (coupon[k] * (1 - kind[k]) + repay[k])
        balance *= 1 + coupon[k] * kind[k] - repay[k]
    reserve = deal.terms["reserve"]
    weights = reserve.get("years", 0.0) * periods.per_year - np.arange(periods.n)
    ahead = float(np.sum(np.clip(weights, 0, 1) * service))
    sized = size(
        given["cost"],
        paths.plan,
        given["dscr"],
        float(np.asarray(row.rate[0, 0])),
        service=service,
        gearing=given.get("gearing", 1.0),
        upfront_fee=given.get("upfront_fee", 0.0),
        commitment_fee=given.get("commitment_fee", 0.0) * periods.dt,
        reserve=ahead,
    )
    debt["contract"]["amount"] = float(sized.debt)
    owner["contract"]["amount"] = float(sized.equity)
    reserve["opening"] = float(sized.reserve)
    return sized


def _sources_and_uses(
    deal: DealFile, rows: Any, parts: list[int], terms: Any, sized: Any
) -> tuple[dict[str, float], dict[str, float]]:
    opening = _by_instrument(np.asarray(rows.opening), parts)
    sources = {
        entry["name"]: float(amount)
        for entry, amount in zip(deal.instruments, opening, strict=True)
        if amount > 0
    }
    accounts = {
        "reserve": float(terms.reserve.opening),
        "cash": float(terms.cash),
    }
    accounts = {name: amount for name, amount in accounts.items() if amount > 0}
    if sized is None:
        return sources, deal.uses | accounts if deal.uses else {}
    uses = {
        "cost": float(np.sum(deal.sizing["cost"])) if deal.sizing else 0.0,
        "interest_while_building": float(np.sum(sized.interest)),
        "commitment_fees": float(np.sum(sized.fees)),
        "upfront_fee": float(sized.upfront),
    }
    return sources, uses | accounts


def _sizing_document(sized: Any) -> dict[str, Any] | None:
    from engine.credit.structure.sizing import BINDING, SIZING_STATUS

    if sized is None:
        return None
    return {
        "debt_bn": float(sized.debt),
        "equity_bn": float(sized.equity),
        "gearing": float(sized.gearing),
        "capacity_bn": float(sized.capacity),
        "binding": BINDING[int(sized.binding)],
        "status": SIZING_STATUS[int(sized.status)],
    }


def _by_instrument(values: np.ndarray, parts: list[int]) -> np.ndarray:
    """Sums over the rows of each instrument; the last axis is rows."""
    ends = np.cumsum(parts)
    return np.stack(
        [values[..., e - n : e].sum(-1) for n, e in zip(parts, ends, strict=True)], -1
    )


def _columns(
    table: Any, names: list[str], parts: list[int], periods: Any, parity: np.ndarray
) -> dict[str, np.ndarray]:
    from engine.credit.structure import time_to_breach

    flows, state = table.flows, table.state
    columns = {"date_years": (np.arange(periods.n) + 1) * periods.dt}
    columns |= {name: np.asarray(getattr(flows, name)) for name in BY_PERIOD}
    service = columns["service"]
    dscr = np.asarray(flows.tests.dscr)
    columns["dscr"] = np.where(service > 1e-12, dscr, np.nan)
    for name in ("icr", "leverage", "ltv", "liquidity"):
        columns[name] = np.asarray(getattr(flows.tests, name))
    for tier in ("lock_up", "trap", "default"):
        years = time_to_breach(getattr(flows, tier), periods.dt)
        columns[f"{tier}.years_to_breach"] = np.asarray(years)
    for name in ("cash", "reserve", "trapped", "alive"):
        columns[name] = np.asarray(getattr(state, name))
    columns["residual"] = np.asarray(table.residual)
    parts_of = {name: np.asarray(getattr(flows, name)) for name in BY_ROW}
    parts_of |= {
        "balance": np.asarray(state.balance),
        "arrears": np.asarray(state.arrears),
        "lent": np.asarray(table.lent),
        "paid": np.asarray(table.paid),
        "loss": np.asarray(table.losses),
        "shares": _in_shares(table, parity),
    }
    for key, values in parts_of.items():
        for i, name in enumerate(names):
            columns[f"{name}.{key}"] = _by_instrument(values, parts)[:, i]
    return columns


def _in_shares(table: Any, parity: np.ndarray) -> np.ndarray:
    """What a convertible's holders get in shares, at their value [USD bn]."""
    converted = np.asarray(table.flows.converted) * parity[:, None]
    return np.asarray(table.alive)[:, None] * converted


def _instrument_summary(
    name: str,
    columns: dict,
    rows: Any,
    parts: list[int],
    i: int,
    per_year: int,
    is_owner: bool,
) -> dict[str, Any]:
    from engine.metrics import IRR_STATUS, irr

    opening = float(_by_instrument(np.asarray(rows.opening), parts)[i])
    lent, paid = columns[f"{name}.lent"], columns[f"{name}.paid"]
    alive = columns["alive"]
    shares = columns[f"{name}.shares"]
    found = irr(np.append(-opening, paid + shares - lent))
    status = IRR_STATUS[int(found.status)]
    left = float(columns[f"{name}.balance"][-1] * alive[-1])
    if left > BALANCE and not is_owner:
        # What is still owed at the end is neither lost nor paid: no yield yet.
        status = "outstanding"
    principal = sum(
        columns[f"{name}.{key}"]
        for key in ("principal", "repaid_line", "called", "swept", "cured", "converted")
    )
    life = float(np.sum(principal * columns["date_years"]))
    total = float(np.sum(principal))
    return {
        "lent_bn": opening + float(lent.sum()),
        "paid_bn": float(paid.sum()),
        "shares_bn": float(shares.sum()),
        "loss_bn": float(columns[f"{name}.loss"].sum()),
        "final_balance_bn": float(columns[f"{name}.balance"][-1]),
        "average_life_years": life / total if total > 1e-12 else None,
        # Of several the smallest, which the status says.
        "irr": None
        if status in ("no_root", "outstanding")
        else (1 + float(found.rate)) ** per_year - 1,
        "irr_status": status,
    }


def _first(dates: np.ndarray, where: np.ndarray) -> float | None:
    return float(dates[np.argmax(where)]) if where.any() else None


def _write(folder: pathlib.Path, sheets: dict[str, dict]) -> list[str]:
    from scripts._tables import write_parquet, write_xlsx

    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_parquet(folder / "deal.parquet", sheets["periods"])
        write_xlsx(folder / "deal.xlsx", sheets)
    except OSError as error:
        raise Failure(f"--out: {folder}: {error.strerror or error}") from None
    return [str(folder / "deal.parquet"), str(folder / "deal.xlsx")]
