"""One look for every figure: colours, fonts, axes, and how numbers are written."""

import math
from typing import Any

import plotly.graph_objects as go
from markupsafe import Markup

INK, MUTED, RULE, PAPER = "#1d2733", "#5b6773", "#d9dee4", "#ffffff"
FONT = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
)

# Okabe and Ito (2008): distinguishable with every common colour vision.
BLUE, ORANGE, GREEN, RED, SKY, PURPLE, YELLOW, GREY = (
    "#0072b2",
    "#e08a00",
    "#00805e",
    "#c44e00",
    "#56a5d6",
    "#a8598a",
    "#c9b200",
    "#8a94a0",
)

STORIES = {
    "base": ("Base", BLUE, "circle"),
    "slow": ("Slow", ORANGE, "diamond"),
    "disproved": ("Disproved", RED, "x"),
    "guarantee": ("Slow, guaranteed", GREEN, "square"),
    "disproved_guarantee": ("Disproved, guaranteed", PURPLE, "triangle-up"),
}
"""Story: what it is called, its colour and its marker."""

LAYERS = {
    "lab": "AI labs",
    "neocloud_equity": "Neocloud equity",
    "neocloud_unsecured": "Neocloud unsecured notes",
    "neocloud_secured": "Neocloud secured loans",
    "hybrid_cloud": "Hybrid cloud (Oracle)",
    "bank_spv": "Bank-financed SPV",
    "chip_spv": "Chip SPV",
    "tenant_spv": "Tenant SPV (Hyperion)",
    "hyperscaler": "Hyperscalers",
    "fund": "Private-credit fund",
    "fund_bank_line": "Bank lines to funds",
    "lp": "Pension and insurer",
    "bank": "Banks",
    "government": "Government",
    "system": "The system as a whole",
}

FINAL = (
    "pension",
    "insurer",
    "retail",
    "sovereign",
    "outside",
    "bank",
    "government",
)
"""Who bears a loss last; managers bear none, but are paid."""

NAMES = {
    "openai": "OpenAI",
    "xai": "xAI",
    "xai_chips": "xAI's chips",
    "anthropic_chips": "Anthropic's chips",
    "el_paso": "El Paso",
    "coreweave": "CoreWeave",
    "rest_of_neoclouds": "Other neoclouds",
    "rest_of_spvs": "Other SPVs",
    "private_credit": "Private-credit funds",
    "bond": "Bond funds",
    "bond_fund": "Bond funds",
    "fund": "Private-credit fund",
    "bank": "Banks",
    "insurer": "Insurers",
    "pension": "Pension funds",
    "retail": "Households and ETFs",
    "sovereign": "Sovereign funds",
    "outside": "Other holders",
    "other tenants": "Other tenants",
}

STATUSES = {
    "ok": "a smooth break-even: the derivative holds on both sides",
    "at_kink": "the derivative differs on the two sides",
    "at_jump": "pinned by another failure's date: it moves only as that does",
    "always_holds": "holds at every midpoint searched",
    "never_holds": "holds at no midpoint searched",
    "fails_at_base": "has failed already at the base midpoint",
    "reswitches": "fails, holds again and fails again: the first failure is shown",
    "not_converged": "the search did not converge: no number is shown",
}


def layer(name: str) -> str:
    """What people call a layer, or a layer's criterion."""
    stem, _, kind = name.partition(".")
    label = LAYERS.get(stem, words(stem))
    return f"{label}, return" if kind == "return" else label


def said(name: str) -> str:
    """A layer in the middle of a sentence."""
    label = layer(name)
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


def ranked(names: Any) -> list[str]:
    """Layers in the order of the model, whatever order they came in."""
    known = list(LAYERS)
    return sorted(names, key=lambda n: known.index(n) if n in known else len(known))


def date(value: Any, digits: int = 1) -> str:
    """A decimal year, without a separator."""
    return f"{value:.{digits}f}" if is_number(value) else "–"


def entity(name: str) -> str:
    """What people call an entity."""
    return NAMES.get(name, words(name))


def words(name: str) -> str:
    """`expensive_failure` is "Expensive failure"."""
    text = name.replace("_", " ").replace(".", " ").strip()
    return text[:1].upper() + text[1:]


def is_number(value: Any) -> bool:
    """Whether `value` can be printed at all."""
    is_real = isinstance(value, int | float) and not isinstance(value, bool)
    return is_real and math.isfinite(value)


def number(value: Any, digits: int = 1, sign: bool = False, unit: str = "") -> str:
    """A number with a true minus and thin thousands; a dash where there is none."""
    if not is_number(value):
        return "–"
    text = f"{value:{'+' if sign else ''},.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "−").replace(",", "\u2009") + unit


def percent(value: Any, digits: int = 1) -> str:
    """A share in per cent."""
    return number(value * 100, digits) + "\u2009%" if is_number(value) else "–"


MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def month(date: Any) -> str:
    """A decimal year as month and year."""
    if not is_number(date):
        return "–"
    year, part = divmod(date, 1)
    return f"{MONTHS[min(int(part * 12), 11)]} {int(year)}"


def quarter(date: Any) -> str:
    """The quarter that ends at a date on the grid."""
    if not is_number(date):
        return "–"
    index = round(date * 4) - 1
    return f"Q{index % 4 + 1} {index // 4}"


def chip(status: str) -> Markup:
    """A status as a small label that explains itself."""
    return Markup('<span class="status s-{0}" title="{1}">{2}</span>').format(
        status, STATUSES.get(status, status), status.replace("_", " ")
    )


def figure(height: int = 380, **layout: Any) -> go.Figure:
    """An empty figure in the house style."""
    axis = {
        "gridcolor": "#edf0f3",
        "linecolor": RULE,
        "zeroline": False,
        "ticks": "outside",
        "tickcolor": RULE,
        "ticklen": 4,
        "title": {"font": {"size": 12, "color": MUTED}, "standoff": 10},
        "tickfont": {"size": 12, "color": MUTED},
        "automargin": True,
    }
    shown = go.Figure()
    shown.update_layout(
        template="none",
        height=height,
        font={"family": FONT, "size": 13, "color": INK},
        paper_bgcolor=PAPER,
        plot_bgcolor=PAPER,
        margin={"l": 60, "r": 20, "t": 30, "b": 50},
        hoverlabel={"font": {"family": FONT, "size": 12}, "bgcolor": PAPER},
        legend={"orientation": "h", "y": -0.16, "x": 0, "font": {"size": 12}},
    )
    shown.update_xaxes(**axis)
    shown.update_yaxes(**axis)
    shown.update_layout(**layout)
    return shown


def faded(colour: str, opacity: float) -> str:
    """A colour with opacity, as plotly reads it."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
