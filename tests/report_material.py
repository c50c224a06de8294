"""What a small run hands the report, by hand."""

from scripts import _fans
from scripts.report import guarantee, leases, positions

LAYERS = ("lab", "neocloud_equity", "neocloud_secured", "bank_spv", "lp")


def transferred(holder, final, loss):
    return {
        "origin": "openai",
        "vehicle": "coreweave",
        "instrument": "secured",
        "holder": holder,
        "final": final,
        "loss_bn": loss,
    }


LEAK = {
    "total_bn": 4.0,
    "open": True,
    "parts_bn": {"fund_lines": 4.0},
    "quarters_to_half": 3.0,
    "quarters_to_most": None,
}
CHAIN = {
    "total_bn": 3.5,
    "classification": "expensive_failure",
    "first_failure": {"layer": "neocloud_equity", "date": 2028.0},
    "rows": [transferred("fund", "pension", 3.0), transferred("bank", "bank", 0.5)],
    "by_origin": {"openai": 3.5},
    "leaks": {"bank": LEAK, "public": LEAK | {"open": False}},
    "shareholders": [{"vehicle": "coreweave", "holder": "nvidia", "loss_bn": 5.0}],
    "commitments": [{"lab": "openai", "supplier": "oracle", "loss_bn": 7.0}],
}


def estimate(value, error=0.1):
    return {"value": value, "standard_error": error}


GUARANTEED = {
    "default_probability": estimate(0.5),
    "years_later": None,
    "credit_loss_bn": estimate(50.0),
    "ratio": estimate(1.27),
    "expected_claims_bn": estimate(20.0),
    "claims_quantiles_bn": {"0.95": 40.0},
    "subsidy_bn": estimate(15.0),
    "contingent_liability_bn": estimate(300.0),
    "fair_premium_per_year": estimate(0.009, 0.0001),
    "default_dates": [2030.0, 2031.0, 2100.0],
}
PAID = {
    "midpoint": 2028.8,
    "irr": 0.083,
    "irr_status": "ok",
    "moic": 1.3,
    "value_bn": 3.7,
    "loss_bn": 0.0,
}
LENT = {
    "exposure_bn": {
        "pension": {"openai": 3.0, "meta": 1.0},
        "bank": {"openai": 0.0, "meta": 0.0},
    },
    "by_tenant_bn": {"openai": 3.0, "meta": 1.0},
    "total_bn": 4.0,
    "hhi": {"pension": 0.625, "bank": 0.0},
    "common": {
        "pension": {"pension": 1.0, "bank": 0.0},
        "bank": {"pension": 0.0, "bank": 0.0},
    },
}
TIED = {
    "item": "revenue of the last quarter",
    "low": 4.0,
    "high": 5.0,
    "reported": 4.5,
    "model": 4.4,
    "unit": "USD bn",
    "difference": -0.022,
    "inside": True,
    "ties": True,
    "kind": "outcome",
    "note": "",
    "source": "a test",
    "date": "2026-08",
    "confidence": "V2",
}
MISSED = TIED | {
    "item": "interest on Treasuries",
    "low": 1.16,
    "high": 1.16,
    "reported": 1.16,
    "model": 1.47,
    "difference": 0.267,
    "ties": False,
    "note": "waited in escrow",
}
QUARTER = {"revenue": 2.6, "EBITDA": None, "interest": 0.64, "capex": None}
TIE_OUTS = {
    "coreweave": {
        "opening": [TIED],
        "ladder": [TIED | {"item": "2027", "parts": {"loans": 4.0, "notes": 0.4}}],
        "quarters": [
            QUARTER | {"period": "2026Q2", "kind": "reported"},
            QUARTER | {"period": "2026Q3", "kind": "estimate", "interest": None},
            QUARTER | {"period": "2026Q4", "kind": "model", "revenue": 4.4},
        ],
        "guidance": [TIED],
        "flows": {"sources": {}, "uses": {}},
    },
    "hyperion": {
        "sources": [MISSED, TIED],
        "uses": [TIED, TIED],
        "venture": [TIED],
        "notes": [TIED],
        "lease": [TIED],
        "years": [
            {
                "year": 2030,
                "rent": 2.8,
                "interest": 1.7,
                "principal": 0.7,
                "balance": 26,
            }
        ],
    },
}
NOTHING = {"value": None, "to": None, "status": "none_within_bounds"}
TURN = {"value": 2.661, "to": "bet_won", "status": "at_jump", "within_range": True}
FLIP = {
    "story": "base",
    "key": "capex_x",
    "unit": "x",
    "value": 2.9,
    "range": [2.4, 3.3],
    "classification": "expensive_failure",
    "below": TURN,
    "above": NOTHING,
}


def shift(value, status="ok"):
    return {
        "value": value,
        "status": status,
        "check_up": -3.0,
        "check_down": -3.1,
        "step": 1e-5,
        "moves": {
            "size": 0.01,
            "up": -0.03,
            "down": None,
            "status_up": "ok",
            "status_down": "always_holds",
        },
    }


def criterion(value, status="ok", **changes):
    is_found = value is not None
    found = {
        "value": value,
        "status": status,
        "bound": None if is_found else 2046.8,
        "equivalents": {
            "duration_10_90": 7.5 if is_found else None,
            "hurdle_date_article": 2029.4 if is_found else None,
            "hurdle_date_life_adjusted": None,
        },
        "binding": {"quarter": 3, "date": 2030.0, "limit": "x", "headroom": 0.0},
        "sensitivities": {},
        "gradients": {},
        "event": None,
        "full_grid": {"value": None, "status": "never_holds", "bound": 2027.3},
    }
    if is_found:
        found["sensitivities"] = {
            "rate.future": shift(-3.0),
            "leverage.future": shift(None, "at_jump"),
        }
        found["gradients"] = {"gpu.decay": -4.0, "physics.delay": 900.0}
    return found | changes


def fan(n):
    rows = {str(q): [q] * n for q in _fans.QUANTILES}
    return {"quantiles": rows, "failed": [0.0] * n}


def material():
    dates = [2027.0 + 0.25 * i for i in range(8)]
    requirement = {
        "ebitda_bn": 360.0,
        "revenue_bn": 553.8,
        "gdp_share": 0.0191,
        "cloud_multiple": 1.38,
        "equity_yield": 0.225,
    }
    told = {
        "order_of_failure": [
            {
                "layer": "neocloud_equity",
                "entity": "coreweave",
                "event": "default",
                "date": 2028.0,
                "loss_bn": 40.0,
                "cause": {
                    "name": "interest",
                    "meaning": "interest not paid",
                    "missing_bn": 0.3,
                    "dues_bn": {"interest": 0.8},
                    "sources_bn": {"cash": 0.5},
                },
            }
        ],
        "classification": "expensive_failure",
        "leases": {
            "date": [2026.75, 2027.0],
            "companies": {"meta": {k: [1.0, 12.3] for k in leases.AMOUNTS}},
        },
        "residuals": {"cash": 1e-15, "balance_sheet": 2e-13, "seniority": 0.0},
        "chain": CHAIN,
    }
    path = {
        "date": dates,
        "middle": dates,
        "revenue": [100.0 + 60 * i for i in range(8)],
        "failures": dict.fromkeys(LAYERS, 9999.0) | {"neocloud_equity": 2028.0},
        "losses": dict.fromkeys(LAYERS, 0.0) | {"neocloud_equity": 40.0},
        "holders": {"pension": 1.0, "insurer": 2.0, "outside": 0.0, "bank": 0.5},
        "capital": [
            {"source": "End users", "target": "openai", "kind": "revenue", "value": 9},
            {"source": "openai", "target": "coreweave", "kind": "compute", "value": 5},
        ],
    }
    layers = {
        "lab": criterion(2028.9),
        "neocloud_equity": criterion(2029.96),
        "neocloud_secured": criterion(
            2031.1, "at_jump", event={"name": "neocloud_equity"}
        ),
        "bank_spv": criterion(None, "always_holds"),
        "lp": criterion(None, "not_converged", bound=None),
        "system.return": criterion(2030.2, "at_kink"),
    }
    heat = {
        "criterion": "neocloud_equity",
        "axes": {"rate.future": [-0.01, 0.0], "leverage.future": [0.0, 0.1]},
        "value": [[2030.0, None], [2029.96, 2030.3]],
        "status": [["ok", "always_holds"], ["ok", "at_kink"]],
    }
    return {
        "config": {
            "path": "configs/<base>.toml",
            "set": [],
            "hash": "ab" * 32,
            "as_of": 2026.75,
            "start": 2025.0,
            "end": 2051.0,
            "horizon": 2031.75,
            "folder": None,
        },
        "hurdle": {
            "article": requirement,
            "life_adjusted": requirement | {"revenue_bn": 841.3},
            "gradients": {
                "hurdle.return_pct": requirement
                | {"life_adjusted": requirement, "unit": "per %"}
            },
        },
        "breakeven": {
            "base": 2028.8,
            "earliest": "neocloud_equity",
            "layers": layers,
        },
        "maps": {"future": heat},
        "concentration": LENT,
        "positions": {
            "base": 2028.8,
            "horizon": 2033.75,
            "payoffs": {name: [PAID] for name in positions.NAMES},
            "exposures": {
                name: {
                    "shifts.rate_all_pct": {"value": -50.0, "status": "ok"},
                    "adoption.ceiling_share": {"value": None, "status": "at_jump"},
                }
                for name in positions.NAMES
            },
        },
        "guarantee": {
            "scenarios": 1024,
            "horizon": 2031.75,
            "stories": {"slow": dict.fromkeys(guarantee.VARIANTS, GUARANTEED)},
        },
        "flips": [FLIP, FLIP | {"key": "power.price", "below": NOTHING}],
        "stories": {"base": told, "disproved": told},
        "paths": {"base": path, "disproved": path},
        "tie_outs": TIE_OUTS,
        "history": {"date": [2025.1, 2025.4], "revenue": [31.0, 41.0]},
        "fans": {
            "scenarios": 512,
            "date": dates,
            "headroom": {name: fan(8) for name in LAYERS},
            "dscr": {"coreweave": fan(8)},
        },
        "summary": None,
        "sweep": {},
        "versions": None,
        "figures": {
            "number": 2,
            "ranged": 1,
            "confidence": {"choice": 1, "V1": 1},
            "names": {
                "gpu.decay": {
                    "path": "gpu.decay_per_year",
                    "value": 0.2,
                    "factor": 1.0,
                    "confidence": "V1",
                    "range": [0.1, 0.3],
                },
                "physics.delay": {
                    "path": "physics.delay_years",
                    "value": 1.0,
                    "factor": 1.0,
                    "confidence": "choice",
                    "range": [0.0, 1.0],
                },
            },
        },
    }
