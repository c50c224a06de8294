"""Metrics of funds, from the oracle's run."""

from tests.oracle.metrics import Run


def of_funds(run: Run) -> dict[str, float]:
    """Metrics of every cohort, and of all under the name of the total."""
    how = {
        "lowest_index": ("index", min, min),
        "margin_calls": ("margin_call", sum, sum),
        "peak_requests": ("requests", max, max),
        "fees": ("fee", sum, sum),
        "credit_loss": ("credit_loss", sum, sum),
    }
    result = {}
    for metric, (name, over_time, over_all) in how.items():
        own = {m: over_time(run.of("fund", m, name)) for m in run.cohorts()}
        result |= {f"{m}.{metric}": x for m, x in own.items()}
        result[f"private_credit.{metric}"] = over_all(own.values())
    return result | of_fund_terms(run)


def of_fund_terms(run: Run) -> dict[str, float]:
    """Metrics of those cohorts that have the terms, and of all if one has them."""
    how = {
        "incentive_fees": ("incentive_fee", "incentive", sum),
        "manager_income": ("manager", "incentive", sum),
        "peak_aum": ("managed", "incentive", max),
        "calls_defaulted": ("defaulted", "undrawn", sum),
        "calls_missing": ("missing", "undrawn", sum),
        "peak_subscription_line": ("subscription", "subscription_line", max),
        "subscription_loss": ("subscription_loss", "subscription_line", sum),
        "nav_loan_repaid": ("nav_repaid", "nav_loan", sum),
        "nav_loan_loss": ("nav_loss", "nav_loan", sum),
    }
    result = {}
    for metric, (name, key, over_time) in how.items():
        series = {m: run.of("fund", m, name) for m in run.cohorts()}
        has = [m for m in series if f"funds.{m}.{key}" in run.f]
        for m in has:
            result[f"{m}.{metric}"] = over_time(series[m])
        if has:
            total = [sum(x) for x in zip(*series.values(), strict=True)]
            result[f"private_credit.{metric}"] = over_time(total)
    return result
