"""The rows of a vehicle's quarter, as a credit desk reads them: one list per family.

A cash row is a source (+1) or a use (−1): opening cash + sources = uses + closing cash.
A debt row moves the balance the same way. What a row says is a flow of the engine's
record, or a sum of them; `docs/model.md` sections 4 and 5 define each.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

Flow = Callable[[Any], Any]


class Row(NamedTuple):
    """One row: its name, +1 source, −1 use, 0 memo, and its flow."""

    name: str
    sign: int
    flow: Flow


def _row(name: str, sign: int, *fields: str) -> Row:
    """A row that is a field, or the first field less the others."""

    def flow(flows: Any) -> Any:
        first, *others = (getattr(flows, field) for field in fields)
        return first - sum(others) if others else first

    return Row(name, sign, flow)


def _funding(name: str, sign: int, *fields: str) -> Row:
    """The same of a hyperscaler's funding by cost; nothing where it has none."""
    inner = _row(name, sign, *fields)

    def flow(flows: Any) -> Any:
        has_terms = flows.funding is not None
        return inner.flow(flows.funding) if has_terms else 0.0 * flows.cash

    return Row(name, sign, flow)


def _risk(name: str, sign: int, field: str) -> Row:
    """A row of an SPV's overruns and damages; nothing where no deal states them."""

    def flow(flows: Any) -> Any:
        found = flows.building
        return flows.cash * 0.0 if found is None else getattr(found, field)

    return Row(name, sign, flow)


def _fee(name: str, sign: int) -> Row:
    """What an SPV's lenders take for running on; nothing where no deal states it."""

    def flow(flows: Any) -> Any:
        return flows.cash * 0.0 if flows.extension_fee is None else flows.extension_fee

    return Row(name, sign, flow)


def _interest() -> Row:
    """Interest of an SPV's loan: of its balance alone, without a fee."""
    inner, fee = _row("", -1, "interest_loan", "interest_arrears"), _fee("", -1)
    return Row("interest, loan", -1, lambda flows: inner.flow(flows) - fee.flow(flows))


class Vehicle(NamedTuple):
    """Rows of a family: where its flows stand in the record, and what they are."""

    record: str
    cash: tuple[Row, ...]
    debt: tuple[Row, ...] = ()
    balance: tuple[str, ...] = ()
    """Fields whose sum is the closing debt."""
    opening: tuple[str, ...] = ()
    """Fields of the state whose sum is the opening debt."""
    memo: tuple[Row, ...] = ()
    has_alive: bool = False


VEHICLES: dict[str, Vehicle] = {
    "neoclouds": Vehicle(
        record="clouds",
        has_alive=True,
        cash=(
            _row("collected from customers", 1, "receipts"),
            _row("vendor backstop", 1, "backstop"),
            _row("delivered against prepayments", -1, "prepaid"),
            _row("prepayments received", 1, "prepayment"),
            _row("operating costs and leases", -1, "costs"),
            _row("interest earned", 1, "earned"),
            _row("interest, secured", -1, "interest_secured"),
            _row("interest, unsecured", -1, "interest_unsecured"),
            _row("scheduled principal, secured", -1, "scheduled"),
            _row("notes and convertibles matured", -1, "repaid_unsecured"),
            _row("refinancing", 1, "refinanced"),
            _row("new notes", 1, "issued"),
            _row("delayed-draw loans drawn", 1, "drawn_box"),
            _row("revolver drawn", 1, "drawn_revolver"),
            _row("revolver repaid", -1, "repaid_revolver"),
            _row("guaranteed debt rolled", 1, "rolled"),
            _row("rolled debt repaid", -1, "repaid_rolled"),
            _row("boxes prepaid by the sweep", -1, "swept"),
            _row("secured dues in arrears", 1, "arrears_secured"),
            _row("unsecured dues in arrears", 1, "arrears_unsecured"),
            _row("equity raised", 1, "raised"),
            _row("capex", -1, "capex"),
        ),
        debt=(
            _row("lent, secured", 1, "lent_secured"),
            _row("lent, unsecured", 1, "lent_unsecured"),
            _row("repaid, secured", -1, "repaid_secured"),
            _row("repaid, unsecured", -1, "repaid_unsecured"),
        ),
        balance=("secured", "unsecured"),
        opening=("secured", "unsecured"),
        memo=(
            _row("revenue", 0, "revenue"),
            _row("EBITDA", 0, "ebitda"),
            _row("capex deferred", 0, "deferred"),
            _row("contracts signed, per year", 0, "signed"),
            _row("equity raised for a cure", 0, "cure"),
            _row("cover of the boxes' service", 0, "box_dscr"),
        ),
    ),
    "spvs": Vehicle(
        record="spvs",
        has_alive=True,
        cash=(
            _row("rent collected", 1, "rent"),
            _row("operating costs", -1, "costs"),
            _row("owed by a tenant who left", 1, "owed"),
            _row("interest earned", 1, "earned"),
            _row("equity paid in", 1, "equity"),
            _row("sponsor called", 1, "sponsor"),
            _row("loan drawn", 1, "draw"),
            _row("construction", -1, "spend"),
            _risk("construction beyond budget", -1, "overrun"),
            _risk("damages from the contractor", 1, "received"),
            _risk("damages to the tenant", -1, "credited"),
            _interest(),
            _fee("fee of an extension", -1),
            _row("interest, arrears", -1, "interest_arrears"),
            _row("interest, take-out", -1, "interest_takeout"),
            _row("scheduled principal, loan", -1, "scheduled"),
            _row("due at maturity, or to be extended", -1, "residual"),
            _row("take-out lent", 1, "lent_takeout"),
            _row("loan repaid by the take-out", -1, "lent_takeout"),
            _row("principal, take-out", -1, "repaid_takeout", "swept_takeout"),
            _row("debt prepaid by sweep and trap", -1, "swept"),
            _row("guaranteed debt rolled", 1, "rolled"),
            _row("dues in arrears", 1, "arrears", "rolled"),
            _row("distributed to owners", -1, "distributed"),
        ),
        debt=(
            _row("loan drawn, interest capitalised, arrears", 1, "lent_loan"),
            _row("lent, take-out", 1, "lent_takeout"),
            _row("repaid, loan", -1, "repaid_loan"),
            _row("repaid, take-out", -1, "repaid_takeout"),
        ),
        balance=("loan", "takeout"),
        opening=("loan", "takeout", "arrears"),
        memo=(
            _row("cash available for debt service", 0, "cfads"),
            _row("interest capitalised", 0, "capitalised"),
            _row("reserve to be kept", 0, "reserve"),
            _row("in the debt service reserve", 0, "reserved"),
            _row("in the trap account", 0, "trapped"),
            _row("sponsor's cure", 0, "cure"),
            _row("debt that a take-out would carry", 0, "takeout_capacity"),
            _risk("overrun paid by the completion guarantor", 0, "guaranteed"),
        ),
    ),
    "hybrid": Vehicle(
        record="hybrid",
        cash=(
            _row("EBITDA of the core", 1, "core"),
            _row("collected from contracts", 1, "receipts"),
            _row("costs and rent", -1, "costs"),
            _row("interest earned", 1, "earned"),
            _row("equity raised", 1, "equity"),
            _row("borrowed", 1, "borrowed"),
            _row("matured", -1, "matured"),
            _row("interest", -1, "interest"),
            _row("capex", -1, "capex"),
            _row("paid out", -1, "payout"),
        ),
        debt=(_row("borrowed, net", 1, "borrowed"), _row("matured", -1, "matured")),
        balance=("debt",),
        memo=(_row("EBITDA", 0, "ebitda"),),
    ),
    "hyperscalers": Vehicle(
        record="hyperscalers",
        cash=(
            _row("operating cash flow", 1, "operating"),
            _row("interest earned", 1, "earned"),
            _row("bonds issued", 1, "issued"),
            _funding("paid by lessors outside", 1, "leased"),
            _row("interest", -1, "interest"),
            _funding("rent to lessors outside", -1, "lease_paid"),
            _row("rent to vehicles", -1, "rent"),
            _row("capex", -1, "capex"),
            _row("paid out", -1, "payout"),
        ),
        debt=(_row("bonds issued", 1, "issued"),),
        balance=("debt",),
        memo=(
            _funding("owed to lessors outside", 0, "obligation"),
            _funding("interest in their rent", 0, "lease_interest"),
            _funding("payout cut", 0, "payout_cut"),
            _funding("capex cut", 0, "capex_cut"),
        ),
    ),
    "labs": Vehicle(
        record="labs",
        cash=(
            _row("margin before compute", 1, "margin"),
            _row("interest earned", 1, "interest"),
            _row("equity raised", 1, "raised"),
            _row("paid for compute", -1, "paid"),
        ),
        memo=(
            _row("revenue", 0, "revenue"),
            _row("due for compute", 0, "due"),
            _row("forgiven", 0, "forgiven"),
        ),
    ),
    "vendor": Vehicle(
        record="vendor",
        cash=(
            _row("profit", 1, "profit"),
            _row("interest earned", 1, "earned"),
            _row("backstop paid", -1, "backstop"),
            _row("residual value guarantees paid", -1, "guarantees"),
            _row("from owned vehicles, net", 1, "dividends"),
            _row("paid out", -1, "payout"),
        ),
        memo=(_row("sales", 0, "sales"), _row("value of the stake", 0, "stake")),
    ),
}
"""What every vehicle's table holds, by family."""
