"""Units: the engine counts in USD bn, fractions, quarters and years; keys say the rest.

A config key carries its unit as a suffix (`spread_bps`, `capex_usd_bn_per_gw`). The
suffix is stripped at the border by one multiplication and never seen again.
"""

CONVERSIONS: dict[str, float] = {
    "_pct": 0.01,
    "_bps": 1e-4,
    "_usd_tn": 1000.0,
    "_usd_bn": 1.0,
    "_usd_mn": 0.001,
    "_usd_bn_per_year": 1.0,
    "_usd_bn_per_gw": 1.0,
    "_usd_per_mwh": 1.0,
    "_years": 1.0,
    "_quarters": 1.0,
    "_date": 1.0,
    "_per_year": 1.0,
    "_gw": 1.0,
    "_gw_per_year": 1.0,
    "_share": 1.0,
    "_x": 1.0,
    "_rank": 1.0,
    "_per_usd_bn_x": 1.0,
}
"""Config-key suffix to the factor that turns its value into the engine's unit."""

LABELS: dict[str, str] = {
    "_pct": "%",
    "_bps": "bp",
    "_usd_tn": "USD tn",
    "_usd_bn": "USD bn",
    "_usd_mn": "USD mn",
    "_usd_bn_per_year": "USD bn/year",
    "_usd_bn_per_gw": "USD bn/GW",
    "_usd_per_mwh": "USD/MWh",
    "_years": "years",
    "_quarters": "quarters",
    "_date": "decimal year",
    "_per_year": "1/year",
    "_gw": "GW",
    "_gw_per_year": "GW/year",
    "_share": "share",
    "_x": "x",
    "_rank": "rank",
    "_per_usd_bn_x": "1/USD bn",
}
"""Config-key suffix to the label of the unit in which the key is written."""


def factor(key: str) -> tuple[float, str]:
    """Finds the conversion of a config key by the longest suffix that matches.

    **Arguments:** `key`, a config key with or without its dotted path.

    **Returns:** `(factor, unit_label)`; `(1.0, "")` for a key without a unit suffix.
    The label is that of the written value: `factor("spread_bps")` is `(1e-4, "bp")`.
    """
    matches = [suffix for suffix in CONVERSIONS if key.endswith(suffix)]
    if not matches:
        return 1.0, ""
    suffix = max(matches, key=len)
    return CONVERSIONS[suffix], LABELS[suffix]
