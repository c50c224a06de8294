"""Neoclouds and SPVs: what they are, and who answers for what is being built."""

from collections.abc import Iterator
from typing import Any

from engine.config.tables import Problem, members, node, number


def problems_of_deals(table: dict[str, Any]) -> Iterator[Problem]:
    """Every error that involves more than one key of a deal."""
    yield from _kinds(table)
    yield from _construction(table)
    yield from _pools(table)
    yield from _power(table)
    yield from _indexation(table)
    yield from _termination(table)
    yield from _off_takers(table)
    yield from _loans(table)


def _kinds(table: dict[str, Any]) -> Iterator[Problem]:
    for family in ("neoclouds", "spvs"):
        for name in members(table, family):
            path = f"{family}.{name}"
            spread = number(table, f"{path}.dispersion_x")
            kind = node(table, f"{path}.kind")
            if spread is None:
                continue
            if kind == "named" and spread != 0:
                text = f"got {spread}, expected 0: a named deal is one obligor"
                yield Problem(f"{path}.dispersion_x", text)
            if kind == "cohort" and spread <= 0:
                text = f"got {spread}, expected more than 0: a cohort has many members"
                yield Problem(f"{path}.dispersion_x", text)


def _construction(table: dict[str, Any]) -> Iterator[Problem]:
    """Who completes or is paid damages has books here, or is outside by name."""
    others = (*members(table, "labs"), *members(table, "hybrid"), "outside")
    for name, deal in members(table, "spvs").items():
        tenant = node(deal, "tenant")
        if tenant not in others:
            continue
        path, who = f"spvs.{name}", f"the tenant is {tenant}"
        if node(deal, "completion_guarantor") == "tenant":
            expected = f"'sponsor', since {who}: only a hyperscaler completes"
            yield Problem(
                f"{path}.completion_guarantor", f"got 'tenant', expected {expected}"
            )
        days = number(deal, "tenant_damages_x")
        if days and tenant != "outside":
            expected = f"0, since {who}: only a hyperscaler or outside is paid"
            yield Problem(
                f"{path}.tenant_damages_x", f"got {days}, expected {expected}"
            )


def _pools(table: dict[str, Any]) -> Iterator[Problem]:
    """Debt above which a pool brings its issuer down is an amount."""
    for name in members(table, "neoclouds"):
        path = f"neoclouds.{name}.cross_default_usd_bn"
        least = number(table, path)
        if least is not None and least < 0:
            text = f"got {least}, expected 0 or more: 0 is any debt of the pool"
            yield Problem(path, text)


def _power(table: dict[str, Any]) -> Iterator[Problem]:
    """Clauses on power say of which cost, at which price, and move something."""
    keys = ("power_cost_share", "power_signed_usd_per_mwh")
    agreement = ("ppa_share", "ppa_price_usd_per_mwh")
    shares = ("power_cost_share", "ppa_share", "power_pass_through_share")
    for name, deal in members(table, "neoclouds").items():
        path = f"neoclouds.{name}"
        stated = [k for k in (*keys, *agreement, shares[-1]) if node(deal, k)]
        needed = keys * bool(stated) + agreement * any(k in stated for k in agreement)
        for key in needed:
            if key not in stated:
                text = f"missing, expected a figure beside {stated[0]}"
                yield Problem(f"{path}.{key}", text)
        for key in shares:
            share = number(deal, key)
            if share is not None and share < 0.0:
                yield Problem(f"{path}.{key}", f"got {share}, expected 0 or more")
        signed = number(deal, keys[1])
        if signed is not None and signed <= 0.0:
            yield Problem(f"{path}.{keys[1]}", f"got {signed}, expected above 0")
    for family in ("hybrid", "hyperscalers"):
        for name, buyer in members(table, family).items():
            key = f"{family}.{name}.{keys[0]}"
            share = number(buyer, keys[0])
            if share is not None and share < 0.0:
                yield Problem(key, f"got {share}, expected 0 or more")
            if node(buyer, keys[0]) and not node(table, "power.path_x"):
                text = "got a figure, expected power.path_x beside it: else power costs"
                yield Problem(key, f"{text} what the stated costs hold")


def _indexation(table: dict[str, Any]) -> Iterator[Problem]:
    """A price follows an index, not its opposite, and stays above 0 as rates fall."""
    for name, deal in members(table, "neoclouds").items():
        share = number(deal, "cpi_indexation_share")
        if share is not None and share < 0.0:
            path = f"neoclouds.{name}.cpi_indexation_share"
            yield Problem(path, f"got {share}, expected 0 or more")
    indexed = {"neoclouds": "rate_indexation_x", "spvs": "rent_rate_indexation_x"}
    for family, key in indexed.items():
        for name, deal in members(table, family).items():
            value = number(deal, key)
            if value is not None and not 0.0 <= value <= 10.0:
                path = f"{family}.{name}.{key}"
                yield Problem(path, f"got {value}, expected 0 to 10")


def _termination(table: dict[str, Any]) -> Iterator[Problem]:
    """Both figures or none, and what was prepaid is not given back."""
    keys = ("minimum_term_years", "termination_share")
    for name, deal in members(table, "neoclouds").items():
        path = f"neoclouds.{name}"
        stated = [key for key in keys if node(deal, key)]
        if not stated:
            continue
        for key in keys:
            if key not in stated:
                text = f"missing, expected a figure beside {stated[0]}"
                yield Problem(f"{path}.{key}", text)
        years, share = (number(deal, key) for key in keys)
        if years is not None and years < 0.0:
            yield Problem(f"{path}.{keys[0]}", f"got {years}, expected 0 or more")
        least = number(deal, "prepayment_share") or 0.0
        if share is not None and share < least:
            text = f"got {share}, expected prepayment_share ({least}) or more"
            yield Problem(f"{path}.{keys[1]}", text)


def _off_takers(table: dict[str, Any]) -> Iterator[Problem]:
    """A discount is a part of the margin, and says of whom only if there is one."""
    discount, others = "investment_grade_discount_bps", "investment_grade_others_share"
    for name, deal in members(table, "neoclouds").items():
        path = f"neoclouds.{name}"
        less, margin = number(deal, discount), number(deal, "box_margin_bps")
        if less is not None and margin is not None and not 0.0 <= less <= margin:
            text = f"got {less}, expected 0 to box_margin_bps ({margin})"
            yield Problem(f"{path}.{discount}", text)
        share = number(deal, others)
        if share is not None and share < 0.0:
            yield Problem(f"{path}.{others}", f"got {share}, expected 0 or more")
        if node(deal, others) and not node(deal, discount):
            text = f"missing, expected a figure beside {others}"
            yield Problem(f"{path}.{discount}", text)


def _loans(table: dict[str, Any]) -> Iterator[Problem]:
    """Clauses on extensions cost the borrower; a guarantee past lenders is a tenant's.

    A vendor guarantees lenders: its payment ends with their claim.
    """
    clauses = ("extension_fee_bps", "extension_step_bps", "extension_debt_yield_pct")
    for name, deal in members(table, "spvs").items():
        path = f"spvs.{name}"
        for key in clauses:
            value = number(deal, key)
            if value is not None and value < 0.0:
                yield Problem(f"{path}.{key}", f"got {value}, expected 0 or more")
        guarantor = node(deal, "guarantor") or "tenant"
        if node(deal, "rvg_beneficiary") == "owners" and guarantor != "tenant":
            expected = f"'vehicle', since {guarantor} guarantees what lenders are owed"
            yield Problem(
                f"{path}.rvg_beneficiary", f"got 'owners', expected {expected}"
            )
