"""What a run is called: docs/model.md, section 9."""

from tests.oracle.dates import clip
from tests.oracle.metrics import Run, headrooms
from tests.oracle.public import worst_market

FINANCED = (
    "neocloud_equity",
    "neocloud_unsecured",
    "neocloud_secured",
    "bank_spv",
    "chip_spv",
    "tenant_spv",
)


def classification(run: Run) -> tuple[int, dict[str, float]]:
    """0 bet won, 1 expensive failure, 2 systemic; and each threshold's distance."""
    f = run.f
    bank = sum(run.one("investors", "bank_direct"))
    bank += sum(run.one("investors", "bank_lines"))
    sales = sum(sum(x) for x in run.one("investors", "forced_sales"))
    access = clip(f["access.level"], 0.0, 1.0)
    shut = sum(access * x < 0.05 for x in run.one("system", "openness"))
    share = sales / f["contagion.public_market"]
    fallen = sum(run.one("system", "impact"))
    if run.families["public_markets"]:
        share, fallen = worst_market(run)
    distances = {
        "bank_loss_cet1_share": f["criteria.systemic_cet1"] - bank / f["banks.cet1"],
        "forced_sales_market_share": f["criteria.systemic_sales"] - share,
        "price_impact": f["criteria.systemic_impact"] - fallen,
        "quarters_shut": f["criteria.systemic_shut"] - shut,
    }
    if min(distances.values()) <= 0.0:
        return 2, distances
    rooms = headrooms(run)
    fails = any(min(rooms[name]) < 0.0 for name in FINANCED if name in rooms)
    return (1 if fails else 0), distances
