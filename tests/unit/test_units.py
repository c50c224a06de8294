import pytest

from engine.units import CONVERSIONS, LABELS, factor


def test_every_suffix_has_a_label():
    assert set(CONVERSIONS) == set(LABELS)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("credit.spread_bps", (1e-4, "bp")),
        ("coupon_pct", (0.01, "%")),
        ("capex_usd_bn_per_gw", (1.0, "USD bn/GW")),
        ("rent_usd_bn_per_year", (1.0, "USD bn/year")),
        ("gdp_usd_tn", (1000.0, "USD tn")),
        ("fee_usd_mn", (0.001, "USD mn")),
        ("drift_per_year", (1.0, "1/year")),
        ("start_date", (1.0, "decimal year")),
        ("kind", (1.0, "")),
    ],
)
def test_longest_matching_suffix_decides(key, expected):
    assert factor(key) == expected
