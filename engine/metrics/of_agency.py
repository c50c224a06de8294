"""Metrics of the government's agency, where a config has one."""

import jax.numpy as jnp

from engine.funds.agency import AGENCY
from engine.metrics.funding import funding
from engine.metrics.layers import NEVER, first_date
from engine.metrics.present_value import at_ten_year
from engine.metrics.registry import register


@register("agencies", "bought", "B", "USD bn", "loans bought at par")
def _bought(r, i, e, g):
    return jnp.sum(jnp.sum(r.agency.bought, axis=1), axis=0)


@register("agencies", "overpaid", "S", "USD bn", "par paid above the market price")
def _overpaid(r, i, e, g):
    return jnp.sum(r.agency.overpaid, axis=0)


@register("agencies", "peak_loans", "L", "USD bn", "largest stock of loans")
def _peak_loans(r, i, e, g):
    return jnp.max(jnp.sum(r.agency.loans, axis=1), axis=0)


@register("agencies", "contingent", "D", "USD bn", "largest debt of the agency")
def _contingent(r, i, e, g):
    return jnp.max(r.agency.debt, axis=0)


@register("agencies", "income", "Y", "USD bn", "interest received less interest paid")
def _income(r, i, e, g):
    return jnp.sum(jnp.sum(r.agency.interest, axis=1) - r.agency.funding, axis=0)


@register(
    "agencies",
    "funding",
    "I",
    "USD bn",
    "of the build from 2025 to 2028 its bonds fund",
)
def _funding(r, i, e, g):
    return funding(r, e, g)["agency"]


@register("agencies", "own_loss", "L", "USD bn", "credit loss its capital bears")
def _own_loss(r, i, e, g):
    return jnp.sum(r.agency.own_loss, axis=0)


@register("agencies", "injected", "I", "USD bn", "paid in by the Treasury")
def _injected(r, i, e, g):
    return jnp.sum(r.agency.injected, axis=0)


@register("agencies", "lowest_capital", "K", "USD bn", "lowest capital of the agency")
def _lowest_capital(r, i, e, g):
    return jnp.min(r.agency.capital, axis=0)


@register(
    "agencies", "exhausted_date", "T", "decimal year", "first injection by the Treasury"
)
def _exhausted_date(r, i, e, g):
    date = first_date(r.agency.injected > 0.0, g)
    return date, date < NEVER


@register(
    "agencies",
    "taxpayer_value",
    "T",
    "USD bn",
    "paid in less dividends and capital left, at the ten-year rate of as_of",
)
def _taxpayer_value(r, i, e, g):
    capital = r.agency.capital
    left = jnp.concatenate([jnp.zeros_like(capital[:-1]), capital[-1:]])
    flow = r.agency.injected - r.agency.dividend - left
    return e[f"{AGENCY}.capital"] + at_ten_year(flow, e)
